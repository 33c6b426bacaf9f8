"""A run in a process of its own, which stops at a chosen point and waits to be killed.

    python -m tests.contract.child FOLDER POINT [URL]

It writes `ready` when it is there. Points: `locked`, `began`, `half` (in the middle of one
statement, with changed pages already in the file), `written`, `committed`; or `race`: it waits for
a line, tries to lock, and says what came.
"""

import os
import signal
import socket
import sqlite3
import sys
from pathlib import Path

import sqlalchemy as sa

from reconcile.errors import Locked
from reconcile.model.report import APPLIED
from reconcile.ports import Holder
from reconcile.testing.builders import user
from tests.contract.platforms import sql

USERS = [f"u{number:03}" for number in range(500)]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def wait() -> None:
    say("ready")
    sys.stdin.readline()


def main(folder: Path, point: str, url: str = "sqlite:///acme.db") -> None:
    platform = sql(folder, url)
    holder = Holder("ben", socket.gethostname(), os.getpid(), "2026-03-01T09:00:00Z")

    def reached(where: str) -> None:
        if where == point:
            wait()

    def pause(username: str) -> int:
        if username == USERS[400]:
            reached("half")
        return 0

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(
            "PRAGMA cache_size = 10"
        ).close()  # changed pages go to the file before the commit
        connection.create_function("pause", 1, pause)

    if url.startswith("sqlite"):
        sa.event.listen(platform._store.database._writing, "connect", connected)  # type: ignore[attr-defined] # it has one

    if point == "race":
        wait()
        try:
            with platform.lock(["main"], holder):
                say("won")
                sys.stdin.readline()
        except Locked:
            say("lost")
        return
    with platform.lock(["main"], holder):
        reached("locked")
        with platform.transaction("main") as writer:
            writer.read()
            reached("began")
            written = writer.write([user(name, dn="x" * 1000) for name in USERS])
            assert all(one == APPLIED for one in written)
            reached("written")
        reached("committed")


if __name__ == "__main__":
    # A shell that starts this in the background has it ignore Ctrl-C; the test is about what Ctrl-C
    # does.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(Path(sys.argv[1]), *sys.argv[2:])
