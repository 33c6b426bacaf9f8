"""A ledger in a database: what reconcile remembers about a platform that keeps nothing for it."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Final

import sqlalchemy as sa

from reconcile.errors import ReconcileError
from reconcile.model.book import Book, Edit, Ids, Logged, Settled, Step
from reconcile.model.history import Run
from reconcile.model.platform import ObjectKind, Reading
from reconcile.model.report import Outcome
from reconcile.platforms.database.database import Database
from reconcile.platforms.ledger import book, journal
from reconcile.platforms.ledger.attempts import SqlAttempts
from reconcile.platforms.ledger.bulk_edits import edit_all
from reconcile.platforms.ledger.history.people import erases
from reconcile.platforms.ledger.history.read import Since
from reconcile.platforms.ledger.history.record import Writing, record
from reconcile.platforms.ledger.schema import MEMOS, PACKS, SCHEMA, SIGNATURES
from reconcile.platforms.ledger.store import Store
from reconcile.platforms.ledger.workspaces import workspace_id
from reconcile.ports import Check, Holder

_EMPTY: Final = Book()


class SqlLedger:
    """A ledger in SQLite, PostgreSQL or MariaDB; see `reconcile.ports.Ledger`."""

    def __init__(self, connect: Callable[[], Database]) -> None:
        """`connect` is called when the database is first used."""
        since = Since(signatures=SIGNATURES, packs=PACKS, memos=MEMOS)
        self._store = Store(connect, SCHEMA, book.USERS, since)
        self.attempts: SqlAttempts = self._store.attempts
        self.history = self._store.history

    def book(self, workspace: str) -> Book:
        """What is remembered about a workspace; an empty book if nothing has ever been applied."""
        with self._reading(workspace) as connection:
            number = None if connection is None else workspace_id(connection, workspace)
            if connection is None or number is None:
                return _EMPTY
            return book.read(connection, number)

    def lock(
        self, workspaces: Collection[str], holder: Holder, *, force: bool = False
    ) -> AbstractContextManager[None]:
        """Keeps every other run out; creates file, tables and workspaces if they are missing."""
        return self._store.lock(workspaces, holder, force=force)

    def unlock(self, workspace: str, host: str) -> Holder | None:
        """Removes the lock of a dead run and returns its holder; None if there is no lock."""
        return self._store.unlock(workspace, host)

    def started(self, workspace: str) -> str:
        """When the run that holds the lock began. Raises RuntimeError without the lock."""
        self._store.held(workspace)
        return self._store.started

    def begin(self, workspace: str, run: Run) -> None:
        """Writes down which run begins."""
        with self._writing(workspace) as connection:
            journal.begin(connection, self._number(connection, workspace), run)

    def write(
        self,
        workspace: str,
        *,
        settled: Sequence[Settled] = (),
        opened: Sequence[Step] = (),
        edits: Sequence[Edit] = (),
    ) -> tuple[list[int], dict[tuple[ObjectKind, str], str]]:
        """In one transaction: results of steps, edits of the book, and steps about to be made.

        Returns the numbers of the opened steps, and our ids of objects that the book did not have.
        """
        if not (settled or opened or edits):
            return [], {}
        with self._writing(workspace) as connection:
            number = self._number(connection, workspace)
            editor = book.Editor(connection, number)
            editor.edit(edits)
            journal.settle(connection, settled)
            new = editor.new | edit_all(connection, number, settled)
            return journal.open_steps(connection, number, opened), new

    def journal(self, workspace: str) -> tuple[Run | None, list[Logged]]:
        """The run whose journal was not closed, because it died, and its steps."""
        with self._store.reading() as connection:
            number = None if connection is None else workspace_id(connection, workspace)
            if connection is None or number is None:
                return None, []
            return journal.read(connection, number)

    def forget_step(self, workspace: str, number: int) -> None:
        """Takes a step out of the journal."""
        with self._writing(workspace) as connection:
            journal.remove(connection, number)

    def memo(self, workspace: str, scope: str) -> str:
        """The memo that was kept last; "" for none."""
        return self._store.memo(workspace, scope)

    def keep_memo(self, workspace: str, scope: str, memo: str, holder: Holder) -> None:
        """Keeps a memo in place of the last, or "" for none."""
        self._store.keep_memo(workspace, scope, memo, holder)

    def remember(self, workspace: str, readings: Iterable[Reading]) -> None:
        """Keeps how much sources held, each in the place of the former."""
        with self._writing(workspace) as connection:
            book.remember_readings(connection, self._number(connection, workspace), readings)

    def finish(
        self, workspace: str, run: Run, outcomes: Sequence[Outcome], before: Ids, now: Ids
    ) -> None:
        """Adds the run to the history and closes the journal."""
        with self._writing(workspace) as connection:
            self._finish(connection, workspace, run, outcomes, before, now)
        self._forget_erased(workspace, outcomes)

    def _finish(
        self,
        connection: sa.Connection,
        workspace: str,
        run: Run,
        outcomes: Sequence[Outcome],
        before: Ids,
        now: Ids,
    ) -> str:
        """As `finish`, in an open transaction; returns the hash of the run."""
        number = self._number(connection, workspace)
        writing = Writing(connection, number, before, now, run.started)
        recorded = record(writing, book.USERS, run, outcomes)
        book.remember_supplied(connection, number)
        journal.close(connection, number)
        return recorded

    def _forget_erased(self, workspace: str, outcomes: Sequence[Outcome]) -> None:
        """What is left to do once the erasing of persons is kept."""
        erased = [outcome.change for outcome in filter(erases, outcomes)]
        if erased:
            self.attempts.forget_erased(workspace, erased)
            self._store.database.scrub()

    def _reading(self, workspace: str) -> AbstractContextManager[sa.Connection | None]:
        """A transaction that reads of a workspace; None if nothing was ever applied."""
        del workspace
        return self._store.reading()

    def _writing(self, workspace: str) -> AbstractContextManager[sa.Connection]:
        """A transaction that writes to a workspace."""
        return self._store.writing(workspace)

    def check(self) -> Iterable[Check]:
        """Connects, and says which revision it has."""
        try:
            database = self._store.database
            if not database.exists():
                yield Check("ledger", True, f"the {database} will be created on the first apply")
                return
            with database.reading() as connection:
                revision = self._store.revision(connection)
                known = f"revision {revision}" if revision else "empty"
                yield Check("ledger", True, f"the {database} can be read ({known})")
        except ReconcileError as error:
            yield Check("ledger", False, str(error))

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        self._store.close()

    @staticmethod
    def _number(connection: sa.Connection, workspace: str) -> int:
        number = workspace_id(connection, workspace)
        if number is None:
            raise ReconcileError(f"the ledger has lost the workspace {workspace!r}: run again")
        return number
