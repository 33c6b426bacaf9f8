"""The table of statuses: what a user's status becomes, with its origin and its cause.

Rule of thumb: a sync undoes what a sync did once the cause is gone; a user whom an administrator
blocked stays blocked. Inactive and vacation follow the directory, except that vacation counts as
active. A user who was on vacation when the person departed is on vacation again after a return; one
who was disabled is not.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from reconcile.model.desired import Departing, Lifecycle
from reconcile.model.platform import BY_HAND, Cause, Status, User


class ServiceStatus(NamedTuple):
    """A user's status, its origin and its cause, and the vacation it was on before it departed."""

    status: Status
    origin: str
    cause: Cause
    before: Literal["", "vacation"] = ""


DEPARTED: Final[frozenset[Cause]] = frozenset({"missing", "out_of_scope", "source_removed"})
"""Causes of a status that mean that the person is not in scope."""


def standing(user: User) -> ServiceStatus:
    """The status on the platform now."""
    return ServiceStatus(user.status, user.status_origin, user.status_cause, user.status_before)


def _settled(user: User) -> ServiceStatus:
    """The status on the platform now, without the vacation that a departure interrupted."""
    return ServiceStatus(user.status, user.status_origin, user.status_cause)


def enabled(user: User, source: str, lifecycle: Lifecycle) -> ServiceStatus:
    """For a person in scope who is not disabled."""
    if user.status in ("active", "vacation", "erased") or _is_blocked_by_hand(user):
        return _settled(user)
    if user.status_cause not in DEPARTED:
        return ServiceStatus("active", source, "")
    if lifecycle.on_return == "keep":
        return standing(user)
    return ServiceStatus(user.status_before or "active", source, "")


def disabled(user: User, source: str, action: Departing, lifecycle: Lifecycle) -> ServiceStatus:
    """For a person in scope who is disabled in the directory.

    `action` is `deactivate` or `block`.
    """
    kept = standing(user)
    target: Status = "inactive" if action == "deactivate" else "blocked_in_directory"
    if user.status == "erased" or _is_blocked_by_hand(user):
        return _settled(user)
    if user.status_cause in DEPARTED:
        is_out_of_service = user.status in (target, "blocked")
        if lifecycle.on_return == "keep" and is_out_of_service:
            return kept
    elif user.status == target:
        return _settled(user)
    return ServiceStatus(target, source, "disabled")


def _is_blocked_by_hand(user: User) -> bool:
    """Whether an administrator blocked the user: no sync undoes that."""
    return user.status == "blocked" and user.status_origin == BY_HAND


def departed(user: User, source: str, action: Departing, cause: Cause) -> ServiceStatus:
    """For a user whose person left. `erase` and `delete` are more than a status."""
    target = _WORSE[action](user.status) if action in _WORSE else user.status
    if target == user.status:
        return standing(user)
    return ServiceStatus(target, source, cause, _before(user))


HARDNESS: Final[Mapping[Status, int]] = {
    "active": 0,
    "vacation": 0,
    "inactive": 1,
    "blocked_in_directory": 2,
    "blocked": 3,
    "erased": 4,
}


def harder(status: ServiceStatus, other: ServiceStatus) -> ServiceStatus:
    """The harder of two consequences; the first one if they are alike."""
    return other if HARDNESS[other.status] > HARDNESS[status.status] else status


def _before(user: User) -> Literal["", "vacation"]:
    """The status after a return; a second departure remembers what the first one did."""
    if user.status == "vacation":
        return "vacation"
    is_departed = user.status != "active" and user.status_cause in DEPARTED
    return user.status_before if is_departed else ""


def _deactivated(status: Status) -> Status:
    """`deactivate` takes users out of service, and leaves others as they are."""
    return "inactive" if status in ("active", "vacation") else status


def _blocked(status: Status) -> Status:
    """`block` is harder than any other status but being erased."""
    return status if status in ("blocked", "erased") else "blocked"


_WORSE: dict[Departing, Callable[[Status], Status]] = {
    "deactivate": _deactivated,
    "block": _blocked,
}
