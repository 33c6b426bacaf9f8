"""What every command shares: options, logs, errors, colour, progress."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from reconcile.errors import ConfigError, ReconcileError

Command = TypeVar("Command", bound=Callable[..., object])

DEFAULT_PATH = "reconcile.yml"


def output_options(command: Command) -> Command:
    """-v, --log-format and --no-color."""
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
        callback=_log_format,
        help="Form of the log lines on standard error.",
    )(command)
    return click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        callback=_verbose,
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


class _Text(logging.Formatter):
    """`warning: what happened`; control characters written out."""

    def format(self, record: logging.LogRecord) -> str:
        from reconcile.render.words import printable

        return f"{record.levelname.lower()}: {printable(record.getMessage())}"


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": record.getMessage(),
            },
            ensure_ascii=False,
        )


class _StandardError(logging.Handler):
    """Writes to what is standard error at that moment: a caller from Python may have put something else there."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


def _logger() -> logging.Logger:
    logger = logging.getLogger("reconcile")
    if not logger.handlers:
        logger.addHandler(_StandardError())
        logger.handlers[0].setFormatter(_Text())
        logger.propagate = False
    return logger


def _verbose(_context: click.Context, _parameter: click.Parameter, count: int) -> None:
    _logger().setLevel({0: logging.WARNING, 1: logging.INFO}.get(count, logging.DEBUG))


def _log_format(_context: click.Context, _parameter: click.Parameter, value: str) -> None:
    _logger().handlers[0].setFormatter(_Json() if value == "json" else _Text())


def report_error(error: Exception) -> None:
    """Tells on standard error what went wrong; what is no ReconcileError is a fault of this program."""
    logger = _logger()
    if isinstance(error, ConfigError):
        for problem in error.problems:
            logger.error("%s", problem)
    elif isinstance(error, ReconcileError):
        for line in str(error).splitlines():
            logger.error("%s", line)
    else:
        logger.error("unexpected %s: %s. This is a fault of reconcile: please report it", type(error).__name__, error)
        logger.debug("traceback", exc_info=error)


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
