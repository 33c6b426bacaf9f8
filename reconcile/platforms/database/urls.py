"""Which kind of database a url means: `sqlite`, `postgresql`, `mariadb` or `mysql`.

What the last three share is in `server`.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from reconcile.errors import ReconcileError, UsageError
from reconcile.files import sqlite_fault
from reconcile.model.desired import Secret
from reconcile.platforms.database.database import Database

_KINDS: Final = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql",
    "postgresql+psycopg": "postgresql",
    "mariadb+pymysql": "mariadb",
    "mysql+pymysql": "mysql",
}

_LAST_PORT: Final = 65535


def connect(
    secret: Secret | None, folder: str, setting: str = "platform.url", *, make_folder: bool = False
) -> Database:
    """The database of a URL; connects when it is first used. Raises UsageError for any other URL.

    `setting` is where the URL is written, for messages. A relative path starts at `folder`;
    `make_folder`: the folder of an SQLite file is created with it.
    """
    if secret is None:
        raise UsageError(f"{setting} is missing: it names the database, as in sqlite:///acme.db")
    text = secret.reveal()
    try:
        url = sa.make_url(text)
    # The latter of a port that is no number, and quotes what it found.
    except (ArgumentError, ValueError):
        raise UsageError(
            f"{setting} is not a database URL; write one as in sqlite:///acme.db or "
            "postgresql+psycopg://account:password@host/database, "
            "with @ : / and % of a password as %40 %3A %2F and %25"
        ) from None
    kind = _KINDS.get(url.drivername)
    if kind == "sqlite":
        from reconcile.platforms.database.sqlite import SqliteDatabase

        return SqliteDatabase(url, folder, setting, make_folder=make_folder)
    if kind is not None:
        _refuse_unquoted(url, text, setting)
    if kind == "postgresql":
        from reconcile.platforms.database.postgresql import PostgresqlDatabase

        return PostgresqlDatabase(url)
    if kind == "mariadb":
        from reconcile.platforms.database.mariadb import MariadbDatabase

        return MariadbDatabase(url)
    if kind == "mysql":
        from reconcile.platforms.database.mariadb import MysqlDatabase

        return MysqlDatabase(url)
    raise UsageError(
        f"{setting}: {url.drivername} is not supported, only sqlite:///FILE, "
        "postgresql+psycopg://…, mariadb+pymysql://… and mysql+pymysql://… are"
    )


def _refuse_unquoted(url: sa.URL, text: str, setting: str) -> None:
    """Raises UsageError if part of the password may have become a host or a database.

    Host and database are shown to people. With at most one @, after the account, account and
    password end where they should, whatever else is in them.
    """
    count = text.count("@")
    if count > 1 or (count and url.username is None):
        raise UsageError(
            f"{setting}: quote the account and the password: "
            "{{ env('DB_PASSWORD') | urlencode }}; "
            "the only @ is before the host, every other one is written as %40, "
            "and a / in the account as %2F"
        )


class _Text:
    """A URL with a letter in the place of what is fetched later."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text."""
        return self._text


def fault(text: str, folder: str, *, made: bool = False) -> str:
    """Why no database can be meant; "" if one can.

    `made`: the folder of an SQLite file is made with it.
    """
    try:
        connect(_Text(text), folder, "the URL", make_folder=made).close()
        url = sa.make_url(text)
    except ReconcileError as error:
        return str(error)
    if url.drivername.startswith("sqlite"):
        return "" if made else sqlite_fault(url.database or "", folder)
    if url.port is not None and not 0 < url.port <= _LAST_PORT:
        return f"the port {url.port} is not between 1 and {_LAST_PORT}"
    return ""
