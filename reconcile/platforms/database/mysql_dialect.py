"""SQL for MySQL as for MariaDB: SQLAlchemy's dialect, and what the tables of reconcile need beyond it.

Both servers are one dialect here, with MariaDB's name, so that a rule for `mariadb` is one for
MySQL, too. SQLAlchemy asks the server which of the two it is when it connects (`is_mariadb`).
"""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.mysql.base import MySQLDDLCompiler, MySQLTypeCompiler
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql
from sqlalchemy.exc import InvalidRequestError

OLDEST_MYSQL: Final = (8, 0, 17)
"""The first with `utf8mb4_0900_bin`, and with JSON_TABLE."""
_EXACT: Final = {"utf8mb4_nopad_bin": "utf8mb4_0900_bin"}
"""Collation of MariaDB → that of MySQL which compares in the same way: by code points, with the
spaces at the end."""


def collation(connection: sa.Connection, name: str) -> str:
    """What the server calls a collation that has this name on MariaDB."""
    return name if is_mariadb(connection.dialect) else _EXACT.get(name, name)


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
        """MySQL takes no literal as the default of a long text, and functions only in brackets."""
        default = super().get_column_default_string(column)
        if default is None or is_mariadb(self.dialect) or default.startswith("("):
            return default
        is_function = default.endswith("()")
        return f"({default})" if is_function or isinstance(column.type, sa.Text) else default


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
        version = self.server_version_info or ()
        if not self.is_mariadb and version < OLDEST_MYSQL:
            raise InvalidRequestError(
                f"MySQL {'.'.join(map(str, version))} is too old, 8.0.17 or newer is needed"
            )
