"""Progress: shown on a terminal, silent elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from reconcile.cli.logs import beside
from reconcile.cli.terminal.quiet import quiet


class Silent:
    """A Progress that shows nothing."""

    def __call__(self, what: str, done: int) -> None:
        """Does nothing."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Removes what is shown while the block prints."""
        yield


@contextmanager
def progress() -> Iterator[Silent]:
    """A Progress that shows on a terminal and is silent elsewhere."""
    # It is None if it was closed before we started.
    if sys.stderr is None or not sys.stderr.isatty() or quiet():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn("dots" if (sys.stderr.encoding or "").lower().startswith("utf") else "line"),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    # What is printed meanwhile steps `aside` by itself; rich would send standard output to standard
    # error.
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as bars:
        tasks: dict[str, TaskID] = {}

        class Shown(Silent):
            def __call__(self, what: str, done: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(what, total=None)
                bars.update(tasks[what], completed=done)

            @contextmanager
            def aside(self) -> Iterator[None]:
                bars.stop()
                try:
                    yield
                finally:
                    bars.start()

        shown = Shown()
        with beside(shown.aside):
            yield shown
