"""Everything of one service, as the rows and links of one workspace."""

from collections.abc import Mapping
from typing import NamedTuple

from reconcile.model.platform import Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.model.text.name_patterns import NamePatterns
from reconcile.platforms.scim.mapping.kinds import Mappings
from reconcile.platforms.scim.names import GROUPS, USERS
from reconcile.platforms.scim.paths import Resource
from reconcile.platforms.scim.reading.lists import Reader
from reconcile.platforms.scim.reading.members import Directory, Listed, MemberReader, Rolls
from reconcile.platforms.scim.settings import ScimSettings
from reconcile.ports import Progress


class Snapshot(NamedTuple):
    """What one read shows, and what changes need to know of it."""

    contents: Contents
    listed: Listed
    directory: Directory
    rolls: Rolls


class ContentsReader:
    """Reads everything of one service."""

    def __init__(
        self,
        reader: Reader,
        members: MemberReader,
        mappings: Mappings,
        settings: ScimSettings,
        progress: Progress,
    ) -> None:
        """Reads nothing yet."""
        self._reader = reader
        self._members = members
        self._mappings = mappings
        self._progress = progress
        self._nested_groups = settings.nested_groups
        self._protected = NamePatterns(settings.protect)

    def read(self) -> Snapshot:
        """Everything. Complete, or raises PlatformUnreadable."""
        users = self._reader.everything(USERS)
        self._progress("users read", len(users.resources))
        groups = self._reader.everything(GROUPS, self._members.list_query())
        listed = Listed(
            self._unprotected(users.resources, "userName"),
            self._unprotected(groups.resources, "displayName"),
        )
        directory = Directory(
            _texts(listed.users, "userName"), _texts(listed.groups, "displayName")
        )
        rolls = self._members.rolls(listed, directory)
        departments, departments_proved = self._departments()
        rows: dict[ObjectKind, dict[str, Row]] = {
            "user": self._rows("user", listed.users),
            "group": self._rows("group", listed.groups),
            "department": departments,
        }
        _drop_loose_references(rows)
        grants = self._grants(listed.users)
        contents = Contents(
            rows,
            {**self._links(rolls.members, directory), "grant": grants},
            {role for _, role in grants},
            proved=users.proved and groups.proved and departments_proved,
        )
        return Snapshot(contents, listed, directory, rolls)

    def _unprotected(self, resources: Mapping[str, Resource], name: str) -> dict[str, Resource]:
        """The resources without those whose name is protected: reconcile never sees them."""
        if not self._protected:
            return dict(resources)
        matches = self._protected.matches
        texts = _texts(resources, name)
        return {own: shown for own, shown in resources.items() if not matches(texts[own])}

    def _rows(self, kind: ObjectKind, resources: Mapping[str, Resource]) -> dict[str, Row]:
        """The fields of resources, by id."""
        row = self._mappings.of[kind].row
        return {own: row(resource) for own, resource in resources.items()}

    def _departments(self) -> tuple[dict[str, Row], bool]:
        """The departments by id, and whether they are proved complete."""
        if not self._mappings.has_departments:
            return {}, True
        departments = self._reader.everything(self._mappings.of["department"].endpoint)
        return self._rows("department", departments.resources), departments.proved

    def _grants(self, users: Mapping[str, Resource]) -> set[Pair]:
        """Pairs of user and role."""
        roles = self._mappings.users.roles
        return {(own, role) for own, user in users.items() for role in roles(user)}

    def _links(
        self, rolls: Mapping[str, Mapping[str, str]], directory: Directory
    ) -> dict[LinkKind, set[Pair]]:
        """Pairs of member and group. A group in a group counts only where the settings say so."""
        memberships: set[Pair] = set()
        nestings: set[Pair] = set()
        for group, members in rolls.items():
            for member in members:
                if member in directory.users:
                    memberships.add((member, group))
                elif self._nested_groups:
                    nestings.add((member, group))
        return {"membership": memberships, "nesting": nestings}


def _texts(resources: Mapping[str, Resource], attribute: str) -> dict[str, str]:
    """One attribute of resources, by id; "" where it is missing."""
    return {own: str(resource.get(attribute, "")) for own, resource in resources.items()}


def _drop_loose_references(rows: Mapping[ObjectKind, dict[str, Row]]) -> None:
    """Empties the references that lead to no object of this read."""
    users, departments = rows["user"], rows["department"]
    for user in users.values():
        _drop_unless_in(user, "manager", users)
        _drop_unless_in(user, "department", departments)
    for department in departments.values():
        _drop_unless_in(department, "parent", departments)


def _drop_unless_in(row: Row, field: str, rows: Mapping[str, Row]) -> None:
    """Empties a reference that the row has and that is not the id of one of `rows`."""
    if field in row and row[field] not in rows:
        row[field] = ""
