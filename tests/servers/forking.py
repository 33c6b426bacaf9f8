"""Commands in processes of their own that start at once: forks of one that has imported everything already.

    with forking() as execute:
        code, out, err = execute(["plan"], folder, {"CORP_PASSWORD": "…"}, given="")

Many tests type a dozen commands, and nine tenths of the time of each would be Python starting.
"""

import contextlib
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn, TypeAlias

Execute: TypeAlias = Callable[[Sequence[str], Path, Mapping[str, str], str], tuple[int, str, str]]
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
            arguments: Sequence[str], folder: Path, environ: Mapping[str, str], given: str
        ) -> tuple[int, str, str]:
            assert process.stdin is not None
            assert process.stdout is not None
            asked = {
                "arguments": list(arguments),
                "folder": str(folder),
                "environ": dict(environ),
                "given": given,
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
    for line in sys.stdin:
        asked = json.loads(line)
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(asked["given"].encode())
            given.seek(0)
            child = os.fork()
            if child == 0:
                _carry_out(asked, (given, out, err))
            _, status = os.waitpid(child, 0)
            answer = [os.waitstatus_to_exitcode(status)]
            for file in (out, err):
                file.seek(0)
                answer.append(file.read().decode())
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


def _carry_out(asked: dict[str, Any], files: tuple[IO[bytes], ...]) -> NoReturn:
    from reconcile import cli

    code = 1
    try:
        for number, file in enumerate(files):
            os.dup2(file.fileno(), number)
        signal.alarm(120)  # as long as any command may take
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)  # the old one has read ahead
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
