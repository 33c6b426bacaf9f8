"""Rows of users, groups and departments: made, changed and deleted, one at a time."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from reconcile.model.platform import Row
from reconcile.platforms.tables import columns
from reconcile.platforms.tables.columns import Column
from reconcile.platforms.tables.mapping import Mapped, Objects, Part
from reconcile.platforms.tables.references import Reference
from reconcile.platforms.tables.values import Made
from reconcile.ports import Rejected

_REFERRING: Final = frozenset({"department", "manager", "parent"})
_LACKING: Final = "it no longer exists"
Values = dict[str, object]
"""Column → value."""


def create(connection: sa.Connection, objects: Objects, fields: Row) -> str:
    """Makes a row, and returns its id."""
    part = objects.part
    row = {**new_row(part), **_neutral(objects), **_stored(objects, fields)}
    if objects.status is not None and "status" not in fields:
        row[objects.status.column.name] = objects.status.stored["active"]
    own = insert(connection, part, row, objects.id)
    if not part.surely_inside:
        _expect_inside(connection, objects, own)
    return columns.as_text(own)


def new_row(part: Part) -> Values:
    """What every new row of a table gets."""
    now = columns.now()
    return {
        name: columns.made(part.table.columns[name], value, now)
        if isinstance(value, Made)
        else value
        for name, value in part.insert.items()
    }


def insert(connection: sa.Connection, part: Part, row: Values, own: Column) -> Any:
    """Inserts a row, and returns what its column `own` holds."""
    return connection.execute(sa.insert(part.table).values(row).returning(own)).scalar_one()


def _neutral(objects: Objects) -> Values:
    """An empty text in each column of a field that takes no null and has no default."""
    fields = (*objects.fields.values(), *objects.attributes.values())
    return {
        column.name: ""
        for column in fields
        if columns.is_required(column) and columns.kind(column) == "text"
    }


def _stored(objects: Objects, fields: Row) -> Values:
    """The fields of a call as their columns take them. Raises Rejected for one that does not fit.

    A field that the application does not keep is left out.
    """
    row: Values = {}
    for name, value in fields.items():
        if name == "attributes":
            row |= _attributes(objects, value)
        elif name == "status" and objects.status is not None:
            row[objects.status.column.name] = _status(objects.status.stored, value)
        elif name in objects.fields:
            column = objects.fields[name]
            row[column.name] = _field(name, column, value)
    return row


def _status(stored: Mapping[str, object], status: str) -> object:
    if status not in stored:
        raise Rejected(f"there is no value for the status {status!r}")
    return stored[status]


def _field(name: str, column: Column, text: str) -> object:
    """A text as a column takes it: nothing is null, or what the column takes in its place."""
    if not text:
        return None if column.nullable else _nothing(name, column)
    length = columns.longest(column)
    if length and len(text) > length:
        raise Rejected(f"the {name} is too long")
    return columns.from_text(column, text)


def _nothing(name: str, column: Column) -> object:
    """What stands for nothing in a column that takes no null."""
    kind = columns.kind(column)
    if kind == "text":
        return ""
    if kind == "integer" and name in _REFERRING:
        return 0
    raise Rejected(f"the column {columns.named(column)} cannot be empty")


def _attributes(objects: Objects, attributes: Mapping[str, str | None] | None) -> Values:
    row: Values = {}
    for name, text in (attributes or {}).items():
        column = objects.attributes.get(name)
        if column is None:
            if text is None:
                continue
            raise Rejected(f"there is no column for the attribute {name!r}")
        is_text = columns.kind(column) == "text"
        keeps_empty = text == "" and is_text
        row[column.name] = "" if keeps_empty else _field(f"attribute {name}", column, text or "")
    return row


def update(connection: sa.Connection, objects: Objects, own: str, fields: Row) -> None:
    """Sets these fields of a row."""
    row = _stored(objects, fields)
    if not row:
        return
    stored = columns.from_text(objects.id, own)
    part = objects.part
    statement = sa.update(part.table).where(objects.id == stored, *part.where).values(row)
    if connection.execute(statement).rowcount == 0:
        raise Rejected(_LACKING)
    if part.compared & row.keys():
        _expect_inside(connection, objects, stored)


def _expect_inside(connection: sa.Connection, objects: Objects, stored: object) -> None:
    """Raises Rejected where a row that was just written does not count any more."""
    statement = sa.select(sa.literal(1)).select_from(objects.part.table)
    inside = statement.where(objects.id == stored, *objects.part.where)
    if connection.execute(inside).first() is None:
        path = ".".join(objects.part.path)
        raise Rejected(f"the row would be outside of `{path}.where`, where it is not seen")


def delete(
    connection: sa.Connection, mapped: Mapped, objects: Objects, own: str, hinders: list[Reference]
) -> None:
    """Deletes a row with its links, unless rows of the application still refer to it."""
    stored = columns.from_text(objects.id, own)
    part = objects.part
    inside = sa.select(sa.literal(1)).select_from(part.table)
    if connection.execute(inside.where(objects.id == stored, *part.where)).first() is None:
        return
    _expect_nothing_below(connection, objects, stored)
    for reference in hinders:
        if reference.is_used(connection, stored):
            raise Rejected(f"{reference} still refers to it")
    _end_links(connection, mapped, objects, own)
    _clear_references(connection, mapped, objects, stored)
    connection.execute(sa.delete(part.table).where(objects.id == stored, *part.where))


def _expect_nothing_below(connection: sa.Connection, objects: Objects, stored: object) -> None:
    if objects.kind != "department":
        return
    below = objects.fields["parent"] == stored
    if connection.execute(sa.select(sa.literal(1)).where(below, objects.id != stored)).first():
        raise Rejected("it still has departments below it")


def _end_links(connection: sa.Connection, mapped: Mapped, objects: Objects, own: str) -> None:
    for links in mapped.links():
        ends: list[Column] = []
        if objects.kind == "user" and links.kind != "nesting":
            ends = [links.member]
        elif objects.kind == "group":
            ends = [links.holder, links.member] if links.kind == "nesting" else [links.holder]
            ends = [] if links.kind == "grant" else ends
        for column in ends:
            stored = columns.from_text(column, own)
            condition = (column == stored, *links.part.where)
            connection.execute(sa.delete(links.part.table).where(*condition))


def _clear_references(
    connection: sa.Connection, mapped: Mapped, objects: Objects, stored: object
) -> None:
    """Takes a manager or a department from the users that have it."""
    name = {"user": "manager", "department": "department"}.get(objects.kind, "")
    column = mapped.users.fields.get(name)
    if column is None:
        return
    nothing = None if column.nullable else _nothing(name, column)
    statement = sa.update(mapped.users.part.table).where(column == stored)
    connection.execute(statement.values({column.name: nothing}))


def expect_all(connection: sa.Connection, objects: Objects, ids: Iterable[str], what: str) -> None:
    """Raises Rejected where one of the objects does not count, or is not there."""
    wanted = {columns.from_text(objects.id, own) for own in ids}
    statement = sa.select(objects.id).where(objects.id.in_(wanted), *objects.part.where)
    seen = {columns.as_text(own) for own in connection.execute(statement).scalars()}
    for own in ids:
        if own not in seen:
            raise Rejected(f"there is no {what} {own}")
