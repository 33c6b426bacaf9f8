"""Texts that stand for others: pieces in their order, with any text between them.

No regular expression: with several `*` one would try every way to cut a long name before it says
no. Here each piece is looked for once, from where the one before it ends: the first place is as
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
        """From what stands between the stars, two pieces at least: "" where a star is at an end."""
        first, *middle, last = pieces
        return cls(first, tuple(filter(None, middle)), last)

    def matches(self, text: str) -> bool:
        """Whether this is all of a text."""
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
