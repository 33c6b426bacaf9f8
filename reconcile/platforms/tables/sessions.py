"""What a transaction in the database of an application needs before its first statement."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reconcile.platforms.database.row_errors import Refused, refusal
from reconcile.ports import Rejected


def settle_reading(connection: sa.Connection) -> None:
    """Rows that a policy hides from this account are an error on PostgreSQL, and never missing."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL row_security = off")


def settle_writing(connection: sa.Connection) -> None:
    """A rule that waits for the commit is checked at once: then its error belongs to its row."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")


@contextmanager
def refused() -> Iterator[None]:
    """What the database refuses because of the row is Rejected; other errors pass."""
    try:
        yield
    except (DBAPIError, Refused, UnicodeError) as error:
        reason = refusal(error)
        if reason is None:
            raise
        raise Rejected(reason) from error
