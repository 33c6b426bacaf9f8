"""`validate`."""

import json
import logging
import os
from pathlib import Path

import click

from reconcile.cli.options import (
    format_option,
    output_options,
    paths_argument,
    variable_option,
)
from reconcile.cli.terminal.quiet import quiet, quiet_option
from reconcile.errors import ConfigError, Problem, UsageError

_log = logging.getLogger("reconcile")


@click.command(short_help="Check desired-state files.")
@paths_argument
@format_option("text", "json", "github", "gitlab", "junit", "yaml")
@click.option(
    "--effective",
    is_flag=True,
    help="Print the whole configuration, with all defaults, and where each value comes from.",
)
@click.option(
    "--files-only",
    is_flag=True,
    help="Look only at the files: CA files and folders may be on another machine.",
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
    files_only: bool,
    variables: dict[str, str],
) -> None:
    """Check desired-state files and report every problem at once. Connects to nothing.

    With --effective, the output is itself a desired-state file (--format yaml, the default) or a
    list of path, value and origin (--format json).
    """
    if effective != (form == "yaml") and form != "json" and not (effective and form == "text"):
        raise UsageError("--effective prints yaml or json, and yaml is for --effective alone")
    if effective and files_only:
        raise UsageError("--effective looks at the files only: it needs no --files-only")
    if effective:
        _effective(paths, form, variables)
    else:
        _validate(context, paths, form, variables, files_only=files_only)


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
    context: click.Context,
    paths: tuple[Path, ...],
    form: str,
    variables: dict[str, str],
    *,
    files_only: bool,
) -> None:
    from reconcile.app import inputs
    from reconcile.app.checking import domains, rules, this_machine
    from reconcile.render.wording import escaped

    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    try:
        loaded = inputs.configuration(paths, variables)
        files = loaded.files
        here = () if files_only else tuple(this_machine.problems(loaded))
        problems = tuple(sorted((*here, *rules.problems(loaded))))
        warnings = (
            *(() if files_only else this_machine.warnings(loaded)),
            *rules.warnings(loaded),
            *domains.warnings(loaded),
        )
    except ConfigError as error:
        problems = error.problems
    for warning in warnings:
        _log.warning("%s", warning)
    if form == "json":
        result = {"valid": not problems, "problems": [problem._asdict() for problem in problems]}
        click.echo(escaped(json.dumps(result, indent=2, ensure_ascii=False)))
    elif shown := _in_form(form, problems, files):
        click.echo(shown)
    context.exit(ConfigError.exit_code if problems else 0)


def _in_form(form: str, problems: tuple[Problem, ...], files: tuple[str, ...]) -> str:
    """The problems in a form for a pipeline or for a person."""
    from reconcile.render import problems as rendering

    if form == "github":
        return rendering.github(problems)
    if form == "gitlab":
        root = Path(os.environ.get("CI_PROJECT_DIR") or Path.cwd())
        return rendering.gitlab(problems, root, Path.cwd())
    if form == "junit":
        return rendering.junit(problems, files)
    if not problems:
        return "" if quiet() else f"Valid: {', '.join(files)}"
    number = f"{len(problems)} problem{'s'[: len(problems) != 1]}."
    return "\n".join([*ConfigError(problems).lines(), number])


COMMANDS = (validate,)
