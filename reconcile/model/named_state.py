"""A platform state in names: what its objects look like in a change.

`planning` makes changes from it, `applying` compares changes with the platform by it.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from reconcile.model.change import Fields
from reconcile.model.identity import by_id
from reconcile.model.kinds import KINDS, Kind, references
from reconcile.model.platform import (
    Department,
    Grant,
    Group,
    Membership,
    PlatformState,
    Source,
    User,
)
from reconcile.model.text import department_path

Named: TypeAlias = Source | Department | Group | User | Membership | Grant


class _Layout(NamedTuple):
    """How the fields of a user, group or department are shown, in the order of the struct."""

    nullable: tuple[str, ...]
    """The texts that are shown as null when they are empty."""
    references: tuple[tuple[str, Kind], ...]


def _layout(kind: Kind) -> _Layout:
    nullable = tuple(field.name for field in KINDS[kind] if field.nullable)
    return _Layout(nullable, tuple(references(kind).items()))


_LAYOUTS: Final[dict[type, _Layout]] = {
    User: _layout("user"),
    Group: _layout("group"),
    Department: _layout("department"),
}


class StateNames:
    """The keys, names and fields of the objects of one state."""

    def __init__(self, state: PlatformState) -> None:
        """Takes the state as it is; everything is computed on demand."""
        self.state = state
        self._paths: dict[str, str] = {"": ""}

    @cached_property
    def _users(self) -> dict[str, User]:
        return by_id(self.state.users)

    @cached_property
    def _groups(self) -> dict[str, Group]:
        return by_id(self.state.groups)

    @cached_property
    def _departments(self) -> dict[str, Department]:
        return by_id(self.state.departments)

    def path(self, department_id: str) -> str:
        """A department's path; "" for none."""
        if department_id not in self._paths:
            titles: list[str] = []
            seen: set[str] = set()
            above = department_id
            while above in self._departments and above not in seen:
                seen.add(above)  # a cycle made by hand must not hang us
                titles.append(self._departments[above].title)
                above = self._departments[above].parent
            self._paths[department_id] = department_path.path(reversed(titles))
        return self._paths[department_id]

    def group(self, group_id: str) -> Group:
        """The group of an id."""
        return self._groups[group_id]

    def owner(self, pair: Membership | Grant) -> str:
        """The source behind a membership's group or a grant's user; "" for a local one."""
        if isinstance(pair, Membership):
            return self._groups[pair.group].source
        return self._users[pair.user].source

    def key(self, named: Named) -> str:
        """The key of an object of this state."""
        return "/".join(self.parts(named))

    def parts(self, named: Named) -> tuple[str, ...]:
        """The names that make up the key: two of a membership or grant, one of everything else."""
        match named:
            case User():
                return (named.username,)
            case Group() | Source():
                return (named.name,)
            case Department():
                return (self.path(named.id),)
            case Membership():
                return self._users[named.user].username, self._groups[named.group].name
            case Grant():
                return self._users[named.user].username, named.role

    def fields(self, named: Named) -> Fields:
        """The fields of an object of this state, in the order people read them."""
        match named:
            case User():
                fields = self._laid_out(named)
                fields["attributes"] = dict(sorted(named.attributes.items()))
                return fields
            case Group():
                fields = self._laid_out(named)
                fields["groups"] = self._nested_in(named)
                return fields
            case Department():
                return self._laid_out(named)
            case Membership():
                user, group = self._users[named.user].username, self._groups[named.group].name
                return {"user": user, "group": group, "origin": named.origin or None}
            case Grant():
                return {
                    "user": self._users[named.user].username,
                    "role": named.role,
                    "origin": named.origin or None,
                }
            case Source():
                return {field: getattr(named, field) for field in named.__struct_fields__}

    def objects(self, kind: Kind) -> Sequence[Named]:
        """All objects of a kind."""
        state = self.state
        by_kind: dict[Kind, Sequence[Named]] = {
            "source": state.sources,
            "department": state.departments,
            "group": state.groups,
            "user": state.users,
            "grant": state.grants,
            "membership": state.memberships,
        }
        return by_kind[kind]

    def _nested_in(self, group: Group) -> dict[str, str | None]:
        named = {self._groups[above].name: origin for above, origin in group.groups.items()}
        return dict(sorted(named.items()))

    def _laid_out(self, named: User | Group | Department) -> Fields:
        """The fields of an object: ids as names, and null for what is empty."""
        fields: Fields = msgspec.structs.asdict(named)
        del fields["id"]
        nullable, references = _LAYOUTS[type(named)]
        for field in nullable:
            if not fields[field]:
                fields[field] = None
        for field, kind in references:
            if fields[field]:
                fields[field] = self._named(kind, fields[field]) or None
        return fields

    def _named(self, kind: Kind, row: Any) -> str:
        """The name of an object of an id; "" if there is none."""
        if kind == "department":
            return self._paths.get(row) or self.path(row)
        user = self._users.get(row)
        return user.username if user is not None else ""
