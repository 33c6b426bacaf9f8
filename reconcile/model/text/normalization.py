"""Unicode normalization of foreign text, in time that grows with its length alone.

Combining marks are put in order by an insertion sort, so a letter with 80,000 of them takes
minutes. No language needs more than a few: the Stream-Safe Text Format of UAX #15 allows 30 in a
row. A text with more stays as it is written, and so is the same as nothing but its own spelling.
"""

import unicodedata
from typing import Final, Literal, TypeAlias

Form: TypeAlias = Literal["NFC", "NFD", "NFKC", "NFKD"]

MOST_MARKS: Final = 30
"""How many combining marks may follow each other in a text that is normalized."""
_SHORT: Final = 256
"""Characters of a text that is normalized without a look at its marks: the worst takes 50
microseconds."""
_HIDDEN_MARKS: Final = str.maketrans(
    dict.fromkeys("\u0f73\u0f75\u0f81", "\u0f71") | dict.fromkeys("\uff9e\uff9f", "\u3099")
)
"""Characters that do not count as marks before they are taken apart."""
_UNICODE_3_2: Final = unicodedata.ucd_3_2_0


def normalized(form: Form, text: str) -> str:
    """The text in a normalization form; unchanged if it has more than MOST_MARKS marks in a row."""
    return (
        unicodedata.normalize(form, text) if len(text) <= _SHORT or _has_few_marks(text) else text
    )


def normalized_3_2(form: Form, text: str) -> str:
    """The same by Unicode 3.2, which RFC 4518 and the directory servers go by."""
    if len(text) <= _SHORT or _has_few_marks(text):
        return _UNICODE_3_2.normalize(form, text)
    return text


def _has_few_marks(text: str) -> bool:
    classes = bytes(map(unicodedata.combining, text.translate(_HIDDEN_MARKS)))
    return max(map(len, classes.split(b"\0"))) <= MOST_MARKS
