"""What a limit allows, and how its message names some of those whom it protects."""

from collections.abc import Iterable
from typing import Final

from reconcile.model.desired import Limit

_ROUNDING: Final = 1e-9
_NAMED: Final = 5
"""So many users a message names."""


def exceeds(limit: Limit | None, number: int, base: int, at_least: int) -> bool:
    """Whether `number` of `base` are more than allowed. A percentage of nothing, or of few, refuses nothing."""
    if limit is None or not number:
        return False
    if not limit.percent:
        return number > limit.number
    return base > 0 and number >= at_least and number * 100 > limit.number * base + _ROUNDING


def some(members: Iterable[str]) -> str:
    """Some names in parentheses, as they stand in a message; "" for none."""
    names = sorted(set(members))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f" ({', '.join(names[:_NAMED])}{more})" if names else ""
