"""The table of statuses: what a user's status becomes, and who is to be remembered for it.

Rule of thumb: what a sync did, a sync undoes when its cause is gone; what an administrator blocked
stays blocked. Inactive and vacation follow the directory, except that vacation counts as active.
Who was on vacation when the person departed is on vacation again after a return; who was disabled
is not.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from reconcile.model.desired import Departing, Lifecycle
from reconcile.model.platform import BY_HAND, Cause, Status, User


class Standing(NamedTuple):
    """A user's status, its origin and its cause, and the vacation it was on before it departed."""

    status: Status
    origin: str
    cause: Cause
    before: Literal["", "vacation"] = ""


DEPARTED: Final[frozenset[Cause]] = frozenset({"missing", "out_of_scope", "source_removed"})
"""Causes of a status that mean that the person is not in scope."""


def standing(user: User) -> Standing:
    """What the platform holds now."""
    return Standing(user.status, user.status_origin, user.status_cause, user.status_before)


def enabled(user: User, source: str, lifecycle: Lifecycle) -> Standing:
    """For a person who is there, in scope and not disabled."""
    kept = standing(user)
    if user.status in ("active", "vacation", "erased"):
        return kept._replace(before="")
    if user.status == "blocked" and user.status_origin == BY_HAND:
        return kept._replace(before="")
    departed = user.status_cause in DEPARTED
    if lifecycle.on_return == "keep" and departed:
        return kept
    return Standing((user.status_before if departed else "") or "active", source, "")


def disabled(user: User, source: str, lifecycle: Lifecycle) -> Standing:
    """For a person who is there and in scope, but disabled in the directory."""
    kept = standing(user)
    target: Status = "inactive" if lifecycle.on_disabled == "deactivate" else "blocked_in_directory"
    if user.status == "erased" or (user.status == "blocked" and user.status_origin == BY_HAND):
        return kept._replace(before="")
    if (
        user.status in (target, "blocked")
        and lifecycle.on_return == "keep"
        and user.status_cause in DEPARTED
    ):
        return kept
    if user.status == target and user.status_cause not in DEPARTED:
        return kept._replace(before="")
    return Standing(target, source, "disabled")


def departed(user: User, source: str, action: Departing, cause: Cause) -> Standing:
    """For a user whose person is gone, for one of three causes. `erase` and `delete` are more than a status."""
    kept = standing(user)
    target = _WORSE[action](user.status) if action in _WORSE else user.status
    return kept if target == user.status else Standing(target, source, cause, _before(user))


HARDNESS: Final[Mapping[Status, int]] = {
    "active": 0,
    "vacation": 0,
    "inactive": 1,
    "blocked_in_directory": 2,
    "blocked": 3,
    "erased": 4,
}


def departed_and_disabled(
    user: User, source: str, action: Departing, cause: Cause, lifecycle: Lifecycle
) -> Standing:
    """For a user who is out of scope and whose person is disabled: of the two consequences the harder one."""
    left, off = departed(user, source, action, cause), disabled(user, source, lifecycle)
    return off if HARDNESS[off.status] > HARDNESS[left.status] else left


def _before(user: User) -> Literal["", "vacation"]:
    """What a user who is put out of service is to return to; a second departure remembers what the first did."""
    if user.status == "vacation":
        return "vacation"
    return user.status_before if user.status != "active" and user.status_cause in DEPARTED else ""


def _deactivated(status: Status) -> Status:
    return "inactive" if status in ("active", "vacation") else status


def _blocked(status: Status) -> Status:
    return status if status in ("blocked", "erased") else "blocked"


_WORSE: dict[Departing, Callable[[Status], Status]] = {
    "deactivate": _deactivated,
    "block": _blocked,
}
