"""A ledger in the platform's own database: one transaction for calls and what is said of them."""

import _thread
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import sqlalchemy as sa

from reconcile.errors import OutcomeUnknown, PlatformUnreadable
from reconcile.model.book import Edit, Ids, Settled, Step
from reconcile.model.history import Run
from reconcile.model.platform import ObjectKind
from reconcile.model.report import Outcome
from reconcile.platforms.database.database import CommitLost, Database
from reconcile.platforms.ledger import journal, settling
from reconcile.platforms.ledger.bulk_edits import BookEdits, Numbers
from reconcile.platforms.ledger.ledger import SqlLedger
from reconcile.ports import Holder


class _Whole:
    """The open transaction that keeps all of a workspace, or nothing."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.edits: BookEdits | None = None
        """Of the book, since calls are made."""
        self.recorded = ""
        """The hash of the run in the history; "" before there is one."""
        self.outcomes: Sequence[Outcome] = ()
        """Those of the run."""


class JointSqlLedger(SqlLedger):
    """A ledger in the platform's own database; see `reconcile.ports.JointLedger`."""

    def __init__(self, connect: Callable[[], Database]) -> None:
        """`connect` is called when the database is first used."""
        super().__init__(connect)
        self._wholes: dict[str, _Whole] = {}
        self._known: dict[str, Numbers] = {}
        """What the last transaction of `together` knew of the book; forgotten with the lock."""

    def lock(
        self, workspaces: Collection[str], holder: Holder, *, force: bool = False
    ) -> AbstractContextManager[None]:
        """As of any ledger."""
        self._known.clear()
        return super().lock(workspaces, holder, force=force)

    @contextmanager
    def whole(self, workspace: str) -> Iterator[sa.Connection]:
        """One transaction for everything of a workspace until the block ends."""
        whole: _Whole | None = None
        try:
            with self._store.writing(workspace) as connection:
                whole = self._wholes[workspace] = _Whole(connection)
                try:
                    yield connection
                finally:
                    del self._wholes[workspace]
        except CommitLost as lost:
            if whole is None or not whole.recorded:
                raise
            settling.settle(self._store.database, workspace, whole.recorded, lost)
        self._forget_erased(workspace, whole.outcomes)

    @contextmanager
    def _reading(self, workspace: str) -> Iterator[sa.Connection | None]:
        whole = self._wholes.get(workspace)
        with self._store.reading() if whole is None else self._within(whole) as connection:
            yield connection

    @contextmanager
    def _writing(self, workspace: str) -> Iterator[sa.Connection]:
        whole = self._wholes.get(workspace)
        with self._store.writing(workspace) if whole is None else self._within(whole) as connection:
            yield connection

    @contextmanager
    def _within(self, whole: _Whole) -> Iterator[sa.Connection]:
        """The open transaction."""
        with self._store.database.explained():
            yield whole.connection

    def finish(
        self, workspace: str, run: Run, outcomes: Sequence[Outcome], before: Ids, now: Ids
    ) -> None:
        """Adds the run to the history and closes the journal."""
        whole = self._wholes.get(workspace)
        if whole is None:
            super().finish(workspace, run, outcomes, before, now)
            return
        with self._within(whole) as connection:
            whole.recorded = self._finish(connection, workspace, run, outcomes, before, now)
        whole.outcomes = outcomes

    def together(
        self, workspace: str, steps: Sequence[Step], make: Callable[[Any], Sequence[Settled]]
    ) -> dict[tuple[ObjectKind, str], str]:
        """Makes steps and keeps what became of them, in one transaction."""
        whole = self._wholes.get(workspace)
        if whole is None:
            return self._alone(workspace, steps, make)
        with self._within(whole) as connection:
            settled = make(connection)
            if whole.edits is None:
                whole.edits = BookEdits(connection, self._number(connection, workspace))
            return whole.edits.edit_all(settled)

    def write(
        self,
        workspace: str,
        *,
        settled: Sequence[Settled] = (),
        opened: Sequence[Step] = (),
        edits: Sequence[Edit] = (),
    ) -> tuple[list[int], dict[tuple[ObjectKind, str], str]]:
        """As of any ledger."""
        self._known.pop(workspace, None)
        whole = self._wholes.get(workspace)
        if whole is not None and edits:
            whole.edits = None  # what it knows may change
        return super().write(workspace, settled=settled, opened=opened, edits=edits)

    def _alone(
        self, workspace: str, steps: Sequence[Step], make: Callable[[Any], Sequence[Settled]]
    ) -> dict[tuple[ObjectKind, str], str]:
        """As `together`, in a transaction of its own, with the journal."""
        new: dict[tuple[ObjectKind, str], str] = {}
        last = 0
        known = self._known.pop(workspace, None)
        try:
            with self._store.writing(workspace) as connection:
                settled = make(connection)
                number = self._number(connection, workspace)
                edits = BookEdits(connection, number, known)
                new = edits.edit_all(settled)
                last = journal.add_settled(connection, number, steps, settled)
            if edits.known is not None:
                self._known[workspace] = edits.known
        except (CommitLost, KeyboardInterrupt) as error:
            # Without a last step the transaction never came to be committed.
            kept = last and self._was_kept(workspace, last, error)
            if not kept and isinstance(error, CommitLost):
                raise PlatformUnreadable(f"{error.what}; none of this was kept") from error
            if not kept:
                raise
            if isinstance(error, KeyboardInterrupt):
                _thread.interrupt_main()  # once more, when what was kept has been taken in
        return new

    def _was_kept(self, workspace: str, last: int, error: BaseException) -> bool:
        """Whether a transaction was kept whose COMMIT was not answered. Raises OutcomeUnknown."""
        try:
            return settling.was_made(self._store.database, workspace, last)
        except PlatformUnreadable as again:
            what = error.what if isinstance(error, CommitLost) else "interrupted"
            raise OutcomeUnknown(
                f"{what}, and it has not said since whether it did: {again}"
            ) from error
