"""Many rows in one statement, and the fault of a row reported for that row alone.

A batch runs in a savepoint. If the database refuses it, it is undone and halved until each failing
row is alone: one bad row in 20,000 costs some thirty statements. What the database refuses because
of the row is that row's reason (`refusals`); anything else ends the transaction.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reconcile.platforms.database.row_errors import Refused, refusal

Row = TypeVar("Row")


def isolate(
    connection: sa.Connection, rows: Sequence[Row], write: Callable[[Sequence[Row]], None]
) -> list[str]:
    """Writes the rows; returns for each "" or why it failed.

    `write` runs its statements on the connection.
    """
    if not rows:
        return []
    try:
        with connection.begin_nested():
            write(rows)
    except (DBAPIError, Refused, UnicodeEncodeError) as error:
        reason = refusal(error)
        if reason is None:
            raise
        if len(rows) == 1:
            return [reason]
        middle = len(rows) // 2
        return isolate(connection, rows[:middle], write) + isolate(connection, rows[middle:], write)
    return [""] * len(rows)


def expect(count: int, rows: int) -> None:
    """Refuses a write that did not find every row it was meant for."""
    if count != rows:
        raise Refused("it no longer exists")
