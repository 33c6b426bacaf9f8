"""Looks up every table and column that the file names, and says which do not exist or do not fit.

Something stands in for what is lacking, so that one run says all that is wrong.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa

from reconcile.model.platform import LinkKind, ObjectKind
from reconcile.platforms.tables import columns
from reconcile.platforms.tables.catalog import Catalog, Path
from reconcile.platforms.tables.columns import Column
from reconcile.platforms.tables.declared import conditions, settings, values
from reconcile.platforms.tables.declared.conditions import Condition, Value
from reconcile.platforms.tables.declared.values import Made
from reconcile.platforms.tables.mapping import (
    Expression,
    Links,
    Mapped,
    Objects,
    Part,
    RoleColumn,
    RoleNames,
    RoleTable,
    Statuses,
)
from reconcile.ports import Fault

Given = TypeVar("Given")
Meant = TypeVar("Meant")


def resolve(
    connection: sa.Connection, mapping: settings.TablesSettings
) -> tuple[Mapped | None, list[Fault]]:
    """The mapping over the tables of the database; None where anything is wrong with it."""
    resolver = _Resolver(Catalog(connection))
    mapped = resolver.mapped(mapping)
    faults = resolver.catalog.faults
    return (None if faults else mapped), faults


class _Resolver:
    """Turns each block of the file into what it means."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def mapped(self, mapping: settings.TablesSettings) -> Mapped:
        """The whole application."""
        users = self._users(mapping.users)
        mapped = Mapped(
            users,
            _optional(mapping.groups, self._groups),
            _optional(mapping.departments, self._departments),
            _optional(mapping.memberships, self._memberships),
            _optional(mapping.nesting, self._nesting),
            None,
        )
        if mapping.roles is not None:
            self._give_roles(mapped, mapping.roles)
        return mapped

    # Tables

    def _part(self, path: Path, given: settings.Part | settings.Roles) -> Part:
        part = Part(path, self.catalog.table(path, given.table))
        for name, value in given.insert.items():
            place = (*path, "insert", name)
            column = self.catalog.column(place, part.table, name)
            part.insert[name] = self._inserted(place, column, values.parse(value))
        self._conditions(part, given.where)
        return part

    def _inserted(self, path: Path, column: Column, value: Value | Made) -> object:
        if not isinstance(value, Made):
            return self.catalog.literal(path, column, value)
        why = columns.refuses_made(column, value)
        if why:
            self.catalog.add(path, why)
        return value

    def _conditions(self, part: Part, where: str) -> None:
        path = (*part.path, "where")
        for condition in conditions.parse(where) if where else ():
            column = self.catalog.column(path, part.table, condition.column)
            literals = [self.catalog.literal(path, column, value) for value in condition.values]
            part.where.append(_COMPARISONS[condition.operator](column, literals))
            part.compared |= {column.name}
            _fulfil(part, condition, literals)

    def _column(self, part: Part, *path: str, name: str) -> Column:
        return self.catalog.column((*part.path, *path), part.table, name)

    # What they mean

    def _objects(self, kind: ObjectKind, path: Path, given: settings.Objects) -> Objects:
        part = self._part(path, given)
        objects = Objects(kind, part, self._column(part, "id", name=given.id), {})
        for name, column_name in given.fields.items():
            column = self._column(part, "fields", name, name=column_name)
            self._expect_field((*path, "fields", name), column)
            _may_move(part, column)
            if name.startswith(settings.ATTRIBUTE):
                objects.attributes[name.removeprefix(settings.ATTRIBUTE)] = column
            else:
                objects.fields[name] = column
        return objects

    def _expect_field(self, path: Path, column: Column) -> None:
        if columns.kind(column) not in columns.FIELD_KINDS:
            what = f"{columns.named(column)} is {column.type}, and a field needs text or a number"
            self.catalog.add(path, what)

    def _users(self, given: settings.Users) -> Objects:
        users = self._objects("user", ("users",), given)
        users.status = self._statuses(users.part, given.status) if given.status else None
        return users

    def _groups(self, given: settings.Objects) -> Objects:
        return self._objects("group", ("groups",), given)

    def _departments(self, given: settings.Objects) -> Objects:
        return self._objects("department", ("departments",), given)

    def _statuses(self, part: Part, given: Mapping[str, settings.Choices]) -> Statuses:
        column = self._column(part, "status", "column", name=str(given["column"]))
        _may_move(part, column)
        statuses = Statuses(column, {}, {})
        for name in given.keys() - {"column"}:
            path = (*part.path, "status", name)
            stored = [
                self.catalog.literal(path, column, value) for value in settings.choices(given[name])
            ]
            statuses.stored[name] = stored[0]
            statuses.read |= {columns.key(value): name for value in stored}
        return statuses

    def _links(
        self,
        kind: LinkKind,
        path: Path,
        given: settings.Part | settings.Roles,
        ends: tuple[str, str],
    ) -> Links:
        part = self._part(path, given)
        member, holder = (self._column(part, end, name=getattr(given, end)) for end in ends)
        return Links(kind, part, member, holder)

    def _memberships(self, given: settings.Memberships) -> Links:
        return self._links("membership", ("memberships",), given, ("user", "group"))

    def _nesting(self, given: settings.Nesting) -> Links:
        return self._links("nesting", ("nesting",), given, ("member", "group"))

    # Roles

    def _give_roles(self, mapped: Mapped, given: settings.Roles) -> None:
        if given.groups:
            _take_groups_as_roles(mapped)
        elif given.column:
            mapped.roles = self._role_column(mapped.users.part, given)
        else:
            links = self._links("grant", ("roles",), given, ("user", "role"))
            mapped.roles = RoleTable(links, _optional(given.names, self._role_names))

    def _role_column(self, part: Part, given: settings.Roles) -> RoleColumn:
        column = self.catalog.column(("roles", "column"), part.table, given.column)
        _may_move(part, column)
        stored = {
            role: self.catalog.literal(("roles", "values", role), column, value)
            for role, value in given.values.items()
        }
        read = {columns.key(value): role for role, value in stored.items()}
        if given.none is msgspec.UNSET:
            return RoleColumn(column, stored, read, None, bool(column.nullable))
        none = self.catalog.literal(("roles", "none"), column, given.none)
        part.insert.setdefault(column.name, none)
        return RoleColumn(column, stored, read, none, True)

    def _role_names(self, given: settings.RoleNames) -> RoleNames:
        part = self._part(("roles", "names"), given)
        own = self._column(part, "id", name=given.id)
        return RoleNames(part, own, self._column(part, "name", name=given.name), given.create)


