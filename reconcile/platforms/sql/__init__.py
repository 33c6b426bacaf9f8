"""The sql platform: users, groups and the rest in tables that an application reads directly.

- `tables`: what there is; `schema` and `migrations` bring it about.
- `read`: tables to a PlatformState. `write`: changes to statements, a module for each kind, all of
  them on the `context` of one workspace in its transaction.
- Locks, history and logins are those of the ledger (`reconcile.platforms.ledger.store`), in the
  same database; `reconcile.platforms.database` speaks to it.

SQLAlchemy is imported when the platform is first used, not when its settings are checked.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from reconcile.errors import ReconcileError
from reconcile.model import desired
from reconcile.model.platform import Abilities, PlatformState
from reconcile.platforms.sql.settings import problems, sql_settings
from reconcile.platforms.sql.tables.limits import abilities
from reconcile.ports import Attempts, Check, Fault, History, Holder, Progress, Writer, no_progress

if TYPE_CHECKING:  # at run time it is imported on first use
    from reconcile.platforms.database.database import Database
    from reconcile.platforms.ledger.store import Store


class SqlPlatform:
    """A platform in a database; see `reconcile.ports.Platform` for what each method promises."""

    def __init__(self, settings: desired.Platform, progress: Progress = no_progress) -> None:
        """Takes the settings; connects when first used."""
        self._settings = settings
        self._progress = progress
        self._own = sql_settings(settings)
        self.abilities: Abilities = abilities(self._own)

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """The url has to be there; what it says is a secret, looked at when connecting."""
        return problems(settings)

    @cached_property
    def _store(self) -> "Store":
        from reconcile.platforms.database.urls import connect
        from reconcile.platforms.ledger.history.read import Since
        from reconcile.platforms.ledger.store import Store
        from reconcile.platforms.sql.read.state import USERS
        from reconcile.platforms.sql.schema import MEMOS, PACKS, REMOVALS, SCHEMA, SIGNATURES

        def open_database() -> "Database":
            return connect(self._settings.url, self._settings.folder)

        since = Since(REMOVALS, SIGNATURES, PACKS, MEMOS)
        return Store(open_database, SCHEMA, USERS, since)

    @property
    def attempts(self) -> Attempts:
        """The logins that failed."""
        return self._store.attempts

    @property
    def history(self) -> History:
        """What runs did."""
        return self._store.history

    def read(self, workspace: str) -> PlatformState:
        """The workspace as it is; an empty state if nothing has ever been applied."""
        from reconcile.platforms.sql.read import state

        with self._store.reading() as connection:
            if connection is None:
                return PlatformState(workspace)
            return state.read(connection, workspace, self._progress)

    def read_and_digest(self, workspace: str, key: bytes) -> tuple[PlatformState, bytes]:
        """What `read` returns, and the digest of the rows that it was made from."""
        from reconcile.platforms.sql.read import digests, state

        with self._store.reading() as connection:
            if connection is None:
                return PlatformState(workspace), digests.of_nothing(key)
            taken = digests.Digests(connection, key)
            read = state.read(connection, workspace, self._progress, taken=taken.taking)
            return read, taken.digest()

    def digest(self, workspace: str, key: bytes) -> bytes:
        """That digest alone; references are checked as for `read`."""
        from reconcile.platforms.sql.read import digests

        with self._store.reading() as connection:
            if connection is None:
                return digests.of_nothing(key)
            return digests.of_workspace(connection, workspace, key)

    def memo(self, workspace: str, scope: str) -> str:
        """The memo that was kept last; "" for none."""
        return self._store.memo(workspace, scope)

    def keep_memo(self, workspace: str, scope: str, memo: str, holder: Holder) -> None:
        """Keeps a memo in place of the last, or "" for none."""
        self._store.keep_memo(workspace, scope, memo, holder)

    def lock(
        self, workspaces: Collection[str], holder: Holder, *, force: bool = False
    ) -> AbstractContextManager[None]:
        """Keeps every other run out; creates file, tables and workspaces if they are missing."""
        return self._store.lock(workspaces, holder, force=force)

    def unlock(self, workspace: str, host: str) -> Holder | None:
        """Removes the lock of a dead run and returns its holder; None if there is no lock."""
        return self._store.unlock(workspace, host)

    @contextmanager
    def transaction(self, workspace: str) -> Iterator[Writer]:
        """A writer whose work is kept when the block ends, and undone when it raises.

        Needs the lock.
        """
        from reconcile.platforms.database.database import CommitLost
        from reconcile.platforms.ledger import settling
        from reconcile.platforms.sql.write.writer import SqlWriter

        store = self._store
        store.held(workspace)
        writer: SqlWriter | None = None
        try:
            with store.writing(workspace) as connection:
                writer = SqlWriter(connection, workspace, self._own, store.started, self._progress)
                yield writer
                writer.finish()
        except CommitLost as lost:
            if writer is None or not writer.recorded:
                raise
            settling.settle(store.database, workspace, writer.recorded, lost)
        if writer.erased:
            store.attempts.forget_erased(workspace, writer.erased)
            store.database.scrub()

    def check(self) -> Iterable[Check]:
        """Connects, looks at the schema and counts the users of each workspace."""
        from reconcile.platforms.sql.read import state

        what = "platform"
        try:
            database = self._store.database
            if not database.exists():
                yield Check(what, True, f"the {database} will be created on the first apply")
                return
            with database.reading() as connection:
                revision = self._store.revision(connection)
                version = database.version(connection)
                named = f" ({version})" if version else ""
                yield Check(what, True, f"the {database} can be read{named}")
                what = "schema"
                known = f"revision {revision}" if revision else "will be created on the first apply"
                yield Check(what, True, known)
                for workspace in self._settings.workspaces if revision else ():
                    what = f"workspace {workspace}"
                    yield Check(what, True, f"{state.count_users(connection, workspace)} users")
        except ReconcileError as error:
            yield Check(what, False, str(error))

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        if "_store" in self.__dict__:
            self._store.close()
