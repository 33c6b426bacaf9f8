"""Rows as an aligned table, JSON or CSV."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from reconcile.model.text.printing import escaped, quoted
from reconcile.render.layout import and_more
from reconcile.render.wording import LONGEST_VALUE

Row: TypeAlias = Mapping[str, object]
TableFormat: TypeAlias = Literal["table", "json", "csv"]

_Cells: TypeAlias = list[list[str]]


def table(
    rows: Sequence[Row], columns: Sequence[str], form: TableFormat, width: int | None = None
) -> str:
    """The rows. JSON has every key; a table and CSV the given columns, lists joined by `, `.

    A table is at most `width` columns of a terminal wide, if that is not None: the widest cells
    are cut, and end in `…` then.
    """
    if form == "json":
        return escaped(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
    if form == "csv":
        return _csv(_cells(rows, columns, None), columns)
    return _aligned(_cells(rows, columns, _LISTED), columns, width)


_FORMULA = re.compile("(?:^|(?<=[;\t\r\n|])) *(?=[=+@\uff1d\uff0b\uff0d\uff20-])|^(?=[\t\r\n])")
"""Where a cell starts like a formula, or a part of it with another separator; some spreadsheets
also accept wide signs."""
_QUOTED = re.compile('[",;|\t\r\n]')

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_LISTED = 4
"""How many of a long list a table shows."""


def _cells(rows: Sequence[Row], columns: Sequence[str], limit: int | None) -> _Cells:
    """The columns of each row as text; of a list at most `limit` items, or all for None."""
    return [[_text(row.get(column), limit) for column in columns] for row in rows]


def _text(value: object, limit: int | None) -> str:
    """A value as text; of a list at most `limit` items, and how many more there are."""
    if value is None:
        return ""
    if not isinstance(value, (list, tuple)):
        return str(value)
    # "and 1 more" would take as much room as the one item.
    if limit is None or len(value) <= limit + 1:
        return ", ".join(map(str, value))
    return ", ".join(map(str, value[:limit])) + and_more(value, limit)


def _csv(cells: _Cells, columns: Sequence[str]) -> str:
    """Quotes each cell that contains any separator, because spreadsheets differ in theirs."""
    lines: list[Sequence[str]] = [columns]
    lines += (list(map(_harmless, row)) for row in cells)
    return "\n".join(",".join(map(_quoted, line)) for line in lines)


def _quoted(cell: str) -> str:
    """The cell in quotes, if it holds anything that a reader could take for a separator."""
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell


def _harmless(cell: str) -> str:
    """Text that starts like a formula gets an apostrophe, so spreadsheets treat it as text (OWASP).

    By another separator a part of a cell is a cell, so parts get one too. Of control characters
    only tabs and line ends stay, which a text of several lines has.
    """
    cell = _CONTROLS.sub(lambda match: repr(match.group())[1:-1], cell)
    return _FORMULA.sub(lambda match: f"'{match.group()}", cell)


def _aligned(cells: _Cells, columns: Sequence[str], width: int | None) -> str:
    """A heading and the rows, each column as wide as its widest cell, or as there is room for."""
    rows = [list(map(_heading, columns))]
    rows += ([quoted(cell, LONGEST_VALUE) for cell in row] for row in cells)
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    if width is not None and not fits(widths, width):
        widths = shrunk(widths, width)
        rows = [[_cut(cell, most) for cell, most in zip(row, widths, strict=True)] for row in rows]
    return "\n".join(_line(row, widths) for row in rows)


_BETWEEN: Final = 2
"""Columns of a terminal between two columns of a table."""
_NARROWEST: Final = 6
"""A column is not made narrower than this: its cells would say nothing."""


def fits(widths: Sequence[int], room: int) -> bool:
    """Whether columns of these widths fit next to each other."""
    return sum(widths) + _BETWEEN * (len(widths) - 1) <= room


def shrunk(widths: Sequence[int], room: int) -> list[int]:
    """Widths that fit, if that is possible: the widest columns give up what is too much."""
    smaller = list(widths)
    while not fits(smaller, room) and max(smaller) > _NARROWEST:
        widest = max(smaller)
        smaller[smaller.index(widest)] = widest - 1
    return smaller


def _cut(text: str, most: int) -> str:
    """The text, its end replaced by `…` if it takes more than `most` columns of a terminal."""
    if _width(text) <= most:
        return text
    kept = text
    while kept and _width(kept) > most - 1:
        kept = kept[:-1]
    return f"{kept}…"


def _heading(column: str) -> str:
    """The name of a column in words, in capitals."""
    return column.replace("_", " ").upper()


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """The cells, filled up to the widths of their columns."""
    filled = [cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)]
    return "  ".join(filled).rstrip()


def _width(text: str) -> int:
    """How many columns of a terminal the text takes: wide characters two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


def _character_width(character: str) -> int:
    """The columns of a character that is not ASCII."""
    if unicodedata.combining(character):
        return 0
    return 1 + (unicodedata.east_asian_width(character) in "WF")
