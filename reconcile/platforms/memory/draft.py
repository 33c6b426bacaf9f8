"""What a platform state would be after a batch of changes, and which of them cannot be.

Computes only.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TypeVar

import msgspec

from reconcile.model.change import Change, Fields
from reconcile.model.platform import (
    NOW,
    Department,
    Grant,
    Group,
    Membership,
    PlatformState,
    Source,
    User,
)
from reconcile.model.text.folding import fold_name
from reconcile.platforms.resolve import Names, Unknown, paths, text

Object = TypeVar("Object", User, Group, Department)
_SUPPORTED = {
    "source": {"create", "update"},
    "department": {"create", "update", "relink", "delete"},
    "group": {"create", "update", "relink", "delete"},
    "user": {
        "create",
        "update",
        "adopt",
        "relink",
        "activate",
        "deactivate",
        "block",
        "erase",
        "delete",
    },
    "grant": {"create", "update", "delete"},
    "membership": {"create", "update", "delete"},
}


class Draft:
    """A state that is being changed. Ids are numbers that no object of the state had before."""

    def __init__(self, state: PlatformState, names: Names, now: str, highest: int = 0) -> None:
        """Takes the state, what names in `before` mean, the time (RFC 3339) and the highest id.

        That is the highest there ever was.
        """
        self._now = now
        self._deleted = state.deleted
        self._readings = state.readings
        self._workspace = state.workspace
        self._names = names
        self._sources = {one.name: one for one in state.sources}
        self._departments = {one.id: one for one in state.departments}
        self._groups = {one.id: one for one in state.groups}
        self._users = {one.id: one for one in state.users}
        self._roles = set(state.roles)
        self._memberships = {(one.user, one.group): one for one in state.memberships}
        self._grants = {(one.user, one.role): one for one in state.grants}
        taken = (*self._departments, *self._groups, *self._users)
        self._next = max(highest, max((int(one) for one in taken if one.isdecimal()), default=0))
        self._ids: dict[int, str] = {}
        self._gone: dict[int, str] = {}
        self._parents: dict[str, str] = {}

    def state(self) -> PlatformState:
        """What has become of it."""
        return PlatformState(
            self._workspace,
            tuple(self._sources.values()),
            tuple(self._departments.values()),
            tuple(self._groups.values()),
            tuple(self._users.values()),
            frozenset(self._roles),
            tuple(self._memberships.values()),
            tuple(self._grants.values()),
            self._deleted,
            self._readings,
        )

    @property
    def highest(self) -> int:
        """The highest id there ever was."""
        return self._next

    def apply(self, batch: Mapping[int, Change]) -> dict[int, str]:
        """Makes changes of one kind and action; returns position → why, for those that fail.

        After a failure the draft is of no use: what failed may have left traces.
        """
        failed: dict[int, str] = {}
        steps: list[Callable[[int, Change], None]] = [self._place, self._relate]
        for step in steps:  # first everything gets its name, then it refers to others by theirs
            for place, change in batch.items():
                try:
                    step(place, change)
                except Unknown as unknown:
                    failed.setdefault(place, str(unknown))
        for objects in (self._users, self._groups, self._departments):
            failed.update(self._clashes(objects))
        above = {one.parent for one in self._departments.values()}
        failed.update(
            (place, "it still has departments below it")
            for place, row in self._gone.items()
            if row in above
        )
        return failed

    def _place(self, place: int, change: Change) -> None:
        if change.action not in _SUPPORTED[change.kind]:
            raise Unknown(f"{change.action} of a {change.kind} is not supported yet")
        fields = change.after or {}
        if change.kind == "source":
            self._source(change, fields)
        elif change.kind == "user":
            self._object(place, change, self._users, User("", ""), fields)
        elif change.kind == "group":
            self._object(place, change, self._groups, Group("", ""), fields)
        elif change.kind == "department":
            self._object(place, change, self._departments, Department("", ""), fields)

    def _relate(self, place: int, change: Change) -> None:
        fields = change.after or {}
        if change.kind in ("grant", "membership"):
            self._link(change, fields)
        elif change.action == "delete":
            return
        elif change.kind == "user" and place in self._ids:
            user = self._users[self._ids[place]]
            self._users[user.id] = msgspec.structs.replace(
                user,
                department=self._department(fields["department"])
                if "department" in fields
                else user.department,
                manager=self._user(fields["manager"]) if "manager" in fields else user.manager,
            )
        elif change.kind == "group" and place in self._ids and "groups" in fields:
            group = self._groups[self._ids[place]]
            self._groups[group.id] = msgspec.structs.replace(
                group, groups=self._nested(group, change)
            )
        elif change.kind == "department" and place in self._ids and "parent" in fields:
            department = self._departments[self._ids[place]]
            self._departments[department.id] = msgspec.structs.replace(
                department, parent=self._department(fields["parent"])
            )

    def _source(self, change: Change, fields: Fields) -> None:
        values = {name: value or "" for name, value in fields.items()}
        if change.action == "create":
            if text(fields, "name") in self._sources:
                raise Unknown("another source of the workspace has this name")
            self._sources[text(fields, "name")] = msgspec.convert(values, Source)
        elif change.key not in self._sources:
            raise Unknown(f"the source {change.key!r} does not exist")
        else:
            changed = msgspec.structs.replace(self._sources.pop(change.key), **values)
            if changed.name != change.key:
                self._rename_source(change.key, changed.name)
            self._sources[changed.name] = changed

    def _rename_source(self, old: str, new: str) -> None:
        """Everything of the source goes by the new name.

        A source that has it already becomes one with it.
        """

        def named(source: str) -> str:
            return new if source == old else source

        replace = msgspec.structs.replace
        for row, user in self._users.items():
            self._users[row] = replace(
                user, source=named(user.source), status_origin=named(user.status_origin)
            )
        for row, group in self._groups.items():
            nested = {above: named(origin) for above, origin in group.groups.items()}
            self._groups[row] = replace(group, source=named(group.source), groups=nested)
        for row, unit in self._departments.items():
            self._departments[row] = replace(unit, source=named(unit.source))
        self._memberships = {
            pair: replace(one, origin=named(one.origin)) for pair, one in self._memberships.items()
        }
        self._grants = {
            pair: replace(one, origin=named(one.origin)) for pair, one in self._grants.items()
        }
        self._deleted = frozenset(
            (named(source), person) for source, person in self._deleted if source != new
        )
        self._readings = tuple(
            replace(one, source=named(one.source)) for one in self._readings if one.source != new
        )

    def _object(
        self, place: int, change: Change, objects: dict[str, Object], new: Object, fields: Fields
    ) -> None:
        if change.action == "create":
            self._next += 1
            row = str(self._next)
            old = msgspec.structs.replace(new, id=row)
        else:
            row = self._names.row(change)
            if row not in objects:
                raise Unknown("it no longer exists")
            old = objects[row]
        if change.action == "delete":
            del objects[row]
            self._gone[place] = row
            self._forget(row, change.kind)
            return
        if text(fields, "source") and text(fields, "source") not in self._sources:
            raise Unknown(f"the source {text(fields, 'source')!r} does not exist")
        if change.action == "erase":
            self._forget(row, change.kind)
        objects[row] = self._changed(old, change, fields)
        self._ids[place] = row
        if change.kind == "department" and "parent" in fields:
            self._parents[row] = text(fields, "parent")

    def _changed(self, old: Object, change: Change, fields: Fields) -> Object:
        """The object with the fields of the change, but for those that name other objects."""
        values: dict[str, object] = {
            name: value or ""
            for name, value in fields.items()
            if name not in {"parent", "department", "manager", "groups"}
        }
        if values.get("departed_at") == NOW:
            values["departed_at"] = self._now
        kept = msgspec.to_builtins(old)
        if "attributes" in fields:
            values["attributes"] = _merged(kept["attributes"], change)
        try:
            return msgspec.convert({**kept, **values}, type(old))
        except msgspec.ValidationError as error:
            raise Unknown(str(error)) from None

    def _forget(self, row: str, kind: str) -> None:
        """What goes along with an object, and what no longer refers to it."""
        if kind in ("user", "group"):
            self._memberships = {
                pair: one for pair, one in self._memberships.items() if row not in _end(pair, kind)
            }
        if kind == "group":
            for group in [group for group in self._groups.values() if row in group.groups]:
                left = {above: origin for above, origin in group.groups.items() if above != row}
                self._groups[group.id] = msgspec.structs.replace(group, groups=left)
        if kind == "user":
            self._grants = {pair: one for pair, one in self._grants.items() if pair[0] != row}
            for user in [user for user in self._users.values() if user.manager == row]:
                self._users[user.id] = msgspec.structs.replace(user, manager="")
        if kind == "department":
            for user in [user for user in self._users.values() if user.department == row]:
                self._users[user.id] = msgspec.structs.replace(user, department="")

    def _link(self, change: Change, fields: Fields) -> None:
        links: dict[tuple[str, str], Membership] | dict[tuple[str, str], Grant]
        links, made = (
            (self._grants, Grant) if change.kind == "grant" else (self._memberships, Membership)
        )
        if change.action == "create":
            pair = self._new_pair(change, fields)
            if pair in links:
                raise Unknown("it already exists")
            if change.kind == "grant":
                self._roles.add(pair[1])
        else:
            pair = self._names.link(change)
            if pair not in links:
                raise Unknown("it no longer exists")
        if change.action == "delete":
            del links[pair]
        else:
            links[pair] = made(*pair, text(fields, "origin"))  # type: ignore[assignment] # both come from one choice

    def _new_pair(self, change: Change, fields: Fields) -> tuple[str, str]:
        user = _find(self._usernames, "user", text(fields, "user"))
        if change.kind == "grant":
            return user, text(fields, "role")
        return user, _find(self._group_names, "group", text(fields, "group"))

    def _nested(self, group: Group, change: Change) -> dict[str, str]:
        """The groups that the group is in, once the change is made."""
        out, into = self._names.nesting(change, self._group_names)
        if group.id in into:
            raise Unknown("a group cannot be in itself")
        return {above: origin for above, origin in group.groups.items() if above not in out} | into

    def _user(self, name: object) -> str:
        return _find(self._usernames, "user", name) if name else ""

    def _department(self, name: object) -> str:
        return _find(self._paths, "department", name) if name else ""

    # Each is made once, when every object of the batch has its name.

    @cached_property
    def _usernames(self) -> dict[str, str]:
        return {one.username: one.id for one in self._users.values()}

    @cached_property
    def _group_names(self) -> dict[str, str]:
        return {one.name: one.id for one in self._groups.values()}

    @cached_property
    def _paths(self) -> dict[str, str]:
        return paths(
            {one.id: (one.parent, one.title) for one in self._departments.values()}, self._parents
        )

    def _clashes(
        self, objects: Mapping[str, User] | Mapping[str, Group] | Mapping[str, Department]
    ) -> dict[int, str]:
        """Objects of the batch whose name, or external id, another one has."""
        places = {row: place for place, row in self._ids.items()}
        taken: dict[object, str] = {}
        clashes: dict[int, str] = {}
        ordered: Iterable[User | Group | Department] = sorted(
            objects.values(), key=lambda one: one.id in places
        )
        for one in ordered:
            for key in _unique(one):
                if taken.setdefault(key, one.id) != one.id and one.id in places:
                    clashes[places[one.id]] = f"another one has this {key[0]}"
        return clashes


def _unique(one: User | Group | Department) -> list[tuple[str, ...]]:
    if isinstance(one, User):
        own: tuple[str, ...] = ("username", fold_name(one.username))
    elif isinstance(one, Group):
        own = ("name", fold_name(one.name))
    else:
        own = ("title", one.parent, one.title)
    return (
        [own, ("external id", one.source, one.external_id)]
        if one.source and one.external_id
        else [own]
    )


def _end(pair: tuple[str, str], kind: str) -> tuple[str]:
    return (pair[0] if kind == "user" else pair[1],)


def _find(known: Mapping[str, str], kind: str, name: object) -> str:
    if str(name) not in known:
        raise Unknown(f"the {kind} {name!r} does not exist")
    return known[str(name)]


def _merged(old: Mapping[str, str], change: Change) -> dict[str, str]:
    before, after = (
        (change.before or {}).get("attributes") or {},
        (change.after or {}).get("attributes"),
    )
    merged = {name: value for name, value in old.items() if name not in before}
    for name, value in after.items() if isinstance(after, dict) else ():
        merged.pop(name, None)
        if value is not None:
            merged[name] = value
    return merged
