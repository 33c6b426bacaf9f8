"""What turns the current state into the wanted one: an object is the same if its id is the same.

A user's change of status is a step of its own, beside the update of the profile, because a loss is
ordered and guarded as such. Reasons come from the planner where it knows one, else they say what
the rule is.
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
    """What the planner knows of the why.

    `users`: user id → why it is new or changed; `grant`: the rule that gives one, "" for none; `groups`: the ids of
    those that are selected. `mirrors`: kind → id → why a group or department is changed; `relinked`: kind → ids of
    what stands for another entry than before.
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
        """Why a group or department is changed; "" where nothing special is known."""
        return self.mirrors.get(kind, {}).get(row, "")


def diff(current: PlatformState, wanted: PlatformState, reasons: Reasons) -> Iterator[Change]:
    """The changes, in no order yet."""
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
    """Creates, updates and deletes of sources, departments and groups. Only an undo wants any of them gone."""
    there = {one.id: one for one in current}
    workspace = now.state.workspace
    if kind != "source":
        staying = {one.id for one in wanted}
        for one in current:
            if one.id not in staying:
                yield Change(
                    kind, "delete", now.key(one), now.fields(one), None, "", _source(one), workspace
                )
    for one in wanted:
        old = there.get(one.id)
        if old is None:
            reason = "declared" if isinstance(one, Source) else f"selected: {one.dn}"
            yield Change(
                kind,
                "create",
                then.key(one),
                None,
                then.fields(one),
                reason,
                _source(one),
                workspace,
            )
        elif old is not one and old != one:
            changed = [field for field in _differing(old, one) if field != "groups"]
            if not changed:
                continue
            before, after = _pick(now.fields(old), changed), _pick(then.fields(one), changed)
            reason = (
                "settings changed in the files"
                if isinstance(one, Source)
                else f"changed in {one.source}"
            )
            reason = reasons.of(kind, one.id) or reason
            action: Action = "relink" if reasons.relinks(kind, one.id) else "update"
            yield Change(kind, action, now.key(old), before, after, reason, _source(one), workspace)


def _nestings(now: Names, then: Names, reasons: Reasons) -> Iterator[Change]:
    """One update for each group that a group goes into or comes out of; that of a new group is part of its creation."""
    groups = {group.id: group for group in now.state.groups}
    staying = {group.id for group in then.state.groups}
    workspace = now.state.workspace
    for group in then.state.groups:
        old = groups.get(group.id)
        if old is None or old.groups == group.groups:
            continue
        found: list[tuple[str, Change]] = []
        for above in old.groups.keys() | group.groups.keys():
            was, will = old.groups.get(above), group.groups.get(above)
            if was == will:
                continue
            outer = then.group(above) if above in staying else groups[above]
            before: Fields = {"groups": {groups[above].name: was} if above in groups else {}}
            after: Fields = {"groups": {outer.name: will}}
            if will is not None:
                reason = f"within {outer.dn}"
            elif above in reasons.groups:
                reason = f"not within {outer.dn}"
            else:
                reason = _unselected(above, reasons)
            source = will or was or outer.source
            found.append(
                (
                    outer.name,
                    Change("group", "update", old.name, before, after, reason, source, workspace),
                )
            )
        yield from (change for _, change in sorted(found, key=lambda item: item[0]))


def _source(one: Source | Department | Group) -> str:
    return one.name if isinstance(one, Source) else one.source


def _users(now: Names, then: Names, why: Reasons) -> Iterator[Change]:
    reasons = why.users
    there = {user.id: user for user in now.state.users}
    workspace = now.state.workspace
    for user in then.state.users:
        old = there.pop(user.id, None)
        if old is None:
            reason = reasons.get(user.id, "")
            yield Change(
                "user",
                "create",
                user.username,
                None,
                then.fields(user),
                reason,
                user.source,
                workspace,
            )
        elif old is not user and old != user:
            yield from _user_changes(old, user, now, then, why)
    for old in there.values():
        reason = reasons.get(old.id, "")
        yield Change(
            "user", "delete", old.username, now.fields(old), None, reason, old.source, workspace
        )


