"""What `reconcile test` shows: every server of every source, and the platform."""

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import click
import msgspec

from reconcile.cli.options import colour
from reconcile.cli.progress import Silent
from reconcile.cli.terminal.quiet import quiet
from reconcile.errors import Problem
from reconcile.model import desired
from reconcile.ports import Check
from reconcile.render import printable


def each_server(source: desired.Source) -> Iterator[tuple[str, desired.Source]]:
    """The source once for each of its servers, with a name to show.

    So no failover hides a server that is down.
    """
    if len(source.servers) < 2:
        yield source.name, source
        return
    for server in source.servers:
        yield f"{source.name} {server}", msgspec.structs.replace(source, servers=(server,))


Place: TypeAlias = Callable[[str], Problem]
"""From a setting of a source, or of the platform, to where it is in the files."""
_NARROWEST: Final = 30
"""Columns that a detail needs to be folded into."""
_AT: Final = "\0"
"""Stands for the message of a place that has none."""


def _folded(detail: str, indent: int) -> str:
    """On a terminal, the text in lines below each other; otherwise as it is, for programs."""
    width = shutil.get_terminal_size().columns - indent
    if sys.stdout is None or not sys.stdout.isatty() or width < _NARROWEST:
        return detail
    lines = textwrap.wrap(detail, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{' ' * indent}".join(lines)


class Checklist:
    """Lines in columns, each shown as soon as it is known."""

    def __init__(self, names: Sequence[str], tell: Silent, *, silent: bool = False) -> None:
        """`names` are those of all sources: they determine the width of the first column.

        With `silent` nothing is shown, only noted.
        """
        self._tell = tell
        self._silent = silent
        self._width = max(map(len, (*names, "platform")))
        self.failed = False
        self.noted: list[dict[str, object]] = []
        """Each check as an object, as the schema of the output describes it."""

    def show(self, name: str, checks: Iterable[Check], place: Place) -> bool:
        """Shows one line per check; returns whether all are ok. `failed` adds up over all calls.

        What to do about a check, and where in the files, is below it.
        """
        sound = True
        for check in checks:
            sound = sound and check.ok
            at = place(check.path)
            where = {"path": at.path, "file": at.file, "line": at.line, "column": at.column}
            self.noted.append({"name": name, **check._asdict(), **where})
            mark = (
                click.style("ok    ", fg="green")
                if check.ok
                else click.style("FAILED", fg="red", bold=True)
            )
            if not check.ok or not quiet():
                self._line(name, mark, check.what, check.detail)
            if check.hint:
                self._line("", click.style("hint  ", fg="cyan"), "", check.hint)
            if check.hint or not check.ok:
                self._line("", "      ", "", str(at._replace(message=_AT)).removesuffix(f": {_AT}"))
        self.failed = self.failed or not sound
        return sound

    def show_rule(self, name: str, detail: str, *, empty: bool) -> None:
        """Shows the line of a rule; `empty`: it finds nothing."""
        mark = click.style("NONE  ", fg="yellow") if empty else click.style("ok    ", fg="green")
        if empty or not quiet():
            self._line(name, mark, "rule", detail)

    def _line(self, name: str, mark: str, what: str, detail: str) -> None:
        if self._silent:
            return
        detail = printable(" ".join(detail.split()))
        column = f"{what:<14}  " if what else ""
        start = f"{printable(name):<{self._width}}  {mark}  {column}"
        line = start + _folded(detail, len(click.unstyle(start)))
        with self._tell.aside():
            click.echo(line, color=colour())
