"""The mapping over the real tables: what users, groups, departments, links and roles are."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, TypeVar

import msgspec
import sqlalchemy as sa

from reconcile.model.platform import LinkKind, ObjectKind
from reconcile.platforms.tables.columns import Column

Expression: TypeAlias = sa.ColumnElement[bool]
Block = TypeVar("Block")

NAMES: Final[Mapping[ObjectKind, str]] = {
    "user": "username",
    "group": "name",
    "department": "title",
}
"""The field that is the name of an object."""
REFERENCES: Final[Mapping[str, ObjectKind]] = {
    "department": "department",
    "manager": "user",
    "parent": "department",
}
"""Fields that hold the id of another object → the kind of that object."""


class Part(msgspec.Struct):
    """A table, which of its rows count, and what new rows get."""

    path: tuple[str, ...]
    table: sa.Table
    where: list[Expression] = []
    compared: frozenset[str] = frozenset()
    """The columns that `where` is about."""
    insert: dict[str, object] = {}
    """Column → literal or Made."""
    surely_inside: bool = True
    """Whether what new rows get makes `where` true by itself."""


class Statuses(msgspec.Struct):
    """The column that says whether a user is in service."""

    column: Column
    stored: dict[str, object]
    """Status → the value that is written for it."""
    read: dict[object, str]
    """Every value, as `columns.key` has it → its status."""


class Objects(msgspec.Struct):
    """Users, groups or departments."""

    kind: ObjectKind
    part: Part
    id: Column
    fields: dict[str, Column]
    """The fields that are text or an id, with their columns."""
    attributes: dict[str, Column] = {}
    status: Statuses | None = None

    @property
    def name(self) -> Column:
        """The column of the username, the name or the title."""
        return self.fields[NAMES[self.kind]]

    @property
    def columns(self) -> dict[str, Column]:
        """Every field and attribute, by what people call it."""
        attributes = {f"attribute {name}": column for name, column in self.attributes.items()}
        return {**self.fields, **attributes}


class Links(msgspec.Struct):
    """A table of links: who is in it, and what it leads to."""

    kind: LinkKind
    part: Part
    member: Column
    holder: Column


class RoleNames(msgspec.Struct):
    """The table with the roles there are."""

    part: Part
    id: Column
    name: Column
    create: bool


class RoleColumn(msgspec.Struct):
    """A column of the user that holds one role."""

    column: Column
    stored: dict[str, object]
    read: dict[object, str]
    none: object
    can_be_none: bool


class RoleTable(msgspec.Struct):
    """A table of links to roles; without names it holds the names themselves."""

    links: Links
    names: RoleNames | None


class Mapped(msgspec.Struct):
    """The whole application."""

    users: Objects
    groups: Objects | None
    departments: Objects | None
    memberships: Links | None
    nesting: Links | None
    roles: RoleColumn | RoleTable | None

    def objects(self) -> list[Objects]:
        """The kinds of objects there are."""
        return _present(self.users, self.groups, self.departments)

    def of(self, kind: ObjectKind) -> Objects:
        """The objects of a kind. Raises LookupError where there are none."""
        for objects in self.objects():
            if objects.kind == kind:
                return objects
        raise LookupError(kind)

    def links(self) -> list[Links]:
        """The tables of links, those of roles too."""
        roles = self.roles.links if isinstance(self.roles, RoleTable) else None
        return _present(self.memberships, self.nesting, roles)

    def columns(self) -> Iterator[tuple[str, Column]]:
        """Every field and attribute of every kind, with what people call it."""
        for objects in self.objects():
            yield from objects.columns.items()

    def tables(self) -> list[sa.Table]:
        """Every mapped table once, in the order of the file."""
        tables = [objects.part.table for objects in self.objects()]
        tables += [links.part.table for links in self.links()]
        if self.role_names is not None:
            tables.append(self.role_names.part.table)
        return list(dict.fromkeys(tables))

    def take_groups_as_roles(self) -> None:
        """The groups of the application become its roles; there are no others."""
        groups, memberships = self.groups, self.memberships
        # `problems` has refused files without them.
        assert groups is not None and memberships is not None  # noqa: S101, PT018 - for mypy
        links = Links("grant", memberships.part, memberships.member, memberships.holder)
        names = RoleNames(groups.part, groups.id, groups.fields["name"], create=False)
        self.roles = RoleTable(links, names)
        self.groups = self.memberships = None

    @property
    def role_names(self) -> RoleNames | None:
        """The table with the names of roles; None where the application has no such table."""
        return self.roles.names if isinstance(self.roles, RoleTable) else None


def _present(*blocks: Block | None) -> list[Block]:
    """The blocks that the file has, in order."""
    return [block for block in blocks if block is not None]
