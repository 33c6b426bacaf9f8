"""Whether writes can work on the mapped tables: required columns, keys and rights."""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from reconcile.platforms.tables import columns
from reconcile.platforms.tables.abilities import is_unique
from reconcile.platforms.tables.mapping import Mapped, Objects, Part
from reconcile.platforms.tables.write.rows import empty_fields

_RIGHTS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")


def misfits(connection: sa.Connection, mapped: Mapped) -> Iterator[str]:
    """What has to change before anything is written, each with what to do."""
    yield from _missing(mapped)
    yield from _ids(connection, mapped)
    yield from _rights(connection, mapped)


def _missing(mapped: Mapped) -> Iterator[str]:
    """Columns that take no null and have no default, of which the mapping says nothing."""
    for objects in mapped.objects():
        yield from _lacking(objects.part, _written(objects))
    for links in mapped.links():
        yield from _lacking(links.part, {links.member.name, links.holder.name})
    names = mapped.role_names
    if names is not None and names.create:
        yield from _lacking(names.part, {names.name.name})


def _lacking(part: Part, written: set[str]) -> Iterator[str]:
    """A line for each required column that is neither written nor in `insert`."""
    covered = {*written, *part.insert}
    for column in part.table.columns:
        if column.name not in covered and columns.is_required(column):
            yield (
                f"{columns.named(column)} ({column.type}) takes no null and has no default: "
                f"say in platform.{'.'.join(part.path)}.insert what new rows get"
            )


def _written(objects: Objects) -> set[str]:
    """The columns that every new row gets, whatever the directory says."""
    # Users without a department are skipped where the column has to hold one.
    department = objects.fields.get("department", objects.name)
    written = {*empty_fields(objects), objects.name.name, department.name}
    if objects.status is not None:
        written.add(objects.status.column.name)
    return written


def _ids(connection: sa.Connection, mapped: Mapped) -> Iterator[str]:
    """A line for each `id` that two rows could share."""
    for objects in mapped.objects():
        if not is_unique(connection, objects, objects.id):
            yield (
                f"{columns.named(objects.id)} is no primary or unique key: "
                f"name one in platform.{'.'.join(objects.part.path)}.id"
            )


def _rights(connection: sa.Connection, mapped: Mapped) -> Iterator[str]:
    """On PostgreSQL, rights on tables that the account lacks."""
    if connection.dialect.name != "postgresql":
        return
    quote = connection.dialect.identifier_preparer.format_table
    for table in mapped.tables():
        asked = [sa.func.has_table_privilege(quote(table), right) for right in _RIGHTS]
        held = connection.execute(sa.select(*asked)).one()
        lacking = [right for right, has in zip(_RIGHTS, held, strict=True) if not has]
        if lacking:
            yield f"the account may not {', '.join(lacking)} on {table.name}: GRANT it that"
