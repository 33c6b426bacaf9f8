"""What the database servers of the tests share: a folder of an unprivileged account, starting, stopping."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, TypedDict, TypeVar

import pytest

from tests.servers.slapd import free_port

_PATIENCE = 60.0


class Account(TypedDict, total=False):
    """Who a process is to be, as subprocess takes it; nothing where it is to be who we are."""

    user: int
    group: int
    extra_groups: Sequence[int]


class Server(ABC):
    """A running database server. Its administrator comes in over loopback without a password."""

    scheme: ClassVar[str]
    stopping: ClassVar[signal.Signals]
    """What ends it quickly and in order."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        port: int,
        again: Callable[[], subprocess.Popen[bytes]],
    ) -> None:
        """`again` starts it once more, on the same port."""
        self.process = process
        self.port = port
        self._again = again

    def url(self, database: str, account: str, password: str) -> str:
        """As it stands in `platform.url`."""
        return f"{self.scheme}://{account}:{password}@127.0.0.1:{self.port}/{database}"

    @abstractmethod
    def run(self, *statements: str, database: str = "") -> list[tuple[object, ...]]: ...

    @abstractmethod
    def create(self, name: str, account: str, password: str) -> None: ...

    @abstractmethod
    def drop(self, name: str, account: str) -> None: ...

    @abstractmethod
    def ready(self) -> bool: ...

    def crash(self) -> None:
        """Ends it as a loss of power would."""
        self.process.kill()
        self.process.wait(_PATIENCE)

    def restart(self) -> None:
        """After a crash. What is left of the former one may be in the way for a moment."""
        end = time.monotonic() + _PATIENCE
        self.process = self._again()
        while not self.ready():
            assert time.monotonic() < end
            if self.process.poll() is not None:
                self.process = self._again()
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends the server, by its own shutdown where it still can."""
        self.process.send_signal(self.stopping)
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(_PATIENCE)


Running = TypeVar("Running", bound=Server)


@contextmanager
def belonging_to(name: str) -> Iterator[tuple[Path, Account]]:
    """A temporary folder, and the account it belongs to: `name` for root, nobody but us for everybody else."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    account: Account = {}
    try:
        if os.geteuid() == 0:
            found = pwd.getpwnam(name)
            account = {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
            os.chown(folder, found.pw_uid, found.pw_gid)
        yield folder, account
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def started(
    kind: type[Running],
    command: Callable[[int], Sequence[str | Path]],
    folder: Path,
    account: Account,
) -> Iterator[Running]:
    """Starts a server and waits until it answers; ends it with the block."""
    server = _start(kind, command, folder, account)
    try:
        yield server
    finally:
        server.stop()


def _start(
    kind: type[Running],
    command: Callable[[int], Sequence[str | Path]],
    folder: Path,
    account: Account,
) -> Running:
    log = folder / "log"
    # Somebody else may take a free port before the server does; then it ends at once and another
    # one is chosen.
    for _ in range(5):
        port = free_port()

        def run(port: int = port) -> subprocess.Popen[bytes]:
            with log.open("ab") as output:
                return subprocess.Popen(
                    command(port),
                    **account,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )

        process = run()
        server = kind(process, port, run)
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and process.poll() is None:
            if server.ready():
                return server
            time.sleep(0.02)
        if process.poll() is None:
            server.stop()
    return pytest.fail(f"{kind.__name__} does not start: {log.read_text(errors='replace')[-3000:]}")
