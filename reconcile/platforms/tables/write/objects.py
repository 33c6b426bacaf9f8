"""Rows of users, groups and departments: made and changed, all of a call or none."""

from collections.abc import Iterable, Sequence
from types import NoneType
from typing import Any, Final

import sqlalchemy as sa

from reconcile.model.platform import Row
from reconcile.platforms.database.bulk import Prepared
from reconcile.platforms.tables import columns
from reconcile.platforms.tables.columns import Column
from reconcile.platforms.tables.mapping import Objects, Part
from reconcile.platforms.tables.write.rows import (
    Values,
    empty_fields,
    new_row,
    stored_fields,
)
from reconcile.ports import Rejected


def create(connection: sa.Connection, objects: Objects, new: Sequence[Row]) -> list[str]:
    """Makes a row for each, all or none; returns their ids in the same order."""
    neutral, name = empty_fields(objects), objects.name
    rows = [_new(objects, neutral, fields) for fields in new]
    ids: dict[int, object] = {}
    for places in _alike(rows):
        made = insert(connection, objects.part, [rows[at] for at in places], objects.id, name)
        ids |= zip(places, made, strict=True)
    if not objects.part.surely_inside:
        _expect_inside(connection, objects, list(ids.values()))
    return [columns.as_text(ids[at]) for at in range(len(rows))]


def _new(objects: Objects, neutral: Values, fields: Row) -> Values:
    """A new row: `insert` of the mapping, then nothing, then what the call says. It is active."""
    row = {**new_row(objects.part), **neutral, **stored_fields(objects, fields)}
    if objects.status is not None and "status" not in fields:
        row[objects.status.column.name] = objects.status.stored["active"]
    return row


def _alike(rows: Sequence[Values]) -> Iterable[list[int]]:
    """The places of rows that have the same columns: one statement writes them."""
    alike: dict[frozenset[str], list[int]] = {}
    for at, row in enumerate(rows):
        alike.setdefault(frozenset(row), []).append(at)
    return alike.values()


def insert(
    connection: sa.Connection, part: Part, rows: Sequence[Values], own: Column, name: Column
) -> Sequence[object]:
    """Inserts rows of the same columns; returns what the column `own` of each holds, in order.

    Several rows are recognised by their names. Raises Rejected where a trigger changes those: then
    the caller inserts one row at a time.
    """
    if not connection.dialect.insert_returning:
        return [_insert_one(connection, part.table, row, own) for row in rows]
    inserted = connection.execute(sa.insert(part.table).returning(own, name), rows).all()
    if len(rows) == 1:
        return [inserted[0][0]]
    by_name = {columns.as_text(called): number for number, called in inserted}
    names = [columns.as_text(row[name.name]) for row in rows]
    if len(by_name) != len(rows) or by_name.keys() != set(names):
        raise Rejected("the database changes the names of new rows")
    return [by_name[called] for called in names]


def _insert_one(connection: sa.Connection, table: sa.Table, row: Values, own: Column) -> object:
    """Inserts a row on MySQL, which says of a new row no more than its AUTO_INCREMENT."""
    number = connection.execute(sa.insert(table), row).lastrowid
    if own.name in row:
        return row[own.name]
    if not number:
        raise Rejected(f"MySQL does not say the new row's {own.name}: only that of AUTO_INCREMENT")
    return number


def update(connection: sa.Connection, objects: Objects, changed: Sequence[tuple[str, Row]]) -> None:
    """Sets these fields of rows, each of another id; all or none."""
    rows = [stored_fields(objects, fields) for _, fields in changed]
    ids = columns.from_texts(objects.id, (own for own, _ in changed))
    for places in _alike(rows):
        names = list(rows[places[0]])
        if names:
            parameters = [{_OWN: ids[at], **_new_values(names, rows[at])} for at in places]
            _update(connection, objects, names, parameters)
    _expect_unmoved(connection, objects, ids, rows)


