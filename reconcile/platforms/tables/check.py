"""What `reconcile test` says of the tables: what is there, and what would go wrong later."""

from collections.abc import Iterator, Mapping, Sequence, Sized
from typing import Any

import sqlalchemy as sa

from reconcile.platforms.database.database import Database
from reconcile.platforms.tables import columns, fitting, reading
from reconcile.platforms.tables.abilities import is_unique
from reconcile.platforms.tables.catalog import fault_line
from reconcile.platforms.tables.declared.settings import TablesSettings
from reconcile.platforms.tables.mapping import (
    NAMES,
    Mapped,
    Objects,
)
from reconcile.platforms.tables.resolving import resolve
from reconcile.platforms.tables.write.references import references
from reconcile.ports import Check


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
    misfits = list(fitting.misfits(connection, mapped))
    if misfits:
        yield Check("mapping", False, "; ".join(misfits))
        return
    names = dict.fromkeys(table.name for table in mapped.tables())
    yield Check("mapping", True, f"tables {', '.join(names)}")
    yield from _contents(connection, mapped)
    yield from _lengths(mapped)
    yield from _unique(connection, mapped)
    yield from _deletes(connection, mapped)


def _contents(connection: sa.Connection, mapped: Mapped) -> Iterator[Check]:
    """How much the tables hold, how much `where` leaves out, and which roles exist."""
    contents = reading.read(connection, mapped)
    counted = ", ".join([*_counted(contents.rows), *_counted(contents.links)])
    hidden = [_hidden(connection, objects) for objects in mapped.objects()]
    yield Check("contents", True, "; ".join(filter(None, [counted, *hidden])))
    if mapped.roles is not None:
        yield Check("roles", True, ", ".join(sorted(contents.roles)) or "none")


def _counted(by_kind: Mapping[Any, Sized]) -> Iterator[str]:
    """How much there is of each kind, as in "12 users"."""
    for kind, items in by_kind.items():
        yield f"{len(items)} {kind}s"


def _hidden(connection: sa.Connection, objects: Objects) -> str:
    """How many rows `where` leaves out; "" for none."""
    part = objects.part
    if not part.where:
        return ""
    count = sa.select(sa.func.count()).select_from(part.table)
    total = connection.execute(count).scalar_one()
    left_out = total - connection.execute(count.where(*part.where)).scalar_one()
    return f"{left_out} rows of {part.table.name} are left out by `where`" if left_out else ""


def _lengths(mapped: Mapped) -> Iterator[Check]:
    """The fields whose text is limited, each with its longest."""
    lengths = columns.lengths(dict(mapped.columns()))
    limited = [f"{name} {length}" for name, length in lengths.items() if length]
    if limited:
        yield Check("lengths", True, f"at most so many characters: {', '.join(limited)}")


def _unique(connection: sa.Connection, mapped: Mapped) -> Iterator[Check]:
    """Names that other programs may make twice, and other fields that cannot be the same twice."""
    for objects in mapped.objects():
        kind, name = objects.kind, objects.name
        unique = _unique_columns(connection, objects)
        if kind != "department" and name not in (objects.id, *unique):
            text = f"{columns.named(name)} is no unique key: nothing keeps other programs from "
            yield Check("unique keys", True, f"{text}making two {kind}s of one {NAMES[kind]}")
        others = [columns.named(column) for column in unique if column.name != name.name]
        if others:
            text = f"{', '.join(others)}: a second {kind} of one value fails"
            yield Check("unique keys", True, text)


def _unique_columns(connection: sa.Connection, objects: Objects) -> list[columns.Column]:
    """The columns besides the id that hold each value once."""
    return [
        column
        for column in objects.columns.values()
        if column.name != objects.id.name and is_unique(connection, objects, column)
    ]


def _deletes(connection: sa.Connection, mapped: Mapped) -> Iterator[Check]:
    """What foreign keys of other tables do when an object is deleted."""
    for objects in mapped.objects():
        keys = references(connection, mapped, objects)
        hindering = [str(key) for key in keys if key.hinders]
        if hindering:
            text = f"a {objects.kind} cannot be deleted while {_listed(hindering)} refers to it"
            yield Check("deletes", True, text)
        taken = [str(key) for key in keys if key.on_delete == "CASCADE"]
        if taken:
            text = f"with a {objects.kind} the database deletes the rows of {_listed(taken)}"
            yield Check("deletes", True, text)


def _listed(names: Sequence[str]) -> str:
    """As in "a or b"; a long list is put in other words."""
    return " or ".join(names) if len(names) < 6 else f"one of {', '.join(names)}"
