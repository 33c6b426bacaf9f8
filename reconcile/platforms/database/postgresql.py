"""A database on a PostgreSQL server, by psycopg 3."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reconcile.platforms.database import database, server
from reconcile.platforms.database.json_values import brief

_STATES: Final = {
    "40001": server.CLASH,
    "40P01": server.CLASH,
    "55P03": server.WAITED,
    "42501": server.RIGHTS,
    "28P01": server.REFUSED,
    "28000": server.REFUSED,
    "3D000": server.NO_DATABASE,
    "53100": server.FULL,
    "25P03": server.BROKEN,
    "57P01": server.BROKEN,
    "57P02": server.BROKEN,
    "57P05": server.BROKEN,
}
"""Beside these, class 08 is a broken connection."""
_TEXTS: Final = (
    ("password authentication failed", server.REFUSED),
    ("no password supplied", server.REFUSED),
    ("permission denied for database", server.RIGHTS),
    ("does not exist", server.NO_DATABASE),
)
"""When connecting fails there is nothing but a text, in the server's language: those of English
ones are known."""


_UNSETTLED: Final = frozenset({"08", "57", "58", "XX"})
"""Classes of SQLSTATE after which it is not known whether a COMMIT was carried out; beside
them 40003."""


class PostgresqlDatabase(server.ServerDatabase):
    """One database; its tables are in the first schema of the account's search path."""

    title = "PostgreSQL"
    extra = "postgresql"
    scheme = driver = "postgresql+psycopg"
    _numbers = 2

    def __init__(self, url: sa.URL) -> None:
        super().__init__(url)
        sa.event.listen(self._engine, "connect", _settle)

        sa.event.listen(self._engine, "do_connect", _connected)

    def _arguments(self) -> Mapping[str, Any]:
        return {**super()._arguments(), "client_encoding": "utf8", "application_name": "reconcile"}

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        with self._connected() as connection:
            snapshot = connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            with snapshot.begin():
                yield snapshot

    def _expect_within(self, connection: sa.Connection, seconds: float) -> None:
        driver: Any = connection.connection.driver_connection
        driver.patience = seconds

    def _is_open(self, error: DBAPIError) -> bool:
        state = str(getattr(error.orig, "sqlstate", None) or "")
        return (
            not state or error.connection_invalidated or state[:2] in _UNSETTLED or state == "40003"
        )

    def _rule(self, error: DBAPIError) -> str:
        said = getattr(error.orig, "diag", None)
        name = getattr(said, "constraint_name", None)
        return brief(
            f"constraint {name}" if name else getattr(said, "context", None) or super()._rule(error)
        )

    def _text(self, error: DBAPIError) -> str:
        said = getattr(getattr(error.orig, "diag", None), "message_primary", None)
        return str(said or error.orig)

    def _meaning(self, error: DBAPIError, text: str) -> str:
        state = str(getattr(error.orig, "sqlstate", None) or "")
        if state in _STATES:
            return _STATES[state]
        if error.connection_invalidated or state.startswith("08"):
            return server.BROKEN
        if not state:
            return next(
                (meaning for part, meaning in _TEXTS if part in text),
                "it cannot be reached ({text})",
            )
        return "it failed: {text}"


def _connected(
    _dialect: object, _record: object, arguments: Sequence[Any], named: Mapping[str, Any]
) -> object:
    """Opens a connection; the driver is imported when first needed."""
    from reconcile.platforms.database.psycopg_waits import Connection

    made = Connection.connect(*arguments, **named)
    made.patience = server.SILENT
    return made


def _settle(connection: Any, _record: object) -> None:
    """Settings of a session; none of them outlives it."""
    milliseconds = int(database.BUSY * 1000)
    connection.execute(
        f"SET lock_timeout = {milliseconds}; "
        f"SET idle_in_transaction_session_timeout = {server.IDLE * 1000}; "
        "SET TIME ZONE 'UTC'; SET standard_conforming_strings = on"
    )
    connection.commit()
