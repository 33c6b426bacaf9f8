"""What becomes of a user's status, in one sentence instead of one line for each column.

    blocked now; erased on 2026-12-28 unless back

The fields of a change say when a grace period begins; how long it lasts is in the head of the plan.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from reconcile.model import kinds
from reconcile.model.change import Change, Fields, Grace, text
from reconcile.model.platform import NOW
from reconcile.model.text.durations import duration
from reconcile.model.text.printing import printable

FIELDS: Final = frozenset(kinds.of_aspect("user", "service"))
"""The fields that the sentence stands for."""

_STATES: Final[Mapping[str, str]] = {
    "active": "active",
    "vacation": "on vacation",
    "inactive": "inactive",
    "blocked": "blocked",
    "blocked_in_directory": "blocked by the directory",
    "erased": "erased",
}
_CAUSES: Final[Mapping[str, str]] = {
    "missing": "no longer in the directory",
    "out_of_scope": "no longer selected",
    "disabled": "disabled in the directory",
    "source_removed": "its source is no longer declared",
}
_ENDS: Final[Mapping[str, str]] = {
    "deactivate": "deactivated",
    "block": "blocked",
    "erase": "erased",
    "delete": "deleted",
}


class StatusWords:
    """Puts the status changes of one plan into words."""

    def __init__(self, created: str = "", grace: Iterable[Grace] = ()) -> None:
        """`created`: when the plan was made, as RFC 3339; "" if grace periods are not known."""
        self._created = created
        self._grace: dict[str, Grace] = {each.cause: each for each in grace}

    def of(self, change: Change) -> str:
        """The sentence; "" for a change that is not about a status."""
        if change.kind != "user":
            return ""
        before, after = change.fields_before, change.fields_after
        if change.before is None:
            return _first_state(after)
        parts = [_new_state(before, after), _vacation(after), self._departure(after)]
        return "; ".join(filter(None, parts))

    def _departure(self, after: Fields) -> str:
        """What follows for a user whose person left; "" if that does not change."""
        if "departed" not in after and "departed_at" not in after:
            return ""
        cause = text(after, "departed") or ("disabled" if text(after, "departed_at") else "")
        if not cause:
            # A user who is active or erased waits for nothing: that needs no words.
            return "" if "status" in after else "nothing more will happen"
        return self._grace_period(cause, text(after, "departed_at"))

    def _grace_period(self, cause: str, since: str) -> str:
        """What happens at its end, with the day if that is known."""
        grace = self._grace.get(cause)
        if grace is None or grace.then == "keep":
            return "its grace period begins" if since == NOW else ""
        day = _day(self._created if since == NOW else since, grace.seconds)
        unless = "enabled again" if cause == "disabled" else "back"
        return f"{_ENDS[grace.then]} {day} unless {unless}"


UNDATED: Final = StatusWords()
"""For changes without the head of their plan."""


def _first_state(after: Fields) -> str:
    """The status of a new user."""
    status, cause = text(after, "status"), text(after, "status_cause")
    why = f": {_words(_CAUSES, cause)}" if cause else ""
    return f"{_words(_STATES, status)}{why}" if status else ""


def _new_state(before: Fields, after: Fields) -> str:
    """The new status and the old one, which is not named if it is the usual one."""
    old, new = text(before, "status"), text(after, "status")
    if not new:
        return "".join(_other_cause(after))
    now = "again" if new in ("active", "vacation") else "now"
    was = "" if old in ("active", "", new) else f", was {_words(_STATES, old)}"
    cause = text(before, "status_cause")
    why = f" ({_words(_CAUSES, cause)})" if was and cause else ""
    return f"{_words(_STATES, new)} {now}{was}{why}"


def _other_cause(after: Fields) -> Iterator[str]:
    """Why a user whose status stays has it now."""
    cause, origin = text(after, "status_cause"), text(after, "status_origin")
    if cause:
        yield f"status unchanged, now because {_words(_CAUSES, cause)}"
    elif "status_origin" in after:
        yield f"status unchanged, now set by {printable(origin) or 'hand'}"
    elif "status_cause" in after:
        yield "status unchanged, now without a cause in the directory"


def _vacation(after: Fields) -> str:
    """Whether a vacation comes back with the user; "" if the new status says it."""
    if "status_before" not in after or "status" in after:
        return ""
    return "on vacation again when back" if text(after, "status_before") else "active when back"


def _words(table: Mapping[str, str], value: str) -> str:
    """The words for a value; one that only a damaged history has stays as it is."""
    return table.get(value) or printable(value)


def _day(since: str, seconds: float) -> str:
    """The day in UTC, as everywhere: `on 2026-12-28`; how long it lasts if it has no date."""
    try:
        end = datetime.fromisoformat(since).astimezone(UTC) + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return f"after {duration(seconds)}"
    return f"on {end.date().isoformat()}"
