"""The persons that a source has ever supplied.

This distinguishes new persons from those whose user was deleted by hand. The rows are written from
`users` at the end of a transaction, so nothing can be forgotten. Those that a sync itself deletes
or erases are removed.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from reconcile.platforms.sql.context import Work
from reconcile.platforms.sql.tables import tables as t


def record(connection: sa.Connection, workspace: int) -> None:
    """Adds all persons who have a user now."""
    known = sa.and_(
        t.supplied.c.source_id == t.users.c.source_id,
        t.supplied.c.external_id == t.users.c.external_id,
    )
    new = (
        sa.select(t.users.c.source_id, t.users.c.external_id)
        .outerjoin(t.supplied, known)
        .where(
            t.users.c.workspace_id == workspace,
            t.users.c.source_id.is_not(None),
            t.users.c.external_id.is_not(None),
            t.supplied.c.source_id.is_(None),
        )
    )
    connection.execute(t.supplied.insert().from_select(["source_id", "external_id"], new))


def forget(work: Work, users: Sequence[int]) -> None:
    """Takes out the persons behind these users, who are about to go."""
    if not users:
        return
    theirs = sa.exists().where(
        t.users.c.id == sa.bindparam("row", type_=sa.Integer),
        t.users.c.source_id == t.supplied.c.source_id,
        t.users.c.external_id == t.supplied.c.external_id,
    )
    work.connection.execute(
        sa.delete(t.supplied).where(theirs), [{"row": number} for number in users]
    )
