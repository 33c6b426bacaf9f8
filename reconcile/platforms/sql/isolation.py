"""Many rows in one statement, and what is wrong with a row told for that row alone.

A batch runs in a savepoint. If the database refuses it, it is undone and halved until the rows that fail stand alone:
one bad row in 20,000 costs some thirty statements. What the database refuses because of the row (a constraint, a
trigger, a value) is that row's reason; anything else, as a full disk, ends the transaction.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

Row = TypeVar("Row")

_MEANINGS = {
    "username": "another user of the workspace has this username",
    "groups_name": "another group of the workspace has this name",
    "departments_title": "another department beside it has this title",
    "external_id": "another one of the same source has this external id",
    "memberships": "the user is in this group already",
    "grants": "the user has this role already",
    "sources": "another source of the workspace has this name",
}


class Refused(Exception):
    """A row cannot be written; the text says why."""


def isolate(connection: sa.Connection, rows: Sequence[Row], write: Callable[[Sequence[Row]], None]) -> list[str]:
    """Writes the rows; answers for each "" or why it failed. `write` runs its statements on the connection."""
    if not rows:
        return []
    try:
        with connection.begin_nested():
            write(rows)
    except (IntegrityError, DataError, Refused, UnicodeEncodeError) as error:
        if len(rows) == 1:
            return [reason(error)]
        middle = len(rows) // 2
        return isolate(connection, rows[:middle], write) + isolate(connection, rows[middle:], write)
    return [""] * len(rows)


def expect(found: int, rows: int) -> None:
    """Refuses a write that did not find every row it was meant for."""
    if found != rows:
        raise Refused("it is no longer there")


def reason(error: Exception) -> str:
    """What the database means, without the statement and its values."""
    if not isinstance(error, DBAPIError):
        return f"it holds text that cannot be stored ({error})" if isinstance(error, UnicodeError) else str(error)
    text = str(error.orig)
    rule, found, where = text.partition(" constraint failed: ")
    if not found:
        return text
    if rule == "UNIQUE":
        return next((meaning for part, meaning in _MEANINGS.items() if part in where), text)
    if rule == "CHECK" and where.endswith("_length"):
        return f"the {where.split('_', 1)[1].removesuffix('_length')} is too long"
    return f"the database's rule {where} forbids it"
