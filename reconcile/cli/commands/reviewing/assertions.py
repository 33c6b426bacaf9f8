"""`assert`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconcile.cli.options import (
    format_option,
    output_options,
    paths_argument,
    scope_options,
    variable_option,
)
from reconcile.cli.progress import progress
from reconcile.errors import GuardRefused

if TYPE_CHECKING:  # it costs time to import, and every command imports this module
    from reconcile.app.review.assertions import Verdict


@click.command("assert", short_help="Judge the assertions of the files.")
@paths_argument
@format_option("text", "json")
@click.option(
    "--capture",
    "captures",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read this capture instead of its source (repeatable).",
)
@scope_options
@variable_option
@output_options
@click.pass_context
def assertions(
    context: click.Context,
    paths: tuple[Path, ...],
    form: str,
    captures: tuple[Path, ...],
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Judge the assertions over the state that a plan would lead to. Writes nothing.

    One line for each assertion and workspace. Exit code 4 if an assertion fails.
    """
    import msgspec

    from reconcile.app import inputs
    from reconcile.app.review import assertions as judging
    from reconcile.model.change import Scope
    from reconcile.render.wording import escaped, printable

    loaded = inputs.configuration(paths, variables)
    scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)))
    with progress() as tell:
        judged = judging.judge(loaded, scope, variables, tell, captures)
    if form == "json":
        text = msgspec.json.format(msgspec.json.encode(judged), indent=2).decode()
        click.echo(escaped(text))
    else:
        for verdict in judged.verdicts:
            click.echo(printable(_line(verdict)))
    if judged.failed:
        context.exit(GuardRefused.exit_code)
    if judged.troubles:
        context.exit(judged.troubles[0].exit_code)


def _line(verdict: "Verdict") -> str:
    """One assertion on a line: what became of it, how many were looked at, and who breaks it."""
    word = {
        "holds": "ok",
        "fails": "FAIL",
        "warns": "warn",
        "cannot_be_evaluated": "FAIL",
    }[verdict.result]
    text = f"{word:<5} {verdict.workspace}: {verdict.name} ({verdict.checked} checked)"
    return f"{text}: {verdict.detail}" if verdict.detail else text


COMMANDS = (assertions,)
