"""What a limit allows, and how its message names some of those it protects."""

from collections.abc import Iterable
from typing import Final

from reconcile.model.desired import Limit

_ROUNDING: Final = 1e-9
_MOST_NAMED: Final = 5
"""How many users a message names."""


def exceeds(limit: Limit | None, number: int, base: int, at_least: int) -> bool:
    """Whether `number` of `base` is more than the limit allows.

    A percentage refuses nothing of an empty base, and no number below `at_least`.
    """
    if limit is None or not number:
        return False
    if not limit.percent:
        return number > limit.number
    return base > 0 and number >= at_least and number * 100 > limit.number * base + _ROUNDING


def sample(members: Iterable[str]) -> str:
    """Some names in parentheses, as a message has them; "" for none."""
    names = sorted(set(members))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f" ({', '.join(names[:_MOST_NAMED])}{more})" if names else ""
