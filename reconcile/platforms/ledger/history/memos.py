"""Memos: what the last run that had nothing to do was made from. A text each; see `app.quiet`."""

import sqlalchemy as sa

from reconcile.platforms.ledger import tables as t

_m = t.quiet_memos.c


def read(connection: sa.Connection, workspace: str, scope: str) -> str:
    """The memo of a workspace and a scope (64 hexadecimal digits); "" for none."""
    mine = sa.select(_m.memo).where(_m.workspace == workspace, _m.scope_sha256 == scope)
    return connection.execute(mine).scalar() or ""


def keep(connection: sa.Connection, workspace: str, scope: str, memo: str) -> None:
    """Keeps a memo in place of the last; "" for none."""
    mine = (_m.workspace == workspace) & (_m.scope_sha256 == scope)
    connection.execute(sa.delete(t.quiet_memos).where(mine))
    if memo:
        row = {"workspace": workspace, "scope_sha256": scope, "memo": memo}
        connection.execute(t.quiet_memos.insert(), row)


def forget(connection: sa.Connection, workspace: str) -> None:
    """Empties the memos of a workspace, whatever their scope."""
    connection.execute(sa.delete(t.quiet_memos).where(_m.workspace == workspace))
