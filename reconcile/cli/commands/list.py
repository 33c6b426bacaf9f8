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


def _listing(name: str, text: str, columns: tuple[str, ...]) -> click.Command:
    @click.command(name, help=text)
    @paths_argument
    @format_option("table", "json", "csv")
    @scope_options
    @variable_option
    @output_options
    def listing(
        paths: tuple[Path, ...],
        form: Any,
        workspaces: tuple[str, ...],
        sources: tuple[str, ...],
        variables: dict[str, str],
    ) -> None:
        from reconcile.app import adapters, inputs
        from reconcile.render import rows, table

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
        click.echo(table(shown, columns, form))

    return listing


COMMANDS = (
    _listing(
        "users",
        "List the users on the platform.",
        (
            "workspace",
            "username",
            "first_name",
            "last_name",
            "email",
            "status",
            "source",
            "roles",
            "groups",
            "department",
        ),
    ),
    _listing(
        "groups",
        "List the groups on the platform.",
        ("workspace", "name", "source", "members", "member_groups", "dn"),
    ),
    _listing(
        "departments",
        "List the departments on the platform.",
        ("workspace", "path", "source", "members", "dn"),
    ),
)
