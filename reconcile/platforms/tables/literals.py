"""Values of the file, as the columns of an application take them."""

import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from reconcile.platforms.tables.columns import Column, Kind, kind, named
from reconcile.platforms.tables.declared.conditions import Value
from reconcile.platforms.tables.declared.values import Made

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
_LITERALS: Final[Mapping[Kind, tuple[tuple[type, ...], Callable[[Any], object]]]] = {
    "integer": ((int,), int),
    "number": ((int, float), lambda value: Decimal(str(value))),
    "text": ((str, int, float), str),
    "binary": ((str,), str.encode),
    "uuid": ((str,), uuid.UUID),
    "time": ((str,), datetime.fromisoformat),
    "date": ((str,), date.fromisoformat),
}
"""What a column holds → the types of literals that fit it, and how they become its value."""
_HOLD_NOW: Final = frozenset({"time", "date", "integer", "number"})
"""What can hold the time in a type of its own; numbers hold the seconds since 1970."""


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
    """A literal that is not null. Raises ValueError, TypeError or InvalidOperation if it misfits.

    true and false fit columns of truth values and, as 1 and 0, of integers.
    """
    if of == "boolean" and value in (0, 1):
        return bool(value)
    types, convert = _LITERALS.get(of, ((), str))
    is_stray_truth = isinstance(value, bool) and of != "integer"
    if is_stray_truth or not isinstance(value, types):
        raise TypeError(value)
    return convert(value)


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
