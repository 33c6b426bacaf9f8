"""One statement for many rows, which come and go as the driver's own tuples.

SQLAlchemy writes the statement; the rows go past it, because looking at each value of each row costs it as much time
as the database needs to store them. So values must be what the driver takes: text, numbers, None; JSON as text.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, cast

import sqlalchemy as sa


def run(
    connection: sa.Connection,
    statement: sa.Insert | sa.Update | sa.Delete,
    names: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
) -> int:
    """Runs a statement for every row, at least one; answers how many rows of the table it met.

    `names` are the statement's parameters, of an insert the columns, in the order of a row's values.
    """
    columns = list(names) if isinstance(statement, sa.Insert) else None
    compiled = statement.compile(dialect=connection.dialect, column_keys=columns)
    order = [names.index(name) for name in compiled.positiontup or ()]
    parameters = list(rows)
    if order != list(range(len(names))):
        parameters = list(map(itemgetter(*order), parameters))
    return connection.exec_driver_sql(str(compiled), parameters).rowcount


def rows(
    connection: sa.Connection, statement: sa.Executable, parameters: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """All rows of a SELECT as the driver gives them."""
    cursor = connection.execute(statement, parameters).cursor
    if cursor is None:
        raise TypeError("the statement gives no rows")
    try:
        return cast("list[tuple[Any, ...]]", cursor.fetchall())
    finally:
        cursor.close()
