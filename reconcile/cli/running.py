"""What every command shares: options, logs, errors, colour, progress."""

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from reconcile import __version__
from reconcile.cli import runs
from reconcile.errors import ConfigError, Locked, PlanFileError, ReconcileError, Unreadable, UsageError

Command = TypeVar("Command", bound=Callable[..., object])

DEFAULT_PATH = "reconcile.yml"
_IMPERSONAL = (ConfigError, Locked, PlanFileError, Unreadable, UsageError)
"""Errors that speak of files, servers and settings; others may name users."""


run_log = logging.getLogger("reconcile.run")
"""What a log file holds of every command: what was read, what came of it, in counts and names of sources."""

service_log = logging.getLogger("reconcile.service")
"""What a service says of itself, on standard error too."""


def note(message: str, facts: Mapping[str, object]) -> None:
    """Says something of the run: a message with a place for each of the facts, which JSON has as members too."""
    run_log.info(message, *facts.values(), extra={"facts": dict(facts)})


def output_options(command: Command) -> Command:
    """-v, --log-format, --log-file and --no-color."""
    command = click.option(
        "--log-file-count",
        type=click.IntRange(1, 1000),
        default=5,
        show_default=True,
        expose_value=False,
        is_eager=True,
        callback=_remember,
        help="How many full log files are kept.",
    )(command)
    command = click.option(
        "--log-file-size",
        default="10MiB",
        show_default=True,
        metavar="SIZE",
        expose_value=False,
        is_eager=True,
        callback=_remember,
        help="Begin a new log file at this size, in KiB, MiB or GiB.",
    )(command)
    command = click.option(
        "--log-file",
        type=click.Path(path_type=Path),
        metavar="PATH",
        expose_value=False,
        callback=_log_file,
        help="Write the log to PATH too.",
    )(command)
    command = click.option(
        "--no-color",
        is_flag=True,
        expose_value=False,
        callback=_no_color,
        is_eager=True,
        help="Never colour the output.",
    )(command)
    command = click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        expose_value=False,
        is_eager=True,
        callback=_log_format,
        help="Form of the log lines.",
    )(command)
    return click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        callback=_verbose,
        is_eager=True,  # before the log file's, which tells what begins
        help="Log what is done, directory searches as ldapsearch commands; -vv for everything.",
    )(command)


def variable_option(command: Command) -> Command:
    """--var."""
    return click.option(
        "--var", "variables", multiple=True, metavar="KEY=VALUE", callback=_variables, help="Set a variable of `vars`."
    )(command)


def scope_options(command: Command) -> Command:
    """--workspace and --source."""
    command = click.option("--source", "sources", multiple=True, metavar="NAME", help="Only this source (repeatable).")(
        command
    )
    return click.option(
        "--workspace", "workspaces", multiple=True, metavar="NAME", help="Only this workspace (repeatable)."
    )(command)


def paths_argument(command: Command) -> Command:
    """PATH..., `reconcile.yml` where none is given."""
    return click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")(command)


def format_option(*forms: str) -> Callable[[Command], Command]:
    """--format; the first form is the default."""
    return click.option(
        "--format", "form", type=click.Choice(forms), default=forms[0], show_default=True, help="Form of the output."
    )


