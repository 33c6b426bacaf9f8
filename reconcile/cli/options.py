"""The options and arguments that commands share."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from reconcile.cli import logs

Command = TypeVar("Command", bound=Callable[..., object])

DEFAULT_PATH = "reconcile.yml"


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
        help="Start a new log file at this size, in KiB, MiB or GiB.",
    )(command)
    command = click.option(
        "--log-file",
        type=click.Path(path_type=Path),
        metavar="PATH",
        expose_value=False,
        callback=_log_file,
        help="Also write the log to PATH.",
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
        help="Format of the log lines.",
    )(command)
    return click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        callback=_verbose,
        is_eager=True,  # before the log file's, which says what begins
        help="Log each step, and directory searches as ldapsearch commands; -vv logs everything.",
    )(command)


def variable_option(command: Command) -> Command:
    """--var."""
    return click.option(
        "--var",
        "variables",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_variables,
        help="Set a variable of `vars`.",
    )(command)


def scope_options(command: Command) -> Command:
    """--workspace and --source."""
    command = click.option(
        "--source", "sources", multiple=True, metavar="NAME", help="Only this source (repeatable)."
    )(command)
    return click.option(
        "--workspace",
        "workspaces",
        multiple=True,
        metavar="NAME",
        help="Only this workspace (repeatable).",
    )(command)


def paths_argument(command: Command) -> Command:
    """PATH..., by default `reconcile.yml`."""
    return click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")(
        command
    )


def format_option(*forms: str) -> Callable[[Command], Command]:
    """--format; the first form is the default."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(forms),
        default=forms[0],
        show_default=True,
        help="Format of the output.",
    )


def _no_color(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.color = False


def colour() -> bool:
    """Whether to colour standard output: on a terminal, unless switched off (also by NO_COLOR)."""
    if click.get_current_context().color is False or os.environ.get("NO_COLOR"):
        return False
    return sys.stdout is not None and sys.stdout.isatty()


def _variables(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    variables: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name.isidentifier():
            raise click.BadParameter(f"{value!r} is not of the form name=value")
        variables[name] = text
    return variables


def _verbose(_context: click.Context, _parameter: click.Parameter, count: int) -> None:
    logs.set_level(count)


def _log_format(_context: click.Context, _parameter: click.Parameter, value: str) -> None:
    logs.set_format(value)


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    context.meta[f"reconcile.{parameter.name}"] = value


_SIZE = re.compile(r"(\d{1,9})(KiB|MiB|GiB)")
_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def _log_file(context: click.Context, _parameter: click.Parameter, path: Path | None) -> None:
    logs.end_log_file()
    match = _SIZE.fullmatch(context.meta["reconcile.log_file_size"])
    if match is None or not int(match[1]):
        raise click.BadParameter("expected a size such as 10MiB", param_hint="--log-file-size")
    if path is None:
        return
    size = int(match[1]) * _UNITS[match[2]]
    logs.begin_log_file(
        path, size, context.meta["reconcile.log_file_count"], context.info_name or ""
    )
