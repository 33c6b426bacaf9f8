"""What a limit allows."""

from typing import Final

from reconcile.model.desired import Limit

_ROUNDING: Final = 1e-9


def exceeds(limit: Limit | None, number: int, base: int, at_least: int) -> bool:
    """Whether `number` of `base` is more than the limit allows.

    A percentage refuses nothing of an empty base, and no number below `at_least`.
    """
    if limit is None or not number:
        return False
    if not limit.percent:
        return number > limit.number
    return base > 0 and number >= at_least and number * 100 > limit.number * base + _ROUNDING
