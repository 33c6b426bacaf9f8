"""Users whose persons left: what is done at once, what when the grace period is over, and who has it behind them.

The grace period counts from the first run that missed the person for the same cause: out of scope
first and missing later begins it anew. A user whose person comes back loses the mark.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from reconcile.model.desired import Departing, Departure, Lifecycle
from reconcile.model.platform import NOW, Cause, Departed, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.target import status
from reconcile.planning.target.candidates import Departed as Gone
from reconcile.planning.target.users import Accounts

_CAUSES: Final[Mapping[Cause, str]] = {
    "missing": "no longer in {source}",
    "out_of_scope": "still in {source}, but no longer selected",
    "source_removed": "source {source} is no longer declared",
}
_NAMELESS: Final = "unknown"
"""What stands in the name fields of somebody erased."""


def depart(book: Accounts, user: User, lifecycle: Lifecycle, how: Gone, now: str) -> None:
    """Adds a user whose person is missing or out of scope, as it is to be; or takes it out. `now`: RFC 3339.

    Where the person is disabled too, the harder consequence counts, and no grace period of the
    other postpones it.
    """
    cause: Departed = "out_of_scope" if how.found else "missing"
    rule = lifecycle.on_missing if cause == "missing" else lifecycle.on_out_of_scope
    over = _is_over(user, rule, cause, now)
    book.reasons[user.id] = _CAUSES[cause].format(source=user.source)
    if over:
        book.reasons[user.id] += f" since {user.departed_at[:10]}"
    marked = _marked(user, rule, cause)
    if how.replaced:
        book.reasons[user.id] = f"its person in {user.source} is another user's, by a link"
        marked = msgspec.structs.replace(marked, external_id="", dn="")
    action = rule.then if over and rule.then else rule.action
    if not how.disabled:
        _take(book, user, marked, action, cause)
    elif not _ends(book, user, action, cause):
        standing = status.departed_and_disabled(user, user.source, action, cause, lifecycle)
        if standing.cause == "disabled":
            book.reasons[user.id] = f"disabled in {user.source}, and no longer selected"
        _stand(book, user, marked, standing)


def lose_source(book: Accounts, user: User, action: Departing) -> None:
    """Adds a user whose source is no longer declared."""
    book.reasons[user.id] = _CAUSES["source_removed"].format(source=user.source)
    _take(book, user, user, action, "source_removed")


def _take(book: Accounts, user: User, marked: User, action: Departing, cause: Cause) -> None:
    if not _ends(book, user, action, cause):
        _stand(book, user, marked, status.departed(user, user.source, action, cause))


def _ends(book: Accounts, user: User, action: Departing, cause: Cause) -> bool:
    """Whether the user ends here, by this action or since long."""
    if user.status == "erased":
        book.users[user.id] = user
    elif action == "delete":
        book.deleted.add(user.id)
        book.users.pop(user.id, None)
    elif action == "erase":
        book.erased.add(user.id)
        book.users[user.id] = _erased(user, cause, book.names)
    return user.status == "erased" or action in ("delete", "erase")


def _stand(book: Accounts, user: User, marked: User, standing: status.Standing) -> None:
    state, origin, why, before = standing
    left = msgspec.structs.replace(
        marked, status=state, status_origin=origin, status_cause=why, status_before=before
    )
    book.users[user.id] = user if left == user else left


def _is_over(user: User, rule: Departure, cause: Departed, now: str) -> bool:
    if rule.then is None or user.departed != cause or not user.departed_at:
        return False
    return datetime.fromisoformat(now) - datetime.fromisoformat(user.departed_at) >= timedelta(
        seconds=rule.after
    )


def _marked(user: User, rule: Departure, cause: Departed) -> User:
    """With the beginning of the grace period; a rule without one does not note it."""
    if user.departed == cause or (rule.then is None and not user.departed):
        return user
    begins = rule.then is not None
    return msgspec.structs.replace(
        user, departed=cause if begins else "", departed_at=NOW if begins else ""
    )


def _erased(user: User, cause: Cause, taken: set[str]) -> User:
    """What is left of a user: its id, and where it came from."""
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
