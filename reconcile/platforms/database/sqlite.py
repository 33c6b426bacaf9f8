"""A database in an SQLite file.

Reading opens the file with `mode=rw`, which creates nothing, and forbids every write by
`query_only`; not with `mode=ro`, because after a killed run the first reader has to undo what that
run left half written, and a read-only connection may not.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reconcile.errors import PlatformUnreadable, UsageError
from reconcile.platforms.database import database
from reconcile.platforms.database.database import Busy, Database
from reconcile.platforms.database.json_values import brief, encode

_log = logging.getLogger(__name__)
_CACHE_KIB = 64 * 1024
"""Room for what a transaction changes: once it overflows, SQLite shuts readers out until the
commit."""
_MEANINGS = (
    (
        "not a database",
        "it is not an SQLite database; name another file in `{setting}`, or move this one away",
    ),
    ("image is malformed", "the file is damaged; restore it from a backup"),
    (
        "locked",
        "another program has kept it busy for more than {busy:g} s; try again when it is done",
    ),
    ("readonly", "it cannot be written to; check the permissions of the file and of its folder"),
    (
        "unable to open",
        "it cannot be opened; check that its folder exists, and the permissions of both",
    ),
    ("disk is full", "the disk is full; nothing was changed"),
)


class SqliteDatabase(Database):
    """One SQLite file; a relative path starts at `folder`."""

    def __init__(
        self,
        url: sa.URL,
        folder: str,
        setting: str = "platform.url",
        *,
        make_folder: bool = False,
    ) -> None:
        """Raises UsageError for a URL that means no file. `setting` is where it is written."""
        self.path = _file(url, folder, setting)
        self._setting = setting
        self._make_folder = make_folder
        self._reading = self._engine(write=False)
        self._writing = self._engine(write=True)

    def __str__(self) -> str:
        return f"SQLite database {self.path}"

    def exists(self) -> bool:
        """Whether there is anything to read; a file of no bytes is an empty database.

        Raises PlatformUnreadable if the file could not even be made.
        """
        with self.explained():
            exists = self.path.exists()
            if not exists and not self._make_folder and not self.path.parent.is_dir():
                raise PlatformUnreadable(
                    f"no folder for the {self}: create it, or name another file in"
                    f" `{self._setting}`"
                )
            return exists

    def create(self) -> None:
        """Makes an empty file that only its owner may read.

        SQLite gives its journal the same permissions.
        """
        with self.explained():
            if self._make_folder:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            except FileExistsError:  # another run was first, or it was there before: both are fine
                return

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        with self.explained(), self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """The one transaction that may write; kept when the block ends, undone when it raises."""
        with self.explained(), self._writing.begin() as connection:
            yield connection

    def scrub(self) -> None:
        """Rewrites the file, so that no page keeps what was deleted."""
        try:
            with self.explained(), closing(self._connector(write=True)()) as connection:
                connection.execute("VACUUM")
        except (PlatformUnreadable, sqlite3.Error) as error:
            _log.warning(
                "deleted data may remain in unused parts of the %s: run VACUUM on it (%s)",
                self,
                error,
            )

    def close(self) -> None:
        """Lets go of whatever is open."""
        self._reading.dispose()
        self._writing.dispose()

    def _explain(self, error: DBAPIError) -> PlatformUnreadable:
        text = brief(str(error.orig))
        if "unable to open" in text and self.path.is_dir():
            return PlatformUnreadable(f"the {self} is a folder; name a file in `{self._setting}`")
        for part, meaning in _MEANINGS:
            if part in text:
                said = meaning.format(busy=database.BUSY, setting=self._setting)
                return (Busy if part == "locked" else PlatformUnreadable)(
                    f"the {self}: {said} ({text})"
                )
        return PlatformUnreadable(f"the {self} failed: {text}")

    def _engine(self, *, write: bool) -> sa.Engine:
        engine = sa.create_engine(
            "sqlite://",
            creator=self._connector(write=write),
            poolclass=sa.NullPool,
            json_serializer=encode,
        )

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            # The driver's own transaction control knows neither savepoints nor IMMEDIATE and is
            # switched off.
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

        @sa.event.listens_for(engine, "handle_error")
        def handle_error(context: sa.ExceptionContext) -> None:
            # SQLAlchemy would close the connection of an interrupt without undoing the transaction,
            # which a statement that is not read to its end keeps open: no run could write then, not
            # even to release the lock.
            if not isinstance(context.original_exception, Exception):
                context.is_disconnect = False

        return engine

    def _connector(self, *, write: bool) -> Callable[[], sqlite3.Connection]:
        uri = f"file:{quote(str(self.path))}?mode=rw"

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(uri, uri=True, timeout=database.BUSY, isolation_level=None)
            try:
                with closing(connection.cursor()) as cursor:
                    cursor.execute("PRAGMA foreign_keys = ON")
                    cursor.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
                    if write:
                        # Zeroes what is deleted: a run may be killed between the commit of an erase
                        # and `scrub`.
                        cursor.execute("PRAGMA secure_delete = ON")
                    else:
                        cursor.execute("PRAGMA query_only = ON")
            except BaseException:
                connection.close()
                raise
            return connection

        return connect


def _file(url: sa.URL, folder: str, setting: str) -> Path:
    if (
        not url.database
        or url.database == ":memory:"
        or url.database.startswith("file:")
        or "\0" in url.database
    ):
        raise UsageError(f"{setting} does not name a file; write it as in sqlite:///acme.db")
    if url.query or url.host:
        raise UsageError(f"{setting}: only a file name may follow sqlite:///")
    return Path(folder, url.database).absolute()
