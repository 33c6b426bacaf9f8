"""A database on a MariaDB or MySQL server, by PyMySQL.

Both servers are one dialect here, with MariaDB's name, so that a rule for `mariadb` is one for
MySQL, too. SQLAlchemy asks the server which of the two it is when it connects (`is_mariadb`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.mysql.base import MySQLDDLCompiler, MySQLTypeCompiler
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from reconcile.platforms.database import database, server

_STRICT: Final = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
"""Whatever the server's own mode: what does not fit is refused and never cut off."""
_NUMBERS: Final = {
    1205: server.WAITED,
    1213: server.CLASH,
    1305: server.CLASH,  # the savepoint is gone, because a deadlock has undone the transaction
    1045: server.REFUSED,
    1698: server.REFUSED,
    1049: server.NO_DATABASE,
    1044: server.RIGHTS,
    1142: server.RIGHTS,
    1143: server.RIGHTS,
    1227: server.RIGHTS,
    1021: server.FULL,
    1114: server.FULL,
    1290: "the server takes no changes ({text})",
    1053: server.BROKEN,
    1317: server.BROKEN,
    1927: server.BROKEN,
    2006: server.BROKEN,
    2013: server.BROKEN,
    2055: server.BROKEN,
}


_UNSETTLED: Final = frozenset({0, 1180, 1047})
"""No number at all; an error during COMMIT, of the engine or of the cluster, that leaves open what
became of it."""


OLDEST_MYSQL: Final = (8, 0, 17)
"""The first with `utf8mb4_0900_bin`, and with JSON_TABLE."""
_EXACT: Final = {"utf8mb4_nopad_bin": "utf8mb4_0900_bin"}
"""Collation of MariaDB → that of MySQL which compares in the same way: by code points, with the
spaces at the end."""


def is_mariadb(dialect: sa.Dialect) -> bool:
    """Whether the server behind the dialect is MariaDB and not MySQL."""
    return bool(getattr(dialect, "is_mariadb", False))


class _Tables(MySQLDDLCompiler):
    def post_create_table(self, table: sa.Table) -> str:
        options = super().post_create_table(table)
        if is_mariadb(self.dialect):
            return options
        for theirs, ours in _EXACT.items():
            options = options.replace(f"COLLATE {theirs}", f"COLLATE {ours}")
        return options

    def get_column_default_string(self, column: sa.Column[Any]) -> str | None:
        """MySQL takes no literal as the default of a long text, only an expression."""
        default = super().get_column_default_string(column)
        if default is None or is_mariadb(self.dialect) or not isinstance(column.type, sa.Text):
            return default
        return f"({default})"


class _Types(MySQLTypeCompiler):
    def _extend_string(self, type_: Any, defaults: dict[str, Any], spec: str) -> str:
        text: str = super()._extend_string(type_, defaults, spec)
        name = getattr(type_, "collation", None)
        if name in _EXACT and not is_mariadb(self.dialect):
            return text.replace(f"COLLATE {name}", f"COLLATE {_EXACT[name]}")
        return text


class ServerDialect(MySQLDialect_pymysql):
    """MariaDB 10.6 and MySQL 8.0.17 or newer, by PyMySQL."""

    name = "mariadb"
    supports_statement_cache = True
    ddl_compiler = _Tables
    type_compiler_cls = _Types

    def initialize(self, connection: sa.Connection) -> None:
        """Raises InvalidRequestError for a MySQL server that is too old."""
        super().initialize(connection)
        if self.is_too_old():
            version = ".".join(map(str, self.server_version_info or ()))
            needed = ".".join(map(str, OLDEST_MYSQL))
            raise InvalidRequestError(f"MySQL {version} is too old, {needed} or newer is needed")

    def is_too_old(self) -> bool:
        """Whether the server is a MySQL that lacks what is used here."""
        return not self.is_mariadb and (self.server_version_info or ()) < OLDEST_MYSQL


registry.register("reconcile.pymysql", ServerDialect.__module__, ServerDialect.__name__)


class MariadbDatabase(server.ServerDatabase):
    """One database, which other servers call a schema."""

    title = "MariaDB"
    extra = "mariadb"
    scheme = "mariadb+pymysql"
    driver = "reconcile+pymysql"

    def version(self, connection: sa.Connection) -> str:
        """Name and version of the server."""
        name = "MariaDB" if is_mariadb(connection.dialect) else "MySQL"
        return super().version(connection).replace(self.title, name)

    def _arguments(self) -> Mapping[str, Any]:
        settings = {
            "sql_mode": f"'{_STRICT}'",
            "time_zone": "'+00:00'",
            "innodb_lock_wait_timeout": max(1, round(database.BUSY)),
            "lock_wait_timeout": max(1, round(database.BUSY)),
            # What only MySQL or only MariaDB knows: the latter alone reads /*M! as no comment.
            "wait_timeout": f"{server.IDLE} /*M! + @@wait_timeout - {server.IDLE} */",
        }
        command = "SET " + ", ".join(
            f"SESSION {name} = {value}" for name, value in settings.items()
        )
        command += f" /*M! , SESSION idle_transaction_timeout = {server.IDLE} */"
        waits = {"read_timeout": server.SILENT, "write_timeout": server.SILENT}
        arguments = {**super()._arguments(), **waits, "charset": "utf8mb4", "init_command": command}
        if self._secret:  # PyMySQL encodes text as latin-1; the server has made its hash of UTF-8
            arguments["password"] = self._secret.encode()
        return arguments

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        with self._connected() as connection:
            snapshot = connection.execution_options(isolation_level="REPEATABLE READ")
            with snapshot.begin():
                snapshot.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
                yield snapshot

    def _expect_within(self, connection: sa.Connection, seconds: float) -> None:
        driver: Any = connection.connection.driver_connection
        # Its `read_timeout`, which holds from the next read on.
        driver._read_timeout = seconds  # noqa: SLF001 - it has no public name

    def _is_open(self, error: DBAPIError) -> bool:
        number = error.orig.args[0] if error.orig is not None and error.orig.args else 0
        return (
            error.connection_invalidated
            or number in _UNSETTLED
            or _NUMBERS.get(number) == server.BROKEN
        )

    def _text(self, error: DBAPIError) -> str:
        arguments = error.orig.args if error.orig is not None else ()
        return str(arguments[1] if len(arguments) > 1 else error.orig)

    def _meaning(self, error: DBAPIError, text: str) -> str:
        del text
        number = error.orig.args[0] if error.orig is not None and error.orig.args else 0
        if number in _NUMBERS:
            return _NUMBERS[number]
        if number in {2002, 2003, 2005}:
            return "it cannot be reached ({text})"
        return server.BROKEN if error.connection_invalidated else "it failed: {text}"


class MysqlDatabase(MariadbDatabase):
    """The same on a server that its URL calls MySQL."""

    title = "MySQL"
    scheme = "mysql+pymysql"
