"""What a limit allows."""

from reconcile.model.desired import Limit

_ROUNDING = 1e-9


def exceeds(limit: Limit | None, number: int, base: int, at_least: int) -> bool:
    """Whether `number` of `base` are more than allowed. A percentage of nothing, or of few, refuses nothing."""
    if limit is None or not number:
        return False
    if not limit.percent:
        return number > limit.number
    return base > 0 and number >= at_least and number * 100 > limit.number * base + _ROUNDING
