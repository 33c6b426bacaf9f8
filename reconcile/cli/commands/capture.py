"""`capture`."""

from pathlib import Path

import click

from reconcile.cli.options import output_options, paths_argument, variable_option
from reconcile.cli.progress import progress
from reconcile.errors import UsageError


@click.command(short_help="Write what the rules read of a source to a file.")
@click.argument("source")
@paths_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    required=True,
    help="Write the capture to FILE.",
)
@click.option("--redact", is_flag=True, help="Write pseudonyms in place of people, for tests.")
@click.option(
    "--keep",
    multiple=True,
    metavar="ATTRIBUTE",
    help="Keep the values of this attribute, with --redact (repeatable).",
)
@variable_option
@output_options
def capture(
    source: str,
    paths: tuple[Path, ...],
    out: Path,
    redact: bool,
    keep: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Write what the rules read of SOURCE to a file, for `plan --capture`.

    The file holds the names of people: it is readable by its owner alone. A capture made with
    --redact holds none; it can be planned with an empty platform, and never applied.
    """
    from reconcile.app import captures, inputs
    from reconcile.render.wording import printable

    if keep and not redact:
        raise UsageError("--keep needs --redact: without it every value is kept")
    loaded = inputs.configuration(paths, variables)
    captures.refuse_other(out)
    with progress() as tell:
        taken = captures.take(loaded, source, tell, redact=redact, keep=keep)
    digest = captures.write(out, taken)
    counts = (len(taken.persons), len(taken.groups), len(taken.units))
    what = "{} persons, {} groups, {} organizational units".format(*counts)
    how = ", redacted" if redact else ""
    click.echo(printable(f"Captured of {source}{how}: {what}. Written to {out}:"))
    click.echo(f"  sha256:{digest}")


COMMANDS = (capture,)
