"""For MariaDB: one UPDATE or DELETE for many rows, whose values are given as one JSON text.

PyMySQL would send a statement for each row and wait for each answer, which over a network costs a
round trip per row. The server makes a table of the text and goes through it in order, looking up
the rows by their keys.
"""

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Final

import msgspec
import sqlalchemy as sa

CHUNK: Final = 2 * 1024 * 1024
"""Bytes of one text; a server takes 16 MiB in one statement unless configured otherwise."""
_TEXT: Final = "LONGTEXT CHARACTER SET utf8mb4"
"""Without this it would have the database's own character set, and turn what that one cannot hold
into "?"."""


def kind_of(value_type: sa.types.TypeEngine[Any]) -> str:
    """The type of a column of the table, for values of this type.

    A text with a collation is one that a key is compared with: in any other character set the key
    would be converted, row by row, and its index not be used.
    """
    if isinstance(value_type, sa.Integer):
        return "BIGINT"
    if isinstance(value_type, sa.String) and value_type.collation and value_type.length:
        return f"VARCHAR({value_type.length}) COLLATE {value_type.collation}"
    return _TEXT


def as_join(statement: str, order: Sequence[int], kinds: Iterable[str]) -> str:
    """Rewrites a statement with a `%s` for each value into one over a table that is the only `%s`.

    `order` says which of a row's values each `%s` stands for, `kinds` which types they have.
    """
    first, *others = statement.split("%s")
    text = first + "".join(
        f"given.v{place}{rest}" for place, rest in zip(order, others, strict=True)
    )
    columns = ", ".join(f"v{place} {kind} PATH '$[{place}]'" for place, kind in enumerate(kinds))
    table = f"JSON_TABLE(%s, '$[*]' COLUMNS ({columns})) AS given STRAIGHT_JOIN"
    verb, _, rest = text.partition(" ")
    if verb == "DELETE":
        name = rest.split()[1]
        return f"DELETE {name} FROM {table} {rest.removeprefix('FROM ')}"
    return f"UPDATE {table} {rest}"


_FIELD, _ROW, _NULL = "\x1f", "\x1e", "\x1d"
"""Between values, between rows, and in place of null, until all values are quoted at once."""
_ROWS: Final = 1000
"""Rows of one INSERT, as long as these are short."""


def value_lists(rows: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    """What follows VALUES in one INSERT after the other, of about CHUNK characters at most.

    All values of a statement are quoted in one go: doing so value by value, as the driver does,
    takes several times as long. Backslashes escape, as they do unless a session says otherwise.
    """
    for at in range(0, len(rows), _ROWS):
        yield from _value_lists(rows[at : at + _ROWS])


def _value_lists(rows: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    text = _ROW.join(
        [_FIELD.join([_NULL if value is None else str(value) for value in row]) for row in rows]
    )
    if len(text) > CHUNK and len(rows) > 1:
        middle = len(rows) // 2
        yield from _value_lists(rows[:middle])
        yield from _value_lists(rows[middle:])
        return
    nulls = sum(row.count(None) for row in rows)
    fields = sum(map(len, rows)) - len(rows)
    if (
        text.count(_ROW) != len(rows) - 1
        or text.count(_FIELD) != fields
        or text.count(_NULL) != nulls
    ):
        yield ",".join(map(_one_by_one, rows))  # a value holds one of the three itself
        return
    quoted = _escaped(text).replace(_FIELD, "','").replace(_ROW, "'),('")
    yield f"('{quoted}')".replace(f"'{_NULL}'", "NULL")


def _escaped(text: str) -> str:
    """A text between quotes: only a quote and a backslash mean anything there."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _one_by_one(row: Iterable[Any]) -> str:
    """One row, quoted value by value."""
    values = ("NULL" if value is None else f"'{_escaped(str(value))}'" for value in row)
    return f"({','.join(values)})"


def texts(rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """The rows as JSON, in texts of about CHUNK bytes."""
    parts: list[bytes] = []
    size = 0
    for row in rows:
        part = msgspec.json.encode(row)
        if parts and size + len(part) > CHUNK:
            yield f"[{b','.join(parts).decode()}]"
            parts, size = [], 0
        parts.append(part)
        size += len(part)
    if parts:
        yield f"[{b','.join(parts).decode()}]"


_GROUP: Final = 500
"""Rows that come as one text."""


def rows_as_json(
    connection: sa.Connection, statement: sa.Select[Any], number: sa.ColumnElement[Any]
) -> list[list[Any]] | None:
    """The rows of a SELECT, many in one text, in the order of `number`, a column of whole numbers.

    The driver takes rows apart value by value, which costs it more time than the server needs to
    find them. Dates have to be cast to text. None where a text is longer than the server gives:
    then the rows have to be read in the usual way.
    """
    connection.exec_driver_sql(f"SET SESSION group_concat_max_len = {CHUNK * 4}")
    columns = sa.func.json_array(number, *statement.selected_columns)
    texts_of_rows = (
        statement.with_only_columns(sa.func.json_arrayagg(columns), sa.func.count())
        .order_by(None)
        .group_by(sa.func.floor(number / _GROUP))
    )
    rows: list[list[Any]] = []
    try:
        for text, expected in connection.execute(texts_of_rows):
            some = msgspec.json.decode(text, type=list[list[Any]])
            if len(some) != expected:  # it may have been cut off between two rows
                return None
            rows += some
    except (msgspec.DecodeError, TypeError):
        return None
    rows.sort(key=itemgetter(0))
    return [row[1:] for row in rows]
