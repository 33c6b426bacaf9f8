"""Runs commands that die by SIGKILL at a chosen point; a process of its own, so that it may fork while it is alone.

    python -m tests.scenarios.crashing

Each line it reads is a list in JSON of what to run at once: the folder, the arguments of
`reconcile`, and the point to die at. Each line it answers lists how they ended: exit code, or
signal (-9 where it was killed). Points are

- `["statement", n]`: before the n-th statement of SQL that is no mere question, whichever connection runs it (BEGIN,
  COMMIT and VACUUM are among them);
- `["statement", 0]`: never, and what it runs stands in `statements.txt` afterwards, one a line, without values;
- `["steps", n]`: after n hundred steps of SQLite's own machine, so in the middle of statements;
- `["page", n]`: at the first write that would make any file longer than n KiB, so in the middle of a commit or VACUUM;
- null: not at all.
"""

import gc
import io
import json
import os
import resource
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config

from reconcile import cli
from reconcile.app import run as carrying
from reconcile.applying import apply
from reconcile.cli import run as showing
from reconcile.config import load
from reconcile.directories.ldif.adapter import LdifDirectory
from reconcile.planning import planner
from reconcile.platforms.database import database, schema, sqlite
from reconcile.platforms.ledger import attempts, lock
from reconcile.platforms.sql import SqlPlatform
from reconcile.platforms.sql.read import state
from reconcile.platforms.sql.write import writer
from tests import ready_statements

LOADED: list[Any] = [
    apply,
    load,
    LdifDirectory,
    planner,
    SqlPlatform,
    attempts,
    database,
    lock,
    state,
    schema,
]
LOADED += [sqlite, writer, command, Config, carrying, showing]
"""Imported before the first fork, so that each run starts at once."""
Ready = Callable[[sqlite3.Connection], None]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_statement(number: int) -> Ready:
    seen = 0

    def count(statement: str) -> None:
        nonlocal seen
        seen += not statement.startswith(("SELECT", "PRAGMA"))
        if seen == number:
            die()

    return lambda connection: connection.set_trace_callback(count)


def recording(path: Path) -> Ready:
    """Writes down the first words of each statement that `at_statement` would count."""

    def record(statement: str) -> None:
        if not statement.startswith(("SELECT", "PRAGMA")):
            with path.open("a", encoding="utf-8") as file:
                print(*statement.split()[:3], file=file)

    return lambda connection: connection.set_trace_callback(record)


def at_step(hundreds: int) -> Ready:
    seen = 0

    def count() -> int:
        nonlocal seen
        seen += 1
        if seen == hundreds:
            die()
        return 0

    def ready(connection: sqlite3.Connection) -> None:
        connection.execute(
            "PRAGMA cache_size = 3"
        ).close()  # changed pages go to the file before the commit
        connection.set_progress_handler(count, 100)

    return ready


def at_page(kib: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (kib * 1024, kib * 1024))


def run(folder: str, arguments: list[str], point: tuple[str, int] | None) -> int:
    """In a process of its own, whose id it answers."""
    child = os.fork()
    if child:
        return child
    os.chdir(folder)
    with Path("output.txt").open("a", encoding="utf-8") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    trap: Ready | None = None
    if point is not None and point[0] == "page":
        at_page(point[1])
    elif point == ["statement", 0]:
        trap = recording(Path("statements.txt").absolute())
    elif point is not None:
        trap = {"statement": at_statement, "steps": at_step}[point[0]](point[1])
    genuine = sqlite3.connect

    def connect(*given: Any, **named: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = genuine(*given, **named)
        connection.execute(
            "PRAGMA secure_delete = OFF"
        ).close()  # it is on in some builds of SQLite, and hides faults
        if trap is not None:
            trap(connection)
        return connection

    sqlite3.connect = connect
    sys.argv = ["reconcile", *arguments]
    try:
        cli.main()
    except SystemExit as ended:
        sys.stdout.flush()
        os._exit(int(ended.code or 0))
    os._exit(99)


def warm(folder: str) -> None:
    """Applies in this very process, in a copy of the folder: what is made once need not be made by every child."""
    here, command = Path.cwd(), sys.argv
    with (
        tempfile.TemporaryDirectory() as scratch,
        redirect_stdout(io.StringIO()),
        suppress(SystemExit),
    ):
        os.chdir(shutil.copytree(folder, Path(scratch, "copy")))
        sys.argv = ["reconcile", "apply", "--yes"]
        try:
            cli.main()
        finally:
            os.chdir(here)
            sys.argv = command
    gc.freeze()


if __name__ == "__main__":
    ready_statements.install()
    warmed = False
    for line in sys.stdin:
        jobs = json.loads(line)
        if not warmed:
            warm(jobs[0][0])
            warmed = True
        started = [run(*job) for job in jobs]
        ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in started]
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()
