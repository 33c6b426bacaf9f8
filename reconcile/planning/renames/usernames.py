"""Renames existing users to a new username scheme, all of them or none.

An ordinary plan renames, too, but one user at a time: a user that cannot have the new name is
skipped. Here one such user is enough to stop the renaming, so that a scheme is never half in use.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from reconcile.model.change import LOSSES, Change, Plan, Skip
from reconcile.model.desired import Safety
from reconcile.model.directory import DirectorySnapshot
from reconcile.model.platform import PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.checks import violations
from reconcile.planning.guards.source_health import EXPECTED

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

    `left` are users whose name stays, because their person is not found: one line each.
    """

    plan: Plan
    collisions: tuple[str, ...]
    left: tuple[str, ...]


def migration(
    full: Plan,
    current: Iterable[PlatformState],
    snapshots: Iterable[DirectorySnapshot],
    safety: Safety,
    own_username: str = "",
) -> Migration:
    """The names of existing users, out of a whole plan; `snapshots` are what it was made from.

    Of the guards all hold but the limit of updates.
    """
    snapshots = tuple(snapshots)
    people = {
        (snapshot.source, dn.key(person.dn)): person.external_id
        for snapshot in snapshots
        for person in snapshot.persons
    }
    read = {snapshot.source for snapshot in snapshots}
    states = {state.workspace: state for state in current}
    several = len(states) > 1
    renames = tuple(filter(None, map(_rename, full.changes)))
    collisions = [
        f"{state.workspace}: {line}" if several else line
        for state in states.values()
        for line in _collisions(state, renames, full.skips, people)
    ]
    left = [
        f"{user.username} of {user.source} keeps its name: {why}"
        for state in states.values()
        for user, why in _left(state, full.changes, renames, read)
    ]
    found = [one for one in full.violations if one.guard in EXPECTED]
    for state in states.values():
        own = [change for change in renames if change.workspace == state.workspace]
        found += violations(own, state, safety, own_username, full.readings, renaming=True)
    renaming = msgspec.structs.replace(full, changes=renames, violations=tuple(found))
    plan = msgspec.structs.replace(renaming, skips=(), to_remember=(), notices=())
    return Migration(plan, tuple(collisions), tuple(left))


_GONE: Mapping[str, str] = {
    "missing": "its person is no longer in the source",
    "out_of_scope": "its person is no longer selected",
    "source_removed": "its source is no longer declared",
}


def _left(
    state: PlatformState,
    changes: Iterable[Change],
    renames: Iterable[Change],
    read: Collection[str],
) -> Iterator[tuple[User, str]]:
    """Users who cannot be renamed, and why: those who leave with the whole plan or are gone."""
    renamed = {one.key for one in renames if one.workspace == state.workspace}
    leaving = {
        one.key: one.reason
        for one in changes
        if one.workspace == state.workspace
        and one.kind == "user"
        and one.action in LOSSES
        and not _disables(one)
    }
    for user in state.users:
        if not user.source or user.status == "erased" or user.username in renamed:
            continue
        known = user.source in read or user.status_cause == "source_removed"
        why = leaving.get(user.username) or (_GONE.get(user.status_cause) if known else None)
        if why:
            yield user, why


def _disables(change: Change) -> bool:
    """Whether the person is there, and no longer allowed in."""
    return (change.after or {}).get("status_cause") == "disabled"


def _rename(change: Change) -> Change | None:
    """The change reduced to the username; None if it does not rename."""
    if change.kind != "user" or change.action != "update" or "username" not in (change.after or {}):
        return None
    before, after = change.before or {}, change.after or {}
    reason = "new username scheme"
    return msgspec.structs.replace(
        change,
        before={"username": before["username"]},
        after={"username": after["username"]},
        reason=reason,
    )


def _collisions(
    state: PlatformState,
    renames: Iterable[Change],
    skips: Iterable[Skip],
    people: Mapping[tuple[str, str], str],
) -> Iterator[str]:
    """Users who cannot have their new name: the planner says so, or another user keeps it.

    `people`: source and normalized DN → external id. A person may have moved since the
    user's DN was noted.
    """
    mine = {change.key: change for change in renames if change.workspace == state.workspace}
    names = {fold_name(user.username): user for user in state.users}
    for change in mine.values():
        new = str((change.after or {})["username"])
        holder = names.get(fold_name(new))
        if holder is not None and holder.username not in mine and holder.username != change.key:
            owner = f"of {holder.source}" if holder.source else "a local account"
            yield f"{change.key} -> {new}: {holder.username} already exists ({owner})"
    by_place = {
        (user.source, dn.key(user.dn)): user for user in state.users if user.source and user.dn
    }
    by_id = {
        (user.source, user.external_id): user
        for user in state.users
        if user.source and user.external_id
    }
    for skip in skips:
        if skip.workspace != state.workspace or skip.code not in _OF_NAMES:
            continue
        place = skip.source, dn.key(skip.dn)
        user: User | None = by_id.get((skip.source, people.get(place, ""))) or by_place.get(place)
        if user is not None:
            new = "nothing" if skip.code == "missing_field" else skip.username or "nothing"
            yield f"{user.username} -> {new}: {skip.detail} ({skip.code})"
