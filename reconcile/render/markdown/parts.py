"""A document of parts that is cut where it would become too long.

It is cut after a row, what is open is closed, and the end says how much was left out of what. Rows
are made one at a time, and none that is not shown.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

Measure: TypeAlias = Callable[[str], int]


def _byte_count(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


CHARACTERS: Final[Measure] = len
BYTES: Final[Measure] = _byte_count


class Limit(NamedTuple):
    """How long a document may be."""

    size: int
    measure: Measure


COMMENT: Final = Limit(65_000, CHARACTERS)
"""GitHub refuses comments over 65,536 characters; other forges take more."""
SUMMARY: Final = 1_000_000
"""Bytes: GitHub drops a step summary of 1 MiB whole, and one just below it, too."""


class Part(NamedTuple):
    """Lines that begin, rows of one line each, and lines that end, as around a table or a fold."""

    opening: Sequence[str]
    rows: Iterable[str] = ()
    number: int = 0
    """How many rows there are."""
    closing: Sequence[str] = ("",)
    what: str = ""
    """What the rows are, in the plural."""


Omitted: TypeAlias = Mapping[str, tuple[int, int]]
"""What was left out → how many of how many."""


def document(
    parts: Iterable[Part], ending: Callable[[Omitted], Sequence[str]], limit: Limit
) -> str:
    """The parts, cut so that they fit together with the ending, which is never cut.

    `ending` makes the last lines. They are longest if everything is left out.
    """
    parts = list(parts)
    totals = {part.what: (part.number, part.number) for part in parts if part.number}
    reserved = _size(ending(totals), limit.measure)
    lines, omitted = _cut(parts, limit.size - reserved, limit.measure)
    return "\n".join([*lines, *ending(omitted)]).rstrip("\n")


def _cut(
    parts: Sequence[Part], room: int, measure: Measure
) -> tuple[list[str], dict[str, tuple[int, int]]]:
    """The lines of the parts that fit, and what does not fit."""
    lines: list[str] = []
    omitted: dict[str, tuple[int, int]] = {}
    for part in parts:
        frame = _size(part.opening, measure) + _size(part.closing, measure)
        # After the first cut nothing follows: a document with holes would look complete.
        rows = [] if omitted else list(_fitting(part.rows, room - frame, measure))
        if len(rows) < part.number:
            omitted[part.what] = (part.number - len(rows), part.number)
        if rows or (not part.number and not omitted and frame <= room):
            lines += [*part.opening, *rows, *part.closing]
            room -= frame + _size(rows, measure)
    return lines, omitted


def _fitting(rows: Iterable[str], room: int, measure: Measure) -> Iterator[str]:
    """The first rows that fit."""
    for row in rows:
        room -= measure(row) + 1
        if room < 0:
            return
        yield row


def _size(lines: Iterable[str], measure: Measure) -> int:
    """How long the lines are with their ends."""
    return sum(measure(line) + 1 for line in lines)
