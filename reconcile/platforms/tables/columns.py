"""Columns of an application: what they hold, and stored values as text and back."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final, Literal, TypeAlias

import sqlalchemy as sa

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
_FROM_TEXT: Final[Mapping[Kind, Callable[[str], object]]] = {
    "integer": int,
    "number": Decimal,
    "uuid": uuid.UUID,
}
"""How a text becomes a stored value; the other kinds store the text."""
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
    return not (column.nullable or column.server_default is not None or _is_generated(column))


def _is_generated(column: Column) -> bool:
    """Whether the database makes the value itself: it computes it, or numbers the rows."""
    if column.computed is not None or column.identity is not None:
        return True
    return column.primary_key and column.autoincrement is not False and _can_count(column)


def _can_count(column: Column) -> bool:
    """Whether a primary key can number the rows: one column of integers."""
    alone = len(column.table.primary_key.columns) == 1
    return alone and kind(column) == "integer"


def now() -> datetime:
    """The time, UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
