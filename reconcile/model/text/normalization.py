"""Unicode normalization of foreign text, in time proportional to its length.

Combining marks are put in order by an insertion sort, so a letter with 80,000 of them takes
minutes. No language needs more than a few: the Stream-Safe Text Format of UAX #15 allows 30 in a
row. A text with more stays as it is written, and so equals only its own spelling.
"""

import unicodedata
from typing import Final, Literal, TypeAlias

Form: TypeAlias = Literal["NFC", "NFD", "NFKC", "NFKD"]

MOST_MARKS: Final = 30
"""How many combining marks in a row a normalized text may have."""
_SHORT: Final = 256
"""Up to this many characters, text is normalized without checking its marks: the worst case takes
50 microseconds."""
_HIDDEN_MARKS: Final = str.maketrans(
    dict.fromkeys("\u0f73\u0f75\u0f81", "\u0f71") | dict.fromkeys("\uff9e\uff9f", "\u3099")
)
"""Characters that count as marks only once they are decomposed."""
_UNICODE_3_2: Final = unicodedata.ucd_3_2_0


def normalized(form: Form, text: str) -> str:
    """The text in a normalization form; unchanged if it has more than MOST_MARKS marks in a row."""
    return (
        unicodedata.normalize(form, text) if len(text) <= _SHORT or _has_few_marks(text) else text
    )


def normalized_3_2(form: Form, text: str) -> str:
    """The same with Unicode 3.2, which RFC 4518 and the directory servers use."""
    if len(text) <= _SHORT or _has_few_marks(text):
        return _UNICODE_3_2.normalize(form, text)
    return text


def _has_few_marks(text: str) -> bool:
    classes = bytes(map(unicodedata.combining, text.translate(_HIDDEN_MARKS)))
    return max(map(len, classes.split(b"\0"))) <= MOST_MARKS
