"""Users whose persons left: what is done at once, and what after the grace period.

The grace period starts with the first run that missed the person for the same cause. If a person is
out of scope first and missing later, it starts again. A user whose person comes back loses the
mark.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, cast, get_args

import msgspec

from reconcile.model.change import Grace
from reconcile.model.desired import Departing, Departure, Lifecycle
from reconcile.model.platform import NOW, Cause, Departed, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.target import status
from reconcile.planning.target.people.candidates import DepartedUser
from reconcile.planning.target.users import WantedUsers

_CAUSES: Final[Mapping[Cause, str]] = {
    "missing": "no longer in {source}",
    "out_of_scope": "still in {source}, but no longer selected",
    "source_removed": "source {source} is no longer declared",
}
_NAMELESS: Final = "unknown"
"""The name fields of an erased user."""


def grace_periods(lifecycle: Lifecycle) -> Iterator[Grace]:
    """The grace periods of the rules, for the reader of a plan."""
    for cause in cast("tuple[Departed, ...]", get_args(Departed)):
        if not cause:
            continue
        rule = lifecycle.departure(cause)
        if rule.then is not None:
            yield Grace(cause, rule.after, rule.then)


def depart(
    book: WantedUsers, user: User, lifecycle: Lifecycle, how: DepartedUser, now: str
) -> None:
    """Decides on a user whose person is missing or out of scope. `now`: RFC 3339.

    If the person is disabled, too, the harder consequence counts, and the grace period of the other
    one does not postpone it.
    """
    cause = how.cause
    rule = lifecycle.departure(cause)
    over = _is_over(user, rule, cause, now)
    marked = _marked(user, rule, cause)
    reason = _CAUSES[cause].format(source=user.source)
    if over:
        reason += f" since {user.departed_at[:10]}"
    if how.replaced:
        reason = f"its person in {user.source} is another user's, by a link"
        marked = msgspec.structs.replace(marked, external_id="", dn="")
    book.reasons[user.id] = reason
    action = rule.then if over and rule.then else rule.action
    if _ends(book, user, action, cause):
        return
    standing = status.departed(user, user.source, action, cause)
    if how.disabled:
        standing = status.departed_and_disabled(user, user.source, action, cause, lifecycle)
        if standing.cause == "disabled":
            book.reasons[user.id] = f"disabled in {user.source}, and no longer selected"
    _set_status(book, user, marked, standing)


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


def _is_over(user: User, rule: Departure, cause: Departed, now: str) -> bool:
    """Whether the grace period of a rule has passed."""
    if rule.then is None or user.departed != cause or not user.departed_at:
        return False
    return datetime.fromisoformat(now) - datetime.fromisoformat(user.departed_at) >= timedelta(
        seconds=rule.after
    )


def _marked(user: User, rule: Departure, cause: Departed) -> User:
    """The user with the start of its grace period; a rule without one sets no mark."""
    if user.departed == cause or (rule.then is None and not user.departed):
        return user
    if rule.then is None:
        return msgspec.structs.replace(user, departed="", departed_at="")
    return msgspec.structs.replace(user, departed=cause, departed_at=NOW)


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
