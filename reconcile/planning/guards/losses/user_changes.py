"""What a change does to a user: judged by the fields that it changes, never by its action."""

from collections.abc import Iterable, Iterator
from typing import Final

from reconcile.model.change import Change, text
from reconcile.model.platform import PlatformState, User
from reconcile.model.text.folding import fold_name

IN_SERVICE: Final = frozenset({"active", "vacation"})
"""The statuses of users who may log in; a vacation ends by itself."""


_STAYS: Final = IN_SERVICE | {None}
"""What a change that leaves a user in service has as status; None if it has none."""


def takes_out_of_service(change: Change) -> bool:
    """Whether the user is deleted, or has a status that does not allow logins."""
    return change.after is None or change.after.get("status") not in _STAYS


def ends(change: Change) -> bool:
    """Whether the user is deleted or erased."""
    return change.after is None or change.after.get("status") == "erased"


def stands_for_another(change: Change) -> bool:
    """Whether an existing user loses the id of its entry, or gets that of another entry."""
    before = change.fields_before.get("external_id")
    if not before:
        return False
    return str(before).lower() != text(change.fields_after, "external_id").lower()


def changes_hands(change: Change) -> bool:
    """Whether an existing user goes from one source, or from none, to another."""
    if change.before is None or change.after is None:
        return False
    return change.action == "adopt" or "source" in change.after


def in_service(state: PlatformState) -> Iterator[User]:
    """The users in service."""
    return (user for user in state.users if user.status in IN_SERVICE)


def folded_names(users: Iterable[User]) -> dict[str, str]:
    """Id → case-folded name."""
    return {user.id: fold_name(user.username) for user in users}


def names_in_service(state: PlatformState) -> set[str]:
    """The case-folded names of the users in service."""
    return set(folded_names(in_service(state)).values())
