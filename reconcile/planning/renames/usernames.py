"""Moves existing users to another scheme of usernames, all of them or none.

An ordinary plan renames too, one user at a time: a user who cannot have the new name is skipped.
Here one such user is enough for none to be renamed, so that a scheme is never half in use.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from reconcile.model.change import ENDS, LOSSES, Change, Plan, Skip, text
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
    states = tuple(current)
    renames = tuple(filter(None, map(_rename, full.changes)))
    people = _external_ids(snapshots)
    read = {snapshot.source for snapshot in snapshots}
    collisions: list[str] = []
    left: list[str] = []
    refusals = [violation for violation in full.violations if violation.guard in EXPECTED]
    for state in states:
        own = [change for change in renames if change.workspace == state.workspace]
        skips = [skip for skip in full.skips if skip.workspace == state.workspace]
        lines = (*_taken(state, own), *_without_name(state, skips, people))
        collisions += (f"{state.workspace}: {line}" if len(states) > 1 else line for line in lines)
        for user, why in _staying(state, full.changes, own, read):
            left.append(f"{user.username} of {user.source} keeps its name: {why}")
        refusals += violations(own, state, safety, own_username, full.readings, renaming=True)
    plan = msgspec.structs.replace(
        full,
        changes=renames,
        violations=tuple(refusals),
        skips=(),
        to_remember=(),
        notices=(),
    )
    return Migration(plan, tuple(collisions), tuple(left))


def _external_ids(snapshots: Iterable[DirectorySnapshot]) -> dict[tuple[str, str], str]:
    """Source and normalized DN of each person → its external id."""
    return {
        (snapshot.source, dn.key(person.dn)): person.external_id
        for snapshot in snapshots
        for person in snapshot.persons
    }


_GONE: Mapping[str, str] = {
    "missing": "its person is no longer in the source",
    "out_of_scope": "its person is no longer selected",
    "source_removed": "its source is no longer declared",
}


def _staying(
    state: PlatformState,
    changes: Iterable[Change],
    renames: Iterable[Change],
    read: Collection[str],
) -> Iterator[tuple[User, str]]:
    """Users who cannot be renamed, and why: those who leave with the whole plan or are gone."""
    renamed = {change.key for change in renames}
    leaving = {
        change.key: change.reason
        for change in changes
        if change.workspace == state.workspace and _departs(change)
    }
    for user in state.users:
        if not user.source or user.status == "erased" or user.username in renamed:
            continue
        why = leaving.get(user.username, "") or _why_gone(user, read)
        if why:
            yield user, why


def _departs(change: Change) -> bool:
    """Whether a user leaves; one of a disabled person does only if it is erased or deleted."""
    if change.kind != "user" or change.action not in LOSSES:
        return False
    return change.action in ENDS or change.fields_after.get("status_cause") != "disabled"


def _why_gone(user: User, read: Collection[str]) -> str:
    """Why a user's person is gone since an earlier run; "" if its source was not read."""
    if user.source not in read and user.status_cause != "source_removed":
        return ""
    return _GONE.get(user.status_cause, "")


def _rename(change: Change) -> Change | None:
    """The change cut down to the username; None for one that renames no user."""
    if change.kind != "user" or change.action != "update":
        return None
    if "username" not in change.fields_after:
        return None
    return msgspec.structs.replace(
        change,
        before={"username": change.fields_before["username"]},
        after={"username": change.fields_after["username"]},
        reason="new username scheme",
    )


def _taken(state: PlatformState, renames: Iterable[Change]) -> Iterator[str]:
    """Renames to a name that another user of the workspace keeps."""
    renamed = {change.key: text(change.fields_after, "username") for change in renames}
    holders = {fold_name(user.username): user for user in state.users}
    for old, new in renamed.items():
        holder = holders.get(fold_name(new))
        # A user who is renamed itself, or only gets another spelling, keeps no name.
        if holder is None or holder.username in renamed:
            continue
        owner = f"of {holder.source}" if holder.source else "a local account"
        yield f"{old} -> {new}: {holder.username} already exists ({owner})"


def _without_name(
    state: PlatformState, skips: Iterable[Skip], people: Mapping[tuple[str, str], str]
) -> Iterator[str]:
    """Users who cannot have their new name, as the planner says.

    `people`: source and normalized DN → external id. A person may have moved since the user's DN
    was noted.
    """
    by_entry: dict[tuple[str, str], User] = {}
    by_external_id: dict[tuple[str, str], User] = {}
    for user in state.users:
        if user.source and user.dn:
            by_entry[user.source, dn.key(user.dn)] = user
        if user.source and user.external_id:
            by_external_id[user.source, user.external_id] = user
    for skip in skips:
        if skip.code not in _OF_NAMES:
            continue
        entry = skip.source, dn.key(skip.dn)
        skipped = by_external_id.get((skip.source, people.get(entry, ""))) or by_entry.get(entry)
        if skipped is not None:
            new = "" if skip.code == "missing_field" else skip.username
            yield f"{skipped.username} -> {new or 'nothing'}: {skip.detail} ({skip.code})"
