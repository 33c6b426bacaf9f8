"""Colours for terminals, and text without them."""

from collections.abc import Callable
from typing import Final, TypeAlias

Paint: TypeAlias = Callable[[str, str], str]
"""Text and style → the text as it is shown. The styles are the signs `+`, `~`, `-`, `!`, and
`bold`."""

_CODES: Final = {"+": "32", "~": "33", "-": "31", "!": "35", "bold": "1"}
"""Style → the number that a terminal has for green, yellow, red, magenta and bold."""


def paint_for(*, colour: bool) -> Paint:
    """The Paint for a terminal that shows colours, or for one that does not."""
    return _painted if colour else _plain


def _painted(text: str, style: str) -> str:
    """The text between the code of its colour and the one that ends it."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def _plain(text: str, _style: str) -> str:
    """The text as it is."""
    return text