def _optional(given: Given | None, meaning: Callable[[Given], Meant]) -> Meant | None:
    """What a block means; None where it is left out."""
    return None if given is None else meaning(given)


def _fulfil(part: Part, condition: Condition, literals: list[object]) -> None:
    """New rows get what `where` demands by =, unless `insert` says something of the column."""
    if condition.operator == "=" and condition.column not in part.insert:
        part.insert[condition.column] = literals[0]
    else:
        part.surely_inside = False


def _may_move(part: Part, column: Column) -> None:
    """A column that is written and that `where` is about can move a row out of it."""
    part.surely_inside &= column.name not in part.compared


def _take_groups_as_roles(mapped: Mapped) -> None:
    """The groups of the application become its roles; there are no others."""
    groups, memberships = mapped.groups, mapped.memberships
    assert groups is not None and memberships is not None  # noqa: S101, PT018 - `problems` looks
    links = Links("grant", memberships.part, memberships.member, memberships.holder)
    names = RoleNames(groups.part, groups.id, groups.fields["name"], create=False)
    mapped.roles = RoleTable(links, names)
    mapped.groups = mapped.memberships = None


_COMPARISONS: Final[Mapping[str, Callable[[Column, list[Any]], Expression]]] = {
    "=": lambda column, literals: column == literals[0],
    "!=": lambda column, literals: column != literals[0],
    "<": lambda column, literals: column < literals[0],
    "<=": lambda column, literals: column <= literals[0],
    ">": lambda column, literals: column > literals[0],
    ">=": lambda column, literals: column >= literals[0],
    "in": lambda column, literals: column.in_(literals),
    "not in": lambda column, literals: column.not_in(literals),
    "is null": lambda column, _literals: column.is_(None),
    "is not null": lambda column, _literals: column.is_not(None),
}
