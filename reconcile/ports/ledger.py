"""What the driver asks of a ledger."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from reconcile.model.book import Book, Edit, Ids, Logged, Settled, Step
from reconcile.model.history import Run
from reconcile.model.platform import ObjectKind, Reading
from reconcile.model.report import Outcome
from reconcile.ports.common import Check
from reconcile.ports.records import Attempts, History, Holder


class Ledger(Protocol):
    """What reconcile remembers about a Platform. Raises PlatformUnreadable and Locked."""

    @property
    def attempts(self) -> Attempts:
        """The logins that failed."""
        ...

    @property
    def history(self) -> History:
        """What runs did."""
        ...

    def book(self, workspace: str) -> Book:
        """What is remembered about a workspace; an empty book if nothing has ever been applied."""
        ...

    def lock(
        self, workspaces: Collection[str], holder: Holder, *, force: bool = False
    ) -> AbstractContextManager[None]:
        """Keeps every other run out; as for ManagedPlatform."""
        ...

    def unlock(self, workspace: str, host: str) -> Holder | None:
        """Removes the lock of a dead run, and returns its holder; as for ManagedPlatform."""
        ...

    def started(self, workspace: str) -> str:
        """When the run that holds the lock began. Raises RuntimeError without the lock."""
        ...

    def begin(self, workspace: str, run: Run) -> None:
        """Opens the journal of a run. Needs the lock, as does everything below that writes."""
        ...

    def write(
        self,
        workspace: str,
        *,
        settled: Sequence[Settled] = (),
        opened: Sequence[Step] = (),
        edits: Sequence[Edit] = (),
    ) -> tuple[list[int], dict[tuple[ObjectKind, str], str]]:
        """Records, all or nothing: results of steps, edits of the book, steps about to be made.

        Returns the numbers of the opened steps, and our ids of objects that the book did not have,
        by kind and the platform's id.
        """
        ...

    def journal(self, workspace: str) -> tuple[Run | None, Sequence[Logged]]:
        """The run that died before it closed its journal, and the steps in it."""
        ...

    def forget_step(self, workspace: str, number: int) -> None:
        """Takes a step out of the journal."""
        ...

    def remember(self, workspace: str, readings: Collection[Reading]) -> None:
        """Records how much each source had, replacing earlier readings; without unknown sources."""
        ...

    def memo(self, workspace: str, scope: str) -> str:
        """The memo of a quiet run that was kept last; as for Remembering."""
        ...

    def keep_memo(self, workspace: str, scope: str, memo: str, holder: Holder) -> None:
        """Keeps a memo in place of the last; as for Remembering."""
        ...

    def finish(
        self, workspace: str, run: Run, outcomes: Sequence[Outcome], before: Ids, now: Ids
    ) -> None:
        """Adds the run to the history and closes the journal; unclear steps stay in it."""
        ...

    def check(self) -> Iterable[Check]:
        """Connects; ends with the first step that fails, as one Check with ok False."""
        ...

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        ...
