"""`init`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reconcile.cli.options import DEFAULT_PATH, output_options
from reconcile.errors import ReconcileError, UsageError

_TYPES = ("openldap", "active_directory", "389ds", "freeipa", "ldap", "ldif")


def _server_options(command: Any) -> Any:
    """What can be said instead of being asked, each as a parameter of its own."""
    options = (
        click.option("--name", metavar="NAME", help="Name of the source."),
        click.option(
            "--tls",
            type=click.Choice(["starttls", "ldaps", "none"]),
            help="How the connection is protected; never weaker than this.",
        ),
        click.option(
            "--ca-file",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="The authority, in PEM, that issued the server's certificate.",
        ),
        click.option(
            "--fingerprint",
            metavar="SHA256",
            help="Trust the server's certificate if this is its SHA-256 fingerprint.",
        ),
        click.option("--bind", "bind_dn", metavar="DN", help="The account that reads."),
        click.option("--anonymous", is_flag=True, help="Read without an account."),
        click.option(
            "--password-env",
            metavar="VARIABLE",
            help="The environment variable with its password; default: NAME_LDAP_PASSWORD.",
        ),
        click.option("--base", metavar="DN", help="The part of the directory to read."),
        click.option("--users", metavar="DN", help="The container of the persons."),
        click.option(
            "--role",
            "roles",
            multiple=True,
            metavar="ROLE=DN",
            help="Members of this group get this role (repeatable).",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument(
    "path", type=click.Path(path_type=Path), default=None, required=False, metavar="[FILE]"
)
@click.option(
    "--from", "url", metavar="URL|LDIF", help="Look at this server (ldap://HOST), or LDIF file."
)
@click.option("--type", "kind", type=click.Choice(_TYPES), help="Type of the source.")
@_server_options
@click.option(
    "--example", metavar="NAME", help="Copy this example into a new folder, FILE or ./NAME."
)
@click.option(
    "--list-examples", is_flag=True, help="List the examples, and say where the documentation is."
)
@output_options
def init(
    path: Path | None,
    url: str | None,
    kind: str | None,
    example: str | None,
    list_examples: bool,
    **said: Any,
) -> None:
    """Write a first desired-state file. Never overwrites one.

    With --from, looks at a server or at an LDIF file, asks what cannot be seen there, and writes a
    file that fits. Without a terminal nothing is asked: what can be chosen is in the file as
    comments. The password is asked for, or read from the environment variable, and never written.
    With --type, writes a short starter for that kind of directory; without both, a file that
    explains every key. With --example, copies a whole example, which --list-examples names.
    """
    if list_examples or example is not None:
        if url or kind or any(said.values()) or (list_examples and (example or path)):
            raise UsageError("--example and --list-examples go without the other options")
        _example(example, path)
        return
    path = path or Path(DEFAULT_PATH)
    _init(path, url, kind, said)


def _example(name: str | None, path: Path | None) -> None:
    """Copies an example, or lists all of them without a name."""
    from reconcile.app.setup import examples

    if name is not None:
        to = path or Path(name)
        examples.copy(name, to)
        click.echo(f"Wrote {to}. Read {to / 'README.md'} next.")
        return
    known = examples.examples()
    width = max((len(each.name) for each in known), default=0)
    for each in known:
        click.echo(f"{each.name.ljust(width)}  {each.title}")
    click.echo(f"\nDocumentation: {examples.folder('docs')}")


def _init(path: Path, url: str | None, kind: str | None, said: Mapping[str, Any]) -> None:
    """Writes a desired-state file."""
    from reconcile.app.setup import starters
    from reconcile.app.setup.draft import text
    from reconcile.config import starter

    if not url and (named := sorted(name for name, value in said.items() if value)):
        raise UsageError(f"--{_option(named[0])} needs --from URL")
    if url:
        _check(url, kind, said)
    if path.exists():
        raise UsageError(f"{path} already exists: it is not overwritten")
    if url:
        _from_server(path, url, {**said, "kind": kind})
    elif kind:
        _written({path: text(starters.starter(kind))})
    else:
        _written({path: starter()})
    if not url:
        click.echo(f"Wrote {path}. Edit it, and then:\n")
        _say_next(path, "validate", "test", "plan")


_OF_SERVERS = ("tls", "ca_file", "fingerprint", "bind_dn", "anonymous", "password_env")


def _check(url: str, kind: str | None, said: Mapping[str, Any]) -> None:
    """Raises UsageError for what makes no sense with such an origin."""
    is_server = "://" in url
    if is_server and kind == "ldif":
        raise UsageError("--type ldif is for files, not for a server")
    if not is_server and kind not in (None, "ldif"):
        raise UsageError(f"--type {kind} is for servers: write ldap://{url}, or leave it out")
    if not is_server and (named := [name for name in _OF_SERVERS if said[name]]):
        raise UsageError(f"--{_option(named[0])} is for servers: write ldap://{url}")
    if not is_server and not Path(url).exists():
        raise UsageError(f"there is no file {url}; a server is written as ldap://{url}")


def _option(parameter: str) -> str:
    """The name of an option by that of its parameter."""
    names = {"bind_dn": "bind", "roles": "role"}
    return names.get(parameter, parameter).replace("_", "-")


def _from_server(path: Path, url: str, said: Mapping[str, Any]) -> None:
    """Looks at the server, and writes what was seen and chosen."""
    from reconcile.app.setup import draft
    from reconcile.cli.setup.asking import interactive
    from reconcile.cli.setup.dialog import Dialog

    with Dialog(url, path, said, asks=interactive()) as dialog:
        made = dialog.draft()
        certificate: dict[Path, str] = {}
        if dialog.certificate is not None and made.tls.ca_file:
            certificate = _new(path.with_name(made.tls.ca_file), dialog.certificate.pem)
    # First, so that the file never names a certificate that is missing.
    _written(certificate)
    try:
        _valid(path, draft.text(made))
        _written({path: draft.text(made)})
    except BaseException:
        for file in certificate:
            file.unlink(missing_ok=True)
        raise
    click.echo(f"\nWrote {' and '.join(map(str, (path, *certificate)))}.")
    if made.type != "ldif" and not made.anonymous and not os.environ.get(draft.variable(made)):
        click.echo(f"Put the password into the environment variable {draft.variable(made)}.")
    click.echo("Next:\n")
    _say_next(path, "test", "plan", "apply")


def _new(path: Path, content: str) -> dict[Path, str]:
    """The file to write; none if it already exists as it should be."""
    try:
        same = path.read_text(encoding="ascii") == content
    except (OSError, ValueError):
        same = False
    return {} if same else {path: content}


def _valid(path: Path, content: str) -> None:
    """Raises ReconcileError for a file that `validate` would refuse: nothing is written then."""
    from reconcile.app import inputs
    from reconcile.errors import ConfigError

    try:
        inputs.configuration([path], {}, {path: content.encode()})
    except ConfigError as error:
        raise ReconcileError(
            f"no file is written, because it would not be valid:\n{error}"
        ) from error


def _written(files: Mapping[Path, str]) -> None:
    """Writes new files; takes those back that were written before one that cannot be.

    Raises UsageError.
    """
    new: list[Path] = []
    try:
        for path, content in files.items():
            with path.open("x", encoding="utf-8") as file:
                new.append(path)
                file.write(content)
    except OSError as error:
        for path in new:
            path.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise UsageError(f"{path} already exists: it is not overwritten") from error
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _say_next(path: Path, *commands: str) -> None:
    import shlex

    words = [] if path == Path(DEFAULT_PATH) else [str(path)]
    for command in commands:
        click.echo(f"  {shlex.join(['reconcile', command, *words])}")


COMMANDS = (init,)
