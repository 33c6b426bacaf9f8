"""Progress: shown on a terminal, silent elsewhere."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from reconcile.cli.logs import beside
from reconcile.cli.terminal.quiet import quiet

if TYPE_CHECKING:  # it costs time to import, and every command imports this module
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

PATIENCE: Final = 1.0
"""Seconds that a command may take without showing anything."""
_WRITING: Final = ("applying ", "changes written")
"""How the names of parts begin that apply changes: they are shown as one."""


class Silent:
    """A Progress that shows nothing."""

    def __call__(self, what: str, done: int) -> None:
        """Does nothing."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Removes what is shown while the block prints."""
        yield


class Shown(Silent):
    """A Progress on a terminal: a line for each part, from the second second on."""

    def __init__(self, bars: "Bars", changes: int) -> None:
        """`changes`: how many are to be applied; 0 where that is not known."""
        self._bars = bars
        self._changes = changes
        self._parts: dict[str, TaskID] = {}
        self._current = ""
        self._guard = threading.RLock()
        self._wanted = False
        self._asides = 0
        self._timer = threading.Timer(PATIENCE, self._begin)
        self._timer.daemon = True
        self._timer.start()

    def __call__(self, what: str, done: int) -> None:
        """Shows how far a part is. A part that another one follows is over, and so is its clock."""
        part = "applying" if what.startswith(_WRITING) else what
        with self._guard:
            if part not in self._parts:
                total = self._changes if part == "applying" and self._changes else None
                self._parts[part] = self._bars.add_task(part, total=total)
            if part != self._current and self._current:
                self._bars.stop_task(self._parts[self._current])
            self._current = part
            self._bars.update(self._parts[part], completed=done)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Removes what is shown while the block prints."""
        with self._guard:
            self._asides += 1
            self._bars.stop()
        try:
            yield
        finally:
            with self._guard:
                self._asides -= 1
                self._show()

    def end(self) -> None:
        """Nothing is shown any more."""
        self._timer.cancel()
        with self._guard:
            self._wanted = False
            self._bars.stop()

    def _begin(self) -> None:
        with self._guard:
            self._wanted = True
            self._show()

    def _show(self) -> None:
        if self._wanted and not self._asides:
            self._bars.start()


@contextmanager
def progress(changes: int = 0) -> Iterator[Silent]:
    """A Progress that shows on a terminal and is silent elsewhere.

    `changes`: how many are to be applied, for a bar with an end.
    """
    # It is None if it was closed before we started.
    if sys.stderr is None or not sys.stderr.isatty() or quiet():
        yield Silent()
        return
    shown = Shown(_bars(), changes)
    try:
        with beside(shown.aside):
            yield shown
    finally:
        shown.end()


def _bars() -> "Bars":
    """The lines of parts: what, how many, of how many where that is known, and for how long."""
    from rich.console import Console
    from rich.progress import (
        Progress,
        ProgressColumn,
        SpinnerColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.text import Text

    class Count(ProgressColumn):
        def render(self, task: Task) -> Text:
            of = f" of {task.total:,.0f}" if task.total else ""
            return Text(f"{task.completed:,.0f}{of}")

    utf8 = (sys.stderr.encoding or "").lower().startswith("utf")
    columns: tuple[Any, ...] = (
        SpinnerColumn("dots" if utf8 else "line"),
        TextColumn("{task.description}"),
        Count(),
        TimeElapsedColumn(),
    )
    # What is printed meanwhile steps `aside` by itself; rich would send standard output to standard
    # error.
    console = Console(stderr=True)
    return Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    )
