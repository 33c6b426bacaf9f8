"""`search` and `tree`: what a source has, before anything is decided."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconcile.cli.guide import completing
from reconcile.cli.options import (
    format_option,
    output_options,
    paths_argument,
    variable_option,
    workspace_option,
)
from reconcile.cli.progress import Silent, progress
from reconcile.cli.terminal.tabular import Columns, Shape, show, table_options
from reconcile.errors import SourceUnreadable

if TYPE_CHECKING:  # they cost time to import, and every command imports this module
    from reconcile.model.desired import DesiredState, Source
    from reconcile.model.directory import Outline
    from reconcile.model.views.overview import Overview

_WIDE = ("username", "first_name", "last_name", "email", "dn", "status", "why")


@click.command()
@click.argument("source", metavar="SOURCE", shell_complete=completing.sources)
@click.argument("keyword", metavar="KEYWORD")
@paths_argument
@format_option("table", "json", "csv")
@table_options
@workspace_option
@variable_option
@output_options
def search(
    source: str,
    keyword: str,
    paths: tuple[Path, ...],
    form: Any,  # one of the three words that click has checked
    wide: bool,
    chosen: tuple[str, ...],
    workspaces: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Find persons of a source by name, login, mail or DN.

    KEYWORD may be any part of it, in any case; * stands for any text. Each person is shown as
    IMPORTED, NOT IMPORTED or CANNOT IMPORT, with the reason.
    """
    import msgspec

    from reconcile.app import adapters, identity_history, inputs
    from reconcile.app.notices import placing
    from reconcile.planning.views import search as search_view

    loaded = inputs.configuration(paths, variables)
    state = loaded.desired
    (searched,) = inputs.chosen_sources(state, [source])
    names = inputs.chosen_workspaces(state, workspaces)
    with progress() as tell:
        with closing(adapters.platform(state.platform, tell)) as platform:
            current = [platform.read(name) for name in names]
            abilities = platform.abilities
            used = {
                workspace.workspace: identity_history.used(state.links, workspace, platform.history)
                for workspace in current
            }
        with closing(adapters.directory(searched, tell)) as directory:
            snapshot = directory.read(search_view.search_query(state, searched))
    with placing(loaded):
        matches = search_view.survey(
            state, searched, snapshot, current, abilities, search_view.keyword(keyword), used
        )
        rows = list(map(msgspec.to_builtins, matches))
    several = ("workspace",) if len(names) > 1 else ()
    columns = Columns((*several, "username", "email", "status", "why"), (*several, *_WIDE))
    show(rows, columns, form, Shape(wide, chosen))
    if form == "table":
        click.echo(f"{len(rows)} of {len(snapshot.persons) * len(names)} found.", err=True)


@click.command(short_help="Show departments and groups as trees.")
@click.argument("source", metavar="SOURCE", shell_complete=completing.sources)
@paths_argument
@format_option("text", "json")
@variable_option
@output_options
def tree(source: str, paths: tuple[Path, ...], form: str, variables: dict[str, str]) -> None:
    """Show the departments and groups of a source as trees, while it is read.

    Selected ones are marked [x]. Departments are printed as soon as they are read, then the groups,
    and at the end the number of people in each of them. If the source cannot be read to its end,
    the last line says so and the exit code is 7. JSON is one document, printed once everything is
    read.
    """
    import msgspec

    from reconcile.app import adapters, inputs
    from reconcile.app.notices import placing
    from reconcile.planning.views import tree as tree_view
    from reconcile.render import escaped, printable

    loaded = inputs.configuration(paths, variables)
    (chosen,) = inputs.chosen_sources(loaded.desired, [source])
    query = tree_view.tree_query(loaded.desired, chosen)
    with (
        placing(loaded),
        progress() as tell,
        closing(adapters.directory(chosen, tell)) as directory,
    ):
        if form == "json":
            shown = tree_view.overview(loaded.desired, chosen, directory.read(query))
            with tell.aside():
                click.echo(
                    escaped(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
                )
            return
        lines = _Lines(tell)
        lines.print("", [f"{printable(chosen.name)}: {printable(chosen.base_dn)}"])
        try:
            snapshot = directory.read(
                query, lambda outline: lines.outlined(loaded.desired, chosen, outline)
            )
        except SourceUnreadable:
            lines.print(
                "end", ["", f"INCOMPLETE: {printable(chosen.name)} could not be read to its end."]
            )
            raise
        lines.counted(tree_view.overview(loaded.desired, chosen, snapshot), len(snapshot.persons))


class _Lines:
    """The parts of a tree, each printed as soon as it is known.

    A read that is repeated reports everything again: a part is printed again only if it differs.
    """

    def __init__(self, tell: Silent) -> None:
        self._tell = tell
        self._printed: dict[str, list[str]] = {}

    def print(self, part: str, lines: list[str]) -> None:
        """Prints a part at once; nothing waits in a buffer."""
        if self._printed.get(part) != lines:
            self._printed[part] = lines
            with self._tell.aside():
                click.echo("\n".join(lines))  # which flushes

    def outlined(self, desired: "DesiredState", source: "Source", outline: "Outline") -> None:
        """Prints the departments, and the groups once they are read."""
        from reconcile.planning.views import tree as tree_view
        from reconcile.render import tree_lines

        known = tree_view.outlined(desired, source, outline)
        if outline.groups is None:
            self.print(
                "departments",
                ["", f"departments: {len(outline.units)}", *tree_lines(known.departments)],
            )
        else:
            self.print("groups", ["", f"groups: {len(outline.groups)}", *tree_lines(known.groups)])

    def counted(self, overview: "Overview", persons: int) -> None:
        """Prints how many people there are, and in which departments and groups."""
        from reconcile.render import people_lines

        self.print("persons", ["", f"persons: {persons}"])
        for title, nodes in (("departments", overview.departments), ("groups", overview.groups)):
            if lines := list(people_lines(nodes)):
                self.print(f"in {title}", ["", f"persons in {title}:", *lines])


COMMANDS = (search, tree)
