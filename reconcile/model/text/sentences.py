"""What a text that the platform is to hold must not be."""

import unicodedata
from typing import Final

NAMES: Final = frozenset({"username", "the name"})
"""What people tell things apart by: invisible characters would make two of what looks like one."""


def misfit(what: str, text: str, length: int) -> str:
    """Why the platform is not given a text; "" for one that fits.

    `what` says what it is, `length` how many characters the platform takes (0: any). Control
    characters are never taken, invisible ones not in `NAMES`.
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
