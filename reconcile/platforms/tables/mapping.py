"""The mapping, resolved: every table and column that the file names, as the database has it."""

import difflib
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import msgspec
import sqlalchemy as sa

from reconcile.model.platform import LinkKind, ObjectKind
from reconcile.platforms.tables import columns, conditions, settings, values
from reconcile.platforms.tables.columns import Column
from reconcile.platforms.tables.conditions import Condition, Value
from reconcile.platforms.tables.values import Made
from reconcile.ports import Fault

Expression: TypeAlias = sa.ColumnElement[bool]


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
        return [one for one in (self.users, self.groups, self.departments) if one is not None]

    def of(self, kind: ObjectKind) -> Objects:
        """The objects of a kind. Raises LookupError where there are none."""
        for objects in self.objects():
            if objects.kind == kind:
                return objects
        raise LookupError(kind)

    def links(self) -> list[Links]:
        """The tables of links, those of roles too."""
        roles = self.roles.links if isinstance(self.roles, RoleTable) else None
        return [one for one in (self.memberships, self.nesting, roles) if one is not None]


def resolve(
    connection: sa.Connection, mapping: settings.TablesSettings
) -> tuple[Mapped | None, list[Fault]]:
    """The mapping over the tables of the database; None where anything is wrong with it."""
    resolver = _Resolver(connection)
    mapped = resolver.mapped(mapping)
    return (None if resolver.faults else mapped), resolver.faults


def fault_line(fault: Fault) -> str:
    """A fault with its place, in one line."""
    path, message = fault
    return f"platform.{'.'.join(map(str, path))}: {message}"


