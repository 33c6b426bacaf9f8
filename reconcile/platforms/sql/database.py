"""What the platform needs of a database, and which kind of database a url means.

`sqlite`, `postgresql` and `mariadb` are the kinds; what the last two share is in `server`. A connection lives as long
as one transaction.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from reconcile.errors import PlatformUnreadable, UsageError
from reconcile.model import desired

BUSY: float = 5.0
"""Seconds to wait for another program that is writing."""
_KINDS: Final = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql",
    "postgresql+psycopg": "postgresql",
    "mariadb+pymysql": "mariadb",
    "mysql+pymysql": "mariadb",
}


class Busy(PlatformUnreadable):
    """Another program holds what this one has to write, and does not let go of it in time."""


class Database(ABC):
    """One database; its text names it for people, without any secret."""

    def exists(self) -> bool:
        """Whether there is anything to read."""
        return True

    def has_folder(self) -> bool:
        """Whether it could be made."""
        return True

    def create(self) -> None:
        """Makes it, where it can be made at all."""
        return

    @abstractmethod
    def reading(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that sees one state of the database and changes nothing."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that may write; kept when the block ends, undone when it raises."""

    def version(self, connection: sa.Connection) -> str:
        """Which server it is; "" where it is none."""
        del connection
        return ""

    def scrub(self) -> None:
        """Overwrites what deleted data left behind, as far as this can be asked of the database."""
        return

    @abstractmethod
    def close(self) -> None:
        """Lets go of whatever is open."""

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns what the driver and the file system raise into PlatformUnreadable, in a person's words."""
        try:
            yield
        except DBAPIError as error:
            raise self._explain(error) from error
        except OSError as error:
            raise PlatformUnreadable(f"the {self}: {error.strerror or error}") from error

    @abstractmethod
    def _explain(self, error: DBAPIError) -> PlatformUnreadable: ...


def connect(settings: desired.Platform) -> Database:
    """The database of a platform of type sql; connects when it is first used. Raises UsageError for any other url."""
    if settings.url is None:
        raise UsageError("platform.url is missing: it names the database, as in sqlite:///acme.db")
    text = settings.url.reveal()
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):  # the latter of a port that is no number, and quotes what it found
        raise UsageError(
            "platform.url is no database URL; write one as in sqlite:///acme.db or "
            "postgresql+psycopg://account:password@host/database, with @ : / and % of a password as %40 %3A %2F and %25"
        ) from None
    kind = _KINDS.get(url.drivername)
    if kind == "sqlite":
        from reconcile.platforms.sql.sqlite import SqliteDatabase

        return SqliteDatabase(url, settings.folder)
    if kind is not None:
        _refuse_unquoted(url, text)
    if kind == "postgresql":
        from reconcile.platforms.sql.postgresql import PostgresqlDatabase

        return PostgresqlDatabase(url)
    if kind == "mariadb":
        from reconcile.platforms.sql.mariadb import MariadbDatabase

        return MariadbDatabase(url)
    raise UsageError(
        f"platform.url: {url.drivername} is not supported, only sqlite:///FILE, postgresql+psycopg://… "
        "and mariadb+pymysql://… are"
    )


def _refuse_unquoted(url: sa.URL, text: str) -> None:
    """Raises UsageError where a part of the password may have become a host or a database, which are named to people.

    With one @ at most, behind the account, account and password end where they should, whatever else stands in them.
    """
    count = text.count("@")
    if count > 1 or (count and url.username is None):
        raise UsageError(
            "platform.url: quote the account and the password: {{ env('DB_PASSWORD') | urlencode }}; "
            "the only @ stands before the host, every other one is written as %40, and a / in the account as %2F"
        )
