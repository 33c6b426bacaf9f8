"""Looks up every table and column that the file names, and says which do not exist or do not fit.

Something stands in for what is lacking, so that one run says all that is wrong.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from reconcile.model.platform import LinkKind, ObjectKind
from reconcile.platforms.tables import columns, inside, literals
from reconcile.platforms.tables.catalog import Catalog, Path
from reconcile.platforms.tables.columns import Column
from reconcile.platforms.tables.declared import conditions, settings, values
from reconcile.platforms.tables.declared.conditions import Value
from reconcile.platforms.tables.declared.values import Made
from reconcile.platforms.tables.mapping import (
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

Block = TypeVar("Block")
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
            _optional(mapping.groups, partial(self._objects, "group")),
            _optional(mapping.departments, partial(self._objects, "department")),
            _optional(mapping.memberships, self._memberships),
            _optional(mapping.nesting, self._nesting),
            None,
        )
        if mapping.roles is not None:
            self._give_roles(mapped, mapping.roles)
        return mapped

    # Tables

    def _part(self, path: Path, block: settings.Part | settings.Roles) -> Part:
        """The table of a block; `insert` is read first, because `where` adds to it."""
        part = Part(path, self.catalog.table(path, block.table))
        for name, value in block.insert.items():
            place = (*path, "insert", name)
            column = self.catalog.column(place, part.table, name)
            part.insert[name] = self._inserted(place, column, values.parse(value))
        self._conditions(part, block.where)
        return part

    def _inserted(self, path: Path, column: Column, value: Value | Made) -> object:
        """A value for new rows: a literal in the type of the column, or Made as it is."""
        if not isinstance(value, Made):
            return self.catalog.literal(path, column, value)
        why = literals.refuses_made(column, value)
        if why:
            self.catalog.add(path, why)
        return value

    def _conditions(self, part: Part, where: str) -> None:
        """Adds each comparison to the part, and gives new rows what it demands."""
        path = (*part.path, "where")
        for condition in conditions.parse(where) if where else ():
            column = self.catalog.column(path, part.table, condition.column)
            compared = [self.catalog.literal(path, column, value) for value in condition.values]
            part.where.append(inside.compare(column, condition.operator, compared))
            part.compared |= {column.name}
            inside.fulfil(part, condition, compared)

    def _column(self, part: Part, *path: str, name: str) -> Column:
        return self.catalog.column((*part.path, *path), part.table, name)

    # What they mean

    def _objects(self, kind: ObjectKind, block: settings.Objects) -> Objects:
        """Users, groups or departments with their fields; attributes are kept apart."""
        path = (f"{kind}s",)
        part = self._part(path, block)
        objects = Objects(kind, part, self._column(part, "id", name=block.id), {})
        for name, column_name in block.fields.items():
            column = self._column(part, "fields", name, name=column_name)
            self._expect_field((*path, "fields", name), column)
            inside.may_move(part, column)
            if name.startswith(settings.ATTRIBUTE):
                objects.attributes[name.removeprefix(settings.ATTRIBUTE)] = column
            else:
                objects.fields[name] = column
        return objects

    def _expect_field(self, path: Path, column: Column) -> None:
        if columns.kind(column) not in columns.FIELD_KINDS:
            what = f"{columns.named(column)} is {column.type}, and a field needs text or a number"
            self.catalog.add(path, what)

    def _users(self, block: settings.Users) -> Objects:
        users = self._objects("user", block)
        users.status = self._statuses(users.part, block.status) if block.status else None
        return users

    def _statuses(self, part: Part, block: Mapping[str, settings.Choices]) -> Statuses:
        """Each status with its values: all of them are read, the first is written."""
        column = self._column(part, "status", "column", name=str(block["column"]))
        inside.may_move(part, column)
        statuses = Statuses(column, {}, {})
        for name in block.keys() - {"column"}:
            path = (*part.path, "status", name)
            stored = [
                self.catalog.literal(path, column, value) for value in settings.choices(block[name])
            ]
            statuses.stored[name] = stored[0]
            statuses.read |= {columns.key(value): name for value in stored}
        return statuses

    def _links(
        self,
        kind: LinkKind,
        path: Path,
        block: settings.Part | settings.Roles,
        ends: tuple[str, str],
    ) -> Links:
        part = self._part(path, block)
        member, holder = (self._column(part, end, name=getattr(block, end)) for end in ends)
        return Links(kind, part, member, holder)

    def _memberships(self, block: settings.Memberships) -> Links:
        return self._links("membership", ("memberships",), block, ("user", "group"))

    def _nesting(self, block: settings.Nesting) -> Links:
        return self._links("nesting", ("nesting",), block, ("member", "group"))

    # Roles

    def _give_roles(self, mapped: Mapped, block: settings.Roles) -> None:
        """Roles in the shape that the file has: the groups, a column or a table."""
        if block.groups:
            mapped.take_groups_as_roles()
        elif block.column:
            mapped.roles = self._role_column(mapped.users.part, block)
        else:
            links = self._links("grant", ("roles",), block, ("user", "role"))
            mapped.roles = RoleTable(links, _optional(block.names, self._role_names))

    def _role_column(self, part: Part, block: settings.Roles) -> RoleColumn:
        """Roles in a column of the user. Without `none` no role is null, if the column takes it."""
        column = self.catalog.column(("roles", "column"), part.table, block.column)
        inside.may_move(part, column)
        stored = {
            role: self.catalog.literal(("roles", "values", role), column, value)
            for role, value in block.values.items()
        }
        read = {columns.key(value): role for role, value in stored.items()}
        if block.none is msgspec.UNSET:
            return RoleColumn(column, stored, read, None, bool(column.nullable))
        none = self.catalog.literal(("roles", "none"), column, block.none)
        part.insert.setdefault(column.name, none)
        return RoleColumn(column, stored, read, none, True)

    def _role_names(self, block: settings.RoleNames) -> RoleNames:
        part = self._part(("roles", "names"), block)
        own = self._column(part, "id", name=block.id)
        return RoleNames(part, own, self._column(part, "name", name=block.name), block.create)


def _optional(block: Block | None, meaning: Callable[[Block], Meant]) -> Meant | None:
    """What a block means; None where it is left out."""
    return None if block is None else meaning(block)
