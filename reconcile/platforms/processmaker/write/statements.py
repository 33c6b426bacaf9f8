"""Many rows in one statement: rows are looked up by their ids, values are data."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from reconcile.platforms.database import bulk
from reconcile.ports import Rejected

SOME: Final = 1000
"""Ids that one statement names."""
_OWN: Final = "_own"
GONE: Final = "it no longer exists"


def chunks(items: Iterable[str]) -> Iterator[list[str]]:
    """Parts of a list that one statement can name."""
    listed = list(items)
    return (listed[at : at + SOME] for at in range(0, len(listed), SOME))


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that have the same columns."""
    if rows:
        names = list(rows[0])
        bulk.insert(connection, table, names, [tuple(row[name] for name in names) for row in rows])


def update(
    connection: sa.Connection,
    own: sa.Column[Any],
    uid: sa.String,
    rows: Mapping[str, Mapping[str, Any]],
) -> int:
    """Sets columns of rows by their ids; returns how many rows it met.

    Rows with the same columns go out in one statement. The times of rows without any column are
    not looked at.
    """
    alike: dict[tuple[str, ...], list[str]] = {}
    for row_id, values in rows.items():
        alike.setdefault(tuple(values), []).append(row_id)
    met = 0
    for names, ids in alike.items():
        if names:
            statement = _by_id(own, uid, names)
            parameters = [_OWN, *(f"new_{name}" for name in names)]
            given = [(row_id, *rows[row_id].values()) for row_id in ids]
            met += bulk.Prepared(connection, statement, parameters).run(given)
    return met


def _by_id(own: sa.Column[Any], uid: sa.String, names: Iterable[str]) -> sa.Update:
    """The statement that sets these columns of one row."""
    table = own.table
    new = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    condition = own == sa.bindparam(_OWN, type_=uid)
    return sa.update(table).where(condition).values(new)


def delete(connection: sa.Connection, own: sa.Column[Any], ids: Iterable[str]) -> None:
    """Deletes all rows with these ids."""
    for some in chunks(ids):
        connection.execute(sa.delete(own.table).where(own.in_(some)))


def numbers(
    connection: sa.Connection, own: sa.Column[Any], number: sa.Column[Any], ids: Collection[str]
) -> dict[str, int]:
    """Id → the number that the product has given the row, of rows that exist.

    The rows are held until the transaction ends, so that what refers to them is true.
    """
    read: dict[str, int] = {}
    for some in chunks(ids):
        statement = sa.select(own, number).where(own.in_(some)).with_for_update(read=True)
        read |= {str(row_id): int(value or 0) for row_id, value in connection.execute(statement)}
    return read


def expect_all(known: Collection[str], ids: Iterable[str], what: str) -> None:
    """Raises Rejected where one of the ids is not known."""
    lacking = next((own for own in ids if own not in known), None)
    if lacking is not None:
        raise Rejected(f"there is no {what} {lacking}")
