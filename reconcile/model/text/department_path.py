r"""Paths of departments: titles from the top down, joined by `/`.

A `/` or `\` within a title is written `\/` or `\\`:

    path(["Sales", "EMEA/North"])   ==  r"Sales/EMEA\/North"
    titles(r"Sales/EMEA\/North")    ==  ["Sales", "EMEA/North"]

No titles and the empty path are equivalent: the place above every department.
"""

import re
from collections.abc import Iterable

_SPECIAL = re.compile(r"([\\/])")
_TITLE = re.compile(r"(?:[^\\/]|\\[\\/])*")
_ESCAPED = re.compile(r"\\(.)")


def path(titles: Iterable[str]) -> str:
    """The path of these titles, the topmost first. No title may be empty."""
    return "/".join(_SPECIAL.sub(r"\\\1", title) for title in titles)


def titles(path: str) -> list[str]:
    """The titles of a path, the topmost first. Raises ValueError for text that is not a path."""
    read: list[str] = []
    position = 0
    while path:
        match = _TITLE.match(path, position)
        if match is None or not match.group():
            raise ValueError(
                f"not a department's path: {path!r} has no title at position {position}"
            )
        read.append(_ESCAPED.sub(r"\1", match.group()))
        position = match.end()
        if position == len(path):
            break
        if path[position] != "/":
            raise ValueError(
                f"not a department's path: {path!r} has a stray backslash at position {position}"
            )
        position += 1
    return read


def parent(path: str) -> str:
    """The path above; "" above the topmost."""
    title = titles(path)[-1:]
    return path[: -len(_SPECIAL.sub(r"\\\1", title[0])) - 1] if title and "/" in path else ""
