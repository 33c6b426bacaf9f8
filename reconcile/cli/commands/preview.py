"""`preview`: who would be synchronised."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconcile.cli.options import (
    format_option,
    output_options,
    paths_argument,
    scope_options,
    variable_option,
)
from reconcile.cli.progress import progress
from reconcile.cli.strict import strict_exit, strict_option
from reconcile.cli.terminal.tabular import Columns, Shape, show, wide_option

if TYPE_CHECKING:  # it costs time to import, and every command imports this module
    from reconcile.planning.views.preview import Preview

_PREVIEWED = Columns(
    ("workspace", "username", "email", "roles", "status", "exists", "action"),
    (
        *("workspace", "source", "username", "first_name", "last_name", "email", "roles"),
        *("status", "exists", "action", "dn"),
    ),
)
_SKIPPED = Columns(
    ("workspace", "username", "exists", "action", "skip"),
    ("workspace", "source", "username", "exists", "status", "action", "skip", "dn"),
)


@click.command(short_help="Show who would be synchronised.")
@paths_argument
@format_option("table", "csv", "json")
@wide_option
@strict_option("when a rule finds nothing or an existing user is skipped")
@scope_options
@variable_option
@output_options
@click.pass_context
def preview(
    context: click.Context,
    paths: tuple[Path, ...],
    form: Any,  # one of the three words that click has checked
    wide: bool,
    strict: bool,
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Show who would be synchronised, with role and status, and whether they exist already.

    Lists everyone in scope, changed or not, and then those who cannot be synchronised, and why.
    Users who would leave are not listed: see plan. Writes nothing.
    """
    import msgspec

    from reconcile.app import adapters, inputs
    from reconcile.app.notices import placed, placing, report, report_left_out
    from reconcile.model.change import Scope, not_clean
    from reconcile.planning.views import preview as previews

    loaded = inputs.configuration(paths, variables)
    scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)))
    with progress() as tell, closing(adapters.platform(loaded.desired.platform, tell)) as target:
        read, troubles = inputs.inputs(loaded, scope, variables, target, tell)
    with placing(loaded):
        previewed = previews.preview(read)
    previewed = msgspec.structs.replace(previewed, notices=placed(loaded, previewed.notices))
    report(previewed.notices)
    report_left_out(previewed.left_out)
    _show(previewed, form, Shape(wide), several=len(read.current) > 1)
    if troubles:
        context.exit(troubles[0].exit_code)
    context.exit(strict_exit(not_clean(previewed.notices, previewed.skips)) if strict else 0)


def _show(previewed: "Preview", form: Any, shape: Shape, *, several: bool) -> None:
    import msgspec

    from reconcile.model.change import NEEDS_NO_ACTION
    from reconcile.render import escaped, rows, table, wording
    from reconcile.render.wording import SKIPPED

    if form == "json":
        left_out = tuple(each.counted for each in previewed.left_out)
        counted = msgspec.structs.replace(previewed, left_out=left_out)
        click.echo(escaped(msgspec.json.format(msgspec.json.encode(counted), indent=2).decode()))
        return
    users, skips = list(rows.previewed(previewed.users)), list(rows.skipped(previewed.skips))
    if form == "csv":
        click.echo(table([*users, *skips], (*_PREVIEWED.wide, "skip"), form))
        return
    if users:
        show(users, _columns(_PREVIEWED, several=several), form, shape, paged=False)
    else:
        click.echo("No person is in scope.")
    for title, needs_action in zip(SKIPPED.values(), (True, False), strict=True):
        some = [row for row in skips if (row["code"] not in NEEDS_NO_ACTION) == needs_action]
        if some:
            click.echo(f"\n{title}:")
            show(some, _columns(_SKIPPED, several=several), form, shape, paged=False)
    click.echo(f"{len(users)} would be synchronised, {len(skips)} cannot be.", err=True)
    hint = wording.left_out_hint(previewed.left_out)
    for people in wording.left_out(previewed.left_out):
        click.echo(f"{people}{hint}.", err=True)


def _columns(columns: Columns, *, several: bool) -> Columns:
    """The columns; without the workspace unless there are several."""
    return columns if several else Columns(columns.narrow[1:], columns.wide[1:])


COMMANDS = (preview,)
