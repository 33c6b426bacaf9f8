"""A signal while a command waits: for an answer, a directory, a database."""

import os
import pty
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.scenarios.shell import RECONCILE, terminal_output
from tests.scenarios.stage import DESIRED, ldif

SIGNALS = (signal.SIGINT, signal.SIGTERM)
IMPATIENT = (
    *RECONCILE[:1],
    "-c",
    """
from reconcile.__main__ import run
from reconcile.platforms.database import database
database.BUSY = 1.0
run()
""",
)
"""The command, which waits a second for a database that another program writes to."""


def files(folder: Path, **source: Any) -> None:
    sources = [DESIRED["sources"][0] | source]
    (folder / "reconcile.yml").write_text(
        yaml.safe_dump(DESIRED | {"sources": sources}), encoding="utf-8"
    )
    (folder / "corp.ldif").write_text(ldif({"uid=ann": None}), encoding="utf-8")


def started(
    folder: Path, *arguments: str, command: Sequence[str] = RECONCILE
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*command, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], number: int) -> tuple[str, str]:
    begun = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number, (out, err)
    assert time.monotonic() - begun < 8
    assert "Traceback" not in err
    assert (
        f"interrupted by {signal.Signals(number).name}: nothing was written to the platform" in err
    )
    return out, err


@pytest.mark.parametrize("number", SIGNALS)
def test_at_the_question(tmp_path: Path, number: int) -> None:
    files(tmp_path)
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [*RECONCILE, "apply"], cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen = b""
    while b"[y/N]" not in seen:
        seen += os.read(ours, 4096)
    child.send_signal(number)
    while chunk := terminal_output(ours):
        seen += chunk
    os.close(ours)
    assert child.wait(10) == 128 + number
    assert b"nothing was written to the platform, and no lock is left" in seen
    assert b"Aborted" not in seen


@pytest.mark.parametrize("command", ["plan", "apply", "test", "preview"])
def test_for_a_directory_that_says_nothing(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        files(
            tmp_path,
            type="ldap",
            files=None,
            servers=[f"ldap://127.0.0.1:{silent.getsockname()[1]}"],
            tls={"mode": "none"},
            bind={"anonymous": True},
        )
        text = (tmp_path / "reconcile.yml").read_text().replace("  files: null\n", "")
        (tmp_path / "reconcile.yml").write_text(text)
        process = started(tmp_path, command, *(["--yes"] if command == "apply" else []))
        connection, _ = silent.accept()
        with connection:
            connection.recv(1)
            time.sleep(0.2)
            ended(process, signal.SIGTERM)


@pytest.mark.parametrize("number", SIGNALS)
def test_for_a_database_that_another_program_writes_to(tmp_path: Path, number: int) -> None:
    files(tmp_path)
    subprocess.run([*RECONCILE, "apply", "--yes"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "corp.ldif").write_text(ldif({"uid=ann": None, "uid=bob": None}), encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "platform.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        process = started(tmp_path, "apply", "--yes", command=IMPATIENT)
        assert process.stdout is not None
        while "Plan: " not in process.stdout.readline():
            assert process.poll() is None
        time.sleep(0.3)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 128 + number, err
        other.execute("ROLLBACK")
        assert other.execute("SELECT * FROM locks").fetchall() == []


def test_before_anything_is_imported(tmp_path: Path) -> None:
    """The first line of the command is a handler; what is imported then may take as long as it likes."""
    slow = "import sys, time; print('up', flush=True); time.sleep(20)"
    (tmp_path / "click.py").write_text(slow, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "reconcile", "plan"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "")
