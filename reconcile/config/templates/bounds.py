"""Operators, filters and functions of templates that refuse results no configuration needs.

Their inputs are small already, so each computes the size of its result before the result.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, Undefined

MAX_TEXT: Final = 64 * 1024
MAX_ITEMS: Final = 10_000
MAX_ROUNDS: Final = 10_000
MAX_BITS: Final = 4096
MAX_DEPTH: Final = 100

_WIDE = re.compile(r"%[^%a-zA-Z]*(?:[0-9]{4,}|\*)")


class TooMuch(SecurityError):
    """A template asks for more than a value of a configuration may need."""


def text(value: object) -> str:
    """A value as it is written out; lists and mappings only as far as they are small.

    Raises UndefinedError for an undefined value, also within a list, and TypeError for what is no
    value of a configuration.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | dict):
        return str(whole(value))
    if value is None or isinstance(value, int | float | Undefined):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is not text")


def short(value: str) -> str:
    """The same text, if it is short enough."""
    _fits(len(value))
    return value


def _fits(length: int) -> None:
    """Refuses a text of this length, if it is too long."""
    if length > MAX_TEXT:
        raise TooMuch(f"the text is longer than {MAX_TEXT} characters")


def encodable(value: str) -> str:
    """The same text, if it can be written: half a surrogate pair cannot."""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise SecurityError("a lone surrogate is not a character") from None
    return value


def whole(value: Any) -> Any:
    """A list or mapping that is neither too large in total nor nested too deeply."""
    left, pending = MAX_ITEMS, [(value, 0)]
    while pending:
        item, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise TooMuch(f"the value is nested deeper than {MAX_DEPTH} levels")
        left -= 1 + len(item) // 64 if isinstance(item, str) else 1
        if left < 0:
            raise TooMuch(f"the value has more than {MAX_ITEMS} parts")
        if isinstance(item, dict):
            pending += [(part, depth + 1) for part in (*item, *item.values())]
        elif isinstance(item, list | tuple):
            pending += [(part, depth + 1) for part in item]
        elif isinstance(item, Undefined):
            str(item)  # raises
    return value


def concat(parts: list[object]) -> str:
    """The operator `~`."""
    return _joined("", map(text, parts))


def join(value: Iterable[object], d: str = "") -> str:
    """The filter `join`, and the method of texts."""
    return _joined(text(d), map(text, value))


def _joined(separator: str, parts: Iterable[str]) -> str:
    """The parts as one text; stops at the first that makes it too long."""
    return separator.join(pieces(parts, len(separator)))


def pieces(parts: Iterable[str], between: int = 0) -> Iterator[str]:
    """The parts of a text, as long as they are short together, with `between` characters each."""
    length = -between
    for part in parts:
        length += between + len(part)
        _fits(length)
        yield part


def replace(s: object, old: object, new: object, count: int = -1) -> str:
    """The filter `replace`, and the method of texts."""
    whole, before, after = text(s), text(old), text(new)
    times = whole.count(before)
    if count >= 0:
        times = min(count, times)
    _fits(len(whole) + times * (len(after) - len(before)))
    return whole.replace(before, after, times)


def format_(value: object, *args: Any) -> Any:
    """The filter `format`."""
    return _modulo(text(value), args)


def _modulo(left: Any, right: Any) -> Any:
    """The operator `%`: of texts with bounded widths."""
    if isinstance(left, str):
        if _WIDE.search(left):
            raise TooMuch("the text is formatted wider than 999 characters")
        parts = right if isinstance(right, tuple) else (right,)
        return short(left % tuple(map(_printed, parts)))
    return left % right


def _printed(part: Any) -> Any:
    """Lists and mappings as bounded text: Python would write them out at any length."""
    return text(part) if isinstance(part, list | tuple | dict) else part


def _add(left: Any, right: Any) -> Any:
    """The operator `+`."""
    if isinstance(left, str) and isinstance(right, str):
        return concat([left, right])
    return _small(left + right)


def _multiply(left: Any, right: Any) -> Any:
    """The operator `*`."""
    # Texts and lists are repeated: their length is known before the result exists.
    for value, times in ((left, right), (right, left)):
        repeated = isinstance(value, str | list | tuple) and isinstance(times, int)
        if repeated and len(value) * times > MAX_ITEMS:
            raise TooMuch(f"more than {MAX_ITEMS} repetitions")
    if isinstance(left, int) and isinstance(right, int):
        _few_bits(left.bit_length() + right.bit_length())
    return _small(left * right)


def _power(left: Any, right: Any) -> Any:
    """The operator `**`."""
    if isinstance(left, int) and isinstance(right, int):
        _few_bits(left.bit_length() * right)
    return left**right


def _few_bits(bits: int) -> None:
    """Refuses a number of this many bits, if it is too large."""
    if bits > MAX_BITS:
        raise TooMuch("the number is too large")


def _small(result: Any) -> Any:
    """The result of an operator, if it is a list that is not too large, or no list at all."""
    return whole(result) if isinstance(result, list | tuple) else result


OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": _add,
    "*": _multiply,
    "**": _power,
    "%": _modulo,
}


@jinja2.pass_context
def rounds(context: Context, value: Iterable[Any]) -> Iterator[Any]:
    """Counts the rounds of all loops of one rendering, in the context's list of its own name."""
    return _counted(iter(value), context.parent[" rounds"])


def _counted(values: Iterator[Any], budget: list[int]) -> Iterator[Any]:
    """The values, as long as the budget lasts."""
    for item in values:
        budget[0] -= 1
        if budget[0] < 0:
            raise TooMuch(f"loops of more than {MAX_ROUNDS} rounds")
        yield item


def rounds_left() -> dict[str, list[int]]:
    """The loop budget of one rendering, to be put into its context."""
    return {" rounds": [MAX_ROUNDS]}


def range_(*limits: int) -> range:
    """The function `range`. Of numbers beyond C's, Python refuses to tell the length."""
    numbers = range(*limits)
    if len(numbers) > MAX_ITEMS:
        raise TooMuch(f"range of more than {MAX_ITEMS} numbers")
    return numbers
