"""Patterns with wildcards: pieces in order, with any text between them.

Not a regular expression, which with several `*` would try every way to split a long name before it
fails. Here each piece is searched once, from the end of the previous one: the first match is as
good as any.
"""

from collections.abc import Iterable
from typing import NamedTuple, Self


class Wildcard(NamedTuple):
    """Text that begins with `first`, ends with `last`, and has `middle` between, in this order."""

    first: str
    middle: tuple[str, ...]
    last: str

    @classmethod
    def of(cls, pieces: Iterable[str]) -> Self:
        """From the texts between the stars, at least two: "" if a star is at an end."""
        first, *middle, last = pieces
        return cls(first, tuple(filter(None, middle)), last)

    def matches(self, text: str) -> bool:
        """Whether the pattern matches the whole text."""
        first, middle, last = self
        position, end = len(first), len(text) - len(last)
        if position > end or not text.startswith(first) or not text.endswith(last):
            return False
        for piece in middle:
            position = text.find(piece, position, end)
            if position < 0:
                return False
            position += len(piece)
        return True
