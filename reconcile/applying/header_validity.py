"""What no plan says of itself in its header."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from reconcile.model.platform import Reading
from reconcile.model.text.printing import quoted

_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_FIRST_YEAR: Final = 2000
_LONGEST_NAME: Final = 1000
"""Characters of a name in a plan's header; those that a platform keeps are shorter."""
_MOST: Final = 2**31
"""More than a source holds of anything."""


def header_fault(names: Iterable[str], times: Iterable[str], readings: Sequence[Reading]) -> str:
    """What is wrong with names, times or readings of a header; "" for nothing."""
    return next(_faults(names, times, readings), "")


def _faults(
    names: Iterable[str], times: Iterable[str], readings: Sequence[Reading]
) -> Iterator[str]:
    for name in names:
        if quoted(name, _LONGEST_NAME) != name:
            yield f"{quoted(name)} is not a name"
    for moment in times:
        if not is_time(moment):
            yield f"{quoted(moment)} is not a time"
    if len({reading.source for reading in readings}) < len(readings):
        yield "it says twice how much a source held"
    for reading in readings:
        yield from _wrong_counts(reading)


def _wrong_counts(reading: Reading) -> Iterator[str]:
    """Numbers that are no counts; what was not counted is None."""
    counts = (reading.persons, reading.groups, reading.units, reading.members)
    for count in filter(None, counts):
        if not 0 <= count < _MOST:
            yield f"{quoted(str(count))} is not a count of what a source held"


def is_time(text: str) -> bool:
    """Whether it is a time as plans have it: `2026-01-31T23:59:59Z`."""
    if _TIME.fullmatch(text) is None:
        return False
    try:
        return datetime.fromisoformat(text).year >= _FIRST_YEAR
    except ValueError:
        return False
