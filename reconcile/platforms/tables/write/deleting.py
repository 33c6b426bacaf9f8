"""Deletes a row of a user, group or department, with what refers to it in the mapped tables."""

from collections.abc import Mapping
from typing import Final, Literal

import sqlalchemy as sa

from reconcile.model.platform import LinkKind, ObjectKind
from reconcile.platforms.tables import columns
from reconcile.platforms.tables.columns import Column
from reconcile.platforms.tables.mapping import Expression, Mapped, Objects
from reconcile.platforms.tables.write.references import Reference
from reconcile.platforms.tables.write.rows import emptied
from reconcile.ports import Rejected

_ENDS: Final[Mapping[tuple[ObjectKind, LinkKind], tuple[Literal["member", "holder"], ...]]] = {
    ("user", "membership"): ("member",),
    ("user", "grant"): ("member",),
    ("group", "membership"): ("holder",),
    ("group", "nesting"): ("holder", "member"),
}
"""The columns of a table of links that hold ids of a kind of object."""


def delete(
    connection: sa.Connection, mapped: Mapped, objects: Objects, own: str, hinders: list[Reference]
) -> None:
    """Deletes a row with its links, unless rows of the application still refer to it."""
    stored = columns.from_text(objects.id, own)
    part = objects.part
    if not _exists(connection, part.table, objects.id == stored, *part.where):
        return
    _expect_nothing_below(connection, objects, stored)
    for reference in hinders:
        if reference.is_used(connection, stored):
            raise Rejected(f"{reference} still refers to it")
    _end_links(connection, mapped, objects, own)
    _clear_references(connection, mapped, objects, stored)
    connection.execute(sa.delete(part.table).where(objects.id == stored, *part.where))


def _exists(connection: sa.Connection, table: sa.Table, *conditions: Expression) -> bool:
    """Whether a row of the table meets all conditions."""
    statement = sa.select(sa.literal(1)).select_from(table).where(*conditions)
    return connection.execute(statement).first() is not None


def _expect_nothing_below(connection: sa.Connection, objects: Objects, stored: object) -> None:
    """Raises Rejected for a department with departments below it, itself apart."""
    if objects.kind != "department":
        return
    below = objects.fields["parent"] == stored
    if _exists(connection, objects.part.table, below, objects.id != stored):
        raise Rejected("it still has departments below it")


def _end_links(connection: sa.Connection, mapped: Mapped, objects: Objects, own: str) -> None:
    """Deletes the memberships, grants and nestings of an object."""
    for links in mapped.links():
        for end in _ENDS.get((objects.kind, links.kind), ()):
            column: Column = getattr(links, end)
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
    nothing = emptied(name, column)
    users = mapped.users.part
    statement = sa.update(users.table).where(column == stored, *users.where)
    connection.execute(statement.values({column.name: nothing}))
