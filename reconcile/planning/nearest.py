"""The names that are most like one that finds nothing: "did you mean …".

A directory may have a hundred thousand groups, some with names made to be slow to compare. So all
names are gone through once, by the pairs of letters they share with what is looked for. Only the few
that share most are compared in full, and long names not at all.
"""

import difflib
import heapq
from collections import Counter
from collections.abc import Sequence
from typing import Final

_LOOKED_FOR: Final = 20
"""How many names are looked for; a list of many that find nothing is wrong as a whole."""
_LONGEST: Final = 100
_COMPARED: Final = 50
_SIMILAR: Final = 0.6
_SHOWN: Final = 3


def nearest(patterns: Sequence[str], names: Sequence[str]) -> list[list[int]]:
    """The positions of up to three similar names for each pattern, the most similar first.

    Both are case-folded; a `*` in a pattern stands for any text. Only the first patterns are looked
    for; the others get none.
    """
    looked_for = patterns[:_LOOKED_FOR]
    by_pair: dict[str, list[int]] = {}
    for at, pattern in enumerate(looked_for):
        for pair in _pairs(pattern) if len(pattern) <= _LONGEST else ():
            by_pair.setdefault(pair, []).append(at)
    shared: list[list[tuple[int, int]]] = [[] for _ in looked_for]
    enough = [max(1, len(_pairs(pattern)) // 3) for pattern in looked_for]
    for position, name in enumerate(names):
        if len(name) <= _LONGEST:
            hits = Counter(at for pair in _pairs(name) for at in by_pair.get(pair, ()))
            for at, number in hits.items():
                if number >= enough[at]:
                    shared[at].append((number, -position))
    candidates = zip(looked_for, shared, strict=True)
    found = [_closest(pattern, some, names) for pattern, some in candidates]
    return found + [[] for _ in patterns[_LOOKED_FOR:]]


def _pairs(text: str) -> set[str]:
    """The pairs of neighbouring letters, the ends included; none across a `*`."""
    padded = f"\0{text}\0"
    return {padded[at : at + 2] for at in range(len(padded) - 1) if "*" not in padded[at : at + 2]}


def _closest(pattern: str, shared: list[tuple[int, int]], names: Sequence[str]) -> list[int]:
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(max(pattern.split("*"), key=len))
    similar: list[tuple[float, int]] = []
    for _, negative in heapq.nlargest(_COMPARED, shared):
        matcher.set_seq1(_comparable(names[-negative], pattern))
        if matcher.ratio() >= _SIMILAR:
            similar.append((matcher.ratio(), negative))
    return [-negative for _, negative in heapq.nlargest(_SHOWN, similar)]


def _comparable(name: str, pattern: str) -> str:
    """The part of a name that stands where the longest text of the pattern does."""
    if "*" not in pattern:
        return name
    text = max(pattern.split("*"), key=len)
    if pattern.startswith(text):
        return name[: len(text)]
    return name[-len(text) :] if text and pattern.endswith(text) else name
