"""Text as directories compare it.

`folded` is what every server takes for the same text. `widely_folded` is what some of them do: it may
find something, but only where exactly one can be meant.
"""

import unicodedata
from typing import Final

_ASCII_CASE: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def folded(text: str) -> str:
    """Without ASCII case, spaces at the ends and doubled spaces, composed as NFC."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFC", text).translate(_ASCII_CASE).split())


def widely_folded(text: str) -> str:
    """As `folded`, without the case of any script; `ß` is not `ss`."""
    if text.isascii():
        return " ".join(text.lower().split())
    # Letter by letter: `str.lower` makes two signs of `İ`, and another sigma at the end of a word.
    lower = "".join(letter if len(letter.lower()) > 1 else letter.lower() for letter in folded(text))
    return unicodedata.normalize("NFC", lower)
