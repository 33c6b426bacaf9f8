"""`status`."""

from collections.abc import Iterator
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

if TYPE_CHECKING:  # it costs time to import, and every command imports this module
    from reconcile.app.watching.status import LastRun, Status, WorkspaceStatus


@click.command(short_help="Last run, next run, drift, and why a run would be refused.")
@paths_argument
@click.option(
    "--no-plan",
    is_flag=True,
    help="Read only the history: leave out drift and what would be refused.",
)
@click.option(
    "--metrics",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also show what a metrics file says about the last run.",
)
@format_option("text", "json")
@scope_options
@variable_option
@output_options
@click.pass_context
def status(
    context: click.Context,
    paths: tuple[Path, ...],
    no_plan: bool,
    metrics: Path | None,
    form: str,
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Show the last run, the next run, drift, and why a run would be refused. Writes nothing.

    The history knows the runs that changed something. A run that found nothing to change, or was
    refused, is known only to the file of --metrics.
    """
    import msgspec

    from reconcile.app import inputs
    from reconcile.app.watching.status import status as find
    from reconcile.model.change import Scope
    from reconcile.render.wording import escaped, printable

    loaded = inputs.configuration(paths, variables)
    scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)))
    with progress() as tell:
        found = find(loaded, scope, variables, tell, plans=not no_plan, metrics_file=metrics)
    if form == "json":
        text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
        click.echo(escaped(text))
    else:
        for line in _lines(found, planned=not no_plan):
            click.echo(printable(line))
    context.exit(found.error_code)


def _lines(found: "Status", *, planned: bool) -> Iterator[str]:
    """The status as text, a block for each workspace."""
    for workspace in found.workspaces:
        yield workspace.workspace
        yield from _of_workspace(workspace, planned=planned)
    if found.last_command is not None:
        last = found.last_command
        yield f"last command  {last.finished}, exit code {last.exit_code}"
        yield f"last success  {last.last_success or 'none'}"
    yield f"next run      {found.next_run or 'no schedule'}"
    if found.error:
        yield f"no plan       {found.error.splitlines()[0]}"


def _of_workspace(status: "WorkspaceStatus", *, planned: bool) -> Iterator[str]:
    """The lines below the name of a workspace."""
    from reconcile.render.wording import left_out

    yield f"  last run      {_run(status.last_run)}"
    yield f"  last success  {_run(status.last_success)}"
    if planned:
        yield f"  drift         {_drift(status.drift)}"
    for people in left_out(status.left_out):
        yield f"  without user  {people}"
    for line in status.refused:
        yield f"  refused       {line}"


def _run(last: "LastRun | None") -> str:
    """A run on one line."""
    if last is None:
        return "none"
    failed = f", {last.failed} failed" if last.failed else ""
    return f"{last.finished} {last.outcome}: {last.applied} applied{failed} (run {last.run})"


def _drift(changes: int | None) -> str:
    """How far the platform is from the desired state."""
    if changes is None:
        return "not known"
    return f"{changes} change{'s'[: changes != 1]}" if changes else "none"


COMMANDS = (status,)
