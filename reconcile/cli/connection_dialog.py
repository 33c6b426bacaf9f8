"""The questions, tests and messages of the `connection` commands."""

import itertools
import logging
import shlex
import sys
from contextlib import closing
from pathlib import Path

import click

from reconcile.app import adapters
from reconcile.cli.checklist import each_server
from reconcile.cli.options import DEFAULT_PATH
from reconcile.cli.progress import progress
from reconcile.config import Loaded
from reconcile.errors import SourceUnreadable, UsageError
from reconcile.model import desired
from reconcile.model.text.folding import fold_name
from reconcile.render import printable

logger = logging.getLogger(__name__)


def tested(source: desired.Source) -> None:
    """Checks every server of the source.

    Raises SourceUnreadable with the first check that fails.
    """
    with progress() as count:
        for name, server in each_server(source):
            with closing(adapters.directory(server, count)) as directory:
                for check in directory.check():
                    detail = " ".join(check.detail.split())
                    logger.info("%s: %s: %s", name, check.what, detail)
                    if not check.ok:
                        raise SourceUnreadable(
                            f"{name} does not pass its test and is not exported:"
                            f" {check.what}: {detail}"
                        )


def asked(name: str) -> str:
    """What to do with a source of the same name."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            f"a source called {name!r} already exists: --update changes its settings, --new makes"
            " another"
        )
    click.echo(f"A source called {printable(name)!r} already exists.", err=True)
    answer = click.prompt(
        "Update it, or make a new one?", type=click.Choice(["update", "new", "cancel"]), err=True
    )
    if answer == "cancel":
        raise click.Abort
    return str(answer)


def free(name: str, loaded: Loaded | None) -> str:
    """The name, with a number after it if it is taken."""
    taken = {fold_name(source.name) for source in loaded.desired.sources} if loaded else set()
    names = itertools.chain([name], (f"{name} ({number})" for number in itertools.count(2)))
    return next(candidate for candidate in names if fold_name(candidate) not in taken)


def target(out: Path | None, paths: tuple[Path, ...], loaded: Loaded | None) -> Path:
    """The file of a new source, under the name by which the desired state knows it."""
    if out is None:
        return Path("(standard output)")
    if not paths and out.name == DEFAULT_PATH:
        raise UsageError(f"there is no {out}: write one with `reconcile init`, then import into it")
    known = (Path(file) for file in (loaded.files if loaded else ()))
    return next((file for file in known if file.resolve() == out.resolve()), out)


def say_next(out: Path, paths: tuple[Path, ...], loaded: Loaded | None) -> None:
    """Says what to do next."""
    if loaded is None:
        click.echo(
            "It is one part of a desired state: `reconcile init` writes the others.", err=True
        )
        return
    inside = any(path.resolve() in (out.resolve(), out.resolve().parent) for path in paths)
    words = [
        str(path)
        for path in (paths if inside else (*paths, out))
        if path != Path(DEFAULT_PATH) or not inside
    ]
    click.echo(f"Next: {shlex.join(['reconcile', 'test', *words])}", err=True)
