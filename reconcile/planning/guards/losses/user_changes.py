"""What a change does to a user: judged by the fields that it changes, never by its action."""

from typing import Final

from reconcile.model.change import Change
from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name

IN_SERVICE: Final = frozenset({"active", "vacation"})
"""The statuses of users who may log in; a vacation ends by itself."""


def takes_out_of_service(change: Change) -> bool:
    """Whether the user is deleted, or has a status in which nobody may log in."""
    status = (change.after or {}).get("status")
    return change.after is None or (status is not None and status not in IN_SERVICE)


def ends(change: Change) -> bool:
    """Whether the user is deleted or erased."""
    return change.after is None or change.after.get("status") == "erased"


def stands_for_another(change: Change) -> bool:
    """Whether an existing user loses the id of its entry, or gets that of another entry."""
    before = (change.before or {}).get("external_id")
    after = (change.after or {}).get("external_id")
    return bool(before) and str(before).lower() != str(after or "").lower()


def changes_hands(change: Change) -> bool:
    """Whether an existing user goes from one source, or from none, to another."""
    if change.before is None or change.after is None:
        return False
    return change.action == "adopt" or "source" in change.after


def names_in_service(state: PlatformState) -> set[str]:
    """The case-folded names of the users in service."""
    return {fold_name(user.username) for user in state.users if user.status in IN_SERVICE}
