"""A platform state in names: what its objects look like in a change.

Used where changes are made (`planning`) and where they are compared with what is there
(`applying`).
"""

from collections.abc import Sequence
from typing import TypeAlias

from reconcile.model.change import Fields, Kind
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


class Names:
    """Looks up names by id, and fields by kind and key."""

    def __init__(self, state: PlatformState) -> None:
        """Takes the state as it is; fields are made when they are asked for."""
        self.state = state
        self._users = {user.id: user for user in state.users}
        self._groups = {group.id: group for group in state.groups}
        self._departments = {department.id: department for department in state.departments}
        self._paths: dict[str, str] = {"": ""}

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
        return (
            self._groups[pair.group].source
            if isinstance(pair, Membership)
            else self._users[pair.user].source
        )

    def key(self, one: Named) -> str:
        """The key of an object of this state."""
        return "/".join(self.parts(one))

    def parts(self, one: Named) -> tuple[str, ...]:
        """The names that make up the key: two of a membership or grant, one of everything else."""
        match one:
            case User():
                return (one.username,)
            case Group() | Source():
                return (one.name,)
            case Department():
                return (self.path(one.id),)
            case Membership():
                return self._users[one.user].username, self._groups[one.group].name
            case Grant():
                return self._users[one.user].username, one.role

    def fields(self, one: Named) -> Fields:
        """The fields of an object of this state, in the order people read them."""
        match one:
            case User():
                return self._user(one)
            case Group():
                return {"name": one.name, **_mirrored(one), "groups": self._nested_in(one)}
            case Department():
                return {
                    "title": one.title,
                    "parent": self.path(one.parent) or None,
                    **_mirrored(one),
                }
            case Membership():
                user, group = self._users[one.user].username, self._groups[one.group].name
                return {"user": user, "group": group, "origin": one.origin or None}
            case Grant():
                return {
                    "user": self._users[one.user].username,
                    "role": one.role,
                    "origin": one.origin or None,
                }
            case Source():
                return {field: getattr(one, field) for field in one.__struct_fields__}

    def objects(self, kind: Kind) -> Sequence[Named]:
        """All objects of a kind."""
        state = self.state
        found: dict[Kind, Sequence[Named]] = {
            "source": state.sources,
            "department": state.departments,
            "group": state.groups,
            "user": state.users,
            "grant": state.grants,
            "membership": state.memberships,
        }
        return found[kind]

    def _nested_in(self, group: Group) -> dict[str, str | None]:
        named = {self._groups[above].name: origin for above, origin in group.groups.items()}
        return dict(sorted(named.items()))

    def _user(self, user: User) -> Fields:
        manager = self._users.get(user.manager)
        return {
            "username": user.username,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "email": user.email,
            "status": user.status,
            "status_origin": user.status_origin or None,
            "status_cause": user.status_cause or None,
            "status_before": user.status_before or None,
            "departed": user.departed or None,
            "departed_at": user.departed_at or None,
            "source": user.source or None,
            "external_id": user.external_id or None,
            "dn": user.dn or None,
            "department": self.path(user.department) or None,
            "manager": manager.username if manager is not None else None,
            "attributes": dict(sorted(user.attributes.items())),
        }


def _mirrored(one: Group | Department) -> Fields:
    return {
        "source": one.source or None,
        "external_id": one.external_id or None,
        "dn": one.dn or None,
    }
