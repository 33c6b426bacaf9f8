"""When the next grace period ends: until then a plan of the same inputs stays the same."""

from collections.abc import Iterable
from datetime import datetime
from typing import get_args

from reconcile.model.desired import Lifecycle
from reconcile.model.platform import PlatformState
from reconcile.planning.target.grace import Reason


def next_end(lifecycle: Lifecycle, states: Iterable[PlatformState], now: str) -> float | None:
    """In seconds since 1970; None if no period is running. `now` is RFC 3339."""
    moment = datetime.fromisoformat(now).timestamp()
    rules = map(lifecycle.departure, get_args(Reason))
    # Which rule a user is under is not asked: the end of another one only makes a run look again.
    lengths = {rule.after for rule in rules if rule.then is not None}
    starts = {user.departed_at for state in states for user in state.users if user.departed_at}
    begun = [datetime.fromisoformat(start).timestamp() for start in starts]
    ends = (start + length for start in begun for length in lengths)
    return min((end for end in ends if end > moment), default=None)
