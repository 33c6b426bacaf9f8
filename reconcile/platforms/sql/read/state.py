"""A workspace out of the tables.

Whole rows in the order of the model's fields, so that nothing is looked up by name.

The database turns ids into text and NULL into "", which is several times faster than doing it here.
A text that stands in very many rows is kept once, as a million users have the same few statuses.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from itertools import starmap
from sys import intern
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, cast

import sqlalchemy as sa

from reconcile.model.platform import (
    Department,
    Grant,
    Membership,
    PlatformState,
    Source,
    Status,
    User,
)
from reconcile.platforms.database import bulk
from reconcile.platforms.database.json_values import decode
from reconcile.platforms.ledger.history.rows import Users
from reconcile.platforms.ledger.workspaces import workspace_id
from reconcile.platforms.sql.read import integrity
from reconcile.platforms.sql.tables import tables as t
from reconcile.ports import Progress, no_progress

_Row: TypeAlias = tuple[Any, ...]
_Made = TypeVar("_Made")
_Link = TypeVar("_Link", Membership, Grant)
Taking: TypeAlias = Callable[[list[_Row]], None]
"""Gets some rows of a statement as they came."""

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
_NUMBERS: Final = "readings"
"""How much was read of each source: no texts, and nothing that another program writes."""


def read(
    connection: sa.Connection,
    workspace: str,
    progress: Progress = no_progress,
    *,
    lock: bool = False,
    taken: Callable[[str], Taking] | None = None,
) -> PlatformState:
    """The workspace as it is; an empty state if there is none of that name.

    Raises PlatformUnreadable.

    With `lock` no other program can change what was read until the transaction ends: an insert
    waits for the workspace's row, which the transaction holds, or for the user's or group's it
    refers to. SQLite has no row locks; there the whole database is locked. `taken` returns
    for a statement what gets its rows as they came.
    """
    number = workspace_id(connection, workspace)
    if number is None:
        return PlatformState(workspace)

    read_all = _Reading(connection, number, lock, taken).all
    integrity.references(connection)

    users = read_all("users", _users)
    integrity.times(users)
    progress("users read", len(users))
    ids: dict[str, str] = {user.id: user.id for user in users}

    def linked(link: type[_Link], rows: Iterable[_Row]) -> Iterable[_Link]:
        return [
            link(ids.setdefault(user, user), intern(to), intern(origin))
            for user, to, origin in rows
        ]

    return PlatformState(
        workspace=workspace,
        sources=read_all("sources", partial(starmap, Source)),
        departments=integrity.tree(read_all("departments", partial(starmap, Department))),
        groups=integrity.nested(read_all("groups", iter), read_all("nested_groups", iter)),
        users=users,
        roles=frozenset([name for (name,) in read_all("roles", iter)]),
        memberships=read_all("memberships", partial(linked, Membership)),
        grants=read_all("grants", partial(linked, Grant)),
        deleted=frozenset(read_all("supplied", iter)),
        readings=integrity.readings(read_all("readings", iter)),
    )


class _Reading(NamedTuple):
    """One workspace that is read within a transaction."""

    connection: sa.Connection
    workspace: int
    lock: bool
    taken: Callable[[str], Taking] | None

    def all(self, name: str, make: Callable[[list[_Row]], Iterable[_Made]]) -> tuple[_Made, ...]:
        """What `make` makes of the rows of a statement, some at a time."""
        statement, table = STATEMENTS[name], t.metadata.tables[name]
        columns = statement.selected_columns.keys()
        locked = self.lock and name != _NUMBERS
        locking = statement.with_for_update(of=table) if locked else statement
        take = self.taken(name) if self.taken is not None else None
        made: list[_Made] = []
        parameters = {"workspace": self.workspace}
        with closing(bulk.chunks(self.connection, locking, parameters)) as chunks:
            for chunk in chunks:
                if take is not None:
                    take(chunk)
                if name != _NUMBERS:
                    integrity.texts(name, columns, chunk)
                made += make(chunk)
        return tuple(made)


def _users(rows: Iterable[_Row]) -> Iterator[User]:
    """The users of some rows. Raises PlatformUnreadable for attributes that are no JSON object."""
    for (
        id_, username, first_name, last_name, email,
        status, origin, cause, before, departed, departed_at,
        source, external_id, dn, department, manager, attributes,
    ) in rows:  # fmt: skip
        yield User(
            id_, username, first_name, last_name, email,
            cast("Status", intern(status)), intern(origin), cause, before, departed, departed_at,
            intern(source), external_id, dn, intern(department), manager,
            decode(attributes, username),
        )  # fmt: skip


def count_users(connection: sa.Connection, workspace: str) -> int:
    """How many users a workspace has."""
    joined = t.users.join(t.workspaces)
    counted = sa.select(sa.func.count()).select_from(joined).where(t.workspaces.c.name == workspace)
    return connection.execute(counted).scalar_one()
