"""Ending what a user who can no longer log in still has open."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from reconcile.platforms.postgresql_roles.database import RolesDatabase

_END: Final = sa.text(
    """
    SELECT count(pg_catalog.pg_terminate_backend(pid)) FROM pg_catalog.pg_stat_activity
    WHERE usesysid = ANY (CAST(:roles AS oid[])) AND pid <> pg_catalog.pg_backend_pid()
    """
)


def end_sessions(database: RolesDatabase, roles: Sequence[str]) -> int:
    """Ends the sessions of roles, in every database; returns how many. Raises PlatformUnreadable.

    Called when it is kept that they cannot log in: before, they could come back at once.
    """
    with database.reading() as connection:
        return int(connection.execute(_END, {"roles": list(roles)}).scalar_one())
