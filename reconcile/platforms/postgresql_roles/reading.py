"""Roles and memberships to a workspace: who is a user, what is a group, and what is left out."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

import sqlalchemy as sa

from reconcile.model.platform import Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.model.text.instants import NEVER, instant, rfc3339
from reconcile.model.text.name_patterns import NamePatterns
from reconcile.platforms.database import bulk
from reconcile.platforms.postgresql_roles.marks import Mark, parse
from reconcile.platforms.postgresql_roles.settings import RoleSettings, untouched

_ROLES: Final = sa.text(
    """
    SELECT r.oid::text, r.rolname::text, r.rolcanlogin, r.rolsuper,
           CASE WHEN isfinite(r.rolvaliduntil)
                THEN to_char(r.rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
           END,
           coalesce(d.description, '')
    FROM pg_catalog.pg_roles r
    LEFT JOIN pg_catalog.pg_shdescription d
      ON d.objoid = r.oid AND d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass
    """
)
_MEMBERS: Final = sa.text(
    "SELECT DISTINCT member::text, roleid::text FROM pg_catalog.pg_auth_members"
)
_ACCOUNT: Final = sa.text(
    """
    SELECT current_user::text, session_user::text, rolsuper, rolcreaterole,
           current_setting('server_version_num')::int,
           current_setting('max_locks_per_transaction')::int
             * current_setting('max_connections')::int
    FROM pg_catalog.pg_roles WHERE rolname = current_user
    """
)
_ADMINISTERED: Final = sa.text(
    """
    SELECT DISTINCT roleid::text FROM pg_catalog.pg_auth_members
    WHERE admin_option AND pg_catalog.pg_has_role(member, 'USAGE')
    """
)
ADMIN_OPTION: Final = 160000
"""From this version on an account changes the roles alone on which it has ADMIN OPTION."""


_COMMENTS: Final = sa.text(
    """
    SELECT objoid::text, description FROM pg_catalog.pg_shdescription
    WHERE classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass
      AND objoid = ANY (CAST(:roles AS oid[]))
    """
)
_IDS: Final = sa.text(
    "SELECT rolname::text, oid::text FROM pg_catalog.pg_roles "
    "WHERE rolname = ANY (CAST(:names AS name[]))"
)


class Account(NamedTuple):
    """The account that reconcile uses, and the server it is on."""

    current: str
    session: str
    superuser: bool
    creates_roles: bool
    version: int
    locks: int
    """About how many locks all transactions of the server can hold together."""
    administered: frozenset[str] | None
    """Ids of the roles that it may change and grant; None for all but superusers."""


class Role(NamedTuple):
    """One role of the server."""

    id: str
    name: str
    login: bool
    superuser: bool
    until: str | None
    """RFC 3339; None for no end."""
    comment: str


class Sorted(NamedTuple):
    """The roles of a server by what they are here."""

    users: list[tuple[Role, Mark | None]]
    groups: list[tuple[Role, Mark | None]]
    granted: dict[str, str]
    """Id → name of the roles that rules may grant."""
    taken: list[str]
    """Names of roles that are never touched, and that nothing else can have."""
    not_ours: list[str]
    """Those of them on which the account lacks ADMIN OPTION."""


def account(connection: sa.Connection) -> Account:
    """Which account it is, and what it may do."""
    current, session, superuser, creates, version, locks = connection.execute(_ACCOUNT).one()
    administered: frozenset[str] | None = None
    if version >= ADMIN_OPTION and not superuser:
        administered = frozenset(row[0] for row in bulk.rows(connection, _ADMINISTERED, {}))
    return Account(current, session, superuser, creates, version, locks, administered)


def roles(connection: sa.Connection) -> list[Role]:
    """Every role of the server."""
    return [Role(*row) for row in bulk.rows(connection, _ROLES, {})]


def sort(every: Collection[Role], own: Account, settings: RoleSettings) -> Sorted:
    """What each role is here. Superusers are nothing, whatever the settings say."""
    grantable = NamePatterns(settings.roles)
    special = NamePatterns((*settings.roles, *untouched(settings)))
    result = Sorted([], [], {}, [], [])
    for role in every:
        ours = own.administered is None or role.id in own.administered
        if role.superuser or role.name in (own.current, own.session):
            result.taken.append(role.name)
        elif special.matches(role.name):
            result.taken.append(role.name)
            if ours and grantable.matches(role.name):
                result.granted[role.id] = role.name
        elif not ours:
            result.taken.append(role.name)
            result.not_ours.append(role.name)
        else:
            mark = parse(role.comment)
            is_user = mark.kind == "user" if mark is not None else role.login
            (result.users if is_user else result.groups).append((role, mark))
    return result


def contents(connection: sa.Connection, own: Account, settings: RoleSettings) -> Contents:
    """Everything of the server that is not left out."""
    known = sort(roles(connection), own, settings)
    rows: dict[ObjectKind, Mapping[str, Row]] = {
        "user": {role.id: _user(role, mark, settings) for role, mark in known.users},
        "group": {role.id: _object("name", role, mark) for role, mark in known.groups},
    }
    pairs: list[Pair] = bulk.rows(connection, _MEMBERS, {})
    return Contents(rows, _links(pairs, rows, known.granted), known.granted.values(), known.taken)


def comments(connection: sa.Connection, roles: Collection[str]) -> dict[str, str]:
    """The comments of roles, by id; one without any is left out."""
    return dict(connection.execute(_COMMENTS, {"roles": list(roles)}).all())


def ids(connection: sa.Connection, names: Collection[str]) -> list[tuple[str, str]]:
    """Name and id of roles."""
    rows: list[tuple[str, str]] = bulk.rows(connection, _IDS, {"names": list(names)})
    return rows


def _object(name: str, role: Role, mark: Mark | None) -> Row:
    return {name: role.name, "external_id": mark.external_id if mark is not None else ""}


def _user(role: Role, mark: Mark | None, settings: RoleSettings) -> Row:
    row = _object("username", role, mark)
    row["status"] = "active" if role.login else "blocked"
    if settings.valid_until:
        until = _until(role, mark)
        row["attributes"] = {settings.valid_until: until} if until else {}
    return row


def _until(role: Role, mark: Mark | None) -> str:
    """The expiry as the directory writes it, where that is still what the server has."""
    if mark is not None and mark.until:
        noted = instant(mark.until)
        if noted is not None and (None if noted == NEVER else rfc3339(noted)) == role.until:
            return mark.until
    return role.until or ""


def _links(
    pairs: Collection[Pair],
    rows: Mapping[ObjectKind, Mapping[str, Row]],
    granted: Mapping[str, str],
) -> dict[LinkKind, set[Pair]]:
    links: dict[LinkKind, set[Pair]] = {"membership": set(), "grant": set(), "nesting": set()}
    for kind, pair in _sorted(pairs, rows, granted):
        links[kind].add(pair)
    return links


def _sorted(
    pairs: Collection[Pair],
    rows: Mapping[ObjectKind, Mapping[str, Row]],
    granted: Mapping[str, str],
) -> Iterator[tuple[LinkKind, Pair]]:
    """Those of the memberships of roles that mean something here."""
    users, groups = rows["user"], rows["group"]
    for member, above in pairs:
        if member in users and above in groups:
            yield "membership", (member, above)
        elif member in users and above in granted:
            yield "grant", (member, granted[above])
        elif member in groups and above in groups:
            yield "nesting", (member, above)
