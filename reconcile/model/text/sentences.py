"""Which texts the platform must not get."""

import unicodedata
from typing import Final

NAMES: Final = frozenset({"username", "the name"})
"""Fields by which people distinguish things: with invisible characters, two could look the same."""


def misfit(what: str, text: str, length: int) -> str:
    """Why the platform does not get a text; "" if it fits.

    `what` names it, `length` is how many characters the platform accepts (0: any). Control
    characters are never accepted, invisible ones not in `NAMES`.
    """
    if length and len(text) > length:
        return f"{what} has {len(text)} characters, the platform takes {length}"
    if text.isprintable():
        return ""
    refused = ("Cc", "Cs", "Cf") if what in NAMES else ("Cc", "Cs")
    for char in text:
        if unicodedata.category(char) in refused:
            kind = "control" if unicodedata.category(char) == "Cc" else "invisible"
            return f"{what} holds the {kind} character U+{ord(char):04X}"
    return ""
