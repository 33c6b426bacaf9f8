"""The state that a reversal works on: objects by id, changed in place."""

import msgspec

from reconcile.model.history import Entry
from reconcile.model.identity import by_id
from reconcile.model.platform import Group, PlatformState, User

RECREATED = "undo:"
"""The prefix of ids of objects that have to be created again."""


class WorkingState:
    """A platform state as tables that may change. The state it is made of stays as it is."""

    def __init__(self, current: PlatformState) -> None:
        self.current = current
        self.sources = {source.name: source for source in current.sources}
        self.users = by_id(current.users)
        self.groups = by_id(current.groups)
        self.departments = by_id(current.departments)
        self.memberships = {(link.user, link.group): link for link in current.memberships}
        self.grants = {(grant.user, grant.role): grant for grant in current.grants}
        self.recreated: dict[tuple[str, str], str] = {}
        """Kind and old id of what has to be created again → its new id."""
        self.ended: set[str] = set()
        """Ids of the users whom the run deleted or erased."""

    def recreate(self, entry: Entry) -> None:
        """Notes that the group or department of an entry is to be created again."""
        self.recreated[entry.kind, entry.object] = f"{RECREATED}{entry.kind}:{entry.object}"

    def living_user(self, user_id: str) -> User | None:
        """A user that was neither deleted nor erased."""
        user = self.users.get(user_id)
        return None if user is None or user.status == "erased" else user

    def group_id(self, old: str) -> str:
        """The present id of a group, or of the one created in its place; "" if there is none."""
        return self.recreated.get(("group", old), old if old in self.groups else "")

    def department_id(self, old: str) -> str:
        """Like `group_id`, for a department."""
        return self.recreated.get(("department", old), old if old in self.departments else "")

    def result(self) -> PlatformState:
        """The tables as a state. References to groups and departments that are gone are dropped."""
        self._drop_departments_without_parent()
        for group in list(self.groups.values()):
            if not group.groups.keys() <= self.groups.keys():
                self.groups[group.id] = self._without_missing_groups(group)
        return msgspec.structs.replace(
            self.current,
            sources=tuple(self.sources.values()),
            departments=tuple(self.departments.values()),
            groups=tuple(self.groups.values()),
            users=tuple(self.users.values()),
            memberships=tuple(self.memberships.values()),
            grants=tuple(self.grants.values()),
        )

    def _drop_departments_without_parent(self) -> None:
        """A department that is dropped may be the parent of others, which then go as well."""
        while orphans := self._orphans():
            for department in orphans:
                del self.departments[department]

    def _orphans(self) -> list[str]:
        """The departments whose parent is gone."""
        return [
            department.id
            for department in self.departments.values()
            if department.parent and department.parent not in self.departments
        ]

    def _without_missing_groups(self, group: Group) -> Group:
        """The group, nested only in groups that are there."""
        present = {outer: origin for outer, origin in group.groups.items() if outer in self.groups}
        return msgspec.structs.replace(group, groups=present)
