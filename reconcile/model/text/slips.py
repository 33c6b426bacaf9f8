"""Names that differ by one slip of the keyboard, and the name that was probably meant."""

import difflib
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 100
"""Characters of a name that is compared; longer ones are never suggested."""
_SIMILAR: Final = 0.85
_COMPARED: Final = 1000
"""So many names are compared in full."""


def one_slip(name: str, other: str) -> bool:
    """Whether one letter is missing, added, another one or swapped with its neighbour.

    So are names that differ in case alone. Another digit is no slip: `level1` and `level2` are two
    names on purpose.
    """
    short, long = sorted((name.casefold(), other.casefold()), key=len)
    if name == other or len(long) - len(short) > 1 or min(len(name), len(other)) < 2:
        return False
    if short == long:
        return True
    at = _shared(short, long)
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    swapped = short[at : at + 2] == long[at : at + 2][::-1]
    if swapped and short[at + 2 :] == long[at + 2 :]:
        return True
    are_digits = short[at].isdigit() and long[at].isdigit()
    return not are_digits and short[at + 1 :] == long[at + 1 :]


def _shared(first: str, second: str) -> int:
    """How many characters two different texts have in common at their beginning."""
    pairs = zip(first, second, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), len(first))


def meant(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant; "" for none."""
    if len(name) > _LONGEST:
        return ""
    others = [other for other in known if other != name and len(other) <= _LONGEST]
    slip = next((other for other in others if one_slip(name, other)), "")
    close = difflib.get_close_matches(name, others[:_COMPARED], 1, _SIMILAR)
    return slip or next(iter(close), "")