def _expect_unmoved(
    connection: sa.Connection, objects: Objects, ids: Iterable[object], rows: Iterable[Values]
) -> None:
    """Raises Rejected where a new value of a column that `where` is about moved a row out."""
    compared = objects.part.compared
    moved = [own for own, row in zip(ids, rows, strict=True) if compared & row.keys()]
    if moved:
        _expect_inside(connection, objects, moved)


_OWN: Final = "own id"
_NEW: Final = "new "


def _new_values(names: Iterable[str], row: Values) -> Values:
    """The parameters of a row, in the order of the names."""
    return {f"{_NEW}{name}": row[name] for name in names}


def _update(
    connection: sa.Connection, objects: Objects, names: Iterable[str], parameters: list[Values]
) -> None:
    """One statement for the rows. Raises Rejected where one of them is no more."""
    table = objects.part.table
    values = {name: sa.bindparam(_NEW + name, type_=table.columns[name].type) for name in names}
    own = objects.id == sa.bindparam(_OWN, type_=objects.id.type)
    change = sa.update(table).where(own).values(values)
    if len(parameters) > 1 and _can_join(connection, objects, parameters):
        _lock(connection, objects, [row[_OWN] for row in parameters])
        met = Prepared(connection, change, [*parameters[0]]).run(
            [tuple(row.values()) for row in parameters]
        )
    else:
        met = connection.execute(change.where(*objects.part.where), parameters).rowcount
    _expect_met(met, len(parameters))


def _expect_met(met: int, expected: int) -> None:
    """Raises Rejected where a statement met fewer rows than it names."""
    if met != expected:
        raise Rejected("it no longer exists")


def _can_join(connection: sa.Connection, objects: Objects, parameters: Iterable[Values]) -> bool:
    """Whether MariaDB can take all rows in one statement: by number, and with plain values."""
    return (
        connection.dialect.name == "mariadb"
        and columns.kind(objects.id) == "integer"
        and all(isinstance(value, _PLAIN) for row in parameters for value in row.values())
    )


_PLAIN: Final = (str, int, NoneType)


def _lock(connection: sa.Connection, objects: Objects, ids: Sequence[object]) -> None:
    """Holds rows that count. Raises Rejected where one of them does not."""
    if not objects.part.where:
        return
    held = sa.select(objects.id).where(objects.id.in_(ids), *objects.part.where)
    _expect_met(len(connection.execute(held.with_for_update()).all()), len(ids))


def _expect_inside(connection: sa.Connection, objects: Objects, ids: Sequence[object]) -> None:
    """Raises Rejected where a row that was just written does not count any more."""
    statement = sa.select(sa.func.count()).select_from(objects.part.table)
    inside = statement.where(objects.id.in_(ids), *objects.part.where)
    if connection.execute(inside).scalar_one() != len(ids):
        path = ".".join(objects.part.path)
        raise Rejected(f"the row would be outside of `{path}.where`, where it is not seen")


def expect_all(connection: sa.Connection, objects: Objects, ids: Iterable[str]) -> None:
    """Raises Rejected where one of the objects does not count, or is not there."""
    wanted = list(ids)
    seen: set[str] = set()
    for some in chunks(columns.from_texts(objects.id, wanted)):
        statement = sa.select(objects.id).where(objects.id.in_(some), *objects.part.where)
        seen |= selected_texts(connection, statement)
    lacking = next((own for own in wanted if own not in seen), None)
    if lacking is not None:
        raise Rejected(f"there is no {objects.kind} {lacking}")


def selected_texts(connection: sa.Connection, statement: sa.Select[Any]) -> set[str]:
    """The values of a statement that selects one column, as text."""
    return set(map(columns.as_text, connection.execute(statement).scalars()))


def chunks(items: Sequence[object], size: int = 500) -> Iterable[Sequence[object]]:
    """Parts of a list that one statement can name."""
    return (items[at : at + size] for at in range(0, len(items), size))
