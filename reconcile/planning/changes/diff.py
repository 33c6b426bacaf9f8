"""The changes that turn the current state into the wanted one. Objects are matched by id.

A user's change of status is a change of its own, beside the update of the profile, because a loss
is ordered and guarded as such. The planner gives reasons where it knows one; otherwise the reason
names the rule.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

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
_Object: TypeAlias = Source | Department | Group

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
    """What the planner knows about why something changes.

    `users`: user id → why the user is new or changed. `grant`: the rule that gives a grant, "" for
    none. `groups`: the ids of the selected groups. `mirrors`: kind → id → why a group or department
    is changed. `relinked`: kind → ids of objects that now belong to another entry. `lost`: ids of
    groups whose entry no longer exists.
    """

    users: Mapping[str, str] = {}
    grant: Callable[[Grant], str] = lambda _: ""
    groups: frozenset[str] = frozenset()
    mirrors: Mapping[str, Mapping[str, str]] = {}
    relinked: Mapping[str, Collection[str]] = {}
    lost: Collection[str] = ()

    def relinks(self, kind: Kind, row: str) -> bool:
        """Whether a user, group or department belongs to another entry than before."""
        return row in self.relinked.get(kind, ())

    def of(self, kind: Kind, row: str) -> str:
        """Why a group or department is changed; "" where nothing special is known."""
        return self.mirrors.get(kind, {}).get(row, "")


def diff(current: PlatformState, wanted: PlatformState, reasons: Reasons) -> Iterator[Change]:
    """The changes of one workspace, in no order yet."""
    comparison = _Comparison(current, wanted, reasons)
    yield from comparison.objects("source", current.sources, wanted.sources)
    yield from comparison.objects("department", current.departments, wanted.departments)
    yield from comparison.objects("group", current.groups, wanted.groups)
    yield from comparison.nestings()
    yield from comparison.users()
    yield from comparison.pairs("membership", current.memberships, wanted.memberships)
    yield from comparison.pairs("grant", current.grants, wanted.grants)


class _Comparison:
    """Two states of a workspace: `now` names the current one, `then` the wanted one."""

    def __init__(self, current: PlatformState, wanted: PlatformState, reasons: Reasons) -> None:
        self._now = Names(current)
        self._then = Names(wanted)
        self._reasons = reasons
        self._workspace = current.workspace

    def objects(
        self, kind: Kind, current: Sequence[_Object], wanted: Sequence[_Object]
    ) -> Iterator[Change]:
        """Creates, updates and deletes of sources, departments and groups."""
        # Only an undo wants an object gone, and never a source.
        if kind != "source":
            staying = {entry.id for entry in wanted}
            for entry in current:
                if entry.id not in staying:
                    yield self._deleted(kind, entry)
        known = {entry.id: entry for entry in current}
        for entry in wanted:
            old = known.get(entry.id)
            if old is None:
                yield self._created(kind, entry)
            elif old is not entry and old != entry:
                yield from self._updated(kind, old, entry)

    def _created(self, kind: Kind, entry: _Object) -> Change:
        key, fields = self._then.key(entry), self._then.fields(entry)
        reason = "declared" if isinstance(entry, Source) else f"selected: {entry.dn}"
        return Change(kind, "create", key, None, fields, reason, _source(entry), self._workspace)

    def _deleted(self, kind: Kind, entry: _Object) -> Change:
        key, fields = self._now.key(entry), self._now.fields(entry)
        return Change(kind, "delete", key, fields, None, "", _source(entry), self._workspace)

    def _updated(self, kind: Kind, old: _Object, new: _Object) -> Iterator[Change]:
        """An update or relink, unless only the nesting differs, which has changes of its own."""
        changed = [field for field in _differing(old, new) if field != "groups"]
        if not changed:
            return
        before = _pick(self._now.fields(old), changed)
        after = _pick(self._then.fields(new), changed)
        reason = self._reasons.of(kind, new.id)
        if not reason and isinstance(new, Source):
            reason = "settings changed in the files"
        elif not reason:
            reason = f"changed in {_source(new)}"
        action: Action = "relink" if self._reasons.relinks(kind, new.id) else "update"
        key = self._now.key(old)
        yield Change(kind, action, key, before, after, reason, _source(new), self._workspace)

    def nestings(self) -> Iterator[Change]:
        """One update for each group that an existing group is put into or taken out of.

        The nesting of a new group is part of its creation.
        """
        groups = {group.id: group for group in self._now.state.groups}
        staying = {group.id for group in self._then.state.groups}
        for group in self._then.state.groups:
            old = groups.get(group.id)
            if old is None or old.groups == group.groups:
                continue
            by_outer: list[tuple[str, Change]] = []
            for above in old.groups.keys() | group.groups.keys():
                if old.groups.get(above) != group.groups.get(above):
                    outer = self._then.group(above) if above in staying else groups[above]
                    change = self._nested(old, group, outer, groups.get(above))
                    by_outer.append((outer.name, change))
            yield from (change for _, change in sorted(by_outer, key=lambda item: item[0]))

    def _nested(self, old: Group, new: Group, outer: Group, outer_now: Group | None) -> Change:
        """A group goes into `outer` or comes out of it; `outer_now` is None if `outer` is new."""
        was, will = old.groups.get(outer.id), new.groups.get(outer.id)
        before: Fields = {"groups": {}}
        if outer_now is not None:
            before = {"groups": {outer_now.name: was}}
        after: Fields = {"groups": {outer.name: will}}
        if will is not None:
            reason = f"within {outer.dn}"
        elif outer.id in self._reasons.groups:
            reason = f"not within {outer.dn}"
        else:
            reason = _unselected(outer.id, self._reasons)
        source = will or was or outer.source
        return Change("group", "update", old.name, before, after, reason, source, self._workspace)

    def users(self) -> Iterator[Change]:
        """Creates, updates and deletes of users."""
        then, reasons, workspace = self._then, self._reasons.users, self._workspace
        leaving = {user.id: user for user in self._now.state.users}
        for user in then.state.users:
            old = leaving.pop(user.id, None)
            if old is None:
                name, fields = user.username, then.fields(user)
                reason = reasons.get(user.id, "")
                yield Change("user", "create", name, None, fields, reason, user.source, workspace)
            elif old is not user and old != user:
                yield from self._user_changes(old, user)
        for old in leaving.values():
            name, fields = old.username, self._now.fields(old)
            reason = reasons.get(old.id, "")
            yield Change("user", "delete", name, fields, None, reason, old.source, workspace)

    def _user_changes(self, old: User, user: User) -> Iterator[Change]:
        """An erasure stands alone; otherwise the profile comes first, then the status."""
        differing = _differing(old, user)
        before, after = self._now.fields(old), self._then.fields(user)
        if user.status == "erased" and old.status != "erased":
            yield self._erased(old, user, _pick(before, differing), _pick(after, differing))
            return
        profile = [field for field in differing if field not in _STATUS_FIELDS]
        if profile:
            yield from self._profile(old, user, _pick(before, profile), _pick(after, profile))
        service = [field for field in _STATUS_FIELDS if field in differing]
        if service:
            yield self._service(old, user, _pick(before, service), _pick(after, service))

    def _erased(self, old: User, user: User, before: Fields, after: Fields) -> Change:
        if "attributes" in after:
            after["attributes"] = dict.fromkeys(sorted(old.attributes))
        reason = self._reasons.users.get(user.id, "")
        name = old.username
        return Change("user", "erase", name, before, after, reason, user.source, self._workspace)

    def _profile(self, old: User, user: User, before: Fields, after: Fields) -> Iterator[Change]:
        """What the user is: names, contact data, attributes, manager, source."""
        name, source, workspace = old.username, user.source, self._workspace
        reason = self._reasons.users.get(user.id, "") or f"changed in {source}"
        action: Action = "update"
        if self._reasons.relinks("user", user.id):
            action = "relink"
        elif source and not old.source:
            action = "adopt"
        if "attributes" in after:
            before["attributes"], after["attributes"] = _changed_attributes(old, user)
        if "username" in after and "manager" in after:
            # A rename comes before creations, a manager after them: the manager may be new and take
            # the old name.
            was, will = _pick(before, ["manager"]), _pick(after, ["manager"])
            yield Change("user", "update", name, was, will, reason, source, workspace)
            del before["manager"], after["manager"]
        yield Change("user", action, name, before, after, reason, source, workspace)

    def _service(self, old: User, user: User, before: Fields, after: Fields) -> Change:
        """Whether the user can work: the status and what goes with it."""
        action: Action = "update"
        if old.status != user.status:
            action = _ACTIONS.get(user.status, "update")
        # The reason of a departure is the planner's; otherwise the cause says it.
        if not user.departed and user.status_cause in _WHY:
            reason = _WHY[user.status_cause].format(source=user.source)
        else:
            reason = self._reasons.users.get(user.id, "")
        name = old.username
        return Change("user", action, name, before, after, reason, user.source, self._workspace)

    def pairs(
        self, kind: Kind, current: Sequence[Pair], wanted: Sequence[Pair]
    ) -> Iterator[Change]:
        """Creates and deletes of memberships and grants. Their origin never changes."""
        now, then, reasons, workspace = self._now, self._then, self._reasons, self._workspace
        before, after = set(current), set(wanted)
        for pair in after - before:
            key, fields, reason = then.key(pair), then.fields(pair), _given(pair, then, reasons)
            yield Change(kind, "create", key, None, fields, reason, pair.origin, workspace)
        staying = {user.id for user in then.state.users}
        erased = {user.id for user in then.state.users if user.status == "erased"}
        for pair in before - after:
            # A source that adopts a user takes over what the user has, too.
            owner = then if pair.user in staying else now
            if pair.user not in staying:
                reason = "the user is deleted"
            elif pair.user in erased:
                reason = "the user is erased"
            else:
                reason = _taken(pair, now, then, reasons)
            key, fields, source = now.key(pair), now.fields(pair), pair.origin or owner.owner(pair)
            yield Change(kind, "delete", key, fields, None, reason, source, workspace)


def _source(entry: _Object) -> str:
    return entry.name if isinstance(entry, Source) else entry.source


def _changed_attributes(old: User, new: User) -> tuple[dict[str, Any], dict[str, Any]]:
    """The attributes that differ, before and after; None where a user does not have one."""
    was, will = old.attributes, new.attributes
    names = [name for name in was.keys() | will.keys() if was.get(name) != will.get(name)]
    names.sort()
    return {name: was.get(name) for name in names}, {name: will.get(name) for name in names}


def _given(pair: Membership | Grant, then: Names, reasons: Reasons) -> str:
    if isinstance(pair, Membership):
        return f"member of {then.group(pair.group).dn}"
    return reasons.grant(pair)


def _taken(pair: Membership | Grant, now: Names, then: Names, reasons: Reasons) -> str:
    if isinstance(pair, Grant) and pair.origin == BY_HAND:
        return "given by hand, and roles.authoritative is true"
    if isinstance(pair, Grant):
        return f"no longer given by the role mappings of {now.owner(pair)}"
    if pair.group in reasons.groups:
        return f"not a member of {then.group(pair.group).dn}"
    return _unselected(pair.group, reasons)


def _unselected(group: str, reasons: Reasons) -> str:
    """Why a user or group is taken out of a group that no rule selects.

    The reason does not name the group's previous DN, which may now be that of another group.
    """
    if group in reasons.lost:
        return "the group no longer exists in the directory"
    return "the group is no longer selected"


def _differing(old: msgspec.Struct, new: msgspec.Struct) -> list[str]:
    """The fields in which two objects of one type differ, by id where they refer to something."""
    return [field for field in old.__struct_fields__ if getattr(old, field) != getattr(new, field)]


def _pick(fields: Fields, names: Iterable[str]) -> Fields:
    return {name: fields[name] for name in names}
