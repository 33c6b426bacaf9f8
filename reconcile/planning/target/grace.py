"""Grace periods: when one begins, when it is over, and which rule it follows.

There is one for a person who left and one for a person who is disabled, and a user has at most one
at a time. It starts with the first run that sees its cause, and starts again with another cause: if
a person is out of scope or disabled first and missing later, for example. Without a cause the mark
goes.

A person can be out of scope and disabled at once. Then the period counts that ends harder, and of
two that end alike the one that ends first, so that neither is forgotten and none ends too early.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from reconcile.model.desired import Departing, Departure, Lifecycle
from reconcile.model.platform import NOW, User

Reason: TypeAlias = Literal["missing", "out_of_scope", "disabled"]
"""Why a user is out of service."""

_HARDER: Final = get_args(Departing)
"""What can happen to a user, each harder than the one before it."""


def hardness(action: Departing) -> int:
    """A number that is larger for a harder action."""
    return _HARDER.index(action)


def deciding(user: User, reasons: Sequence[Reason], lifecycle: Lifecycle, now: str) -> Reason:
    """The one of the reasons whose grace period counts; the first if none of them has any."""
    if len(reasons) == 1:
        return reasons[0]

    def urgency(reason: Reason) -> tuple[int, float]:
        rule = lifecycle.departure(reason)
        if rule.then is None:
            return 0, 0.0
        return -hardness(rule.then), rule.after - _passed(user, reason, now)

    return min(reasons, key=urgency)


def is_over(user: User, rule: Departure, reason: Reason, now: str) -> bool:
    """Whether the grace period of a rule has passed. `now`: RFC 3339."""
    if rule.then is None or user.waiting != reason or not user.departed_at:
        return False
    return _passed(user, reason, now) >= rule.after


def marked(user: User, rule: Departure, reason: Reason) -> User:
    """The user with the start of its grace period; a rule without one sets no mark."""
    if user.waiting == reason or (rule.then is None and not user.waiting):
        return user
    if rule.then is None:
        return unmarked(user)
    departed = "" if reason == "disabled" else reason
    return msgspec.structs.replace(user, departed=departed, departed_at=NOW)


def unmarked(user: User) -> User:
    """The user without a grace period."""
    return msgspec.structs.replace(user, departed="", departed_at="") if user.waiting else user


def _passed(user: User, reason: Reason, now: str) -> float:
    """The seconds since the grace period began; 0 if it is about something else, or begins now."""
    if user.waiting != reason or user.departed_at in ("", NOW):
        return 0.0
    started = datetime.fromisoformat(user.departed_at)
    return (datetime.fromisoformat(now) - started) / timedelta(seconds=1)
