"""A ledger for each workspace, where each workspace of the platform has a database of its own."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from reconcile.model.book import Book, Edit, Ids, Logged, Settled, Step
from reconcile.model.history import Entry, Link, Run
from reconcile.model.platform import ObjectKind, Reading
from reconcile.model.report import Outcome
from reconcile.platforms.ledger.joint import JointSqlLedger
from reconcile.ports import Check, Holder


class LedgerByWorkspace:
    """A JointLedger; every call goes to the ledger of its workspace."""

    def __init__(
        self, make: Callable[[str], JointSqlLedger], workspaces: Sequence[str] = ()
    ) -> None:
        """`make` gives the ledger of a workspace; it is called once for each.

        `workspaces` are those that `check` looks at.
        """
        self._make = make
        self._workspaces = workspaces
        self._ledgers: dict[str, JointSqlLedger] = {}
        self.attempts = _Attempts(self.of)
        self.history = _History(self.of)

    def of(self, workspace: str) -> JointSqlLedger:
        """The ledger of a workspace."""
        if workspace not in self._ledgers:
            self._ledgers[workspace] = self._make(workspace)
        return self._ledgers[workspace]

    def book(self, workspace: str) -> Book:
        """What is remembered about a workspace; an empty book if nothing has ever been applied."""
        return self.of(workspace).book(workspace)

    @contextmanager
    def lock(
        self, workspaces: Collection[str], holder: Holder, *, force: bool = False
    ) -> Iterator[None]:
        """Keeps every other run out; the workspaces are locked in the order of their names."""
        with ExitStack() as stack:
            for workspace in sorted(workspaces):
                stack.enter_context(self.of(workspace).lock([workspace], holder, force=force))
            yield

    def unlock(self, workspace: str, host: str) -> Holder | None:
        """Removes the lock of a dead run and returns its holder; None if there is no lock."""
        return self.of(workspace).unlock(workspace, host)

    def started(self, workspace: str) -> str:
        """When the run that holds the lock began. Raises RuntimeError without the lock."""
        return self.of(workspace).started(workspace)

    def begin(self, workspace: str, run: Run) -> None:
        """Opens the journal of a run."""
        self.of(workspace).begin(workspace, run)

    def write(
        self,
        workspace: str,
        *,
        settled: Sequence[Settled] = (),
        opened: Sequence[Step] = (),
        edits: Sequence[Edit] = (),
    ) -> tuple[list[int], dict[tuple[ObjectKind, str], str]]:
        """Records, all or nothing, as `reconcile.ports.Ledger` says."""
        ledger = self.of(workspace)
        return ledger.write(workspace, settled=settled, opened=opened, edits=edits)

    def whole(self, workspace: str) -> AbstractContextManager[Any]:
        """One transaction for everything of a workspace until the block ends."""
        return self.of(workspace).whole(workspace)

    def together(
        self, workspace: str, steps: Sequence[Step], make: Callable[[Any], Sequence[Settled]]
    ) -> dict[tuple[ObjectKind, str], str]:
        """Makes steps and keeps what became of them, in one transaction."""
        return self.of(workspace).together(workspace, steps, make)

    def journal(self, workspace: str) -> tuple[Run | None, Sequence[Logged]]:
        """The run that died before it closed its journal, and the steps in it."""
        return self.of(workspace).journal(workspace)

    def forget_step(self, workspace: str, number: int) -> None:
        """Takes a step out of the journal."""
        self.of(workspace).forget_step(workspace, number)

    def memo(self, workspace: str, scope: str) -> str:
        """The memo that was kept last; "" for none."""
        return self.of(workspace).memo(workspace, scope)

    def keep_memo(self, workspace: str, scope: str, memo: str, holder: Holder) -> None:
        """Keeps a memo in place of the last, or "" for none."""
        self.of(workspace).keep_memo(workspace, scope, memo, holder)

    def remember(self, workspace: str, readings: Collection[Reading]) -> None:
        """Records how much each source had."""
        self.of(workspace).remember(workspace, readings)

    def finish(
        self, workspace: str, run: Run, outcomes: Sequence[Outcome], before: Ids, now: Ids
    ) -> None:
        """Adds the run to the history and closes the journal."""
        self.of(workspace).finish(workspace, run, outcomes, before, now)

    def check(self) -> Iterable[Check]:
        """The checks of each workspace; ends with the first step that fails."""
        for workspace in self._workspaces:
            for check in self.of(workspace).check():
                yield check
                if not check.ok:
                    return

    def close(self) -> None:
        """Lets go of the connections; may be called at any time, more than once."""
        for ledger in self._ledgers.values():
            ledger.close()


class _History:
    """The history of each workspace, from its ledger."""

    def __init__(self, of: Callable[[str], JointSqlLedger]) -> None:
        self._of = of

    def runs(self, workspace: str, since: str = "") -> Sequence[Link]:
        return self._of(workspace).history.runs(workspace, since)

    def last(self, workspace: str) -> str:
        return self._of(workspace).history.last(workspace)

    def entries(self, workspace: str, run: str) -> Sequence[Entry]:
        return self._of(workspace).history.entries(workspace, run)

    def concerning(self, workspace: str, name: str) -> Sequence[tuple[str, Entry]]:
        return self._of(workspace).history.concerning(workspace, name)


class _Attempts:
    """The failed logins of each workspace, in its ledger."""

    def __init__(self, of: Callable[[str], JointSqlLedger]) -> None:
        self._of = of

    def begin(self, workspace: str, key: str, now: int, origin: str = "") -> int:
        return self._of(workspace).attempts.begin(workspace, key, now, origin)

    def passed(self, workspace: str, key: str, now: int, origin: str = "") -> None:
        self._of(workspace).attempts.passed(workspace, key, now, origin)

    def forget(self, workspace: str, key: str) -> None:
        self._of(workspace).attempts.forget(workspace, key)
