"""The options and arguments that commands share."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from reconcile.cli import logs
from reconcile.cli.guide import completing
from reconcile.cli.terminal import colours
from reconcile.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., object])

DEFAULT_PATH = "reconcile.yml"


def output_options(command: Command) -> Command:
    """-v, --log-format, --log-file and --color."""
    command = _colour_options(_log_file_options(command))
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


def _log_file_options(command: Command) -> Command:
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
    return click.option(
        "--log-file",
        type=click.Path(path_type=Path),
        metavar="PATH",
        expose_value=False,
        callback=_log_file,
        help="Also write the log to PATH.",
    )(command)


def _colour_options(command: Command) -> Command:
    command = click.option(
        "--no-color",
        is_flag=True,
        expose_value=False,
        callback=colours.never,
        is_eager=True,
        help="The same as --color never.",
    )(command)
    return click.option(
        "--color",
        type=click.Choice(colours.WHEN),
        default="auto",
        expose_value=False,
        callback=colours.remember,
        is_eager=True,
        help="Colour the output; auto: on a terminal, unless NO_COLOR is set.",
    )(command)


def variable_option(command: Command) -> Command:
    """--var and --var-file, as the parameter `variables`."""
    command = click.option(
        "--var-file",
        "variable_files",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        expose_value=False,
        is_eager=True,  # before --var, which goes before it
        callback=_remember,
        help="Set variables of `vars` by a YAML file (repeatable).",
    )(command)
    return click.option(
        "--var",
        "variables",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_variables,
        help="Set a variable of `vars` (repeatable).",
    )(command)


def scope_options(command: Command) -> Command:
    """--workspace and --source."""
    command = click.option(
        "--source",
        "sources",
        multiple=True,
        metavar="NAME",
        shell_complete=completing.sources,
        help="Only this source (repeatable).",
    )(command)
    return workspace_option(command)


def workspace_option(command: Command) -> Command:
    """--workspace."""
    return click.option(
        "--workspace",
        "workspaces",
        multiple=True,
        metavar="NAME",
        shell_complete=completing.workspaces,
        help="Only this workspace (repeatable).",
    )(command)


def full_option(command: Command) -> Command:
    """--full."""
    return click.option(
        "--full",
        is_flag=True,
        help="Plan from the beginning, even if nothing has changed since the last run.",
    )(command)


def paths_argument(command: Command) -> Command:
    """PATH..., by default `reconcile.yml`."""
    return click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")(
        command
    )


def name_and_paths(arguments: Sequence[str], what: str) -> tuple[str, tuple[Path, ...]]:
    """The name among the arguments, "" for none, and the desired state. Raises UsageError for two.

    A path that ends in .yml or .yaml, or is a folder, is desired state.
    """
    names = [
        argument
        for argument in arguments
        if not argument.endswith((".yml", ".yaml")) and not Path(argument).is_dir()
    ]
    if len(names) > 1:
        raise UsageError(f"one {what} at a time: {', '.join(names)}")
    paths = tuple(Path(argument) for argument in arguments if argument not in names)
    return (names[0] if names else ""), paths


def since_option(text: str, default: str = "") -> Callable[[Command], Command]:
    """--since; the parameter `since` is RFC 3339 in UTC, "" for none."""
    return click.option(
        "--since",
        metavar="DATE|AGE",
        default=default,
        show_default=bool(default),
        callback=_since,
        help=text,
    )


def _since(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not value:
        return ""
    from reconcile.app.access.since import since

    return since(value, datetime.now(UTC))


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


def colour() -> bool:
    """Whether to colour standard output."""
    return colours.wanted()


def _variables(
    context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> Mapping[str, Any]:
    """The variables of both options. Raises ConfigError for a file that cannot be used."""
    variables: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name.isidentifier():
            raise click.BadParameter(f"{value!r} is not of the form name=value")
        variables[name] = text
    paths = context.meta.get("reconcile.variable_files", ())
    if not paths:
        return variables
    from reconcile.config import variables as files

    return files.given(paths, variables)


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
