"""`search`, `tree` and `preview`: what a source has, and who of it would be synchronised."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from reconcile.cli.running import (
    format_option,
    output_options,
    paths_argument,
    progress,
    scope_options,
    variable_option,
)

_COLUMNS = ("username", "first_name", "last_name", "email", "dn", "status", "why")


@click.command()
@click.argument("source", metavar="SOURCE")
@click.argument("keyword", metavar="KEYWORD")
@paths_argument
@format_option("table", "json", "csv")
@click.option("--workspace", "workspaces", multiple=True, metavar="NAME", help="Only this workspace (repeatable).")
@variable_option
@output_options
def search(
    source: str,
    keyword: str,
    paths: tuple[Path, ...],
    form: Any,  # one of the three words that click has checked
    workspaces: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Find persons of a source by name, login, mail or DN.

    KEYWORD is found anywhere, in any case; * stands for any text. Each person is IMPORTED, NOT IMPORTED or CANNOT
    IMPORT, and why.
    """
    import msgspec

    from reconcile import planning
    from reconcile.cli import assembling
    from reconcile.render import table

    loaded = assembling.configuration(paths, variables)
    state = loaded.desired
    (chosen,) = assembling.chosen_sources(state, [source])
    names = assembling.chosen_workspaces(state, workspaces)
    with progress() as tell:
        with closing(assembling.platform(state.platform, tell)) as platform:
            current = [platform.read(name) for name in names]
            limits = platform.limits
        with closing(assembling.directory(chosen, tell)) as directory:
            snapshot = directory.read(planning.search_query(state, chosen))
    found = planning.survey(state, chosen, snapshot, current, limits, planning.keyword(keyword))
    rows = [msgspec.to_builtins(one) for one in found]
    columns = ("workspace", *_COLUMNS) if len(names) > 1 else _COLUMNS
    click.echo(table(rows, columns, form))
    if form == "table":
        click.echo(f"{len(rows)} of {len(snapshot.persons) * len(names)} found.", err=True)


@click.command()
@click.argument("source", metavar="SOURCE")
@paths_argument
@format_option("text", "json")
@variable_option
@output_options
def tree(source: str, paths: tuple[Path, ...], form: str, variables: dict[str, str]) -> None:
    """Show the departments and groups of a source as trees.

    What is selected is marked [x]; people are counted, in an entry itself and with all within it.
    """
    import msgspec

    from reconcile import planning
    from reconcile.cli import assembling
    from reconcile.render import printable, tree_lines

    loaded = assembling.configuration(paths, variables)
    (chosen,) = assembling.chosen_sources(loaded.desired, [source])
    if form == "text":  # at once: a directory of thousands must not look like one of none while it is read
        click.echo(f"{printable(chosen.name)}: {printable(chosen.base_dn)}")
        if sys.stdout is not None:
            sys.stdout.flush()
    with progress() as tell, closing(assembling.directory(chosen, tell)) as directory:
        snapshot = directory.read(planning.tree_query(loaded.desired, chosen))
    shown = planning.overview(loaded.desired, chosen, snapshot)
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2))
        return
    click.echo(f"\npersons: {len(snapshot.persons)}")
    for title, nodes, total in (
        ("departments", shown.departments, len(snapshot.units)),
        ("groups", shown.groups, len(snapshot.groups)),
    ):
        click.echo(f"\n{title}: {total}")
        for line in tree_lines(nodes):
            click.echo(line)


_PREVIEWED = (
    "workspace",
    "source",
    "username",
    "first_name",
    "last_name",
    "email",
    "roles",
    "status",
    "exists",
    "action",
    "dn",
)


@click.command()
@paths_argument
@format_option("table", "csv", "json")
@scope_options
@variable_option
@output_options
def preview(
    paths: tuple[Path, ...],
    form: Any,  # one of the three words that click has checked
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Show who would be synchronised, with role and status, and whether they exist already.

    Everybody in scope is listed, also whom the next apply leaves as it is; then whoever cannot be synchronised, and
    why. Who leaves is not here: see plan. Writes nothing.
    """
    import msgspec

    from reconcile import planning
    from reconcile.cli import assembling, rows
    from reconcile.model.change import Scope
    from reconcile.render import table

    loaded = assembling.configuration(paths, variables)
    scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)))
    with progress() as tell, closing(assembling.platform(loaded.desired.platform, tell)) as target:
        found = planning.preview(assembling.inputs(loaded, scope, variables, target, tell))
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    users, skips = list(rows.previewed(found.users)), list(rows.skipped(found.skips))
    if form == "csv":
        click.echo(table([*users, *skips], (*_PREVIEWED, "skip"), form))
        return
    several = len(assembling.chosen_workspaces(loaded.desired, workspaces)) > 1
    columns = _PREVIEWED if several else _PREVIEWED[1:]
    click.echo(table(users, columns, form) if users else "Nobody is in scope.")
    if skips:
        click.echo("\nSkipped, left as they are:")
        told = ("source", "username", "exists", "skip", "dn")
        click.echo(table(skips, ("workspace", *told) if several else told, form))
    click.echo(f"{len(users)} would be synchronised, {len(skips)} cannot be.", err=True)


COMMANDS = (search, tree, preview)
