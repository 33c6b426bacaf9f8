"""`users`, `groups` and `departments`: what the platform holds now."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from reconcile.cli.options import (
    format_option,
    output_options,
    paths_argument,
    scope_options,
    variable_option,
)
from reconcile.cli.progress import progress
from reconcile.cli.terminal.tabular import Columns, Shape, show, table_options


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


COMMANDS = (
    _listing(
        "users",
        "List the users on the platform.",
        Columns(
            ("workspace", "username", "email", "status", "source", "roles", "groups"),
            (
                *("workspace", "username", "first_name", "last_name", "email", "status", "source"),
                *("roles", "groups", "department"),
            ),
        ),
    ),
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
