"""A folder to type commands in, and terminals to read what they show."""

import os
import pty
import signal
import sqlite3
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile import cli
from tests.scenarios.stage import DESIRED, ldif

RECONCILE = [sys.executable, "-m", "reconcile"]


class Shell:
    """A folder to type commands in."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.folder = folder
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        monkeypatch.chdir(folder)

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """Runs a command in this process and answers what it wrote to stdout and stderr."""
        self._monkeypatch.setattr(sys, "argv", ["reconcile", *arguments])
        handler = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        signal.signal(signal.SIGTERM, handler)
        out, err = self._capsys.readouterr()
        assert ended.value.code == code, (arguments, out, err)
        assert "Traceback" not in err
        return out, err

    def company(self, people: dict[str, Any], **more: Any) -> None:
        """Writes reconcile.yml and corp.ldif."""
        self.desired(**more)
        (self.folder / "corp.ldif").write_text(ldif(people), encoding="utf-8")

    def desired(self, **more: Any) -> None:
        (self.folder / "reconcile.yml").write_text(yaml.safe_dump(DESIRED | more), encoding="utf-8")

    def sql(self, statement: str) -> list[Any]:
        with sqlite3.connect(self.folder / "platform.db") as connection:
            rows = connection.execute(statement).fetchall()
        connection.close()
        return rows


def on_terminal(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] = {}, columns: int = 80
) -> str:
    """Runs a command on a terminal of this width, and returns all that it shows."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    plain = {"RECONCILE_PAGER": "", "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    unset = ("COLUMNS", "LINES", "NO_COLOR")
    environ = {name: value for name, value in os.environ.items() if name not in unset}
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**environ, **plain, **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ):
        os.close(theirs)
        shown = b"".join(iter(lambda: terminal_output(ours), b""))
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def terminal_output(handle: int) -> bytes:
    """What a terminal shows next; empty once whoever wrote to it has ended."""
    try:
        return os.read(handle, 4096)
    except OSError:  # a pty whose other side is closed answers EIO
        return b""
