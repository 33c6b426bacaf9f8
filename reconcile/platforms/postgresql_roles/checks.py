"""What `reconcile test` says of a server and of the account; reads only."""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.postgresql_roles import reading
from reconcile.platforms.postgresql_roles.database import RolesDatabase
from reconcile.platforms.postgresql_roles.reading import Account, Sorted
from reconcile.platforms.postgresql_roles.settings import RoleSettings
from reconcile.ports import Check

_SHOWN: Final = 10
_DATABASES: Final = sa.text(
    "SELECT datname::text, datallowconn FROM pg_catalog.pg_database ORDER BY datname"
)
_MAY_CREATE: Final = sa.text(
    "SELECT pg_catalog.has_database_privilege(current_database(), 'CREATE')"
)
_IS_MEMBER: Final = sa.text(
    "SELECT pg_catalog.pg_has_role(oid, 'USAGE') FROM pg_catalog.pg_roles WHERE rolname = :name"
)


def checks(database: RolesDatabase, settings: RoleSettings) -> Iterator[Check]:
    """A line for each thing; ends with the first that is wrong."""
    for check in _checks(database, settings):
        yield check
        if not check.ok:
            return


def _checks(database: RolesDatabase, settings: RoleSettings) -> Iterator[Check]:
    names: list[str] = []
    with database.reading() as connection:
        yield Check(
            "platform", True, f"the {database} can be read ({database.version(connection)})"
        )
        own = reading.account(connection)
        known = reading.sort(reading.roles(connection), own, settings)
        yield _account(own)
        yield _found(known)
        yield from _grantable(known)
        yield from _not_ours(known, own)
        yield _schema(database, connection)
        if settings.end_sessions:
            yield _sessions(connection)
        if settings.on_delete is not None:
            yield _heir(connection, settings.on_delete.reassign_to, own)
            names = [name for name, open_ in connection.execute(_DATABASES) if open_]
    if settings.on_delete is not None:
        yield from _databases(database, names)


def _account(own: Account) -> Check:
    if own.superuser:
        return Check(
            "account",
            True,
            f"{own.current} is a superuser, which reconcile does not need: "
            "use an account that has CREATEROLE and no more",
        )
    if not own.creates_roles:
        return Check(
            "account",
            False,
            f"{own.current} lacks CREATEROLE: run ALTER ROLE {own.current} CREATEROLE "
            "as a superuser",
        )
    return Check("account", True, f"{own.current} has CREATEROLE")


def _found(known: Sorted) -> Check:
    untouched = sorted(set(known.taken) - set(known.granted.values()))
    return Check(
        "roles",
        True,
        f"{len(known.users)} users, {len(known.groups)} groups; "
        f"{len(untouched)} roles are never touched: {_some(untouched)}",
    )


def _grantable(known: Sorted) -> Iterator[Check]:
    names = sorted(known.granted.values())
    if not names:
        yield Check("grants", True, "no role can be granted; see `platform.roles`")
    else:
        yield Check("grants", True, f"rules may grant {_some(names)}")


def _not_ours(known: Sorted, own: Account) -> Iterator[Check]:
    if known.not_ours:
        yield Check(
            "admin option",
            True,
            f"{own.current} cannot change {len(known.not_ours)} roles, and leaves them alone: "
            f"{_some(known.not_ours)}. For those that are to be kept in line run "
            f"GRANT role TO {own.current} WITH ADMIN OPTION",
        )


def _schema(database: RolesDatabase, connection: sa.Connection) -> Check:
    if database.has_schema(connection):
        return Check("schema", True, f"{database.schema} exists")
    if connection.execute(_MAY_CREATE).scalar_one():
        return Check("schema", True, f"{database.schema} will be created on the first apply")
    return Check(
        "schema",
        False,
        f"{database.schema} does not exist, and the account may not create it: "
        f"run CREATE SCHEMA {database.schema} AUTHORIZATION and its name in that database",
    )


def _sessions(connection: sa.Connection) -> Check:
    if connection.execute(_IS_MEMBER, {"name": "pg_signal_backend"}).scalar():
        return Check("end_sessions", True, "sessions of blocked users can be ended")
    return Check(
        "end_sessions",
        False,
        "the account may not end sessions: GRANT pg_signal_backend to it, or leave the key out",
    )


def _heir(connection: sa.Connection, name: str, own: Account) -> Check:
    member = connection.execute(_IS_MEMBER, {"name": name}).scalar()
    if member is None:
        return Check("on_delete", False, f"there is no role {name!r}: see `reassign_to`")
    if not member:
        return Check(
            "on_delete",
            False,
            f"{own.current} is no member of {name}: run GRANT {name} TO {own.current}",
        )
    return Check("on_delete", True, f"what a dropped role owns goes to {name}")


def _databases(database: RolesDatabase, names: list[str]) -> Iterator[Check]:
    """Every database that a role can own something in has to let the account in."""
    closed: list[str] = []
    for name in names:
        other = database.other(name)
        try:
            with other.reading() as connection:
                connection.execute(sa.text("SELECT 1"))
        except PlatformUnreadable as error:
            closed.append(f"{name} ({error})")
        finally:
            other.close()
    if closed:
        yield Check(
            "databases",
            False,
            f"the account cannot connect to {', '.join(closed)}: "
            "a role that owns something there cannot be dropped",
        )
    else:
        yield Check("databases", True, f"objects can be handed over in {_some(names)}")


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    listed = ", ".join(sorted(names)[:_SHOWN])
    return f"{listed} and {more} more" if more > 0 else listed
