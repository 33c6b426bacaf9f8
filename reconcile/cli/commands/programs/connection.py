"""`connection export` and `connection import`."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from reconcile.cli.guide import completing
from reconcile.cli.options import DEFAULT_PATH, output_options, paths_argument, variable_option
from reconcile.errors import SourceUnreadable, UsageError

if TYPE_CHECKING:  # they cost time to import, and every command imports this module
    from reconcile.connections.place import Found, Placed

logger = logging.getLogger(__name__)

_KINDS = ("openldap", "active_directory", "389ds", "freeipa", "ldap")


@click.group(short_help="Export and import a source's settings.")
def connection() -> None:
    """Export a source's settings to a file, and import them elsewhere."""


@connection.command()
@click.argument("source", metavar="SOURCE", shell_complete=completing.sources)
@paths_argument
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write into this file, or into SOURCE.json in this folder, instead of to standard output.",
)
@variable_option
@output_options
def export(
    source: str, paths: tuple[Path, ...], out: Path | None, variables: dict[str, str]
) -> None:
    """Write the settings of a source as JSON, without its password.

    Only a source that passes its test is exported: it connects to every server, logs
    in and searches.
    """
    from reconcile import connections
    from reconcile.app import inputs
    from reconcile.cli import connection_dialog, connection_files

    loaded = inputs.configuration(paths, variables)
    (chosen,) = inputs.chosen_sources(loaded.desired, [source])
    if chosen.type not in _KINDS:
        raise UsageError(
            f"the source {source!r} of type {chosen.type} has no connection to a server: nothing to"
            " export"
        )
    connection_dialog.tested(chosen)
    try:
        certificates = (
            connections.fingerprints(Path(chosen.tls.ca_file)) if chosen.tls.ca_file else []
        )
    except OSError as error:
        raise SourceUnreadable(
            f"the CA file {chosen.tls.ca_file} cannot be read: {error.strerror}"
        ) from error
    text = connections.dumps(connections.described(chosen), certificates)
    if out is None:
        click.echo(text, nl=False)
        return
    file = connection_files.write(out, chosen.name, text)
    click.echo(f"Wrote {file}. The password is not in it.")


@connection.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@paths_argument
@click.option(
    "--update",
    "answer",
    flag_value="update",
    help="If a source has the name, change its settings.",
)
@click.option(
    "--new",
    "answer",
    flag_value="new",
    help="If a source has the name, make another one, such as `corp (2)`.",
)
@click.option(
    "--as", "other_name", metavar="NAME", help="Use this name instead of the one in FILE."
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.yml",
    help="Create or change this file instead of writing to standard output.",
)
@variable_option
@output_options
def import_(
    file: Path,
    paths: tuple[Path, ...],
    answer: Literal["update", "new"] | None,
    other_name: str | None,
    out: Path | None,
    variables: dict[str, str],
) -> None:
    """Turn a connection file into a source in YAML.

    FILE is a file written by `connection export`, or one downloaded from the settings of an
    authentication source of ProcessMaker 3.x. The source is checked together with the desired state
    in PATH. Nothing is written without --out.
    """
    from reconcile import connections
    from reconcile.app import inputs
    from reconcile.cli import connection_dialog, connection_files

    if out is not None and out.suffix not in (".yml", ".yaml"):
        raise UsageError(f"{out}: a desired-state file ends in .yml or .yaml")
    read = connections.loads(connection_files.read(file), str(file))
    name = other_name or read.settings["name"]
    state_paths = _existing(paths, out)
    loaded = inputs.configuration(state_paths, variables) if state_paths else None
    files = connections.Files(
        state_paths, loaded, lambda some, contents: inputs.configuration(some, variables, contents)
    )
    existing = connections.find(name, loaded)
    updating = (
        existing is not None
        and (answer or connection_dialog.asked(existing.source.name)) == "update"
    )
    if updating and existing is not None:
        _refuse_elsewhere(out, existing)
        placed = connections.update(read, existing, files)
    else:
        placed = connections.add(
            read,
            connection_dialog.free(name, loaded),
            connection_dialog.target(out, state_paths, loaded),
            files,
        )
    _report(placed)
    if updating and placed.content == placed.before:
        click.echo(f"Nothing to change: {placed.file} already says the same.", err=True)
    elif out is None:
        click.echo(placed.excerpt, nl=False)
        goal = placed.file if updating else "FILE.yml"
        click.echo(f"Nothing is written yet: --out {goal} does that.", err=True)
    else:
        connection_files.save(out, placed.before, placed.content)
        click.echo(f"Wrote {out}.", err=True)
        connection_dialog.say_next(out, state_paths, loaded)


def _existing(paths: tuple[Path, ...], out: Path | None) -> tuple[Path, ...]:
    """The existing desired state; () for none."""
    if paths:
        return paths
    if Path(DEFAULT_PATH).exists():
        return (Path(DEFAULT_PATH),)
    return (out,) if out is not None and out.exists() else ()


def _refuse_elsewhere(out: Path | None, existing: "Found") -> None:
    if out is not None and out.resolve() != existing.file.resolve():
        raise UsageError(
            f"the source {existing.source.name!r} is in {existing.file}: name that file with --out"
        )


def _report(placed: "Placed") -> None:
    """Logs what changes, and any warnings."""
    from reconcile.render import printable

    for warning in placed.warnings:
        logger.warning("%s", warning)
    for line in placed.changed:
        click.echo(printable(line), err=True)


COMMANDS = (connection,)
