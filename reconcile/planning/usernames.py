"""Moving users who are there to another scheme of usernames, all of them or none.

An ordinary plan renames too, one user at a time: whoever cannot have the new name is skipped. Here one such is
enough, and nobody is renamed, so that a scheme is never half in use.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from reconcile.model import dn
from reconcile.model.change import LOSSES, Change, Plan, Skip
from reconcile.model.desired import Safety
from reconcile.model.platform import PlatformState, User
from reconcile.planning.guard import violations
from reconcile.planning.trust import EXPECTED

_OF_NAMES = frozenset(
    {
        "duplicate_username",
        "exists_locally",
        "owned_by_other_source",
        "reserved_username",
        "invalid_value",
        "template_failed",
        "missing_field",
    }
)


class Migration(msgspec.Struct, frozen=True):
    """`plan` holds the renames and nothing else. One collision refuses all of it.

    `left` are users whose name stays, for their person is not to be found: one line each.
    """

    plan: Plan
    collisions: tuple[str, ...]
    left: tuple[str, ...]


def migration(
    full: Plan, current: Iterable[PlatformState], sources: Iterable[str], safety: Safety, own_username: str = ""
) -> Migration:
    """What a whole plan says of the names of users who are there. `sources` are those that were read.

    Of the guards all hold but the limit of updates.
    """
    read = frozenset(sources)
    states = {state.workspace: state for state in current}
    renames = tuple(filter(None, map(_rename, full.changes)))
    collisions = [line for state in states.values() for line in _collisions(state, renames, full.skips)]
    leaving = {(one.workspace, one.key): one.reason for one in full.changes if one.action in LOSSES}
    left = [
        f"{user.username} of {user.source} keeps its name: {why}"
        for state in states.values()
        for user in state.users
        if user.source in read
        and user.status != "erased"
        and (why := leaving.get((state.workspace, user.username)) or _GONE.get(user.status_cause))
    ]
    found = [one for one in full.violations if one.code.startswith(EXPECTED)]
    for state in states.values():
        own = [change for change in renames if change.workspace == state.workspace]
        found += violations(own, state, safety, own_username, full.readings, renaming=True)
    plan = msgspec.structs.replace(full, changes=renames, skips=(), violations=tuple(found), to_remember=())
    return Migration(plan, tuple(collisions), tuple(left))


_GONE: Mapping[str, str] = {"missing": "its person is gone", "out_of_scope": "its person is no longer selected"}


def _rename(change: Change) -> Change | None:
    """The change cut down to the username; None for one that renames nobody."""
    if change.kind != "user" or change.action != "update" or "username" not in (change.after or {}):
        return None
    before, after = change.before or {}, change.after or {}
    reason = "the scheme of usernames"
    return msgspec.structs.replace(
        change, before={"username": before["username"]}, after={"username": after["username"]}, reason=reason
    )


def _collisions(state: PlatformState, renames: Iterable[Change], skips: Iterable[Skip]) -> Iterator[str]:
    """Users who cannot have their new name: the planner says so, or somebody has it who gives it up only otherwise."""
    mine = {change.key: change for change in renames if change.workspace == state.workspace}
    names = {user.username.casefold(): user for user in state.users}
    for change in mine.values():
        new = str((change.after or {})["username"])
        holder = names.get(new.casefold())
        if holder is not None and holder.username not in mine and holder.username != change.key:
            owner = f"of {holder.source}" if holder.source else "a local account"
            yield f"{change.key} -> {new}: {holder.username} is there already ({owner})"
    owned = {(user.source, dn.key(user.dn)): user for user in state.users if user.source and user.dn}
    for skip in skips:
        user: User | None = owned.get((skip.source, dn.key(skip.dn)))
        if skip.workspace == state.workspace and skip.code in _OF_NAMES and user is not None:
            yield f"{user.username} -> {skip.username or 'nothing'}: {skip.detail} ({skip.code})"
