"""What a role owns, handed over in every database before the role is dropped."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.postgresql_roles.database import RolesDatabase
from reconcile.platforms.postgresql_roles.running import refusal

_PLACES: Final = sa.text(
    """
    SELECT DISTINCT d.refobjid::text, coalesce(b.datname, current_database())::text
    FROM pg_catalog.pg_shdepend d LEFT JOIN pg_catalog.pg_database b ON b.oid = d.dbid
    WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
      AND d.refobjid = ANY (CAST(:roles AS oid[]))
    """
)
_HAND_OVER: Final = sa.text(
    """
DO $reconcile$
DECLARE
  role text;
  heir text := current_setting('reconcile.heir');
  stranger boolean;
BEGIN
  SELECT rolname INTO STRICT role FROM pg_catalog.pg_roles
  WHERE oid = current_setting('reconcile.role')::oid AND NOT rolsuper;
  stranger := NOT pg_catalog.pg_has_role(role, 'USAGE');
  IF stranger THEN  -- what is another's can only be handed over by who is a member
    EXECUTE format('GRANT %I TO %I', role, current_user);
  END IF;
  EXECUTE format('REASSIGN OWNED BY %I TO %I', role, heir);
  EXECUTE format('DROP OWNED BY %I', role);
  IF stranger THEN
    EXECUTE format('REVOKE %I FROM %I', role, current_user);
  END IF;
END
$reconcile$
"""
)
_SET: Final = sa.text(
    "SELECT set_config('reconcile.role', :role, true), set_config('reconcile.heir', :heir, true)"
)


def hand_over(
    database: RolesDatabase, connection: sa.Connection, roles: Collection[str], heir: str
) -> dict[str, str]:
    """Gives what the roles own to `heir`, and takes back what they may do, wherever that is.

    Each database in transactions of its own: what was handed over stays so, even where the role
    cannot be dropped after all. Returns id of a role → what hinders.
    """
    hindered: dict[str, str] = {}
    for name, owners in _places(connection, roles).items():
        place = database.other(name)
        try:
            for role in owners:
                why = _hand_over(place, role, heir)
                if why:
                    hindered[role] = f"in the database {name} it cannot be handed over: {why}"
        finally:
            place.close()
    return hindered


def _places(connection: sa.Connection, roles: Collection[str]) -> Mapping[str, list[str]]:
    """Database → the roles that own something there, or may do something."""
    places: dict[str, list[str]] = defaultdict(list)
    for role, name in connection.execute(_PLACES, {"roles": list(roles)}):
        places[name].append(role)
    return places


def _hand_over(place: object, role: str, heir: str) -> str:
    try:
        with place.writing() as connection:  # type: ignore[attr-defined] # a Database
            try:
                connection.execute(_SET, {"role": role, "heir": heir})
                connection.execute(_HAND_OVER)
            except DBAPIError as error:
                why = refusal(error)
                if why is None:
                    raise
                connection.rollback()
                return why
    except PlatformUnreadable as error:
        return str(error)
    return ""
