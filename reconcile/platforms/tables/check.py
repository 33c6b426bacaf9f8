"""What `reconcile test` says of the tables: what is there, and what would go wrong later."""

from collections.abc import Iterable, Iterator, Sequence

import sqlalchemy as sa

from reconcile.platforms.database.database import Database
from reconcile.platforms.tables import columns, reading
from reconcile.platforms.tables.abilities import is_unique
from reconcile.platforms.tables.catalog import fault_line
from reconcile.platforms.tables.declared.settings import TablesSettings
from reconcile.platforms.tables.mapping import (
    NAMES,
    Mapped,
    Objects,
    Part,
    RoleTable,
)
from reconcile.platforms.tables.resolving import resolve
from reconcile.platforms.tables.write.references import references
from reconcile.platforms.tables.write.rows import takes_nothing
from reconcile.ports import Check

_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")


def checks(
    connection: sa.Connection, database: Database, mapping: TablesSettings
) -> Iterator[Check]:
    """Ends with the first thing that fails. Raises PlatformUnreadable for what cannot be read."""
    version = database.version(connection)
    named = f" ({version})" if version else ""
    yield Check("platform", True, f"the {database} can be read{named}")
    mapped, faults = resolve(connection, mapping)
    if mapped is None:
        yield Check("mapping", False, "; ".join(map(fault_line, faults)))
        return
    faults_found = [*_missing(mapped), *_ids(connection, mapped), *_rights(connection, mapped)]
    if faults_found:
        yield Check("mapping", False, "; ".join(faults_found))
        return
    yield Check("mapping", True, f"tables {', '.join(_table_names(mapped))}")
    yield from _contents(connection, mapped)
    yield from _lengths(mapped)
    yield from _unique(connection, mapped)
    yield from _deletes(connection, mapped)


def _parts(mapped: Mapped) -> Iterator[Part]:
    yield from (objects.part for objects in mapped.objects())
    yield from (links.part for links in mapped.links())
    if isinstance(mapped.roles, RoleTable) and mapped.roles.names is not None:
        yield mapped.roles.names.part


def _table_names(mapped: Mapped) -> Iterable[str]:
    return dict.fromkeys(part.table.name for part in _parts(mapped))


def _missing(mapped: Mapped) -> Iterator[str]:
    """Columns that take no null and have no default, of which the mapping says nothing."""
    for objects in mapped.objects():
        yield from _lacking(objects.part, _written(objects))
    for links in mapped.links():
        yield from _lacking(links.part, {links.member.name, links.holder.name})
    names = mapped.roles.names if isinstance(mapped.roles, RoleTable) else None
    if names is not None and names.create:
        yield from _lacking(names.part, {names.name.name})


def _lacking(part: Part, written: set[str]) -> Iterator[str]:
    for column in part.table.columns:
        if columns.is_required(column) and column.name not in {*written, *part.insert}:
            yield (
                f"{columns.named(column)} ({column.type}) takes no null and has no default: "
                f"say in platform.{'.'.join(part.path)}.insert what new rows get"
            )


def _written(objects: Objects) -> set[str]:
    """The columns that every new row gets, whatever the directory says."""
    empty = {column.name for name, column in objects.columns.items() if takes_nothing(name, column)}
    # Users without a department are skipped where the column has to hold one.
    always = [objects.name, objects.fields.get("department", objects.name)]
    status = [objects.status.column] if objects.status is not None else []
    return empty | {column.name for column in (*always, *status)}


def _ids(connection: sa.Connection, mapped: Mapped) -> Iterator[str]:
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
    for table in dict.fromkeys(part.table for part in _parts(mapped)):
        asked = [sa.func.has_table_privilege(quote(table), right) for right in _RIGHTS]
        held = connection.execute(sa.select(*asked)).one()
        lacking = [right for right, has in zip(_RIGHTS, held, strict=True) if not has]
        if lacking:
            yield f"the account may not {', '.join(lacking)} on {table.name}: GRANT it that"


def _contents(connection: sa.Connection, mapped: Mapped) -> Iterator[Check]:
    contents = reading.read(connection, mapped)
    counted = [f"{len(rows)} {kind}s" for kind, rows in contents.rows.items()]
    counted += [f"{len(pairs)} {kind}s" for kind, pairs in contents.links.items()]
    hidden = [text for objects in mapped.objects() if (text := _hidden(connection, objects))]
    yield Check("contents", True, "; ".join([", ".join(counted), *hidden]))
    if mapped.roles is not None:
        yield Check("roles", True, ", ".join(sorted(contents.roles)) or "none")


def _hidden(connection: sa.Connection, objects: Objects) -> str:
    """How many rows `where` leaves out; "" for none."""
    part = objects.part
    if not part.where:
        return ""
    count = sa.select(sa.func.count()).select_from(part.table)
    left = connection.execute(count).scalar_one()
    left -= connection.execute(count.where(*part.where)).scalar_one()
    return f"{left} rows of {part.table.name} are left out by `where`" if left else ""


def _lengths(mapped: Mapped) -> Iterator[Check]:
    columns_of = {k: v for objects in mapped.objects() for k, v in objects.columns.items()}
    lengths = {name: columns.longest(column) for name, column in columns_of.items()}
    limited = [f"{name} {length}" for name, length in lengths.items() if length]
    if limited:
        yield Check("lengths", True, f"at most so many characters: {', '.join(limited)}")


def _unique(connection: sa.Connection, mapped: Mapped) -> Iterator[Check]:
    for objects in mapped.objects():
        unique = [
            column
            for column in objects.columns.values()
            if column.name != objects.id.name and is_unique(connection, objects, column)
        ]
        name = objects.name
        if objects.kind != "department" and name not in (objects.id, *unique):
            said = f"{columns.named(name)} is no unique key: nothing keeps other programs from "
            kind = objects.kind
            yield Check("unique keys", True, f"{said}making two {kind}s of one {NAMES[kind]}")
        others = [columns.named(column) for column in unique if column.name != name.name]
        if others:
            said = f"{', '.join(others)}: a second {objects.kind} of one value fails"
            yield Check("unique keys", True, said)


def _deletes(connection: sa.Connection, mapped: Mapped) -> Iterator[Check]:
    for objects in mapped.objects():
        keys = references(connection, mapped, objects)
        hindering = [str(key) for key in keys if key.hinders]
        if hindering:
            said = f"a {objects.kind} cannot be deleted while {_listed(hindering)} refers to it"
            yield Check("deletes", True, said)
        taken = [str(key) for key in keys if key.on_delete == "CASCADE"]
        if taken:
            said = f"with a {objects.kind} the database deletes the rows of {_listed(taken)}"
            yield Check("deletes", True, said)


def _listed(names: Sequence[str]) -> str:
    return " or ".join(names) if len(names) < 6 else f"one of {', '.join(names)}"
