"""How messages of the guards count, so that they are true of one, of some and of all."""

from collections.abc import Iterable
from typing import Final

_MOST_NAMED: Final = 5
"""How many users a message names."""


def counted(number: int, noun: str) -> str:
    """`no user`, `1 user`, `12 users`. Only the first word of a noun is counted."""
    if number == 0:
        return f"no {noun}"
    return f"1 {noun}" if number == 1 else f"{number} {_plural(noun)}"


def part_of(number: int, base: int, noun: str) -> str:
    """`12 of 40 users`, `all 40 users`, `the only user`; without the rest if that is not known."""
    if number != base:
        # Fewer than are lost are no base: the message would contradict itself.
        return f"{number} of {counted(base, noun)}" if base > number else counted(number, noun)
    return f"the only {noun}" if base == 1 else f"all {counted(base, noun)}"


def _plural(noun: str) -> str:
    """`users`, `grants of the role x`: the first word is the one that is counted."""
    first, space, rest = noun.partition(" ")
    return f"{first}s{space}{rest}"


def named(members: Iterable[str]) -> str:
    """Some names, and how many more there are: `ann, bob and 3 more`; "" for none."""
    names = sorted(set(members))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"


def sample(members: Iterable[str]) -> str:
    """Some names in parentheses, as a message has them; "" for none."""
    names = named(members)
    return f" ({names})" if names else ""
