"""Commands in processes of their own that start at once: forks of one that has imported everything already.

    with forking() as execute:
        code, out, err = execute(["plan"], folder, {"CORP_PASSWORD": "…"}, given="")
        code, seen, _ = execute(["plan"], folder, {}, given="", terminal="ascii")

Many tests type a dozen commands, and nine tenths of the time of each would be Python starting.
"""

import contextlib
import importlib
import json
import os
import pkgutil
import pty
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol


class Execute(Protocol):
    """Carries a command out; answers its exit code and what it wrote to its streams.

    `terminal` is the encoding of a terminal that shows both streams; without it they are files.
    """

    def __call__(
        self,
        arguments: Sequence[str],
        folder: Path,
        environ: Mapping[str, str],
        given: str,
        *,
        terminal: str = "",
    ) -> tuple[int, str, str]: ...


_ROOT = Path(__file__).parents[2]
_IMPORTED_LATE = (
    "alembic.command",
    "sqlalchemy.dialects.sqlite",
    "ldap3",
    "rich.console",
    "jsonschema",
    "jinja2",
)


@contextlib.contextmanager
def forking() -> Iterator[Execute]:
    """Starts the process that forks; it ends with the block."""
    environment = os.environ | {"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "tests.servers.forking"]
    with subprocess.Popen(
        command,
        cwd=_ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def execute(
            arguments: Sequence[str],
            folder: Path,
            environ: Mapping[str, str],
            given: str,
            *,
            terminal: str = "",
        ) -> tuple[int, str, str]:
            assert process.stdin is not None
            assert process.stdout is not None
            asked = {
                "arguments": list(arguments),
                "folder": str(folder),
                "environ": dict(environ),
                "given": given,
                "terminal": terminal,
            }
            print(json.dumps(asked), file=process.stdin, flush=True)
            code, out, err = json.loads(process.stdout.readline())
            return code, out, err

        yield execute
        assert process.stdin is not None
        process.stdin.close()


def main() -> None:
    import reconcile

    for module in pkgutil.walk_packages(reconcile.__path__, "reconcile."):
        with contextlib.suppress(ImportError):  # of an extra that is not installed
            if not module.name.endswith(("__main__", ".env")) and ".versions." not in module.name:
                importlib.import_module(module.name)
    for name in _IMPORTED_LATE:
        importlib.import_module(name)
    from tests import ready_statements, ready_tables

    ready_statements.install()
    ready_tables.install()
    ready_tables.learn()
    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.TemporaryFile() as given:
            given.write(asked["given"].encode())
            given.seek(0)
            answer = (_on_terminal if asked["terminal"] else _into_files)(asked, given.fileno())
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


def _into_files(asked: dict[str, Any], given: int) -> tuple[int, str, str]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        code = _ended(_forked(asked, (given, out.fileno(), err.fileno())))
        for file in (out, err):
            file.seek(0)
        return code, out.read().decode(), err.read().decode()


def _on_terminal(asked: dict[str, Any], given: int) -> tuple[int, str, str]:
    ours, theirs = pty.openpty()
    child = _forked(asked, (given, theirs, theirs))
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # a pty whose other side is closed answers EIO
        while chunk := os.read(ours, 4096):
            seen += chunk
    os.close(ours)
    return _ended(child), seen.decode(asked["terminal"]), ""


def _forked(asked: dict[str, Any], files: tuple[int, int, int]) -> int:
    """The id of a process that carries the command out."""
    child = os.fork()
    if child == 0:
        _carry_out(asked, files)
    return child


def _ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _carry_out(asked: dict[str, Any], files: tuple[int, int, int]) -> NoReturn:
    from reconcile import cli
    from reconcile.cli import streams

    code = 1
    try:
        for number, file in enumerate(files):
            os.dup2(file, number)
        signal.alarm(120)  # as long as any command may take
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)  # the old one has read ahead
        if asked["terminal"]:
            # As Python opens them where PYTHONIOENCODING says so.
            sys.stdout = os.fdopen(1, "w", encoding=asked["terminal"], closefd=False)
            sys.stderr = os.fdopen(2, "w", encoding=asked["terminal"], closefd=False)
            streams.prepare()
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environ"])
        sys.argv = ["reconcile", *asked["arguments"]]
        cli.main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - a bug is told as Python tells it, and the parent lives on
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
