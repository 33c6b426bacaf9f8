"""SCIM services, each in an environment of its own under .venv/services, on a free port.

`.ci/scim-services` installs them. Where one is not installed the test is skipped; under CI that is a
failure.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.servers.slapd import free_port, program, without

HERE = Path(__file__).parent
INSTALLED = Path(sys.prefix) / "services"
TOKEN = "sekret"


class Text:
    """A secret that is none."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text


class Running(NamedTuple):
    """A service that runs."""

    url: str
    """Where the workspace's own part is left to fill in."""
    address: str
    process: "subprocess.Popen[str]"

    def refuse(self, username: str) -> None:
        """From now on the service refuses a user of this name."""
        urlopen(Request(f"{self.address}/refuse/{username}", method="PUT"), timeout=10).close()


def installed(name: str, *program: str) -> Path:
    """The path of a service's program."""
    path = INSTALLED.joinpath(name, *program)
    if not path.exists():
        without(f"{name} is not installed (.ci/scim-services installs it)")
    return path


@contextmanager
def served(command: Sequence[str | Path], base: str, **options: Any) -> Iterator[Running]:
    """A service as a process, until the block ends. Its first line says where it is."""
    with subprocess.Popen(
        [str(part) for part in command], stdout=subprocess.PIPE, text=True, **options
    ) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http"), address
            yield Running(address + base, address, process)
        finally:
            process.terminate()


@contextmanager
def scim2_server() -> Iterator[Running]:
    """scim2-server: all of the standard; a tenant for each workspace."""
    python = installed("scim2-server", "bin", "python")
    with served([python, HERE / "scim2_app.py"], "/{workspace}/v2") as running:
        yield running


@contextmanager
def scimmy() -> Iterator[Running]:
    """scimmy with Express 4: another implementation of the standard."""
    modules = installed("scimmy", "node_modules")
    node = program("node", "nodejs")
    environment = {**os.environ, "NODE_MODULES": str(modules)}
    command = [node, HERE / "scimmy_app.mjs"]
    with served(command, "/{workspace}/scim/v2", env=environment) as running:
        yield running


@contextmanager
def canaille(folder: Path) -> Iterator[Running]:
    """Canaille, an application of its own with poor SCIM; it has one workspace."""
    python = installed("canaille", "bin", "python")
    command = [python, HERE / "canaille_app.py", folder, str(free_port())]
    with served(command, "/scim/v2") as running:
        wait_for(f"{running.address}/.well-known/openid-configuration")
        yield running


def wait_for(url: str) -> None:
    """Waits until a service answers."""
    end = time.monotonic() + 60
    while True:
        try:
            urlopen(url, timeout=10).close()
        except HTTPError:
            return
        except OSError:
            assert time.monotonic() < end, url
            time.sleep(0.2)
        else:
            return