class _Resolver:
    """Looks tables and columns up; collects what is wrong."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._metadata = sa.MetaData()
        self.faults: list[Fault] = []

    def mapped(self, mapping: settings.TablesSettings) -> Mapped | None:
        users = self._users(mapping.users)
        groups = self._objects("group", ("groups",), mapping.groups)
        departments = self._objects("department", ("departments",), mapping.departments)
        memberships = self._memberships(mapping.memberships)
        nesting = self._nesting(mapping.nesting)
        if users is None:
            return None
        roles: RoleColumn | RoleTable | None = None
        if mapping.roles is not None and mapping.roles.groups:
            roles = _groups_as_roles(groups, memberships)
            groups = memberships = None
        elif mapping.roles is not None:
            roles = self._roles(mapping.roles, users)
        return Mapped(users, groups, departments, memberships, nesting, roles)

    # Tables and columns

    def _table(self, path: tuple[str, ...], name: str) -> sa.Table | None:
        schema, _, plain = name.rpartition(".")
        try:
            with warnings.catch_warnings():  # of types that SQLAlchemy does not know
                warnings.simplefilter("ignore", sa.exc.SAWarning)
                return sa.Table(
                    plain,
                    self._metadata,
                    schema=schema or None,
                    autoload_with=self._connection,
                    resolve_fks=False,
                )
        except sa.exc.NoSuchTableError:
            inspector = sa.inspect(self._connection)
            there = [*inspector.get_table_names(), *inspector.get_view_names()]
            self._add((*path, "table"), f"the database has no table {name!r}{_near(name, there)}")
            return None

    def _column(self, path: tuple[str, ...], table: sa.Table, name: str) -> Column | None:
        if name in table.columns:
            return table.columns[name]
        near = _near(name, [column.name for column in table.columns])
        self._add(path, f"the table {table.name!r} has no column {name!r}{near}")
        return None

    def _add(self, path: tuple[str, ...], message: str) -> None:
        self.faults.append((path, message))

    def _part(
        self,
        path: tuple[str, ...],
        name: str,
        where: str,
        insert: Mapping[str, Value],
    ) -> Part | None:
        table = self._table(path, name)
        if table is None:
            return None
        part = Part(path, table)
        for column_name, value in insert.items():
            column = self._column((*path, "insert", column_name), table, column_name)
            if column is not None:
                self._insert(part, column, values.parse(value))
        self._conditions(part, conditions.parse(where) if where else ())
        return part

    def _insert(self, part: Part, column: Column, value: Value | Made) -> None:
        path = (*part.path, "insert", column.name)
        if not isinstance(value, Made):
            part.insert[column.name] = self._literal(path, column, value)
            return
        part.insert[column.name] = value
        if why := columns.refuses_made(column, value):
            self._add(path, why)

    def _literal(self, path: tuple[str, ...], column: Column, value: Value) -> object:
        try:
            return columns.literal(column, value)
        except ValueError as error:
            self._add(path, str(error))
            return None

    def _conditions(self, part: Part, wanted: Iterable[Condition]) -> None:
        path = (*part.path, "where")
        compared: set[str] = set()
        for condition in wanted:
            column = self._column(path, part.table, condition.column)
            if column is None:
                continue
            literals = [self._literal(path, column, value) for value in condition.values]
            part.where.append(_COMPARISONS[condition.operator](column, literals))
            compared.add(column.name)
            # What `where` demands, new rows get, unless `insert` says something of it.
            if condition.operator == "=" and column.name not in part.insert:
                part.insert[column.name] = literals[0]
            else:
                part.surely_inside = False
        part.compared = frozenset(compared)

    # What they mean

    def _objects(
        self, kind: ObjectKind, path: tuple[str, ...], given: settings.Objects | None
    ) -> Objects | None:
        part = self._part(path, given.table, given.where, given.insert) if given else None
        if given is None or part is None:
            return None
        own = self._column((*path, "id"), part.table, given.id)
        objects = Objects(kind, part, own, {}) if own is not None else None
        for name, column_name in given.fields.items():
            column = self._column((*path, "fields", name), part.table, column_name)
            if column is not None and objects is not None:
                self._field(objects, (*path, "fields", name), name, column)
        return objects

    def _field(self, objects: Objects, path: tuple[str, ...], name: str, column: Column) -> None:
        if columns.kind(column) not in columns.FIELD_KINDS:
            what = f"{columns.named(column)} is {column.type}, and a field needs text or a number"
            self._add(path, what)
        part = objects.part
        part.surely_inside &= column.name not in part.compared
        if name.startswith(settings.ATTRIBUTE):
            objects.attributes[name.removeprefix(settings.ATTRIBUTE)] = column
        else:
            objects.fields[name] = column

    def _users(self, given: settings.Users) -> Objects | None:
        users = self._objects("user", ("users",), given)
        if users is not None and given.status:
            users.status = self._statuses(users, given.status)
        return users

    def _statuses(self, users: Objects, given: Mapping[str, settings.Choices]) -> Statuses | None:
        path = ("users", "status")
        column = self._column((*path, "column"), users.part.table, str(given["column"]))
        if column is None:
            return None
        users.part.surely_inside &= column.name not in users.part.compared
        statuses = Statuses(column, {}, {})
        for name, choices in given.items():
            if name == "column":
                continue
            stored = [
                self._literal((*path, name), column, value) for value in settings.choices(choices)
            ]
            statuses.stored[name] = stored[0]
            statuses.read |= {columns.key(value): name for value in stored}
        return statuses

    def _links(
        self,
        kind: LinkKind,
        path: tuple[str, ...],
        given: settings.Part | settings.Roles,
        ends: tuple[str, str],
    ) -> Links | None:
        part = self._part(path, given.table, given.where, given.insert)
        if part is None:
            return None
        member, holder = (
            self._column((*path, end), part.table, getattr(given, end)) for end in ends
        )
        if member is None or holder is None:
            return None
        return Links(kind, part, member, holder)

    def _memberships(self, given: settings.Memberships | None) -> Links | None:
        if given is None:
            return None
        return self._links("membership", ("memberships",), given, ("user", "group"))

    def _nesting(self, given: settings.Nesting | None) -> Links | None:
        if given is None:
            return None
        return self._links("nesting", ("nesting",), given, ("member", "group"))

    def _roles(self, given: settings.Roles, users: Objects) -> RoleColumn | RoleTable | None:
        if given.column:
            return self._role_column(given, users)
        links = self._links("grant", ("roles",), given, ("user", "role"))
        names = self._role_names(given.names) if given.names is not None else None
        if links is None or (given.names is not None and names is None):
            return None
        return RoleTable(links, names)

    def _role_column(self, given: settings.Roles, users: Objects) -> RoleColumn | None:
        path = ("roles", "values")
        column = self._column(("roles", "column"), users.part.table, given.column)
        if column is None:
            return None
        users.part.surely_inside &= column.name not in users.part.compared
        stored = {
            role: self._literal((*path, role), column, value)
            for role, value in given.values.items()
        }
        read = {columns.key(value): role for role, value in stored.items()}
        if given.none is msgspec.UNSET:
            return RoleColumn(column, stored, read, None, bool(column.nullable))
        none = self._literal(("roles", "none"), column, given.none)
        users.part.insert.setdefault(column.name, none)
        return RoleColumn(column, stored, read, none, True)

    def _role_names(self, given: settings.RoleNames) -> RoleNames | None:
        path = ("roles", "names")
        part = self._part(path, given.table, given.where, given.insert)
        if part is None:
            return None
        own = self._column((*path, "id"), part.table, given.id)
        name = self._column((*path, "name"), part.table, given.name)
        if own is None or name is None:
            return None
        return RoleNames(part, own, name, given.create)


def _groups_as_roles(groups: Objects | None, memberships: Links | None) -> RoleTable | None:
    """The groups of the application as its roles."""
    if groups is None or memberships is None:
        return None
    links = Links("grant", memberships.part, memberships.member, memberships.holder)
    return RoleTable(links, RoleNames(groups.part, groups.id, groups.fields["name"], create=False))


def _near(name: str, there: Iterable[str]) -> str:
    known = sorted(there)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; it has {', '.join(known[:10])}{' …' if len(known) > 10 else ''}"


_COMPARISONS: Mapping[str, Callable[[Column, list[Any]], Expression]] = {
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
