"""Columns that the tables of the ledger and those of the sql platform share."""

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

NAME: Final = 255
"""Characters in a name of any kind."""


class LongText(sa.Text):
    """Text of any length. Named here, because SQLAlchemy's own type imports MySQL's dialect."""


@compiles(LongText, "mysql")
@compiles(LongText, "mariadb")
def _long_text(_type: LongText, _compiler: SQLCompiler, **_options: object) -> str:
    return "LONGTEXT"  # a text is 65,535 bytes at most


LONG_TEXT: Final = LongText()


class LongBytes(sa.LargeBinary):
    """Bytes of any length."""


@compiles(LongBytes, "mysql")
@compiles(LongBytes, "mariadb")
def _long_bytes(_type: LongBytes, _compiler: SQLCompiler, **_options: object) -> str:
    return "LONGBLOB"  # a blob is 65,535 bytes at most


LONG_BYTES: Final = LongBytes()


class utc_now(FunctionElement[datetime]):  # noqa: N801 - as SQL writes functions
    """The database's clock, in UTC; on PostgreSQL with its zone."""

    type = sa.DateTime()
    inherit_cache = True


@compiles(utc_now)
def _utc_now(_element: utc_now, _compiler: SQLCompiler, **_options: object) -> str:
    return "CURRENT_TIMESTAMP"  # in UTC on SQLite, and in our sessions on MariaDB


@compiles(utc_now, "postgresql")
def _utc_now_moving(_element: utc_now, _compiler: SQLCompiler, **_options: object) -> str:
    return "clock_timestamp()"  # the other one stands still while a transaction lasts


def id_column() -> sa.Column[int]:
    """The number of a row."""
    return sa.Column("id", sa.Integer, primary_key=True)


def workspace_column() -> sa.Column[int]:
    """The workspace that a row belongs to."""
    return sa.Column("workspace_id", sa.ForeignKey("workspaces.id"), nullable=False)


def name_column(column: str, length: int = NAME) -> sa.Column[str]:
    """A name, which every row has."""
    return sa.Column(column, sa.String(length), nullable=False)


def text_column(column: str, length: int = NAME) -> sa.Column[str]:
    """A text; "" if none is set."""
    return sa.Column(column, sa.String(length), nullable=False, server_default="")


def time_column(column: str) -> sa.Column[datetime]:
    """A moment, in UTC; by default the one when the row was inserted."""
    return sa.Column(
        column, sa.DateTime, nullable=False, server_default=sa.text("CURRENT_TIMESTAMP")
    )
