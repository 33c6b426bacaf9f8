"""What `reconcile test` shows: every server of every source, and the platform."""

from collections.abc import Iterable, Iterator, Sequence

import click
import msgspec

from reconcile.cli.options import colour
from reconcile.cli.progress import Silent
from reconcile.cli.terminal.quiet import quiet
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
        """Each check as an object: `name`, `ok`, `what` and `detail`."""

    def show(self, name: str, checks: Iterable[Check]) -> bool:
        """Shows one line per check; returns whether all are ok. `failed` adds up over all calls."""
        sound = True
        for check in checks:
            sound = sound and check.ok
            self.noted.append({"name": name, **check._asdict()})
            mark = (
                click.style("ok    ", fg="green")
                if check.ok
                else click.style("FAILED", fg="red", bold=True)
            )
            if not check.ok or not quiet():
                self._line(name, mark, check.what, check.detail)
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
        line = f"{printable(name):<{self._width}}  {mark}  {what:<14}  {detail}"
        with self._tell.aside():
            click.echo(line, color=colour())
