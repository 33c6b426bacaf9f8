"""Rows as an aligned table, JSON or CSV."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from reconcile.model.text.printing import escaped, quoted
from reconcile.render.wording import LONGEST_VALUE

Row: TypeAlias = Mapping[str, object]
TableFormat: TypeAlias = Literal["table", "json", "csv"]


def table(rows: Sequence[Row], columns: Sequence[str], form: TableFormat) -> str:
    """The rows. JSON has every key; a table and CSV the given columns, lists joined by `, `."""
    if form == "json":
        return escaped(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
    if form == "csv":
        return _csv([[_text(row.get(column), None) for column in columns] for row in rows], columns)
    return _aligned(
        [[_text(row.get(column), _LISTED) for column in columns] for row in rows], columns
    )


_FORMULA = re.compile("(?:^|(?<=[;\t\r\n|])) *(?=[=+@\uff1d\uff0b\uff0d\uff20-])|^(?=[\t\r\n])")
"""Where a cell starts like a formula, or a part of it with another separator; some spreadsheets
also accept wide signs."""
_QUOTED = re.compile('[",;|\t\r\n]')

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_LISTED = 4
"""How many of a long list a table shows."""


def _text(value: object, limit: int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        more = (
            f" and {len(value) - limit} more"
            if limit is not None and len(value) > limit + 1
            else ""
        )
        return ", ".join(map(str, value[:limit] if more else value)) + more
    return str(value)


def _csv(cells: Sequence[Sequence[str]], columns: Sequence[str]) -> str:
    """Quotes each cell that contains any separator, because spreadsheets differ in theirs."""
    lines = [columns, *([_harmless(cell) for cell in row] for row in cells)]
    return "\n".join(",".join(map(_quoted, line)) for line in lines)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell


def _harmless(cell: str) -> str:
    """Text that starts like a formula gets an apostrophe, so spreadsheets treat it as text (OWASP).

    By another separator a part of a cell is a cell, so parts get one too. Of control characters
    only tabs and line ends stay, which a text of several lines has.
    """
    cell = _CONTROLS.sub(lambda match: repr(match.group())[1:-1], cell)
    return _FORMULA.sub(lambda match: f"'{match.group()}", cell)


def _aligned(cells: Sequence[Sequence[str]], columns: Sequence[str]) -> str:
    rows = [
        [column.replace("_", " ").upper() for column in columns],
        *([quoted(cell, LONGEST_VALUE) for cell in row] for row in cells),
    ]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    )


def _width(text: str) -> int:
    """How many columns of a terminal the text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )
