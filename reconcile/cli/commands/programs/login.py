"""`login`."""

import locale
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconcile.cli.guide import completing
from reconcile.cli.options import format_option, output_options, variable_option
from reconcile.cli.progress import progress

if TYPE_CHECKING:  # it costs time to import, and every command imports this module
    from reconcile.model.login import Login


@click.command()
@click.argument("user", metavar="USER")
@click.option(
    "--config",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The desired-state file or folder, if it is not reconcile.yml (repeatable).",
)
@click.option(
    "--workspace",
    default="",
    metavar="NAME",
    shell_complete=completing.workspaces,
    help="The workspace, if there are several.",
)
@click.option(
    "--source",
    default="",
    metavar="NAME",
    shell_complete=completing.sources,
    help="The source, if the name does not determine it.",
)
@click.option(
    "--origin",
    default="",
    metavar="TEXT",
    help="Where the attempt comes from, such as an IP address.",
)
@format_option("text", "json")
@variable_option
@output_options
def login(
    user: str,
    paths: tuple[Path, ...],
    workspace: str,
    source: str,
    origin: str,
    form: str,
    variables: dict[str, str],
) -> None:
    """Log in a user against the directory.

    USER is the username on the platform or the login in the directory, with or without @domain. The
    password is asked for on a terminal; elsewhere it is one line of standard input. Logging
    in updates the user, or creates one if the source says register_on_login: true.
    """
    from reconcile.app.login.attempt import prepare
    from reconcile.cli.account import account

    entrance = prepare(
        user,
        paths,
        source=source,
        workspace=workspace,
        variables=variables,
        origin=origin,
        user=account(),
    )
    password = _password(user)
    with progress() as tell:
        done = entrance.attempt(password, tell)
    if form == "json":
        import msgspec

        from reconcile.render.wording import escaped

        click.echo(escaped(msgspec.json.format(msgspec.json.encode(done), indent=2).decode()))
        return
    from reconcile.render.wording import printable

    facts = ", ".join([f"by {done.source}", _roles(done.roles), _news(done)])
    click.echo(printable(f"{done.username} is logged in to {done.workspace}: {facts}."))


def _roles(names: tuple[str, ...]) -> str:
    if not names:
        return "without a role"
    return f"with {'the role' if len(names) == 1 else 'the roles'} {', '.join(names)}"


def _news(done: "Login") -> str:
    if done.registered:
        return "registered"
    return "updated" if done.updated else "up to date"


def _password(user: str) -> str:
    """One line, without echo on a terminal.

    Bytes that are not UTF-8 cannot be a password, and are refused as a wrong one.
    """
    from reconcile.app.login.attempt import LONGEST

    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        import getpass

        from reconcile.cli.streams import ERRORS
        from reconcile.render.wording import printable

        encoding = locale.getencoding()  # getpass opens the terminal by itself
        return getpass.getpass(
            f"Password of {printable(user)}: ".encode(encoding, ERRORS).decode(encoding)
        )
    line = os.fdopen(os.dup(sys.stdin.fileno()), "rb").readline(LONGEST * 4 + 3)
    return line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "surrogateescape")


COMMANDS = (login,)
