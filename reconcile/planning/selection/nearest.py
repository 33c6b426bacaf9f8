"""The names that are most like one that finds nothing: "did you mean …".

A directory may have a hundred thousand groups, some with names made to be slow to compare. So names
are compared roughly first, by the pairs of letters they share with what is looked for. Only the few
that share most are compared in full, and long names not at all.
"""

import difflib
import heapq
from collections.abc import Iterator, Sequence
from typing import Final

_LOOKED_FOR: Final = 10
"""How many patterns get suggestions; a list of many that find nothing is wrong as a whole."""
_ROUGHLY: Final = 1_000_000
"""How many names may be compared roughly, all patterns together: about half a second."""
_LONGEST: Final = 100
_COMPARED: Final = 50
_SIMILAR: Final = 0.6
_SHOWN: Final = 3


def nearest(patterns: Sequence[str], names: Sequence[str]) -> list[list[int]]:
    """The positions of up to three similar names for each pattern, the most similar first.

    Both are case-folded; a `*` in a pattern stands for any text. Only the first patterns get
    suggestions.
    """
    number = min(_LOOKED_FOR, max(1, _ROUGHLY // max(1, len(names))))
    closest = [_closest(pattern, names) for pattern in patterns[:number]]
    return closest + [[] for _ in patterns[number:]]


def _closest(pattern: str, names: Sequence[str]) -> list[int]:
    """The positions of the names most like a pattern, the most similar first."""
    text = max(pattern.split("*"), key=len)
    if not text or len(pattern) > _LONGEST:
        return []
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(text)
    similar: list[tuple[float, int]] = []
    for _, negative in heapq.nlargest(_COMPARED, _roughly(pattern, names)):
        matcher.set_seq1(_comparable(names[-negative], pattern, text))
        if matcher.ratio() >= _SIMILAR:
            similar.append((matcher.ratio(), negative))
    return [-negative for _, negative in heapq.nlargest(_SHOWN, similar)]


def _roughly(pattern: str, names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """How many pairs of letters a name shares with the pattern, and its position, negative."""
    pairs = _pairs(pattern)
    enough = max(1, len(pairs) // 3)
    # With a ratio of 0.6 one text is at most 7/3 times as long as the other.
    longest = _LONGEST if "*" in pattern else min(_LONGEST, len(pattern) * 7 // 3)
    for position, name in enumerate(names):
        if len(name) <= longest:
            shared = sum(map(f"\0{name}\0".__contains__, pairs))
            if shared >= enough:
                yield shared, -position


def _pairs(text: str) -> list[str]:
    """The pairs of neighbouring letters, either end with a zero character; none across a `*`."""
    padded = f"\0{text}\0"
    pairs = dict.fromkeys(padded[at : at + 2] for at in range(len(padded) - 1))
    return [pair for pair in pairs if "*" not in pair]


def _comparable(name: str, pattern: str, text: str) -> str:
    """The part of a name that stands where `text`, the longest of a pattern, stands in that."""
    if "*" not in pattern:
        return name
    if pattern.startswith(text):
        return name[: len(text)]
    return name[-len(text) :] if pattern.endswith(text) else name
