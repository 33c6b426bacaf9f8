"""How lines, columns and names are put together, whatever they are about."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from reconcile.model.text.printing import printable

_CODE: Final = re.compile(r"\x1b\[[0-9;]*m")
_BREAKS: Final = re.compile(r"(?=  # | → )")
"""Where a long line is broken first: before its reason, and between two values."""
_JOINED: Final = "→\N{NO-BREAK SPACE}"


def aligned(rows: Sequence[tuple[str, str]]) -> list[str]:
    """One line a row: its first text filled up to the longest of them, two spaces, its second."""
    width = max((len(first) for first, _ in rows), default=0)
    return [f"{first:<{width}}  {second}" for first, second in rows]


def section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """The title and the lines; nothing where there are no lines."""
    body = list(lines)
    if body:
        yield title
        yield from body


def prefixed(prefix: str, texts: Iterable[str]) -> list[str]:
    """The texts, each after the prefix."""
    return [f"{prefix}{text}" for text in texts]


def indented(lines: Iterable[str], by: int = 2) -> list[str]:
    """The lines, each after `by` spaces."""
    return prefixed(" " * by, lines)


def joined(names: Iterable[str]) -> str:
    """Foreign names on one line, separated by commas."""
    return ", ".join(map(printable, names))


def numbered(numbers: Mapping[str, int], between: str = " ") -> str:
    """Numbers with what they count, separated by commas: `3 applied, 1 failed`."""
    return ", ".join(f"{number}{between}{name}" for name, number in numbers.items())


def around(before: str, text: str, after: str = "") -> str:
    """The text between the other two; "" where there is no text."""
    return f"{before}{text}{after}" if text else ""


def and_more(items: Sequence[object], limit: int) -> str:
    """The end of a list that shows `limit` items: ` and 3 more`; "" where it shows all."""
    return f" and {len(items) - limit} more" if len(items) > limit else ""


def folded(line: str, width: int) -> list[str]:
    """The line in parts that fit a terminal, the further ones indented; colours only begin it.

    A word that is longer than the terminal, such as a code to copy, stays whole.
    """
    plain = _CODE.sub("", line)
    head = line[: max((code.end() for code in _CODE.finditer(line)), default=0)]
    if len(plain) <= width or head == line:
        return [line]
    start = len(_CODE.sub("", head))
    indent = len(plain) - len(plain.lstrip()) + 4
    first, *rest = _BREAKS.split(plain)
    parts = _wrapped(first, width, "", indent)
    for part in rest:
        parts += _wrapped(part.strip(), width, " " * indent, indent)
    return [head + parts[0][start:], *parts[1:]]


def _wrapped(text: str, width: int, begin: str, indent: int) -> list[str]:
    """The text in lines of at most the width, unless a word is longer."""
    lines = textwrap.wrap(
        text.replace("→ ", _JOINED),
        width,
        initial_indent=begin,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    return [line.replace(_JOINED, "→ ") for line in lines]
