"""Which characters the texts of an application can hold."""

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import sqlalchemy as sa

from reconcile.platforms.tables import columns
from reconcile.platforms.tables.columns import Column
from reconcile.platforms.tables.mapping import Mapped

Charset: TypeAlias = Literal["any", "basic", "latin-1", "ascii"]
_POORER: Final[tuple[Charset, ...]] = ("ascii", "latin-1", "basic", "any")
_NAMED: Final[dict[str, Charset]] = {
    "utf8mb4": "any",
    "utf8mb3": "basic",
    "utf8": "basic",
    "ucs2": "basic",
    "latin1": "latin-1",
    "ascii": "ascii",
    "us7ascii": "ascii",
}
_UNKNOWN: Final[Charset] = "ascii"
"""Of an encoding that is not known here, no more is promised."""


def charset(connection: sa.Connection, mapped: Mapped) -> Charset:
    """What every mapped text column can hold."""
    if connection.dialect.name == "postgresql":
        encoding = connection.execute(sa.text("SHOW server_encoding")).scalar_one().lower()
        return "any" if encoding == "utf8" else _NAMED.get(encoding, _UNKNOWN)
    if connection.dialect.name != "mariadb":
        return "any"
    names = set(_of_mariadb(connection, mapped))
    charsets = [_NAMED.get(name, _UNKNOWN) for name in names]
    return min(charsets, key=_POORER.index, default="any")


def _of_mariadb(connection: sa.Connection, mapped: Mapped) -> Iterator[str]:
    """The names of the character sets of the mapped columns; each column may have its own."""
    wanted = {(column.table.name, column.name) for column in _texts(mapped)}
    asked = sa.text(
        "SELECT table_name, column_name, character_set_name FROM information_schema.columns "
        "WHERE table_schema = database() AND character_set_name IS NOT NULL"
    )
    for table, column, name in connection.execute(asked):
        if (table, column) in wanted:
            yield name.lower()


def _texts(mapped: Mapped) -> Iterator[Column]:
    for _, column in mapped.columns():
        if columns.kind(column) == "text":
            yield column
