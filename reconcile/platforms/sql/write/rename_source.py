"""A source gets another name and keeps everything that belongs to it.

References by id need no change; origins, which are names, are rewritten. If the new name is that of
an existing source, the two are merged.
"""

import sqlalchemy as sa

from reconcile.platforms.sql.context import Work
from reconcile.platforms.sql.tables import tables as t

_OWNED = (t.users, t.groups, t.departments)
_KNOWN = (t.supplied, t.readings)


def rename(work: Work, old: str, new: str) -> None:
    """Renames the source `old`, which exists.

    Raises what the database raises if two objects would become one.
    """
    row, other = work.sources[old], work.sources.get(new)
    if other is not None and other != row:
        _merge(work, other, row)
    work.connection.execute(sa.update(t.sources).where(t.sources.c.id == row).values(name=new))
    users = sa.select(t.users.c.id).where(t.users.c.workspace_id == work.workspace_id)
    groups = sa.select(t.groups.c.id).where(t.groups.c.workspace_id == work.workspace_id)
    for table, column, within in (
        (t.users, t.users.c.status_origin, t.users.c.workspace_id == work.workspace_id),
        (t.memberships, t.memberships.c.origin, t.memberships.c.user_id.in_(users)),
        (t.grants, t.grants.c.origin, t.grants.c.user_id.in_(users)),
        (t.nested_groups, t.nested_groups.c.origin, t.nested_groups.c.group_id.in_(groups)),
    ):
        work.connection.execute(
            sa.update(table).where(column == old, within).values({column.name: new})
        )
    del work.sources[old]
    work.sources[new] = row


def _merge(work: Work, other: int, row: int) -> None:
    """Everything of the source `other` becomes that of `row`, except what its reads counted."""
    for table in _OWNED:
        work.connection.execute(
            sa.update(table).where(table.c.source_id == other).values(source_id=row)
        )
    for table in _KNOWN:
        work.connection.execute(sa.delete(table).where(table.c.source_id == other))
    work.connection.execute(sa.delete(t.sources).where(t.sources.c.id == other))
