"""A user as the platform has it now, and its grace period."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from reconcile.model.desired import Lifecycle
from reconcile.model.named_state import StateNames
from reconcile.model.platform import BY_HAND, User, Waiting
from reconcile.model.text.folding import fold_name
from reconcile.model.views.explanation import GracePeriod, NameWithOrigin, PlatformUser

_TEXTS = frozenset(PlatformUser.__struct_fields__) - {"attributes"}
"""The fields that a user of a platform state has, too, but for the attributes."""


def platform_user(user: User, names: StateNames) -> PlatformUser:
    """The user with its roles and groups; `names` are those of its workspace."""
    state = names.state
    fields = names.fields(user)
    roles = (grant for grant in state.grants if grant.user == user.id)
    groups = (membership for membership in state.memberships if membership.user == user.id)
    return PlatformUser(
        **{name: str(value or "") for name, value in fields.items() if name in _TEXTS},
        status_why=_status_why(user),
        attributes=user.attributes,
        roles=_by_name(NameWithOrigin(grant.role, grant.origin) for grant in roles),
        groups=_by_name(
            NameWithOrigin(names.group(membership.group).name, membership.origin)
            for membership in groups
        ),
    )


def _by_name(named: Iterable[NameWithOrigin]) -> tuple[NameWithOrigin, ...]:
    return tuple(sorted(named, key=lambda role_or_group: fold_name(role_or_group.name)))


def _status_why(user: User) -> str:
    """Who set the status, and whether a sync may undo it."""
    if user.status == "erased":
        return f"erased by {user.status_origin}"
    if user.status_origin != BY_HAND:
        cause = f", because: {user.status_cause.replace('_', ' ')}" if user.status_cause else ""
        return f"set by {user.status_origin}{cause}"
    if user.status == "blocked":
        return "set by hand: a sync does not change it"
    return "set by hand"


def grace_period(user: User, after: User | None, lifecycle: Lifecycle) -> GracePeriod | None:
    """The grace period that the user has, or that the next apply begins; None for none.

    `after` is the user as it is wanted, None for one that is to be deleted.
    """
    cause = _waiting(user, after)
    if not cause:
        return None
    rule = lifecycle.departure(cause)
    # The next apply begins it.
    if cause != user.waiting or not user.departed_at:
        return GracePeriod(cause, "", "", rule.then or "")
    # It has begun, and the files no longer say what follows.
    if rule.then is None:
        return GracePeriod(cause, user.departed_at, "", "")
    due = datetime.fromisoformat(user.departed_at) + timedelta(seconds=rule.after)
    due_text = due.isoformat(timespec="seconds").replace("+00:00", "Z")
    return GracePeriod(cause, user.departed_at, due_text, rule.then)


def _waiting(user: User, after: User | None) -> Waiting:
    """What the grace period is about; that of an erased user is no longer marked on it."""
    if after is None or after.status == "erased":
        return user.waiting
    return after.waiting
