"""What a platform state would be after a batch of changes, and which of them cannot be.

Computes only.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, cast

import msgspec

from reconcile.model.change import Change, Fields, mapping
from reconcile.model.kinds import PAIRS
from reconcile.model.platform import (
    NOW,
    Department,
    Grant,
    Group,
    Membership,
    ObjectKind,
    PlatformState,
    Source,
    User,
)
from reconcile.platforms.memory.clashes import clashes
from reconcile.platforms.memory.tables import Tables, replace
from reconcile.platforms.resolve import Names, Unknown, paths, text

_OBJECTS: Final[tuple[ObjectKind, ...]] = ("user", "group", "department")
_NEW: Final[Mapping[ObjectKind, User | Group | Department]] = {
    "user": User("", ""),
    "group": Group("", ""),
    "department": Department("", ""),
}
_OF_MIRRORED: Final = frozenset({"create", "update", "relink", "delete"})
_OF_LINKS: Final = frozenset({"create", "update", "delete"})
_SUPPORTED: Final = {
    "source": {"create", "update"},
    "department": _OF_MIRRORED,
    "group": _OF_MIRRORED,
    "user": _OF_MIRRORED | {"adopt", "activate", "deactivate", "block", "erase"},
    "grant": _OF_LINKS,
    "membership": _OF_LINKS,
}
_REFERENCES: Final = frozenset({"parent", "department", "manager", "groups"})


class Draft:
    """A state that is being changed. Ids are numbers that no object of the state had before."""

    def __init__(self, state: PlatformState, names: Names, now: str, highest: int = 0) -> None:
        """Takes the state, what names in `before` mean, the time (RFC 3339) and the highest id.

        That is the highest there ever was.
        """
        self._now = now
        self._names = names
        self._tables = Tables(state)
        self.highest = max(highest, self._tables.highest_id())
        """The highest id there ever was."""
        self._ids: dict[int, str] = {}
        """Place of a change → id of the object that it creates or changes."""
        self._gone: dict[int, str] = {}
        """Place of a change → id of the object that it deletes."""
        self._parents: dict[str, str] = {}
        """Id of a department that moves → the path it is then below."""

    def state(self) -> PlatformState:
        """What has become of it."""
        return self._tables.state()

    def apply(self, batch: Mapping[int, Change]) -> dict[int, str]:
        """Makes changes of one kind and action; returns position → why, for those that fail.

        After a failure the draft is of no use: what failed may have left traces.
        """
        failed: dict[int, str] = {}
        # First everything gets its name, then it refers to others by theirs.
        for step in (self._place, self._relate):
            for place, change in batch.items():
                try:
                    step(place, change)
                except Unknown as unknown:
                    failed.setdefault(place, str(unknown))
        return failed | self._clashes() | self._not_empty()

    def _clashes(self) -> dict[int, str]:
        """The changes whose object gets a name, or an external id, that another one has."""
        places = {own: place for place, own in self._ids.items()}
        failed: dict[int, str] = {}
        for kind in _OBJECTS:
            objects = self._tables.objects(kind)
            for own, why in clashes(objects.values(), places.keys() & objects.keys()).items():
                failed[places[own]] = why
        return failed

    def _not_empty(self) -> dict[int, str]:
        """The changes that would delete a department with others below it."""
        above = {department.parent for department in self._tables.departments.values()}
        why = "it still has departments below it"
        return {place: why for place, own in self._gone.items() if own in above}

    def _place(self, place: int, change: Change) -> None:
        """Makes, changes or removes something, but for what it refers to."""
        if change.action not in _SUPPORTED[change.kind]:
            raise Unknown(f"{change.action} of a {change.kind} is not supported yet")
        if change.kind == "source":
            self._source(change, change.fields_after)
        elif change.kind not in PAIRS:
            self._object(place, change, cast("ObjectKind", change.kind))

    def _relate(self, place: int, change: Change) -> None:
        """Makes or ends a link, or ties an object to those that it refers to."""
        fields = change.fields_after
        if change.kind in PAIRS:
            self._link(change, fields)
        if place not in self._ids or not fields.keys() & _REFERENCES:
            return
        own = self._ids[place]
        objects = self._tables.objects(cast("ObjectKind", change.kind))
        references: dict[str, object] = {}
        for field in ("department", "parent"):
            if field in fields:
                references[field] = self._department(fields[field])
        if "manager" in fields:
            references["manager"] = self._user(fields["manager"])
        if "groups" in fields:
            references["groups"] = self._nested(objects[own], change)
        objects[own] = replace(objects[own], **references)

    def _source(self, change: Change, fields: Fields) -> None:
        sources = self._tables.sources
        values = {name: value or "" for name, value in fields.items()}
        if change.action == "create":
            if text(fields, "name") in sources:
                raise Unknown("another source of the workspace has this name")
            sources[text(fields, "name")] = msgspec.convert(values, Source)
            return
        if change.key not in sources:
            raise Unknown(f"the source {change.key!r} does not exist")
        changed = replace(sources.pop(change.key), **values)
        if changed.name != change.key:
            self._tables.rename_source(change.key, changed.name)
        sources[changed.name] = changed

    def _object(self, place: int, change: Change, kind: ObjectKind) -> None:
        objects = self._tables.objects(kind)
        fields = change.fields_after
        own, old = self._before(change, kind)
        if change.action == "delete":
            del objects[own]
            self._gone[place] = own
            self._tables.forget(kind, own)
            return
        source = text(fields, "source")
        if source and source not in self._tables.sources:
            raise Unknown(f"the source {source!r} does not exist")
        if change.action == "erase":
            self._tables.forget(kind, own)
            old = objects[own]
        objects[own] = self._changed(old, change, fields)
        self._ids[place] = own
        if "parent" in fields:
            self._parents[own] = text(fields, "parent")

    def _before(self, change: Change, kind: ObjectKind) -> tuple[str, Any]:
        """The id of the object that a change is about, and the object; an empty one if it is new.

        Raises Unknown where it no longer exists.
        """
        if change.action == "create":
            self.highest += 1
            own = str(self.highest)
            return own, replace(_NEW[kind], id=own)
        own = self._names.row(change)
        objects = self._tables.objects(kind)
        if own not in objects:
            raise Unknown("it no longer exists")
        return own, objects[own]

    def _changed(self, old: Any, change: Change, fields: Fields) -> Any:
        """The object with the fields of the change, but for those that name other objects."""
        plain = fields.keys() - _REFERENCES
        values: dict[str, object] = {name: fields[name] or "" for name in plain}
        if values.get("departed_at") == NOW:
            values["departed_at"] = self._now
        kept = msgspec.to_builtins(old)
        if "attributes" in fields:
            values["attributes"] = _merged(kept["attributes"], change)
        try:
            return msgspec.convert({**kept, **values}, type(old))
        except msgspec.ValidationError as error:
            raise Unknown(str(error)) from None

    def _link(self, change: Change, fields: Fields) -> None:
        """Makes, changes or ends a membership or grant."""
        of_role = change.kind == "grant"
        tables = self._tables
        links: dict[tuple[str, str], Any] = tables.grants if of_role else tables.memberships
        if change.action == "create":
            pair = self._new_pair(change, fields)
            if pair in links:
                raise Unknown("it already exists")
            if of_role:
                tables.roles.add(pair[1])
        else:
            pair = self._names.link(change)
            if pair not in links:
                raise Unknown("it no longer exists")
        if change.action == "delete":
            del links[pair]
            return
        tie = Grant if of_role else Membership
        links[pair] = tie(*pair, text(fields, "origin"))

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
        return {user.username: user.id for user in self._tables.users.values()}

    @cached_property
    def _group_names(self) -> dict[str, str]:
        return {group.name: group.id for group in self._tables.groups.values()}

    @cached_property
    def _paths(self) -> dict[str, str]:
        departments = self._tables.departments.values()
        tree = {department.id: (department.parent, department.title) for department in departments}
        return paths(tree, self._parents)


def _find(known: Mapping[str, str], kind: str, name: object) -> str:
    if str(name) not in known:
        raise Unknown(f"the {kind} {name!r} does not exist")
    return known[str(name)]


def _merged(old: Mapping[str, str], change: Change) -> dict[str, str]:
    """The attributes with those of the change; one that is null or left out goes."""
    gone = dict.fromkeys(mapping(change.fields_before, "attributes"))
    merged = {**old, **gone, **mapping(change.fields_after, "attributes")}
    return {name: value for name, value in merged.items() if value is not None}