def _user_changes(
    old: User, user: User, now: Names, then: Names, reasons: Reasons
) -> Iterator[Change]:
    reason = reasons.users.get(user.id, "")
    differing = _differing(old, user)
    profile = [field for field in differing if field not in _STATUS_FIELDS]
    before_all, after_all = now.fields(old), then.fields(user)
    workspace = now.state.workspace
    if user.status == "erased" and old.status != "erased":
        before, after = _pick(before_all, differing), _pick(after_all, differing)
        if "attributes" in differing:
            after["attributes"] = dict.fromkeys(sorted(old.attributes))
        yield Change("user", "erase", old.username, before, after, reason, user.source, workspace)
        return
    action: Action
    if profile:
        action = "adopt" if user.source and not old.source else "update"
        action = "relink" if reasons.relinks("user", user.id) else action
        before, after = _pick(before_all, profile), _pick(after_all, profile)
        if "attributes" in profile:
            was, will = old.attributes, user.attributes
            names = sorted(
                name for name in was.keys() | will.keys() if was.get(name) != will.get(name)
            )
            before["attributes"] = {name: was.get(name) for name in names}
            after["attributes"] = {name: will.get(name) for name in names}
        why = reason or f"changed in {user.source}"
        if "username" in profile and "manager" in profile:
            # A rename comes before creations, a manager after them: the manager may be new and take
            # the old name.
            late = _pick(before, ["manager"]), _pick(after, ["manager"])
            yield Change("user", "update", old.username, *late, why, user.source, workspace)
            del before["manager"], after["manager"]
        yield Change("user", action, old.username, before, after, why, user.source, workspace)
    standing = [field for field in _STATUS_FIELDS if field in differing]
    if standing:
        action = _ACTIONS.get(user.status, "update") if old.status != user.status else "update"
        before, after = _pick(before_all, standing), _pick(after_all, standing)
        known = not user.departed and user.status_cause in _WHY
        why = _WHY[user.status_cause].format(source=user.source) if known else reason
        yield Change("user", action, old.username, before, after, why, user.source, workspace)


def _pairs(
    kind: Kind,
    current: Sequence[Pair],
    wanted: Sequence[Pair],
    now: Names,
    then: Names,
    reasons: Reasons,
) -> Iterator[Change]:
    """Creates and deletes of memberships and grants. Their origin never changes: who gave something keeps it."""
    workspace = now.state.workspace
    before, after = set(current), set(wanted)
    for one in after - before:
        fields = then.fields(one)
        yield Change(
            kind,
            "create",
            then.key(one),
            None,
            fields,
            _given(one, then, reasons),
            one.origin,
            workspace,
        )
    staying = {user.id for user in then.state.users}
    erased = {user.id for user in then.state.users if user.status == "erased"}
    for one in before - after:
        fields = now.fields(one)
        reason = "the user is deleted"
        if one.user in staying:
            reason = "the user is erased" if one.user in erased else _taken(one, now, then, reasons)
        source = one.origin or (then if one.user in staying else now).owner(
            one
        )  # who adopts a user takes it, too
        yield Change(kind, "delete", now.key(one), fields, None, reason, source, workspace)


def _given(one: Membership | Grant, then: Names, reasons: Reasons) -> str:
    if isinstance(one, Membership):
        return f"member of {then.group(one.group).dn}"
    return reasons.grant(one)


def _taken(one: Membership | Grant, now: Names, then: Names, reasons: Reasons) -> str:
    if isinstance(one, Grant) and one.origin == BY_HAND:
        return "given by hand, and roles.authoritative is true"
    if isinstance(one, Grant):
        return f"no longer given by the role mappings of {now.owner(one)}"
    if one.group in reasons.groups:
        return f"not a member of {then.group(one.group).dn}"
    return _unselected(one.group, reasons)


def _unselected(group: str, reasons: Reasons) -> str:
    """Why what a sync put into a group that no rule selects is taken out; its DN of before may be another's now."""
    return (
        "the group no longer exists in the directory"
        if group in reasons.lost
        else "the group is no longer selected"
    )


def _differing(old: msgspec.Struct, new: msgspec.Struct) -> list[str]:
    """The fields in which two objects of one type differ, by id where they refer to something."""
    return [field for field in old.__struct_fields__ if getattr(old, field) != getattr(new, field)]


def _pick(fields: Fields, names: Iterable[str]) -> Fields:
    return {name: fields[name] for name in names}
