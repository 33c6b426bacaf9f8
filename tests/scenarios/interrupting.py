"""Runs commands that get a signal at a chosen moment; a process of its own, so that it may fork while it is alone.

    python -m tests.scenarios.interrupting

Each line it reads is one command in JSON: the folder, the arguments of `reconcile`, the signals to
send (number and seconds after the one before), and whether Python itself is started anew. It
answers with the exit code and the seconds it took; what was printed is in the files `out` and `err`
of the folder.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import reconcile
from reconcile import cli
from reconcile.__main__ import end_at_once, run
from tests import ready_statements, ready_tables

IMPORTED_LATE = (
    "alembic.command",
    "sqlalchemy.dialects.sqlite",
    "psycopg",
    "pymysql",
    "jsonschema",
    "jinja2",
)
BLOCKED = {signal.SIGINT, signal.SIGTERM}


def child(folder: str, arguments: Sequence[str]) -> NoReturn:
    """A command from its first line on: signals that came earlier than that are delivered then."""
    os.chdir(folder)
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.argv = ["reconcile", *arguments]
    for number in BLOCKED:
        signal.signal(number, end_at_once)
    code = 99
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)
        run()
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        os._exit(code)


def anew(folder: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """The same with all that Python does when it starts."""
    with Path(folder, "out").open("wb") as out, Path(folder, "err").open("wb") as err:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)  # what starts now inherits it
        process = subprocess.Popen(
            [sys.executable, "-m", "reconcile", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
        return process


def warm(folder: str, arguments: Sequence[str]) -> None:
    """Carries the first command out in this very process, too: what is made once no child has to make."""
    here, handlers = Path.cwd(), {number: signal.getsignal(number) for number in BLOCKED}
    os.chdir(folder)
    sys.argv = ["reconcile", *arguments]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        cli.main()
    os.chdir(here)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    gc.freeze()


def main() -> None:
    for module in pkgutil.walk_packages(reconcile.__path__, "reconcile."):
        if not module.name.endswith(("__main__", ".env")) and ".versions." not in module.name:
            with contextlib.suppress(ImportError):  # of an extra that is not installed
                importlib.import_module(module.name)
    for name in IMPORTED_LATE:
        importlib.import_module(name)
    ready_statements.install()
    ready_tables.install()
    signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    warmed = False
    for line in sys.stdin:
        folder, arguments, signals, fresh = json.loads(line)
        if not warmed:
            warm(folder, arguments)
            warmed = True
        begun = time.monotonic()
        process = anew(folder, arguments) if fresh else None
        number = process.pid if process is not None else os.fork()
        if not number:
            child(folder, arguments)
        for which, seconds in signals:
            time.sleep(seconds)
            os.kill(number, which)  # it is not waited for yet, so the number is still its own
        code = (
            process.wait()
            if process is not None
            else os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
        )
        sys.stdout.write(f"{json.dumps([code, time.monotonic() - begun])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
