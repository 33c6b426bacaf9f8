"""Where a text stops being a search filter (RFC 4515), and why.

ldap3's parser decides what is a filter, but hardly says what is wrong with the others. This looks
for the first fault from the left, for people only, in time proportional to the length of the text.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from reconcile.model.text.printing import printable

_ATTRIBUTE: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9_-]*|[0-9]+(?:\.[0-9]+)*)(?:;[A-Za-z0-9-]+)*")
_ALLOWED: Final = re.compile(r"[A-Za-z0-9_.;:-]")
_OPERATORS: Final = ">=", "<=", "~=", ":=", "="
_ESCAPE: Final = re.compile(r"\\[0-9A-Fa-f]{2}")
_IN_VALUE: Final = r"close the parenthesis before this one; in a value, write it \28"
_PARENTHESIS: Final = re.compile(r"[()]")
_AROUND: Final = 28
"""Characters of the text that are shown on either side of the fault."""


class Fault(NamedTuple):
    """What is wrong, and at which character, counted from 0."""

    position: int
    cause: str


class FilterError(ValueError):
    """A text that is not a filter. Its own text is one line."""

    def __init__(self, text: str, fault: Fault | None, otherwise: str) -> None:
        """`fault` is the first one, or None if only the parser's reason is known: `otherwise`."""
        self._text, self._fault = text, fault
        where = f"character {fault.position + 1}: {fault.cause}" if fault else otherwise
        if fault and not text.strip():
            where = fault.cause
        super().__init__(f"is not a filter (RFC 4515): {where}")

    @property
    def picture(self) -> str:
        """The text around the fault, and a caret below it; "" if the place is not known."""
        if self._fault is None or not self._text.strip():
            return ""
        at = self._fault.position
        begin, end = max(0, at - _AROUND), at + _AROUND
        before, after = _plain(self._text[begin:at]), _plain(self._text[at:end])
        before = f"{'…' if begin else ''}{before}"
        after += "…" if end < len(self._text) else ""
        return f"\n    {before}{after}\n    {' ' * len(before)}^"


def _plain(text: str) -> str:
    """The text with one column for each character, so that the caret is below the right one."""
    return "".join(char if printable(char) == char else " " for char in text)


def first_fault(text: str) -> Fault | None:
    """The first fault of a text; None if there is none."""
    return next(_Scan(text).faults(), None)


class _Level(NamedTuple):
    """A parenthesis that is open, and the operator after it: `&`, `|`, `!` or "" for an item."""

    start: int
    operator: str


class _Scan:
    """One reading from left to right. Depth is a list, so that no text is too deep."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open: list[_Level] = []
        self._parts = [0]
        """How many filters each open level has, the whole text first."""

    def faults(self) -> Iterator[Fault]:
        """The first fault; those after it may be its consequence."""
        if not self._text.strip():
            yield Fault(0, "it is empty")
            return
        while self._skip_space():
            yield from self._next(self._text[self._at])
        if self._open:
            level = self._open[-1]
            yield Fault(level.start, "this parenthesis is not closed")

    def _skip_space(self) -> bool:
        """Goes to the next character that is no layout; whether there is one."""
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._at < len(self._text)

    def _next(self, char: str) -> Iterator[Fault]:
        """Reads one parenthesis, with the item in it if it holds one."""
        if char == ")":
            yield from self._close()
        elif char == "(":
            yield from self._begin()
        elif not self._open:
            yield Fault(self._at, _outside(first=not self._parts[0]))
        else:
            yield Fault(self._at, f"expected ( or ) after {self._open[-1].operator}, not {char!r}")
        self._at += 1

    def _close(self) -> Iterator[Fault]:
        """The end of an operator's list."""
        if not self._open:
            yield Fault(self._at, "this parenthesis was never opened")
            return
        level = self._open.pop()
        if not self._parts.pop():
            yield Fault(self._at, f"there is no filter after {level.operator}")

    def _begin(self) -> Iterator[Fault]:
        """The start of a filter: an operator, or an item up to its closing parenthesis."""
        yield from self._surplus()
        start = self._at
        self._parts[-1] += 1
        self._at += 1
        if not self._skip_space():
            yield Fault(start, "this parenthesis is not closed")
            return
        char = self._text[self._at]
        if char in "&|!":
            self._open.append(_Level(start, char))
            self._parts.append(0)
        elif char == ")":
            yield Fault(self._at, "there is nothing between the parentheses")
        elif char == "(":
            yield Fault(self._at, "an operator (& | !) is missing before this parenthesis")
        else:
            yield from self._item(start)

    def _surplus(self) -> Iterator[Fault]:
        """A filter where none may follow."""
        if not self._parts[-1]:
            return
        if not self._open:
            yield Fault(self._at, "another filter follows; join them: (&(…)(…)) or (|(…)(…))")
        elif self._open[-1].operator == "!":
            yield Fault(self._at, "! takes one filter; join several: (!(&(…)(…)))")

    def _item(self, start: int) -> Iterator[Fault]:
        """`attribute=value`, up to its closing parenthesis."""
        end = self._end_of_item()
        yield from self._in_item(self._text[self._at : end], self._at)
        if end == len(self._text):
            yield Fault(start, "this parenthesis is not closed")
        elif self._text[end] == "(":
            yield Fault(end, _IN_VALUE)
        self._at = end

    def _end_of_item(self) -> int:
        """The position of the next parenthesis, or the end."""
        match = _PARENTHESIS.search(self._text, self._at)
        return match.start() if match else len(self._text)

    def _in_item(self, item: str, offset: int) -> Iterator[Fault]:
        """Faults in the attribute, the operator and the value."""
        places = [(item.find(sign), -len(sign), sign) for sign in _OPERATORS if sign in item]
        if not places:
            sign = next((sign for sign in "<>~" if sign in item), "")
            if sign:
                yield Fault(offset + item.index(sign), f"{sign} is no operator; write {sign}=")
            else:
                yield Fault(offset + len(item), "an operator (= >= <= ~=) is missing here")
            return
        at, _, sign = min(places)
        if sign != ":=":
            yield from _in_attribute(item[:at], offset)
        elif not item[:at].strip(": "):
            yield Fault(offset, "an attribute or a matching rule is missing before :=")
        yield from _in_value(item[at + len(sign) :], offset + at + len(sign))


def _outside(*, first: bool) -> str:
    """What is wrong with text outside of all parentheses."""
    if first:
        return "a filter begins with a parenthesis: (attribute=value)"
    return "text follows the end of the filter"


def _in_attribute(name: str, offset: int) -> Iterator[Fault]:
    """A name that no attribute has."""
    text = name.strip()
    offset += len(name) - len(name.lstrip())
    if not text:
        yield Fault(offset, "the name of an attribute is missing")
        return
    if text.startswith(":") or _ATTRIBUTE.fullmatch(text):
        return
    for at, char in enumerate(text):
        if not _ALLOWED.match(char):
            yield Fault(offset + at, f"an attribute name cannot have {char!r}")
            return
    match = _ATTRIBUTE.match(text)
    at = match.end() if match else 0
    yield Fault(offset + at, f"{text!r} is not an attribute name")


def _in_value(value: str, offset: int) -> Iterator[Fault]:
    """A backslash without two hexadecimal digits."""
    at = value.find("\\")
    while at >= 0:
        if not _ESCAPE.match(value, at):
            yield Fault(
                offset + at,
                r"a backslash is followed by two hexadecimal digits; a backslash itself is \5c",
            )
            return
        at = value.find("\\", at + 3)
