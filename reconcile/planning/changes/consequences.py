"""What else happens on the platform when a user is taken out of service."""

from collections.abc import Iterable, Iterator

import msgspec

from reconcile.model.change import Change, text
from reconcile.model.notice import Notice
from reconcile.model.platform import Abilities

_OUT: frozenset[str] = frozenset({"deactivate", "block", "erase"})
_SERVING: frozenset[str] = frozenset({"active", "vacation"})


def with_consequences(changes: Iterable[Change], abilities: Abilities) -> tuple[Change, ...]:
    """The changes; the reason of each that takes a user out of service says what stops."""
    if not abilities.blocking_stops:
        return tuple(changes)
    stops = f"stops {abilities.blocking_stops}"
    return tuple(
        msgspec.structs.replace(change, reason="; ".join(filter(None, (change.reason, stops))))
        if _takes_out(change)
        else change
        for change in changes
    )


def _takes_out(change: Change) -> bool:
    """Whether a change takes a user out of service who is in service."""
    if change.kind != "user" or change.action not in _OUT:
        return False
    return text(change.fields_before, "status") in _SERVING


def blocking_stops(changes: Iterable[Change], abilities: Abilities) -> Iterator[Notice]:
    """How many users lose more than their login."""
    number = sum(1 for change in changes if _takes_out(change))
    if abilities.blocking_stops and number:
        users = "1 user is" if number == 1 else f"{number} users are"
        yield Notice(
            "blocking_stops",
            f"{users} taken out of service, which stops {abilities.blocking_stops}",
        )
