"""`users`, `groups` and `departments`: what the platform holds now."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconcile.cli.guide import completing
from reconcile.cli.guide.completing import Complete
from reconcile.cli.options import (
    Command,
    format_option,
    output_options,
    paths_argument,
    scope_options,
    variable_option,
)
from reconcile.cli.progress import progress
from reconcile.cli.terminal.tabular import Columns, Shape, show, table_options

if TYPE_CHECKING:  # it costs time to import, and every command imports this module
    from reconcile.model.platform import Status

STATUSES: Final = (
    *("active", "inactive", "vacation"),
    *("blocked", "blocked_in_directory", "erased"),
)
"""Those of `model.platform.Status`."""


def _listing(name: str, text: str, columns: Columns) -> click.Command:
    @click.command(name, help=text)
    @paths_argument
    @format_option("table", "json", "csv")
    @table_options
    @scope_options
    @variable_option
    @output_options
    def listing(
        paths: tuple[Path, ...],
        form: Any,
        wide: bool,
        chosen: tuple[str, ...],
        workspaces: tuple[str, ...],
        sources: tuple[str, ...],
        variables: dict[str, str],
    ) -> None:
        from reconcile.app import adapters, inputs
        from reconcile.render import rows

        loaded = inputs.configuration(paths, variables)
        inputs.chosen_sources(loaded.desired, sources)
        found: Callable[[Any], Iterator[dict[str, object]]] = getattr(rows, name)
        with (
            progress() as tell,
            closing(adapters.platform(loaded.desired.platform, tell)) as platform,
        ):
            names = inputs.chosen_workspaces(loaded.desired, workspaces)
            all_rows = [row for workspace in names for row in found(platform.read(workspace))]
        shown = [row for row in all_rows if not sources or row["source"] in sources]
        show(shown, columns, form, Shape(wide, chosen))

    return listing


_USERS: Final = Columns(
    ("workspace", "username", "email", "status", "source", "roles", "groups"),
    (
        *("workspace", "username", "first_name", "last_name", "email", "status", "source"),
        *("roles", "groups", "department"),
    ),
)


def _several(name: str, complete: Complete, text: str) -> Callable[[Command], Command]:
    """An option that can be repeated, as the parameter `NAMEs`."""
    return click.option(
        f"--{name}",
        f"{name}s",
        multiple=True,
        metavar="NAME",
        shell_complete=complete,
        help=f"{text} (repeatable).",
    )


@click.command()
@paths_argument
@_several("role", completing.roles, "Only users with this role")
@_several("group", completing.groups, "Only users who are directly in this group")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(STATUSES),
    help="Only users with this status (repeatable).",
)
@click.option(
    "--by-hand", is_flag=True, help="Only users to whom a person gave a role or a membership."
)
@format_option("table", "json", "csv")
@table_options
@scope_options
@variable_option
@output_options
def users(
    paths: tuple[Path, ...],
    roles: tuple[str, ...],
    groups: tuple[str, ...],
    statuses: "tuple[Status, ...]",
    by_hand: bool,
    form: Any,
    wide: bool,
    chosen: tuple[str, ...],
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """List the users on the platform.

    Different options narrow the list together; one that is repeated widens it again.
    """
    from reconcile.app import inputs, inspection
    from reconcile.app.access.filters import UserFilter
    from reconcile.render import rows

    loaded = inputs.configuration(paths, variables)
    inputs.chosen_sources(loaded.desired, sources)
    only = UserFilter(roles, groups, statuses, sources, by_hand)
    with progress() as tell:
        states = inspection.states(loaded, workspaces, tell)
    only.check(states)
    shown = [row for state in states for row in rows.users(state, only.users(state))]
    show(shown, _USERS, form, Shape(wide, chosen))


COMMANDS = (
    users,
    _listing(
        "groups",
        "List the groups on the platform.",
        Columns(
            ("workspace", "name", "source", "members", "member_groups"),
            ("workspace", "name", "source", "members", "member_groups", "dn"),
        ),
    ),
    _listing(
        "departments",
        "List the departments on the platform.",
        Columns(
            ("workspace", "path", "source", "members"),
            ("workspace", "path", "source", "members", "dn"),
        ),
    ),
)
