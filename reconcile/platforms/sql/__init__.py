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
        from reconcile.platforms.sql.schema import PACKS, REMOVALS, SCHEMA, SIGNATURES

        def open_database() -> "Database":
            return connect(self._settings.url, self._settings.folder)

        return Store(open_database, SCHEMA, USERS, Since(REMOVALS, SIGNATURES, PACKS))

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
