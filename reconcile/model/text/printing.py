"""Foreign text, made safe for a terminal, a log and a message."""

import re
from typing import Final

# Control characters, marks that turn the direction of text, and characters without any width (but
# for the joiners that some scripts need): all can make a terminal show what is not there.
_BEYOND = (
    "\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
_UNPRINTABLE = re.compile(f"[\x00-\x1f{_BEYOND}]")
_UNESCAPED = re.compile(f"[{_BEYOND}]")
"""Unprintable characters that JSON does not escape."""

LONGEST: Final = 300
"""Maximum length of one foreign text in a message, in characters."""
LONGEST_SENTENCE: Final = 3000
"""Maximum length of a sentence with foreign names in it, in characters."""


def printable(text: str) -> str:
    r"""The text with every character that could control a terminal escaped, as in `\\x1b`."""
    # Most texts have no such character, and Python knows that faster than an expression does.
    if text.isprintable():
        return text
    return _UNPRINTABLE.sub(lambda match: repr(match.group())[1:-1], text)


def quoted(text: str, longest: int = LONGEST) -> str:
    """The text as one printable line, cut after `longest` characters with its length added.

    Every text from a server passes through here on its way into a message, so none of it can look
    like a line of reconcile.
    """
    if len(text) <= longest:
        return printable(text)
    return f"{printable(text[:longest])}… ({len(text)} characters)"


def escaped(json: str) -> str:
    r"""Equivalent JSON, with every character that could control a terminal as `\\uXXXX`."""
    return _UNESCAPED.sub(lambda match: _units(match.group()), json)


def _units(character: str) -> str:
    code = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))
