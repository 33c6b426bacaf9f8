"""What a transaction in the database of an application needs before its first statement."""

import sqlalchemy as sa


def settle_reading(connection: sa.Connection) -> None:
    """Rows that a policy hides from this account are an error on PostgreSQL, and never missing."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL row_security = off")


def settle_writing(connection: sa.Connection) -> None:
    """A rule that waits for the commit is checked at once: then its error belongs to its row."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
