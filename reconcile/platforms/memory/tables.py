"""A platform state as tables that can be changed: objects and links by their ids."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from reconcile.model.platform import Grant, Membership, ObjectKind, Pair, PlatformState

Tie = TypeVar("Tie", Membership, Grant)
replace = msgspec.structs.replace


class Tables:
    """The objects and links of one workspace."""

    def __init__(self, state: PlatformState) -> None:
        """Takes the state to begin with."""
        self._workspace = state.workspace
        self._deleted = state.deleted
        self._readings = state.readings
        self.sources = {source.name: source for source in state.sources}
        self.departments = {department.id: department for department in state.departments}
        self.groups = {group.id: group for group in state.groups}
        self.users = {user.id: user for user in state.users}
        self.roles = set(state.roles)
        self.memberships = {(tie.user, tie.group): tie for tie in state.memberships}
        self.grants = {(tie.user, tie.role): tie for tie in state.grants}

    def state(self) -> PlatformState:
        """What they hold."""
        return PlatformState(
            self._workspace,
            tuple(self.sources.values()),
            tuple(self.departments.values()),
            tuple(self.groups.values()),
            tuple(self.users.values()),
            frozenset(self.roles),
            tuple(self.memberships.values()),
            tuple(self.grants.values()),
            self._deleted,
            self._readings,
        )

    def objects(self, kind: ObjectKind) -> dict[str, Any]:
        """The users, groups or departments, by id."""
        if kind == "user":
            return self.users
        return self.groups if kind == "group" else self.departments

    def highest_id(self) -> int:
        """The highest number among the ids of objects; 0 where none is a number."""
        ids = (*self.departments, *self.groups, *self.users)
        return max(map(int, filter(str.isdecimal, ids)), default=0)

    def rename_source(self, old: str, new: str) -> None:
        """Everything of the source goes by the new name.

        A source that has it already becomes one with it.
        """

        def named(source: str) -> str:
            return new if source == old else source

        def rename(things: dict[Any, Any], *fields: str) -> None:
            for key, thing in things.items():
                changed = {field: named(getattr(thing, field)) for field in fields}
                things[key] = replace(thing, **changed)

        rename(self.users, "source", "status_origin")
        rename(self.groups, "source")
        rename(self.departments, "source")
        rename(self.memberships, "origin")
        rename(self.grants, "origin")
        for own, group in self.groups.items():
            nested = {above: named(origin) for above, origin in group.groups.items()}
            self.groups[own] = replace(group, groups=nested)
        self._deleted = frozenset(
            (named(source), person) for source, person in self._deleted if source != new
        )
        self._readings = tuple(
            replace(reading, source=named(reading.source))
            for reading in self._readings
            if reading.source != new
        )

    def forget(self, kind: ObjectKind, own: str) -> None:
        """What goes along with an object, and what no longer refers to it."""
        if kind == "user":
            self.memberships = _without(self.memberships, 0, own)
            self.grants = _without(self.grants, 0, own)
            self._clear("manager", own)
        elif kind == "group":
            self.memberships = _without(self.memberships, 1, own)
            self._unnest(own)
        else:
            self._clear("department", own)

    def _clear(self, field: str, own: str) -> None:
        """Empties a field of every user that refers to an object by it."""
        for user in list(self.users.values()):
            if getattr(user, field) == own:
                self.users[user.id] = replace(user, **{field: ""})

    def _unnest(self, own: str) -> None:
        """Takes every group out of a group."""
        for group in list(self.groups.values()):
            if own in group.groups:
                left = {above: origin for above, origin in group.groups.items() if above != own}
                self.groups[group.id] = replace(group, groups=left)


def _without(links: Mapping[Pair, Tie], end: int, own: str) -> dict[Pair, Tie]:
    """The links without those of an object at one end."""
    return {pair: tie for pair, tie in links.items() if pair[end] != own}
