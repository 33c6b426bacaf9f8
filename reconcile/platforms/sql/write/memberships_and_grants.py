"""Writing what ties two things together: memberships and grants."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa

from reconcile.model.change import Change
from reconcile.platforms.database import bulk
from reconcile.platforms.database.row_errors import Refused
from reconcile.platforms.database.savepoints import expect, isolate
from reconcile.platforms.resolve import text
from reconcile.platforms.sql import context as w
from reconcile.platforms.sql.tables import tables as t

_Row: TypeAlias = tuple[int, tuple[Any, ...]]
"""Which of the changes it is, and the values."""


def create_memberships(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Users into groups."""
    rows: list[_Row] = []

    def step(index: int, change: Change) -> None:
        user, group = work.names.new_link(change)
        rows.append((index, (int(user), int(group), _origin(change))))

    reasons = w.prepare(changes, step)

    prepared = bulk.Prepared(
        work.connection, t.memberships.insert(), ("user_id", "group_id", "origin")
    )

    def insert(batch: Sequence[_Row]) -> None:
        prepared.run([row for _, row in batch])

    _note(reasons, rows, isolate(work.connection, rows, insert))
    return reasons


def create_grants(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Roles to users; a role comes into being when it is first granted."""
    rows: list[_Row] = []

    def step(index: int, change: Change) -> None:
        user, role = work.names.new_link(change)
        rows.append((index, (int(user), role, _origin(change))))

    reasons = w.prepare(changes, step)

    prepared = bulk.Prepared(work.connection, t.grants.insert(), ("user_id", "role_id", "origin"))

    def insert(batch: Sequence[_Row]) -> None:
        created = _create_roles(work, {role for _, (_, role, _) in batch})
        roles = {**work.roles, **created}
        prepared.run([(user, roles[role], origin) for _, (user, role, origin) in batch])
        work.roles.update(created)  # not before: a batch that fails takes its roles along

    _note(reasons, rows, isolate(work.connection, rows, insert))
    return reasons


def _create_roles(work: w.Work, names: set[str]) -> dict[str, int]:
    missing = sorted(names - work.roles.keys())
    if not missing:
        return {}
    if not work.settings.create_roles:
        raise Refused(f"there is no role {missing[0]!r}, and platform.create_roles is false")
    highest = work.highest(t.roles)
    work.connection.execute(
        t.roles.insert(), [{"workspace_id": work.workspace_id, "name": name} for name in missing]
    )
    created = sa.select(t.roles.c.name, t.roles.c.id).where(
        t.roles.c.workspace_id == work.workspace_id, t.roles.c.id > highest
    )
    return dict(work.connection.execute(created).all())


def update(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Who is to be thought the one who put it there."""
    table, _ = _table(changes[0])
    return _on_linked(
        work, changes, sa.update(table).values(origin=sa.bindparam("new_origin", type_=sa.String))
    )


def delete(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Takes users out of groups, or roles from users."""
    table, _ = _table(changes[0])
    return _on_linked(work, changes, sa.delete(table))


def _on_linked(
    work: w.Work, changes: Sequence[Change], statement: sa.Update | sa.Delete
) -> list[str]:
    table, column = _table(changes[0])
    statement = statement.where(
        table.c.user_id == sa.bindparam("user"), table.c[column] == sa.bindparam("other")
    )
    rows: list[_Row] = []

    def step(index: int, change: Change) -> None:
        user, other = work.names.link(change)
        pair = int(user), work.roles[other] if change.kind == "grant" else int(other)
        rows.append((index, pair if change.action == "delete" else (*pair, _origin(change))))

    reasons = w.prepare(changes, step)

    names = (
        ("user", "other") if isinstance(statement, sa.Delete) else ("user", "other", "new_origin")
    )
    prepared = bulk.Prepared(work.connection, statement, names)

    def write(batch: Sequence[_Row]) -> None:
        expect(prepared.run([row for _, row in batch]), len(batch))

    _note(reasons, rows, isolate(work.connection, rows, write))
    return reasons


def _table(change: Change) -> tuple[sa.Table, str]:
    return (t.grants, "role_id") if change.kind == "grant" else (t.memberships, "group_id")


def _origin(change: Change) -> str | None:
    return text(change.fields_after, "origin") or None


def _note(reasons: list[str], rows: Sequence[_Row], failed: Sequence[str]) -> None:
    for (index, _), reason in zip(rows, failed, strict=True):
        reasons[index] = reason
