"""The workspaces of a database: the rows that everything else belongs to."""

from collections.abc import Collection

import sqlalchemy as sa

from reconcile.platforms.ledger import tables as t


def workspace_id(connection: sa.Connection, workspace: str) -> int | None:
    """The id of a workspace; None if there is none of that name."""
    return connection.execute(
        sa.select(t.workspaces.c.id).where(t.workspaces.c.name == workspace)
    ).scalar()


def missing_workspaces(connection: sa.Connection, names: Collection[str]) -> list[str]:
    """Those of the names that are no workspace yet, in order."""
    existing = set(connection.execute(sa.select(t.workspaces.c.name)).scalars())
    return sorted(set(names) - existing)


def create_workspaces(connection: sa.Connection, names: Collection[str]) -> None:
    """Makes workspaces of these names."""
    if names:
        connection.execute(t.workspaces.insert(), [{"name": name} for name in names])
