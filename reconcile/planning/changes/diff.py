"""The changes from the current state to the wanted one: objects with the same id are the same.

A change of a user's status is a step of its own, separate from the update of the profile, because
losses are ordered and guarded. Reasons come from the planner if it knows one; otherwise they name
the rule.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from reconcile.model.change import Action, Change, Fields, Kind
from reconcile.model.kinds import of_aspect
from reconcile.model.named_state import Names
from reconcile.model.platform import (
    BY_HAND,
    Cause,
    Department,
    Grant,
    Group,
    Membership,
    PlatformState,
    Source,
    Status,
    User,
)

Pair = TypeVar("Pair", bound=Membership | Grant)

_STATUS_FIELDS: Final = of_aspect("user", "service")
_ACTIONS: Mapping[Status, Action] = {
    "active": "activate",
    "vacation": "activate",
    "inactive": "deactivate",
    "blocked": "block",
    "blocked_in_directory": "block",
}
_WHY: Mapping[Cause, str] = {"": "active in {source}", "disabled": "disabled in {source}"}


class Reasons(msgspec.Struct):
    """What the planner knows about the reasons of changes.

    `users`: user id → why it is new or changed. `grant` returns the rule that gives a grant, "" for
    none. `groups` are the ids of selected groups. `mirrors`: kind → id → why a group or department
    changed. `relinked`: kind → ids of objects that stand for another entry than before.
    """

    users: Mapping[str, str] = {}
    grant: Callable[[Grant], str] = lambda _: ""
    groups: frozenset[str] = frozenset()
    mirrors: Mapping[str, Mapping[str, str]] = {}
    relinked: Mapping[str, Collection[str]] = {}
    lost: Collection[str] = ()
    """Ids of groups whose entry no longer exists."""

    def relinks(self, kind: Kind, row: str) -> bool:
        """Whether a user, group or department stands for another entry than before."""
        return row in self.relinked.get(kind, ())

    def of(self, kind: Kind, row: str) -> str:
        """Why a group or department changed; "" for no special reason."""
        return self.mirrors.get(kind, {}).get(row, "")


def diff(current: PlatformState, wanted: PlatformState, reasons: Reasons) -> Iterator[Change]:
    """The changes, in no particular order."""
    now, then = Names(current), Names(wanted)
    yield from _objects("source", current.sources, wanted.sources, now, then, reasons)
    yield from _objects("department", current.departments, wanted.departments, now, then, reasons)
    yield from _objects("group", current.groups, wanted.groups, now, then, reasons)
    yield from _nestings(now, then, reasons)
    yield from _users(now, then, reasons)
    yield from _pairs("membership", current.memberships, wanted.memberships, now, then, reasons)
    yield from _pairs("grant", current.grants, wanted.grants, now, then, reasons)


def _objects(
    kind: Kind,
    current: Sequence[Source | Department | Group],
    wanted: Sequence[Source | Department | Group],
    now: Names,
    then: Names,
    reasons: Reasons,
) -> Iterator[Change]:
    """Creations, updates and deletions of sources, departments and groups.

    Only an undo deletes any of them, and never a source.
    """
    by_id = {named.id: named for named in current}
    workspace = now.state.workspace
    staying = {named.id for named in wanted}
    for old in current:
        if kind != "source" and old.id not in staying:
            fields = now.fields(old)
            source = _source(old)
            yield Change(kind, "delete", now.key(old), fields, None, "", source, workspace)
    for new in wanted:
        old_object = by_id.get(new.id)
        if old_object is None:
            reason = "declared" if isinstance(new, Source) else f"selected: {new.dn}"
            fields, source = then.fields(new), _source(new)
            yield Change(kind, "create", then.key(new), None, fields, reason, source, workspace)
        elif old_object is not new and old_object != new:
            yield from _object_changes(kind, old_object, new, now, then, reasons)


def _object_changes(
    kind: Kind,
    old: Source | Department | Group,
    new: Source | Department | Group,
    now: Names,
    then: Names,
    reasons: Reasons,
) -> Iterator[Change]:
    """The update of a source, department or group, without its nesting."""
    changed = [field for field in _differing(old, new) if field != "groups"]
    if not changed:
        return
    before, after = _pick(now.fields(old), changed), _pick(then.fields(new), changed)
    reason = reasons.of(kind, new.id)
    if not reason:
        is_source = isinstance(new, Source)
        reason = "settings changed in the files" if is_source else f"changed in {_source(new)}"
    action: Action = "relink" if reasons.relinks(kind, new.id) else "update"
    source, workspace = _source(new), now.state.workspace
    yield Change(kind, action, now.key(old), before, after, reason, source, workspace)


def _nestings(now: Names, then: Names, reasons: Reasons) -> Iterator[Change]:
    """One update for each group that a group enters or leaves.

    The nesting of a new group is part of its creation.
    """
    groups = {group.id: group for group in now.state.groups}
    staying = {group.id for group in then.state.groups}
    for group in then.state.groups:
        old = groups.get(group.id)
        if old is None or old.groups == group.groups:
            continue
        changes: list[tuple[str, Change]] = []
        for outer_id in old.groups.keys() | group.groups.keys():
            if old.groups.get(outer_id) == group.groups.get(outer_id):
                continue
            outer = then.group(outer_id) if outer_id in staying else groups[outer_id]
            change = _nesting(old, group, groups.get(outer_id), outer, now, reasons)
            changes.append((outer.name, change))
        yield from (change for _, change in sorted(changes, key=lambda item: item[0]))


def _nesting(
    old: Group, new: Group, outer_before: Group | None, outer: Group, now: Names, reasons: Reasons
) -> Change:
    """The update of a group that enters or leaves `outer`, or whose origin there changes."""
    was, will = old.groups.get(outer.id), new.groups.get(outer.id)
    before: Fields = {"groups": {outer_before.name: was} if outer_before is not None else {}}
    after: Fields = {"groups": {outer.name: will}}
    reason = f"within {outer.dn}"
    if will is None:
        selected = outer.id in reasons.groups
        reason = f"not {reason}" if selected else _unselected(outer.id, reasons)
    source = will or was or outer.source
    return Change("group", "update", old.name, before, after, reason, source, now.state.workspace)


def _source(one: Source | Department | Group) -> str:
    return one.name if isinstance(one, Source) else one.source


def _users(now: Names, then: Names, reasons: Reasons) -> Iterator[Change]:
    by_id = {user.id: user for user in now.state.users}
    workspace = now.state.workspace
    for user in then.state.users:
        old = by_id.pop(user.id, None)
        if old is None:
            reason, fields = reasons.users.get(user.id, ""), then.fields(user)
            name, source = user.username, user.source
            yield Change("user", "create", name, None, fields, reason, source, workspace)
        elif old is not user and old != user:
            yield from _user_changes(old, user, now, then, reasons)
    for old in by_id.values():
        reason, fields = reasons.users.get(old.id, ""), now.fields(old)
        name, source = old.username, old.source
        yield Change("user", "delete", name, fields, None, reason, source, workspace)


def _user_changes(
    old: User, user: User, now: Names, then: Names, reasons: Reasons
) -> Iterator[Change]:
    """Erases a user, or updates its profile and then its status."""
    reason = reasons.users.get(user.id, "")
    differing = _differing(old, user)
    before, after = now.fields(old), then.fields(user)
    workspace = now.state.workspace
    if user.status == "erased" and old.status != "erased":
        before, after = _pick(before, differing), _pick(after, differing)
        if "attributes" in differing:
            after["attributes"] = dict.fromkeys(sorted(old.attributes))
        yield Change("user", "erase", old.username, before, after, reason, user.source, workspace)
        return
    profile = [field for field in differing if field not in _STATUS_FIELDS]
    if profile:
        action: Action = "adopt" if user.source and not old.source else "update"
        if reasons.relinks("user", user.id):
            action = "relink"
        was, will = _pick(before, profile), _pick(after, profile)
        why = reason or f"changed in {user.source}"
        yield from _profile_changes(old, user, action, was, will, why, workspace)
    standing = [field for field in _STATUS_FIELDS if field in differing]
    if standing:
        action = _ACTIONS.get(user.status, "update") if old.status != user.status else "update"
        was, will = _pick(before, standing), _pick(after, standing)
        known = not user.departed and user.status_cause in _WHY
        why = _WHY[user.status_cause].format(source=user.source) if known else reason
        yield Change("user", action, old.username, was, will, why, user.source, workspace)


def _profile_changes(
    old: User, user: User, action: Action, before: Fields, after: Fields, why: str, workspace: str
) -> Iterator[Change]:
    """The update of a profile: fields that differ, and of the attributes those that differ."""
    if "attributes" in before:
        was, will = old.attributes, user.attributes
        either = sorted(was.keys() | will.keys())
        names = [name for name in either if was.get(name) != will.get(name)]
        before["attributes"] = {name: was.get(name) for name in names}
        after["attributes"] = {name: will.get(name) for name in names}
    if "username" in before and "manager" in before:
        # A rename comes before creations, a manager after them: the manager may be new and take
        # the old name.
        manager = {"manager": before.pop("manager")}, {"manager": after.pop("manager")}
        yield Change("user", "update", old.username, *manager, why, user.source, workspace)
    yield Change("user", action, old.username, before, after, why, user.source, workspace)


def _pairs(
    kind: Kind,
    current: Sequence[Pair],
    wanted: Sequence[Pair],
    now: Names,
    then: Names,
    reasons: Reasons,
) -> Iterator[Change]:
    """Creations and deletions of memberships and grants. Their origin never changes."""
    workspace = now.state.workspace
    before, after = set(current), set(wanted)
    for pair in after - before:
        key, fields, reason = then.key(pair), then.fields(pair), _why_given(pair, then, reasons)
        yield Change(kind, "create", key, None, fields, reason, pair.origin, workspace)
    staying = {user.id for user in then.state.users}
    erased = {user.id for user in then.state.users if user.status == "erased"}
    for pair in before - after:
        # A source that adopts a user also owns what is taken from it.
        owners = then if pair.user in staying else now
        reason = "the user is deleted"
        if pair.user in erased:
            reason = "the user is erased"
        elif pair.user in staying:
            reason = _why_taken(pair, now, then, reasons)
        key, fields, source = now.key(pair), now.fields(pair), pair.origin or owners.owner(pair)
        yield Change(kind, "delete", key, fields, None, reason, source, workspace)


def _why_given(pair: Membership | Grant, then: Names, reasons: Reasons) -> str:
    if isinstance(pair, Membership):
        return f"member of {then.group(pair.group).dn}"
    return reasons.grant(pair)


def _why_taken(pair: Membership | Grant, now: Names, then: Names, reasons: Reasons) -> str:
    if isinstance(pair, Grant):
        if pair.origin == BY_HAND:
            return "given by hand, and roles.authoritative is true"
        return f"no longer given by the role mappings of {now.owner(pair)}"
    if pair.group in reasons.groups:
        return f"not a member of {then.group(pair.group).dn}"
    return _unselected(pair.group, reasons)


def _unselected(group: str, reasons: Reasons) -> str:
    """Why a member leaves a group that no rule selects. Its old DN may be another entry's."""
    return (
        "the group no longer exists in the directory"
        if group in reasons.lost
        else "the group is no longer selected"
    )


def _differing(old: msgspec.Struct, new: msgspec.Struct) -> list[str]:
    """The fields in which two objects of one type differ; references are ids."""
    return [field for field in old.__struct_fields__ if getattr(old, field) != getattr(new, field)]


def _pick(fields: Fields, names: Iterable[str]) -> Fields:
    return {name: fields[name] for name in names}
