"""All that the mapped tables hold, in one snapshot of the database."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable
from reconcile.model.platform import Contents, LinkKind, Pair, Row
from reconcile.model.text.printing import quoted
from reconcile.platforms.database.bulk import rows as raw_rows
from reconcile.platforms.tables import read_references
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
from reconcile.platforms.tables.read_references import Rows


def select(
    connection: sa.Connection, part: Part, columns: Iterable[Column]
) -> list[tuple[Any, ...]]:
    """These columns of the rows that count, as the driver gives them."""
    return raw_rows(connection, sa.select(*columns).where(*part.where), {})


def read(connection: sa.Connection, mapped: Mapped) -> Contents:
    """Raises PlatformUnreadable for what cannot be understood."""
    rows = {objects.kind: _objects(connection, objects) for objects in mapped.objects()}
    read_references.drop_hidden(rows)
    read_references.refuse_circles(rows.get("department", {}))
    links: dict[LinkKind, Collection[Pair]] = {}
    if mapped.memberships is not None:
        links["membership"] = _pairs(connection, mapped.memberships, rows["user"], rows["group"])
    if mapped.nesting is not None:
        links["nesting"] = _pairs(connection, mapped.nesting, rows["group"], rows["group"])
    if mapped.roles is None:
        return Contents(rows, links)
    links["grant"], roles = _grants(connection, mapped.users, mapped.roles, rows["user"])
    return Contents(rows, links, roles)


def _grants(
    connection: sa.Connection,
    users: Objects,
    roles: RoleColumn | RoleTable,
    user_rows: Mapping[str, Row],
) -> tuple[set[Pair], set[str]]:
    """Which user has which role, and the roles there are."""
    if isinstance(roles, RoleTable):
        return _granted(connection, roles, user_rows)
    return _held(connection, users, roles)


def _objects(connection: sa.Connection, objects: Objects) -> Rows:
    """The rows of one kind by their ids."""
    fields = list(objects.fields)
    attributes = list(objects.attributes.items())
    columns = [objects.id, *objects.fields.values(), *objects.attributes.values()]
    if objects.status is not None:
        columns.append(objects.status.column)
    name_at = 1 + fields.index(NAMES[objects.kind])
    read: Rows = {}
    for values in select(connection, objects.part, columns):
        own = as_text(values[0])
        if own in read or values[name_at] is None:
            raise PlatformUnreadable(_unclear(objects, own, twice=own in read))
        row: Row = dict(zip(fields, map(as_text, values[1:]), strict=False))
        if attributes:
            row["attributes"] = _attributes(attributes, values[1 + len(fields) :])
        if objects.status is not None:
            row["status"] = _status(objects, objects.status, own, values[-1])
        read[own] = row
    return read


def _unclear(objects: Objects, own: str, *, twice: bool) -> str:
    """Why a row cannot stand for one object: its id is not its own, or it has no name."""
    path, table = ".".join(objects.part.path), objects.part.table.name
    if twice:
        return (
            f"two rows of {table} have the id {quoted(own)}: "
            f"name a column in `{path}.id` that is different in every row"
        )
    column = objects.name
    return (
        f"the row {quoted(own)} of {table} has no {column.name}: "
        f'leave such rows out, with `{path}.where: "{column.name} is not null"`'
    )


def _status(objects: Objects, status: Statuses, own: str, stored: object) -> str:
    """The status that a value means. Raises PlatformUnreadable where it means none."""
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


def _held(
    connection: sa.Connection, users: Objects, roles: RoleColumn
) -> tuple[set[Pair], set[str]]:
    """Who has which role by a column, and the roles there are.

    A value that is not mapped is a role of that name.
    """
    nothing = {None, key(roles.none)} - roles.read.keys()
    grants = {
        (as_text(own), roles.read.get(key(stored)) or as_text(stored))
        for own, stored in select(connection, users.part, (users.id, roles.column))
        if key(stored) not in nothing
    }
    return grants, {*roles.stored, *(role for _, role in grants)}


def _pairs(
    connection: sa.Connection, links: Links, members: Mapping[str, Row], holders: Mapping[str, Row]
) -> set[Pair]:
    """The links between objects that count."""
    return {
        (member, holder)
        for member, holder in _texts(connection, links.part, links.member, links.holder)
        if member in members and holder in holders
    }


def _texts(
    connection: sa.Connection, part: Part, first: Column, second: Column
) -> Iterable[tuple[str, str]]:
    """Two columns of the rows that count, as text."""
    for left, right in select(connection, part, (first, second)):
        yield as_text(left), as_text(right)


def _granted(
    connection: sa.Connection, roles: RoleTable, users: Mapping[str, Row]
) -> tuple[set[Pair], set[str]]:
    """Who has which role, and the roles there are."""
    links = roles.links
    texts = _texts(connection, links.part, links.member, links.holder)
    pairs = [pair for pair in texts if pair[0] in users]
    if roles.names is None:
        return set(pairs), {role for _, role in pairs}
    names = role_names(connection, roles.names)
    return {(user, names[role]) for user, role in pairs if role in names}, set(names.values())


def role_names(connection: sa.Connection, names: RoleNames) -> dict[str, str]:
    """The roles there are: id → name. Raises PlatformUnreadable where two have one name."""
    read = dict(_texts(connection, names.part, names.id, names.name))
    if len(set(read.values())) < len(read):
        raise PlatformUnreadable(
            f"two roles in {names.part.table.name} have one name: rename one of them, "
            f"or leave it out with `{'.'.join(names.part.path)}.where`"
        )
    return read