def _no_color(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.color = False


def colour() -> bool:
    """Whether standard output is to be coloured: on a terminal, unless told otherwise (NO_COLOR is honoured)."""
    if click.get_current_context().color is False or os.environ.get("NO_COLOR"):
        return False
    return sys.stdout is not None and sys.stdout.isatty()


def _variables(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name.isidentifier():
            raise click.BadParameter(f"{value!r} is not of the form name=value")
        found[name] = text
    return found


_TIME = "%Y-%m-%dT%H:%M:%S%z"


class _Text(logging.Formatter):
    """`warning: what happened`; control characters written out."""

    def format(self, record: logging.LogRecord) -> str:
        from reconcile.render.words import printable

        text = f"{record.levelname.lower()}: {printable(record.getMessage())}"
        if record.exc_info:
            text += "".join(f"\n    {printable(line)}" for line in self.formatException(record.exc_info).splitlines())
        return text


class _Dated(_Text):
    """The same after the time."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{self.formatTime(record, _TIME)} {super().format(record)}"


class _Json(logging.Formatter):
    """One JSON object a line: time, level, logger, run and message, then what the message tells as members."""

    def format(self, record: logging.LogRecord) -> str:
        from reconcile.render.words import escaped

        members: dict[str, object] = {
            "time": self.formatTime(record, _TIME),
            "level": record.levelname.lower(),
            "logger": record.name,
            "run": runs.current(),
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            members["traceback"] = self.formatException(record.exc_info)
        return escaped(json.dumps(members, ensure_ascii=False))


class _StandardError(logging.Handler):
    """Writes to what is standard error at that moment: a caller from Python may have put something else there."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != run_log.name or logging.getLogger("reconcile").isEnabledFor(logging.INFO):
            click.echo(self.format(record), err=True)


def _logger() -> logging.Logger:
    logger = logging.getLogger("reconcile")
    if not logger.handlers:
        logger.addHandler(_StandardError())
        logger.handlers[0].setFormatter(_Text())
        logger.propagate = False
        run_log.setLevel(logging.INFO)
        service_log.setLevel(logging.INFO)
    return logger


def _verbose(_context: click.Context, _parameter: click.Parameter, count: int) -> None:
    _logger().setLevel({0: logging.WARNING, 1: logging.INFO}.get(count, logging.DEBUG))


def _log_format(_context: click.Context, _parameter: click.Parameter, value: str) -> None:
    _logger().handlers[0].setFormatter(_Json() if value == "json" else _Text())


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    context.meta[f"reconcile.{parameter.name}"] = value


_SIZE = re.compile(r"(\d{1,9})(KiB|MiB|GiB)")
_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def _log_file(context: click.Context, _parameter: click.Parameter, path: Path | None) -> None:
    end_log_file()
    found = _SIZE.fullmatch(context.meta["reconcile.log_file_size"])
    if found is None or not int(found[1]):
        raise click.BadParameter("expected a size such as 10MiB", param_hint="--log-file-size")
    if path is None:
        return
    from reconcile.cli.logfile import LogFile

    logger = _logger()
    file = LogFile(path, int(found[1]) * _UNITS[found[2]], context.meta["reconcile.log_file_count"])
    file.setFormatter(_Json() if isinstance(logger.handlers[0].formatter, _Json) else _Dated())
    logger.addHandler(file)
    command = context.info_name or ""
    told = {"command": command, "version": __version__, "process": os.getpid()}
    note("%s begins: reconcile %s, process %d", told)


def end_log_file() -> None:
    """Closes the log file of a command, if it has one."""
    for handler in _logger().handlers[1:]:
        handler.close()
        _logger().removeHandler(handler)


def report_error(error: Exception) -> None:
    """Tells on standard error what went wrong; what is no ReconcileError is a fault of this program."""
    logger = _logger()
    if isinstance(error, ConfigError):
        for problem in error.problems:
            logger.error("%s", problem)
    elif isinstance(error, ReconcileError):
        about_people = not isinstance(error, _IMPERSONAL)
        for number, line in enumerate(str(error).splitlines()):
            impersonal = "" if number else f"{type(error).__name__}: -v logs the rest"
            logger.error("%s", line, extra={"impersonal": impersonal} if about_people else None)
    else:
        kind = type(error).__name__
        impersonal = f"unexpected {kind}: -v logs the rest"
        logger.error(
            "unexpected %s: %s. This is a fault of reconcile: please report it",
            kind,
            error,
            extra={"impersonal": impersonal},
        )
        logger.debug("traceback", exc_info=error)


def ended(action: Callable[[], object]) -> int:
    """Runs a command and answers its exit code; what it raises is told on standard error."""
    try:
        code = action()
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Aborted.", err=True)
        code = 1
    except ReconcileError as error:
        report_error(error)
        code = error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone; there is nobody to complain to
        code = 1
    except Exception as error:  # noqa: BLE001 - the last resort: a fault of ours is one line for the user, not a traceback
        report_error(error)
        code = 1
    return code if isinstance(code, int) else 0


class Silent:
    """A Progress that shows nothing."""

    def __call__(self, what: str, done: int) -> None:
        """Does nothing."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Keeps what is shown out of the way of what is printed in the block."""
        yield


@contextmanager
def progress() -> Iterator[Silent]:
    """A Progress that shows on a terminal and is silent elsewhere."""
    if sys.stderr is None or not sys.stderr.isatty():  # None where it was closed before we started
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        class Shown(Silent):
            def __call__(self, what: str, done: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(what, total=None)
                bars.update(tasks[what], completed=done)

            @contextmanager
            def aside(self) -> Iterator[None]:
                bars.stop()
                try:
                    yield
                finally:
                    bars.start()

        yield Shown()
