"""All that the mapped tables hold, in one snapshot of the database."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable
from reconcile.model.platform import Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.model.text.printing import quoted
from reconcile.platforms.database.bulk import rows as raw_rows
from reconcile.platforms.tables.columns import Column, as_text, key, named
from reconcile.platforms.tables.mapping import (
    NAMES,
    Links,
    Mapped,
    Objects,
    Part,
    RoleColumn,
    RoleNames,
    RoleTable,
    Statuses,
)

_REFERENCES: Final[Mapping[str, ObjectKind]] = {
    "department": "department",
    "manager": "user",
    "parent": "department",
}
Rows = dict[str, Row]


def select(
    connection: sa.Connection, part: Part, columns: Iterable[Column]
) -> list[tuple[Any, ...]]:
    """These columns of the rows that count, as the driver gives them."""
    return raw_rows(connection, sa.select(*columns).where(*part.where), {})


def read(connection: sa.Connection, mapped: Mapped) -> Contents:
    """Raises PlatformUnreadable for what cannot be understood."""
    rows: dict[ObjectKind, Rows] = {}
    links: dict[LinkKind, Collection[Pair]] = {}
    roles: set[str] = set()
    grants: set[Pair] = set()
    column = mapped.roles if isinstance(mapped.roles, RoleColumn) else None
    for objects in mapped.objects():
        rows[objects.kind] = _objects(connection, objects, column, grants)
    _drop_references_to_hidden(rows)
    for table in (mapped.memberships, mapped.nesting):
        if table is not None:
            ends = rows["group" if table.kind == "nesting" else "user"], rows["group"]
            links[table.kind] = _pairs(connection, table, *ends)
    if column is not None:
        roles = {*column.stored, *(role for _, role in grants)}
    elif isinstance(mapped.roles, RoleTable):
        grants, roles = _granted(connection, mapped.roles, rows["user"])
    if mapped.roles is not None:
        links["grant"] = grants
    return Contents(rows, links, roles)


def _objects(
    connection: sa.Connection, objects: Objects, roles: RoleColumn | None, grants: set[Pair]
) -> Rows:
    """The rows of one kind by their ids; adds the roles that a column of users holds."""
    status = objects.status
    fields, attributes = list(objects.fields.items()), list(objects.attributes.items())
    wanted = [objects.id, *(column for _, column in (*fields, *attributes))]
    status_at = _place(wanted, status.column if status else None)
    is_user = objects.kind == "user"
    role_at = _place(wanted, roles.column if roles is not None and is_user else None)
    names = [name for name, _ in fields]
    first_attribute = 1 + len(fields)
    name_at = 1 + names.index(NAMES[objects.kind])
    read: Rows = {}
    for values in select(connection, objects.part, wanted):
        own = as_text(values[0])
        if own in read or values[name_at] is None:
            raise PlatformUnreadable(_unclear(objects, own, twice=own in read))
        row: Row = dict(zip(names, map(as_text, values[1:first_attribute]), strict=True))
        if status is not None:
            row["status"] = _status(objects, status, own, values[status_at])
        if attributes:
            row["attributes"] = _attributes(attributes, values[first_attribute:])
        if role_at and roles is not None:
            grants.update(_role(own, roles, values[role_at]))
        read[own] = row
    return read


def _place(wanted: list[Column], column: Column | None) -> int:
    """Adds a column to those that are read, and returns its place; 0 for none."""
    if column is None:
        return 0
    wanted.append(column)
    return len(wanted) - 1


def _unclear(objects: Objects, own: str, *, twice: bool) -> str:
    path, table = ".".join(objects.part.path), objects.part.table.name
    if twice:
        return (
            f"two rows of {table} have the id {quoted(own)}: "
            f"name a column in `{path}.id` that is different in every row"
        )
    column = objects.fields[NAMES[objects.kind]]
    return (
        f"the row {quoted(own)} of {table} has no {column.name}: "
        f'leave such rows out, with `{path}.where: "{column.name} is not null"`'
    )


def _status(objects: Objects, status: Statuses, own: str, stored: object) -> str:
    name = status.read.get(key(stored))
    if name is None:
        raise PlatformUnreadable(
            f"{named(status.column)} of the row {quoted(own)} is {stored!r}, which no status "
            f"of `{'.'.join(objects.part.path)}.status` means: add it there, "
            "or leave such rows out with `where`"
        )
    return name


def _attributes(attributes: list[tuple[str, Column]], values: Iterable[object]) -> dict[str, str]:
    """The attributes that have a value. Where a column takes no null, "" is none."""
    return {
        name: as_text(value)
        for (name, column), value in zip(attributes, values, strict=False)
        if value is not None and (value != "" or column.nullable)
    }


def _role(own: str, roles: RoleColumn, stored: object) -> Iterable[Pair]:
    """The role that a column holds; a value that is not mapped is a role of that name."""
    value = key(stored)
    role = roles.read.get(value)
    if role is not None:
        return [(own, role)]
    return [] if value is None or value == key(roles.none) else [(own, as_text(stored))]


def _drop_references_to_hidden(rows: Mapping[ObjectKind, Rows]) -> None:
    """A reference to a row that does not count, or is none, is read as nothing."""
    for kind, objects in rows.items():
        fields = [name for name in _REFERENCES if any(name in row for row in objects.values())]
        for name in fields:
            known: Mapping[str, Row] = rows.get(_REFERENCES[name], {})
            for own, row in objects.items():
                hidden = row[name] not in known
                if hidden or (kind == "department" and row[name] == own):
                    row[name] = ""


def _pairs(
    connection: sa.Connection, links: Links, members: Mapping[str, Row], holders: Mapping[str, Row]
) -> set[Pair]:
    """The links between objects that count."""
    return {
        (member, holder)
        for member, holder in _texts(connection, links)
        if member in members and holder in holders
    }


def _texts(connection: sa.Connection, links: Links) -> Iterable[Pair]:
    for member, holder in select(connection, links.part, (links.member, links.holder)):
        yield as_text(member), as_text(holder)


def _granted(
    connection: sa.Connection, roles: RoleTable, users: Mapping[str, Row]
) -> tuple[set[Pair], set[str]]:
    """Who has which role, and the roles there are."""
    pairs = [pair for pair in _texts(connection, roles.links) if pair[0] in users]
    if roles.names is None:
        return set(pairs), {role for _, role in pairs}
    names = role_names(connection, roles.names)
    return {(user, names[role]) for user, role in pairs if role in names}, set(names.values())


def role_names(connection: sa.Connection, names: RoleNames) -> dict[str, str]:
    """The roles there are: id → name. Raises PlatformUnreadable where two have one name."""
    read = {
        as_text(own): as_text(name)
        for own, name in select(connection, names.part, (names.id, names.name))
    }
    if len(set(read.values())) < len(read):
        raise PlatformUnreadable(
            f"two roles in {names.part.table.name} have one name: rename one of them, "
            f"or leave it out with `{'.'.join(names.part.path)}.where`"
        )
    return read
