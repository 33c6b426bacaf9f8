"""`roles` and `review`: who has which role and is in which group, and who gave it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconcile.cli.guide import completing
from reconcile.cli.options import (
    format_option,
    name_and_paths,
    output_options,
    paths_argument,
    since_option,
    variable_option,
    workspace_option,
)
from reconcile.cli.progress import progress
from reconcile.cli.terminal.pager import page
from reconcile.cli.terminal.tabular import Columns, Shape, room, show, table_options
from reconcile.errors import UsageError

if TYPE_CHECKING:  # they cost time to import, and every command imports this module
    from reconcile.model.views.access import AccessReview

_ROLES: Final = Columns(
    ("workspace", "role", "users", "out_of_service", "by_hand", "rules"),
    ("workspace", "role", "users", "out_of_service", "by_hand", "no_rule", "rules"),
)
_HOLDERS: Final = Columns(
    ("workspace", "username", "status", "given_by", "date", "run"),
    (
        *("workspace", "role", "username", "full_name", "email", "status", "user_source"),
        *("given_by", "reason", "since", "run"),
    ),
)


@click.command()
@click.argument(
    "arguments",
    nargs=-1,
    metavar="[ROLE] [PATH]...",
    shell_complete=completing.roles,
)
@click.option(
    "--role",
    metavar="NAME",
    default="",
    shell_complete=completing.roles,
    help="As ROLE, for a role that is called like a file or folder.",
)
@format_option("table", "json", "csv")
@table_options
@workspace_option
@variable_option
@output_options
def roles(
    arguments: tuple[str, ...],
    role: str,
    form: Any,
    wide: bool,
    chosen: tuple[str, ...],
    workspaces: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """List the roles on the platform, or who has one of them.

    For each user with ROLE: the status, the rule that gave it (file and line) or "by hand", and
    the day and the run since which the user has it. No directory is read. A path that ends in .yml
    or .yaml, or is a folder, is desired state; anything else is a role.
    """
    from reconcile.app import inputs
    from reconcile.app.access import collect, filters
    from reconcile.render.access import rows

    name, paths = name_and_paths(arguments, "role")
    if role and name:
        raise UsageError(f"one role at a time: {name}, {role}")
    role = role or name
    loaded = inputs.configuration(paths, variables)
    with progress() as tell:
        every = collect.roles(loaded, workspaces, tell)
    if role:
        holders = list(rows.holdings(filters.of_role(every, role)))
        show(holders, _HOLDERS, form, Shape(wide, chosen))
    else:
        show(list(rows.roles(every)), _ROLES, form, Shape(wide, chosen))


@click.command()
@paths_argument
@since_option("List what changed since then: a date, or an age such as 90d or 2w.", "90d")
@format_option("text", "markdown", "html", "csv", "json")
@workspace_option
@variable_option
@output_options
def review(
    paths: tuple[Path, ...],
    since: str,
    form: str,
    workspaces: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Show who has access, and why, for auditors.

    For each role and group: every user, the status, the rule that gave it or "by hand", and since
    when. Users out of service who still hold something come first. Then follows what runs changed
    since a date. The text shows numbers and what to look at first; the other formats have
    everything. No directory is read.
    """
    from reconcile.app import inputs
    from reconcile.app.access import collect

    loaded = inputs.configuration(paths, variables)
    with progress() as tell:
        made = collect.review(loaded, workspaces, since, tell)
    page(_rendered(made, form))


def _rendered(made: "AccessReview", form: str) -> str:
    """The review in a format."""
    from reconcile.render import table
    from reconcile.render.access import markdown, rows, text
    from reconcile.render.html.access import access_page

    match form:
        case "html":
            return access_page(made)
        case "markdown":
            return markdown.review_markdown(made)
        case "csv":
            return table(list(rows.review_rows(made)), rows.CSV_COLUMNS, "csv")
        case "json":
            return rows.review_json(made)
        case _:
            return text.review_text(made, room())


COMMANDS = (roles, review)
