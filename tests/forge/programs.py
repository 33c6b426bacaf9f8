"""Programs on a PATH that are answered by functions of the test.

with Programs(folder, {"gh": github.gh}) as programs:
    done = programs.bash("gh api repos/…", folder, {"GH_TOKEN": "…"})

A program of a shell step starts in some 20 ms: it sends its arguments to the test, and prints the answer.
"""

import json
import os
import socketserver
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.servers.slapd import program

Answer = tuple[int, str, str]
"""Exit code, standard output, standard error."""

Program = Callable[[Sequence[str], Path, Mapping[str, str]], Answer]
"""Takes the arguments, the folder and the environment."""

CLIENT = """\
#!{python} -SE
# Modules that Python has loaded anyway: to import `socket` and `json` doubles the time of a start.
import _socket, posix, sys
environ = [name + b"=" + value for name, value in posix.environ.items()]
words = [each.encode() for each in (posix.getcwd(), str(len(sys.argv)), *sys.argv)]
server = _socket.socket(_socket.AF_UNIX)
server.connect({address!r})
server.sendall(b"\\0".join(words + environ))
server.shutdown(_socket.SHUT_WR)
code, out, err = b"".join(iter(lambda: server.recv(65536), b"")).split(b"\\0")
sys.stdout.buffer.write(out)
sys.stderr.buffer.write(err)
sys.exit(int(code))
"""


@dataclass(frozen=True)
class Done:
    """How a shell ended."""

    code: int
    output: str
    """Both streams."""


class Programs:
    """The programs, for as long as the block lasts."""

    def __init__(self, folder: Path, programs: Mapping[str, Program]) -> None:
        program("jq", "jq")  # the steps call it, and `gh --jq` here
        self._programs = programs
        self._faults: list[str] = []
        self.path = folder / "bin"
        self.path.mkdir(parents=True)
        # The path of a socket has a hundred characters at most.
        self._short = tempfile.TemporaryDirectory(prefix="forge-")
        address = f"{self._short.name}/socket"
        for name in programs:
            file = self.path / name
            file.write_text(CLIENT.format(python=sys.executable, address=address), encoding="utf-8")
            file.chmod(0o755)
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                folder, count, *rest = self.rfile.read().decode().split("\0")
                (path, *arguments), environ = rest[: int(count)], rest[int(count) :]
                variables = dict(each.split("=", 1) for each in environ)
                code, out, err = outer._answer(Path(path).name, arguments, folder, variables)
                self.wfile.write(f"{code}\0{out}\0{err}".encode())

        self._server = socketserver.UnixStreamServer(address, Handler)

    def _answer(
        self, name: str, arguments: Sequence[str], folder: str, environ: Mapping[str, str]
    ) -> Answer:
        try:
            return self._programs[name](arguments, Path(folder), environ)
        except BaseException:  # noqa: BLE001 - the step gets an error, and the test fails by it
            self._faults.append(f"{name} {' '.join(arguments)}\n{traceback.format_exc()}")
            return 99, "", f"{name}: see the test"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._short.cleanup()

    def bash(self, script: str, folder: Path, environ: Mapping[str, str], *options: str) -> Done:
        """Runs a script by bash, with these programs first on the PATH."""
        path = f"{self.path}{os.pathsep}{os.environ['PATH']}"
        home = {"PATH": path, "HOME": str(self.path.parent), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", *options, "-c", script],
            cwd=folder,
            env={**home, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert not self._faults, self._faults
        return Done(done.returncode, done.stdout)


def jq(query: str, data: Any) -> str:
    """What jq makes of data, as `gh --jq` prints it."""
    done = subprocess.run(
        ["jq", "--raw-output", query],
        input=json.dumps(data),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
