"""Users whose persons left: what is done at once, and what after the grace period (`grace`).

A user whose person is in scope and disabled only comes by here if it is to be erased or deleted.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Final, get_args

import msgspec

from reconcile.model.change import Grace
from reconcile.model.desired import Departing, Lifecycle
from reconcile.model.platform import Cause, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.target import grace, status
from reconcile.planning.target.people.candidates import DepartedUser
from reconcile.planning.target.users import WantedUsers

_CAUSES: Final[Mapping[Cause, str]] = {
    "missing": "no longer in {source}",
    "out_of_scope": "still in {source}, but no longer selected",
    "disabled": "disabled in {source}",
    "source_removed": "source {source} is no longer declared",
}
_NAMELESS: Final = "unknown"
"""The name fields of an erased user."""


def grace_periods(lifecycle: Lifecycle) -> Iterator[Grace]:
    """The grace periods of the rules, for the reader of a plan."""
    for reason in get_args(grace.Reason):
        rule = lifecycle.departure(reason)
        if rule.then is not None:
            yield Grace(reason, rule.after, rule.then)


def depart(
    book: WantedUsers, user: User, lifecycle: Lifecycle, how: DepartedUser, now: str
) -> None:
    """Decides on a user whose person is missing, out of scope, or disabled for too long.

    `now`: RFC 3339. If a person who is out of scope is disabled, too, the harder consequence
    counts.
    """
    reasons = how.reasons
    deciding = grace.deciding(user, reasons, lifecycle, now)
    rule = lifecycle.departure(deciding)
    over = grace.is_over(user, rule, deciding, now)
    actions = {reason: lifecycle.departure(reason).action for reason in reasons}
    if over and rule.then is not None:
        actions[deciding] = rule.then
    hardest = max(reasons, key=lambda reason: grace.hardness(actions[reason]))
    if _ends(book, user, actions[hardest], hardest):
        book.reasons[user.id] = _reason(user, how, hardest, over=over and hardest == deciding)
        return
    marked = grace.marked(user, rule, deciding)
    if how.replaced:
        marked = msgspec.structs.replace(marked, external_id="", dn="")
    standing = _standing(user, actions, lifecycle)
    _set_status(book, user, marked, standing)
    is_disabled = standing.cause == "disabled" and "disabled" in reasons
    shown = "disabled" if is_disabled else how.cause
    book.reasons[user.id] = _reason(user, how, shown, over=over and shown == deciding)


def _standing(
    user: User, actions: Mapping[grace.Reason, Departing], lifecycle: Lifecycle
) -> status.ServiceStatus:
    """The status of a user that stays: the hardest consequence of all that is so."""
    consequences = [
        status.disabled(user, user.source, action, lifecycle)
        if reason == "disabled"
        else status.departed(user, user.source, action, reason)
        for reason, action in actions.items()
    ]
    return reduce(status.harder, consequences)


def _reason(user: User, how: DepartedUser, cause: grace.Reason, *, over: bool) -> str:
    """Why a user is out of service, and since when if its grace period is over."""
    if how.replaced:
        return f"its person in {user.source} is another user's, by a link"
    text = _CAUSES[cause].format(source=user.source)
    if cause == "disabled" and not how.in_scope:
        text += ", and no longer selected"
    return f"{text} since {user.departed_at[:10]}" if over else text


def lose_source(book: WantedUsers, user: User, action: Departing) -> None:
    """Decides on a user whose source is no longer declared."""
    book.reasons[user.id] = _CAUSES["source_removed"].format(source=user.source)
    if not _ends(book, user, action, "source_removed"):
        standing = status.departed(user, user.source, action, "source_removed")
        _set_status(book, user, user, standing)


def _ends(book: WantedUsers, user: User, action: Departing, cause: Cause) -> bool:
    """Deletes or erases a user if the action says so. Returns whether it ended."""
    if user.status == "erased":
        book.users[user.id] = user
        return True
    if action == "delete":
        book.deleted.add(user.id)
        book.users.pop(user.id, None)
        return True
    if action == "erase":
        book.erased.add(user.id)
        book.users[user.id] = _erased(user, cause, book.names)
        return True
    return False


def _set_status(
    book: WantedUsers, user: User, marked: User, standing: status.ServiceStatus
) -> None:
    """Gives a user its status; `marked` is the user with its grace period."""
    state, origin, why, before = standing
    left = msgspec.structs.replace(
        marked, status=state, status_origin=origin, status_cause=why, status_before=before
    )
    book.users[user.id] = user if left == user else left


def _erased(user: User, cause: Cause, taken: set[str]) -> User:
    """What is left of an erased user: its id, and where it came from."""
    username = f"erased-{user.id}"
    while fold_name(username) in taken:
        username += "-"
    taken.add(fold_name(username))
    return User(
        user.id,
        username,
        _NAMELESS,
        _NAMELESS,
        status="erased",
        status_origin=user.source,
        status_cause=cause,
        source=user.source,
    )
