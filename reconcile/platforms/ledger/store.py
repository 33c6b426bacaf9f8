"""What the sql platform and any other's ledger share: a database with locks, history, logins."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cached_property

import sqlalchemy as sa

from reconcile.platforms.database.database import Database
from reconcile.platforms.database.schema import Schema
from reconcile.platforms.ledger import lock as locks
from reconcile.platforms.ledger.attempts import SqlAttempts
from reconcile.platforms.ledger.history import memos
from reconcile.platforms.ledger.history.read import Since, SqlHistory
from reconcile.platforms.ledger.history.rows import Users
from reconcile.platforms.ledger.workspaces import create_workspaces, missing_workspaces
from reconcile.ports import Holder


class Store:
    """One database with its schema; see `reconcile.ports` for what each method promises."""

    def __init__(
        self, connect: Callable[[], Database], schema: Schema, users: Users, since: Since
    ) -> None:
        """`connect` is called when the database is first used; `since` as for SqlHistory."""
        self._connect = connect
        self._schema = schema
        self._since = since
        self._emptied: set[str] = set()
        """The workspaces whose memos the run that holds their locks has emptied."""
        self._held: dict[str, locks.Lock] = {}
        self.started = ""
        """When the run that holds the locks began, RFC 3339, UTC."""
        self.attempts = SqlAttempts(lambda: self.database, self.prepare)
        self.history = SqlHistory(lambda: self.database, schema, users, since)

    @cached_property
    def database(self) -> Database:
        """The database; nothing is opened before it is used. Raises UsageError for its URL."""
        return self._connect()

    def revision(self, connection: sa.Connection) -> str:
        """The revision of the database; "" if nothing was ever applied."""
        return self._schema.revision(connection, str(self.database))

    @contextmanager
    def reading(self) -> Iterator[sa.Connection | None]:
        """A transaction that only reads; None if nothing was ever applied."""
        if not self.database.exists():
            yield None
            return
        with self.database.reading() as connection:
            yield connection if self.revision(connection) else None

    def prepare(self, workspaces: Collection[str]) -> None:
        """Creates file, tables and workspaces if they are missing."""
        database = self.database
        if not database.exists():
            database.create()
        with database.reading() as connection:
            newest = self.revision(connection) == self._schema.newest
            if newest and not missing_workspaces(connection, workspaces):
                return
        with database.writing() as connection:
            self._schema.upgrade(connection, str(database))
            create_workspaces(connection, missing_workspaces(connection, workspaces))

    @contextmanager
    def lock(
        self, workspaces: Collection[str], holder: Holder, *, force: bool = False
    ) -> Iterator[None]:
        """Keeps every other run out of the workspaces. Raises Locked."""
        self.prepare(workspaces)
        with locks.hold(self.database, workspaces, holder, force=force) as lock:
            self._held |= dict.fromkeys(workspaces, lock)
            self._emptied -= set(workspaces)
            self.started = holder.started
            try:
                yield
            finally:
                for workspace in workspaces:
                    self._held.pop(workspace, None)

    def held(self, workspace: str) -> locks.Lock:
        """The lock that this process holds. Raises RuntimeError if it holds none."""
        lock = self._held.get(workspace)
        if lock is None:
            raise RuntimeError("transaction() without lock(): another run could be writing")
        return lock

    @contextmanager
    def writing(self, workspace: str) -> Iterator[sa.Connection]:
        """A transaction of the run that holds the lock. Raises Locked if it has lost it.

        The first one empties the memos of the workspace.
        """
        lock = self.held(workspace)
        with self.database.writing() as connection:
            locks.confirm(connection, workspace, lock.token)
            if workspace not in self._emptied:
                memos.forget(connection, workspace)
            yield connection
            locks.renew(connection, lock)
        self._emptied.add(workspace)

    def memo(self, workspace: str, scope: str) -> str:
        """The memo that was kept last; "" for none."""
        with self.reading() as connection:
            if connection is None or not self._has_memos(self.revision(connection)):
                return ""
            return memos.read(connection, workspace, scope)

    def keep_memo(self, workspace: str, scope: str, memo: str, holder: Holder) -> None:
        """Keeps a memo in place of the last, or "" for none, if anything was ever applied.

        Raises Locked while another run holds the workspace.
        """
        with self.reading() as connection:
            if connection is None or missing_workspaces(connection, [workspace]):
                return
        with self.lock([workspace], holder):
            self._emptied.add(workspace)
            with self.writing(workspace) as connection:
                memos.keep(connection, workspace, scope, memo)

    def _has_memos(self, revision: str) -> bool:
        """Whether a database of this revision keeps memos."""
        return not self._since.memos or self._schema.has(revision, self._since.memos)

    def unlock(self, workspace: str, host: str) -> Holder | None:
        """Removes the lock of a dead run and returns its holder; None if there is no lock."""
        with self.reading() as connection:
            if connection is None:
                return None
        return locks.remove(self.database, workspace, host)

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        if "database" in self.__dict__:
            self.database.close()
