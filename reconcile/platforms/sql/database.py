"""The way to the database: where it is, how a transaction begins, what an error of its driver means.

SQLite only. A connection lives as long as one transaction. Reading opens the file with `mode=rw`, which creates
nothing, and forbids every write by `query_only`; not with `mode=ro`, because after a killed run the first reader
has to undo what that run left half written, and a read-only connection may not.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from reconcile.errors import PlatformUnreadable, UsageError
from reconcile.model import desired
from reconcile.platforms.sql.values import encode

BUSY: float = 5.0
"""Seconds to wait for another program that is writing."""
_CACHE_KIB = 64 * 1024
"""Room for what a transaction changes: once it overflows, SQLite shuts readers out until the commit."""
_MEANINGS = (
    ("not a database", "it is not an SQLite database; name another file in `platform.url`, or move this one away"),
    ("image is malformed", "the file is damaged; restore it from a backup"),
    ("locked", f"another program has kept it busy for more than {BUSY:g} s; try again when it is done"),
    ("readonly", "it may not be written to; check the permissions of the file and of its folder"),
    ("unable to open", "it cannot be opened; check that its folder is there, and the permissions of both"),
    ("disk is full", "the disk is full; nothing was changed"),
)


class Busy(PlatformUnreadable):
    """Another program holds the database's own write lock."""


class Database:
    """One SQLite file."""

    def __init__(self, settings: desired.Platform) -> None:
        """Takes the settings of a platform of type sql. Raises UsageError for a url that means no SQLite file."""
        self.path = _file(settings)
        self._reading = self._engine(write=False)
        self._writing = self._engine(write=True)

    def __str__(self) -> str:
        return f"SQLite database {self.path}"

    def exists(self) -> bool:
        """Whether there is anything to read; a file of no bytes is an empty database."""
        with self.explained():
            return self.path.exists()

    def has_folder(self) -> bool:
        """Whether the file could be made."""
        with self.explained():
            return self.path.parent.is_dir()

    def create(self) -> None:
        """Makes an empty file that only its owner may read; SQLite gives its journal the same permissions."""
        with self.explained():
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

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns what the driver and the file system raise into PlatformUnreadable, in a person's words."""
        try:
            yield
        except DBAPIError as error:
            raise self._explain(str(error.orig)) from error
        except OSError as error:
            raise PlatformUnreadable(f"the {self}: {error.strerror or error}") from error

    def close(self) -> None:
        """Lets go of whatever is open."""
        self._reading.dispose()
        self._writing.dispose()

    def _explain(self, text: str) -> PlatformUnreadable:
        if "unable to open" in text and self.path.is_dir():
            return PlatformUnreadable(f"the {self} is a folder; name a file in `platform.url`")
        for part, meaning in _MEANINGS:
            if part in text:
                return (Busy if part == "locked" else PlatformUnreadable)(f"the {self}: {meaning} ({text})")
        return PlatformUnreadable(f"the {self} failed: {text}")

    def _engine(self, *, write: bool) -> sa.Engine:
        engine = sa.create_engine(
            "sqlite://", creator=self._connector(write=write), poolclass=sa.NullPool, json_serializer=encode
        )

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            # The driver's own transaction control knows neither savepoints nor IMMEDIATE and is switched off.
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

        return engine

    def _connector(self, *, write: bool) -> Callable[[], sqlite3.Connection]:
        uri = f"file:{quote(str(self.path))}?mode=rw"

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None)
            try:
                with closing(connection.cursor()) as cursor:
                    cursor.execute("PRAGMA foreign_keys = ON")
                    cursor.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
                    if not write:
                        cursor.execute("PRAGMA query_only = ON")
            except BaseException:
                connection.close()
                raise
            return connection

        return connect


def _file(settings: desired.Platform) -> Path:
    if settings.url is None:
        raise UsageError("platform.url is missing: it names the database, as in sqlite:///acme.db")
    try:
        url = sa.make_url(settings.url.reveal())
    except ArgumentError:
        raise UsageError("platform.url is no database URL; write one as in sqlite:///acme.db") from None
    if url.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise UsageError(f"platform.url: {url.get_backend_name()} is not supported yet, only sqlite:///FILE is")
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise UsageError("platform.url names no file; write it as in sqlite:///acme.db")
    if url.query or url.host:
        raise UsageError("platform.url: behind sqlite:/// stands a file and nothing else")
    return Path(settings.folder, url.database).absolute()
