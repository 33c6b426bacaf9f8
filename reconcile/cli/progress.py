"""Progress: shown on a terminal, silent elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Silent:
    """A Progress that shows nothing."""

    def __call__(self, what: str, done: int) -> None:
        """Does nothing."""

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Keeps what is shown out of the way of what is printed in the block."""
        yield


@contextmanager
def progress() -> Iterator[Silent]:
    """A Progress that shows on a terminal and is silent elsewhere."""
    if sys.stderr is None or not sys.stderr.isatty():  # None where it was closed before we started
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
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

        yield Shown()
