"""Which characters the texts of an application can hold, and how its names are compared."""

from collections.abc import Iterable, Iterator
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
    texts = [column for _, column in mapped.columns() if columns.kind(column) == "text"]
    names = {name for name, _ in _encodings(connection, texts)}
    charsets = [_NAMED.get(name, _UNKNOWN) for name in names]
    return min(charsets, key=_POORER.index, default="any")


def names_ignore(connection: sa.Connection, mapped: Mapped) -> Literal["case", "accents"]:
    """What makes no difference between two usernames, or two names of groups, to the database."""
    if connection.dialect.name != "mariadb":
        return "case"
    named = {"user", "group"}
    names = [objects.name for objects in mapped.objects() if objects.kind in named]
    collations = [collation for _, collation in _encodings(connection, names)]
    return "accents" if any(map(_ignores_accents, collations)) else "case"


def _ignores_accents(collation: str) -> bool:
    """Whether a collation such as `utf8mb4_unicode_ci` takes é for e; `_as_ci` says no."""
    parts = collation.split("_")
    return "ci" in parts and "as" not in parts


def _encodings(connection: sa.Connection, texts: Iterable[Column]) -> Iterator[tuple[str, str]]:
    """Character set and collation of columns on MariaDB; each column may have its own."""
    wanted = {(column.table.name, column.name) for column in texts}
    asked = sa.text(
        "SELECT table_name, column_name, character_set_name, collation_name "
        "FROM information_schema.columns "
        "WHERE table_schema = database() AND character_set_name IS NOT NULL"
    )
    for table, column, charset, collation in connection.execute(asked):
        if (table, column) in wanted:
            yield charset.lower(), collation.lower()
