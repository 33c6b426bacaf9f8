"""What else happens on the platform when a user is taken out of service."""

from typing import Final

import msgspec

from reconcile.model.change import Change, Plan, text
from reconcile.model.notice import Notice
from reconcile.model.platform import Abilities

_OUT: Final = frozenset({"deactivate", "block", "erase"})
_SERVING: Final = frozenset({"active", "vacation"})


def with_consequences(plan: Plan, abilities: Abilities) -> Plan:
    """The plan; each change that takes a user out of service says what stops, and so does a notice.

    Nothing is added where the platform has nothing that stops.
    """
    losses = sum(map(_takes_out, plan.changes)) if abilities.blocking_stops else 0
    if not losses:
        return plan
    users = "1 user is" if losses == 1 else f"{losses} users are"
    also = Notice(
        "blocking_stops", f"{users} taken out of service, which stops {abilities.blocking_stops}"
    )
    changes = tuple(
        _with_reason(change, f"stops {abilities.blocking_stops}") if _takes_out(change) else change
        for change in plan.changes
    )
    return msgspec.structs.replace(plan, changes=changes, notices=(*plan.notices, also))


def _takes_out(change: Change) -> bool:
    """Whether a change takes a user out of service who is in service."""
    if change.kind != "user" or change.action not in _OUT:
        return False
    return text(change.fields_before, "status") in _SERVING


def _with_reason(change: Change, also: str) -> Change:
    """The change with one reason more."""
    return msgspec.structs.replace(change, reason="; ".join(filter(None, (change.reason, also))))
