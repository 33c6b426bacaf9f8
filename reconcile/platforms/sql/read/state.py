"""A workspace out of the tables.

Whole rows in the order of the model's fields, so that nothing is looked up by name.

The database turns ids into text and NULL into "", which is several times faster than doing it here.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from reconcile.model.platform import Department, Grant, Membership, PlatformState, Source, User
from reconcile.platforms.database import bulk
from reconcile.platforms.database.json_values import decode
from reconcile.platforms.ledger.history.rows import Users
from reconcile.platforms.ledger.workspaces import workspace_id
from reconcile.platforms.sql.read import integrity
from reconcile.platforms.sql.tables import tables as t
from reconcile.ports import Progress, no_progress

_WORKSPACE: sa.BindParameter[int] = sa.bindparam("workspace", type_=sa.Integer)


def _id(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    return sa.func.coalesce(sa.cast(column, sa.String), "")


def _or_empty(column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    return sa.func.coalesce(column, "")


def _mirrored(table: sa.Table) -> list[sa.ColumnElement[str]]:
    return [_or_empty(t.sources.c.name), _or_empty(table.c.external_id), _or_empty(table.c.dn)]


def _sourced(table: sa.Table, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    joined = table.outerjoin(t.sources, t.sources.c.id == table.c.source_id)
    return sa.select(*columns).select_from(joined).where(table.c.workspace_id == _WORKSPACE)


_u, _d, _g = t.users.c, t.departments.c, t.groups.c

USERS: Final = Users(_u.id, _u.workspace_id, _u.username, _u.dn, _u.external_id, sa.true())
"""For the history: every row of the table is a user."""

_SOURCES = sa.select(
    t.sources.c.name, t.sources.c.type, t.sources.c.base_dn, t.sources.c.domain, t.sources.c.note
).where(t.sources.c.workspace_id == _WORKSPACE)

_DEPARTMENTS = _sourced(
    t.departments, _id(_d.id), _d.title, _id(_d.parent_id), *_mirrored(t.departments)
)

_GROUPS = _sourced(t.groups, _id(_g.id), _g.name, *_mirrored(t.groups))

_USERS = _sourced(
    t.users,
    _id(_u.id),
    _u.username,
    _u.first_name,
    _u.last_name,
    _u.email,
    _u.status,
    _or_empty(_u.status_origin),
    _or_empty(_u.status_cause),
    _or_empty(_u.status_before),
    _or_empty(_u.departed),
    _or_empty(_u.departed_at),
    *_mirrored(t.users),
    _id(_u.department_id),
    _id(_u.manager_id),
    sa.cast(_u.attributes, sa.Text).label("attributes"),
)

_ROLES = sa.select(t.roles.c.name).where(t.roles.c.workspace_id == _WORKSPACE)

_MEMBERSHIPS = (
    sa.select(
        _id(t.memberships.c.user_id),
        _id(t.memberships.c.group_id),
        _or_empty(t.memberships.c.origin),
    )
    .join(t.users, t.users.c.id == t.memberships.c.user_id)
    .where(t.users.c.workspace_id == _WORKSPACE)
)

_NESTED = (
    sa.select(
        _id(t.nested_groups.c.member_group_id),
        _id(t.nested_groups.c.group_id),
        _or_empty(t.nested_groups.c.origin),
    )
    .join(t.groups, t.groups.c.id == t.nested_groups.c.member_group_id)
    .where(t.groups.c.workspace_id == _WORKSPACE)
)

_GRANTS = (
    sa.select(_id(t.grants.c.user_id), t.roles.c.name, _or_empty(t.grants.c.origin))
    .join(t.users, t.users.c.id == t.grants.c.user_id)
    .join(t.roles, t.roles.c.id == t.grants.c.role_id)
    .where(t.users.c.workspace_id == _WORKSPACE)
)

_DELETED = (
    sa.select(t.sources.c.name, t.supplied.c.external_id)
    .join(t.sources, t.sources.c.id == t.supplied.c.source_id)
    .outerjoin(
        t.users,
        sa.and_(
            t.users.c.workspace_id == _WORKSPACE,
            t.users.c.source_id == t.supplied.c.source_id,
            t.users.c.external_id == t.supplied.c.external_id,
        ),
    )
    .where(t.sources.c.workspace_id == _WORKSPACE, t.users.c.id.is_(None))
)
"""Persons who were supplied once and have no user now."""

_READINGS = (
    sa.select(
        t.sources.c.name,
        t.readings.c.persons,
        t.readings.c.groups,
        t.readings.c.units,
        t.readings.c.members,
    )
    .join(t.sources, t.sources.c.id == t.readings.c.source_id)
    .where(t.sources.c.workspace_id == _WORKSPACE)
)


STATEMENTS: Final["Mapping[str, sa.Select[*tuple[Any, ...]]]"] = {
    "users": _USERS,
    "sources": _SOURCES,
    "departments": _DEPARTMENTS,
    "groups": _GROUPS,
    "nested_groups": _NESTED,
    "roles": _ROLES,
    "memberships": _MEMBERSHIPS,
    "grants": _GRANTS,
    "supplied": _DELETED,
    "readings": _READINGS,
}
"""What is read of a workspace, all of it, by the table that it is about."""


def read(
    connection: sa.Connection,
    workspace: str,
    progress: Progress = no_progress,
    *,
    lock: bool = False,
    taken: Callable[[str, list[tuple[Any, ...]]], None] | None = None,
) -> PlatformState:
    """The workspace as it is; an empty state if there is none of that name.

    Raises PlatformUnreadable.

    With `lock` no other program can change what was read until the transaction ends: an insert
    waits for the workspace's row, which the transaction holds, or for the user's or group's it
    refers to. SQLite has no row locks; there the whole database is locked. `taken` gets the rows
    of each statement as they came.
    """
    number = workspace_id(connection, workspace)
    if number is None:
        return PlatformState(workspace)

    def rows(name: str) -> list[tuple[Any, ...]]:
        statement, table = STATEMENTS[name], t.metadata.tables[name]
        locking = statement.with_for_update(of=table) if lock and name != "readings" else statement
        fetched = bulk.rows(connection, locking, {"workspace": number})
        if taken is not None:
            taken(name, fetched)
        if name != "readings":
            integrity.texts(name, statement.selected_columns.keys(), fetched)
        return fetched

    integrity.references(connection)

    users = tuple([User(*(*row[:-1], decode(row[-1], row[1]))) for row in rows("users")])
    integrity.times(users)
    progress("users read", len(users))
    return PlatformState(
        workspace=workspace,
        sources=tuple([Source(*row) for row in rows("sources")]),
        departments=integrity.tree([Department(*row) for row in rows("departments")]),
        groups=integrity.nested(rows("groups"), rows("nested_groups")),
        users=users,
        roles=frozenset([name for (name,) in rows("roles")]),
        memberships=tuple([Membership(*row) for row in rows("memberships")]),
        grants=tuple([Grant(*row) for row in rows("grants")]),
        deleted=frozenset([(source, person) for source, person in rows("supplied")]),
        readings=integrity.readings(rows("readings")),
    )


def count_users(connection: sa.Connection, workspace: str) -> int:
    """How many users a workspace has."""
    joined = t.users.join(t.workspaces)
    counted = sa.select(sa.func.count()).select_from(joined).where(t.workspaces.c.name == workspace)
    return connection.execute(counted).scalar_one()
