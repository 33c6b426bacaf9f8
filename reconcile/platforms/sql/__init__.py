"""The sql platform: users, groups and the rest in tables of a database that an application reads directly.

    tables       what there is; `schema` and `migrations` bring it about
    urls         which `database` is meant: `sqlite`, or on a `server` `postgresql` or `mariadb`; transactions, what
                 errors mean
    reading      tables → PlatformState
    writing      changes → statements; by kind: `named`, `nesting`, `departments`, `users`, `links`; below them `work`
                 and `isolation`
    attempts     logins that failed
    history      what runs did
    settling     what became of a transaction whose COMMIT was not answered
    locking      one run at a time; `processes` tells the living from the dead

SQLAlchemy is imported when the platform is first used, not when its settings are checked.
"""

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from reconcile.errors import OutcomeUnknown, PlatformUnreadable, ReconcileError
from reconcile.model import desired
from reconcile.model.platform import Limits, PlatformState
from reconcile.platforms.sql.tables.limits import limits
from reconcile.ports import Check, Fault, Holder, Progress, Writer, no_progress

if TYPE_CHECKING:  # at run time it is imported on first use
    from reconcile.platforms.database.database import CommitLost, Database
    from reconcile.platforms.sql.runs.attempts import SqlAttempts
    from reconcile.platforms.sql.runs.history import SqlHistory
    from reconcile.platforms.sql.runs.lock import Lock

_log = logging.getLogger(__name__)


class SqlPlatform:
    """A platform in a database; see `reconcile.ports.Platform` for what each method promises."""

    def __init__(self, settings: desired.Platform, progress: Progress = no_progress) -> None:
        """Takes the settings; connects when first used."""
        self._settings = settings
        self._progress = progress
        self._locks: dict[str, Lock] = {}
        self._started = ""
        self.limits: Limits = limits(settings)

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """The url has to be there; what it says is a secret, looked at when connecting."""
        if settings.url is None:
            yield ("url",), "is missing: it names the database, as in sqlite:///acme.db"
        for option in settings.options:
            yield (option,), "is no setting of a platform of type sql"

    @cached_property
    def _database(self) -> "Database":
        from reconcile.platforms.database.urls import connect

        return connect(self._settings)

    @cached_property
    def attempts(self) -> "SqlAttempts":
        """The logins that failed."""
        from reconcile.platforms.sql.runs.attempts import SqlAttempts

        return SqlAttempts(lambda: self._database, self._prepare)

    @cached_property
    def history(self) -> "SqlHistory":
        """What runs did."""
        from reconcile.platforms.sql.runs.history import SqlHistory

        return SqlHistory(lambda: self._database)

    def read(self, workspace: str) -> PlatformState:
        """The workspace as it is; an empty state where nothing has ever been applied."""
        from reconcile.platforms.sql.read import state
        from reconcile.platforms.sql.tables import revision as schema

        if not self._database.exists():
            return PlatformState(workspace)
        with self._database.reading() as connection:
            if not schema.revision(connection, str(self._database)):
                return PlatformState(workspace)
            return state.read(connection, workspace, self._progress)

    @contextmanager
    def lock(
        self, workspaces: Collection[str], holder: Holder, *, force: bool = False
    ) -> Iterator[None]:
        """Keeps every other run out of the workspaces; makes file, tables and workspaces where they are missing."""
        from reconcile.platforms.sql.runs import lock as locking

        self._prepare(workspaces)
        with locking.hold(self._database, workspaces, holder, force=force) as lock:
            self._locks |= dict.fromkeys(workspaces, lock)
            self._started = holder.started
            try:
                yield
            finally:
                for workspace in workspaces:
                    self._locks.pop(workspace, None)

    def _prepare(self, workspaces: Collection[str]) -> None:
        from reconcile.platforms.sql.read.state import create_workspaces, missing_workspaces
        from reconcile.platforms.sql.tables import revision as schema

        database = self._database
        if not database.exists():
            database.create()
        with database.reading() as connection:
            newest = schema.revision(connection, str(database)) == schema.REVISIONS[-1]
            if newest and not missing_workspaces(connection, workspaces):
                return
        with database.writing() as connection:
            schema.upgrade(connection, str(database))
            create_workspaces(connection, missing_workspaces(connection, workspaces))

    def unlock(self, workspace: str, host: str) -> Holder | None:
        """Removes the lock of a run that is dead and answers whose it was; None where there is none. Raises Locked."""
        from reconcile.platforms.sql.runs import lock as locking
        from reconcile.platforms.sql.tables import revision as schema

        if not self._database.exists():
            return None
        with self._database.reading() as connection:
            if not schema.revision(connection, str(self._database)):
                return None
        return locking.remove(self._database, workspace, host)

    @contextmanager
    def transaction(self, workspace: str) -> Iterator[Writer]:
        """A writer whose work is kept when the block ends, and undone when it raises. Needs the lock."""
        from reconcile.platforms.database.database import CommitLost
        from reconcile.platforms.sql.runs import lock as locking
        from reconcile.platforms.sql.write.writer import SqlWriter

        lock = self._locks.get(workspace)
        if lock is None:
            raise RuntimeError("transaction() without lock(): another run could be writing")
        writer: SqlWriter | None = None
        try:
            with self._database.writing() as connection:
                locking.confirm(connection, workspace, lock.token)
                writer = SqlWriter(
                    connection, workspace, self._settings, self._started, self._progress
                )
                yield writer
                writer.finish()
                locking.renew(connection, lock)
        except CommitLost as lost:
            if writer is None or not writer.recorded:
                raise
            self._settle(workspace, writer.recorded, lost)
        if writer.erased:
            self.attempts.forget_erased(workspace, writer.erased)
            self._database.scrub()

    def _settle(self, workspace: str, run: str, lost: "CommitLost") -> None:
        """Finds out what became of a run whose COMMIT was not answered; returns where it was kept."""
        from reconcile.platforms.sql.runs import settling

        try:
            kept = settling.was_kept(self._database, workspace, run)
        except PlatformUnreadable as error:
            raise OutcomeUnknown(
                f"{lost.what}, and it has not said since whether it did: {error}"
            ) from lost
        if not kept:
            raise PlatformUnreadable(
                f"{lost.what}; nothing of it was kept: run the command again"
            ) from lost
        _log.warning("%s; all of it was kept", lost.what)

    def check(self) -> Iterable[Check]:
        """Connects, looks at the schema and counts the users of each workspace."""
        from reconcile.platforms.sql.read import state
        from reconcile.platforms.sql.tables import revision as schema

        what = "platform"
        try:
            database = self._database
            if not database.exists():
                yield Check(what, True, f"the {database} will be created on the first apply")
                return
            with database.reading() as connection:
                revision = schema.revision(connection, str(database))
                version = database.version(connection)
                yield Check(
                    what, True, f"the {database} can be read" + (f" ({version})" if version else "")
                )
                what = "schema"
                yield Check(
                    what,
                    True,
                    f"revision {revision}" if revision else "will be created on the first apply",
                )
                for workspace in self._settings.workspaces if revision else ():
                    what = f"workspace {workspace}"
                    yield Check(what, True, f"{state.count_users(connection, workspace)} users")
        except ReconcileError as error:
            yield Check(what, False, str(error))

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        if "_database" in self.__dict__:
            self._database.close()
