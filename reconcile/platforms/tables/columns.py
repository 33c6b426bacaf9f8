"""Columns of an application: what they hold, and values on their way in and out."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final, Literal, TypeAlias

import sqlalchemy as sa

from reconcile.platforms.tables.declared.conditions import Value
from reconcile.platforms.tables.declared.values import Made
from reconcile.ports import Rejected

Column: TypeAlias = sa.Column[Any]
Kind: TypeAlias = Literal[
    "text", "integer", "number", "boolean", "time", "date", "uuid", "binary", "other"
]

_TYPES: Final[tuple[tuple[type[sa.types.TypeEngine[Any]], Kind], ...]] = (
    (sa.Boolean, "boolean"),
    (sa.Integer, "integer"),
    (sa.Numeric, "number"),
    (sa.DateTime, "time"),
    (sa.Date, "date"),
    (sa.Uuid, "uuid"),
    (sa.String, "text"),
    (sa.types._Binary, "binary"),  # noqa: SLF001 - what BYTEA, BLOB and VARBINARY have in common
)
_WORDS: Final = {
    "text": "text in quotes",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "time": "{{ now }}, or a time such as '2026-01-31 12:00:00'",
    "date": "{{ now }}, or a date such as '2026-01-31'",
    "uuid": "a UUID in quotes",
    "binary": "text in quotes",
    "other": "null",
}
_LITERALS_IN_TEXT: Final[Mapping[Kind, Callable[[str], object]]] = {
    "binary": str.encode,
    "uuid": uuid.UUID,
    "time": datetime.fromisoformat,
    "date": date.fromisoformat,
}
"""What the file writes as text, besides text itself."""
_FROM_TEXT: Final[Mapping[Kind, Callable[[str], object]]] = {
    "integer": int,
    "number": Decimal,
    "uuid": uuid.UUID,
}
"""How a text becomes a stored value; the other kinds store the text."""
_HOLD_NOW: Final = frozenset({"time", "date", "integer", "number"})
"""What can hold the time in a type of its own; numbers hold the seconds since 1970."""
FIELD_KINDS: Final = frozenset({"text", "integer", "number", "uuid"})
"""What a column may hold that is a field of a user, group or department."""


def kind(column: Column) -> Kind:
    """What a column holds."""
    of: Any = type(column.type)
    return _kind_of(of)


@cache  # asked for each value of each row
def _kind_of(type_of_column: type) -> Kind:
    return next((name for of, name in _TYPES if issubclass(type_of_column, of)), "other")


def longest(column: Column) -> int:
    """The longest text that a column takes, in characters; 0 where it is not limited."""
    return getattr(column.type, "length", None) or 0 if kind(column) == "text" else 0


def lengths(named_columns: Mapping[str, Column]) -> dict[str, int]:
    """Name → the longest text that the column takes; 0 where it is not limited."""
    return {name: longest(column) for name, column in named_columns.items()}


def named(column: Column) -> str:
    """What people call a column: table and name."""
    return f"{column.table.name}.{column.name}"


def literal(column: Column, value: Value) -> object:
    """A literal of the file as the column takes it. Raises ValueError, saying what it expects."""
    if value is None:
        return None
    try:
        return _literal(kind(column), value)
    except (TypeError, ValueError, InvalidOperation):
        expected = _WORDS[kind(column)]
        raise ValueError(
            f"{value!r} does not fit {named(column)} ({column.type}): write {expected}"
        ) from None


def _literal(of: Kind, value: Value) -> object:
    if of == "boolean" and value in (0, 1):
        return bool(value)
    if of == "integer" and isinstance(value, int):  # true and false are 1 and 0 on MariaDB
        return int(value)
    if of == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    if of == "text" and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and of in _LITERALS_IN_TEXT:
        return _LITERALS_IN_TEXT[of](value)
    raise ValueError(value)


def made(column: Column, value: Made, now: datetime) -> object:
    """A made value as the column takes it: the time in its own type, everything else as text."""
    of = kind(column)
    if value.is_now and of in _HOLD_NOW:
        return _time(column, now)
    text = value.text(now)
    return text.encode() if of == "binary" else text


def _time(column: Column, now: datetime) -> object:
    """The time as a column of times, dates or numbers takes it."""
    of = kind(column)
    if of == "date":
        return now.date()
    if of != "time":
        return int(now.timestamp())
    keeps_zone = bool(getattr(column.type, "timezone", False))
    return now if keeps_zone else now.replace(tzinfo=None)


def refuses_made(column: Column, value: Made) -> str:
    """Why a column cannot take a made value; "" where it can."""
    of = kind(column)
    if of in ("text", "binary") or (value.is_now and of in _HOLD_NOW):
        return ""
    return f"{named(column)} ({column.type}) cannot hold this: write {_WORDS[of]}"


def key(stored: object) -> object:
    """A stored value so that it equals the literal that means it: true is 1, CHAR is not padded."""
    if isinstance(stored, bool):
        return int(stored)
    return stored.rstrip(" ") if isinstance(stored, str) else stored


def as_text(stored: object) -> str:
    """A stored value as text; null is ""."""
    if isinstance(stored, str):
        return stored
    if stored is None:
        return ""
    if isinstance(stored, bytes | bytearray):
        return bytes(stored).decode("utf-8", "replace")
    return str(stored)


def from_text(column: Column, text: str) -> object:
    """A text as the column takes it. Raises Rejected where it cannot."""
    convert = _FROM_TEXT.get(kind(column))
    if convert is None:
        return text
    try:
        return convert(text)
    except (ValueError, InvalidOperation):
        raise Rejected(f"{text!r} does not fit the column {named(column)}") from None


def from_texts(column: Column, texts: Iterable[str]) -> list[object]:
    """Texts as the column takes them, in order. Raises Rejected where it cannot take one."""
    return [from_text(column, text) for text in texts]


def is_required(column: Column) -> bool:
    """Whether a new row has to say what the column holds."""
    generated = column.computed is not None or column.identity is not None
    counted = column.primary_key and column.autoincrement is not False and _counts(column)
    return not (column.nullable or column.server_default is not None or generated or counted)


def _counts(column: Column) -> bool:
    """Whether the database numbers the rows by this column."""
    alone = len(column.table.primary_key.columns) == 1
    return alone and kind(column) == "integer"


def now() -> datetime:
    """The time, UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
