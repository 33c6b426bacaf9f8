"""`init` and `validate`."""

import json
from pathlib import Path

import click

from reconcile.cli.options import (
    DEFAULT_PATH,
    format_option,
    output_options,
    paths_argument,
    variable_option,
)
from reconcile.cli.terminal.quiet import quiet, quiet_option
from reconcile.errors import ConfigError, Problem, UsageError


@click.command()
@click.argument(
    "path", type=click.Path(path_type=Path, dir_okay=False), default=DEFAULT_PATH, metavar="[FILE]"
)
@output_options
def init(path: Path) -> None:
    """Write a commented starter file. Never overwrites one."""
    from reconcile.config import starter

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter())
    except FileExistsError as error:
        raise UsageError(f"{path} already exists: it is not overwritten") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {path}. Edit it, and then:\n")
    for command in ("validate", "test", "plan"):
        click.echo(f"  reconcile {command} {path}")


@click.command(short_help="Check desired-state files.")
@paths_argument
@format_option("text", "json", "github", "yaml")
@click.option(
    "--effective",
    is_flag=True,
    help="Print the whole configuration, with all defaults, and where each value comes from.",
)
@variable_option
@quiet_option
@output_options
@click.pass_context
def validate(
    context: click.Context,
    paths: tuple[Path, ...],
    form: str,
    effective: bool,
    variables: dict[str, str],
) -> None:
    """Check desired-state files and report every problem at once. Connects to nothing.

    With --effective, the output is itself a desired-state file (--format yaml, the default) or a
    list of path, value and origin (--format json).
    """
    if effective != (form == "yaml") and form != "json" and not (effective and form == "text"):
        raise UsageError("--effective prints yaml or json, and yaml is for --effective alone")
    if effective:
        _effective(paths, form, variables)
    else:
        _validate(context, paths, form, variables)


def _effective(paths: tuple[Path, ...], form: str, variables: dict[str, str]) -> None:
    from reconcile.app import inputs
    from reconcile.config import annotated, as_data
    from reconcile.render.wording import escaped

    loaded = inputs.configuration(paths, variables)
    settings = inputs.settings(loaded)
    if form == "json":
        click.echo(escaped(json.dumps(as_data(settings), indent=2, ensure_ascii=False)))
    else:
        click.echo(annotated(settings, loaded.effective.folder), nl=False)


def _validate(
    context: click.Context, paths: tuple[Path, ...], form: str, variables: dict[str, str]
) -> None:
    from reconcile.app import inputs
    from reconcile.render.wording import escaped

    problems: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    try:
        files = inputs.configuration(paths, variables).files
    except ConfigError as error:
        problems = error.problems
    if form == "json":
        result = {"valid": not problems, "problems": [problem._asdict() for problem in problems]}
        click.echo(escaped(json.dumps(result, indent=2, ensure_ascii=False)))
    elif form == "github":
        for problem in problems:
            click.echo(_annotation(problem))
    else:
        for line in ConfigError(problems).lines():
            click.echo(line)
        if problems:
            click.echo(f"{len(problems)} problem{'s'[: len(problems) != 1]}.")
        elif not quiet():
            click.echo(f"Valid: {', '.join(files)}")
    context.exit(ConfigError.exit_code if problems else 0)


def _annotation(problem: Problem) -> str:
    """A workflow command that shows the problem next to its line."""
    message = f"{problem.path}: {problem.message}" if problem.path else problem.message
    for char, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        message = message.replace(char, code)
    file = problem.file
    for char, code in (("%", "%25"), (":", "%3A"), (",", "%2C")):
        file = file.replace(char, code)
    place = f",line={problem.line},col={problem.column}" if problem.line else ""
    return f"::error file={file}{place}::{message}"


COMMANDS = (init, validate)
