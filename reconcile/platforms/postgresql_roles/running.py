"""Acts on roles, in bulk and inside an open transaction.

One block on the server does a whole list of them; what it does is fixed, and every name and value
is data that the server itself quotes. Where the server refuses something, the list is undone to a
savepoint and halved until what is refused stands alone.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reconcile.platforms.database.json_values import brief
from reconcile.platforms.postgresql_roles.acts import Act
from reconcile.platforms.postgresql_roles.settings import LONGEST_NAME

_BLOCK: Final = sa.text(
    """
DO $reconcile$
DECLARE
  act json;
  target text;
  members text;
  wanted oid[];
  before bigint;
BEGIN
  FOR act IN
    SELECT value FROM json_array_elements(current_setting('reconcile.acts')::json)
  LOOP
    IF act->>'role' IS NULL THEN
      target := act->>'name';
    ELSE  -- never a superuser, whatever was read before
      SELECT rolname INTO STRICT target FROM pg_catalog.pg_roles
      WHERE oid = (act->>'role')::oid AND NOT rolsuper;
    END IF;
    IF octet_length(coalesce(act->>'name', '')) > 63 THEN
      RAISE name_too_long USING MESSAGE = 'its name has more than 63 bytes';
    END IF;
    CASE act->>'do'
    WHEN 'create' THEN
      EXECUTE format('CREATE ROLE %I ', target)
        || CASE WHEN (act->>'login')::bool THEN 'LOGIN' ELSE 'NOLOGIN' END;
    WHEN 'comment' THEN
      EXECUTE format('COMMENT ON ROLE %I IS %L', target, act->>'text');
    WHEN 'login' THEN
      EXECUTE format('ALTER ROLE %I ', target)
        || CASE WHEN (act->>'login')::bool THEN 'LOGIN' ELSE 'NOLOGIN' END;
    WHEN 'until' THEN
      EXECUTE format('ALTER ROLE %I VALID UNTIL %L', target, act->>'until');
    WHEN 'rename' THEN
      EXECUTE format('ALTER ROLE %I RENAME TO %I', target, act->>'name');
    WHEN 'drop' THEN
      EXECUTE format('DROP ROLE %I', target);
    WHEN 'grant', 'revoke' THEN
      SELECT array_agg(value::oid) INTO wanted FROM json_array_elements_text(act->'members');
      SELECT string_agg(format('%I', rolname), ', '), count(*) INTO members, before
      FROM pg_catalog.pg_roles WHERE oid = ANY (wanted) AND NOT rolsuper;
      IF before < cardinality(wanted) THEN
        RAISE no_data_found;
      END IF;
      IF act->>'do' = 'grant' THEN
        EXECUTE format('GRANT %I TO %s', target, members);
      ELSE
        SELECT count(*) INTO before FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
        WHERE r.rolname = target AND m.member = ANY (wanted);
        EXECUTE format('REVOKE %I FROM %s', target, members);
        IF before > 0 AND before = (
          SELECT count(*) FROM pg_catalog.pg_auth_members m
          JOIN pg_catalog.pg_roles r ON r.oid = m.roleid
          WHERE r.rolname = target AND m.member = ANY (wanted)
        ) THEN
          RAISE insufficient_privilege
            USING MESSAGE = 'another account has granted it, and that one alone can revoke it';
        END IF;
      END IF;
    WHEN 'refuse' THEN
      RAISE EXCEPTION '%', act->>'text';
    END CASE;
  END LOOP;
END
$reconcile$
"""
)
_ACTS: Final = sa.text("SELECT set_config('reconcile.acts', :acts, true)")
GONE: Final = "it no longer exists"
_MEANINGS: Final = {
    "42710": "another role of the server has this name",
    "42704": GONE,
    "P0002": GONE,
    "42622": f"the name has more than {LONGEST_NAME} bytes",
}
_ADMIN: Final = (
    "the account may not do this ({text}). From PostgreSQL 16 on it needs ADMIN OPTION on a role "
    "that it did not create"
)
_REFUSED: Final = frozenset({"22", "2B", "0L", "P0", "42", "0A"})
"""Classes of SQLSTATE that are about a single act."""
_REFUSED_TOO: Final = frozenset({"55006"})


def run(connection: sa.Connection, lists: Sequence[Sequence[Act]]) -> list[str]:
    """Does each list of acts, or nothing of it; returns for each "" or why it was refused."""
    if not lists:
        return []
    try:
        with connection.begin_nested():
            _run(connection, [act for acts in lists for act in acts])
    except DBAPIError as error:
        reason = refusal(error)
        if reason is None:
            raise
        if len(lists) == 1:
            return [reason]
        middle = len(lists) // 2
        return run(connection, lists[:middle]) + run(connection, lists[middle:])
    return [""] * len(lists)


def _run(connection: sa.Connection, acts: Sequence[Act]) -> None:
    if acts:
        connection.execute(_ACTS, {"acts": msgspec.json.encode(acts).decode()})
        connection.execute(_BLOCK)


def refusal(error: DBAPIError) -> str | None:
    """Why the server refuses an act, with what hinders it; None for any other error."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state[:2] not in _REFUSED and state not in _REFUSED_TOO:
        return None
    said = getattr(error.orig, "diag", None)
    text = brief(getattr(said, "message_primary", None) or str(error.orig))
    if state in _MEANINGS:
        return _MEANINGS[state]
    if state == "42501":
        return _ADMIN.format(text=text)
    detail = getattr(said, "message_detail", None)
    return f"{text}: {brief('; '.join(detail.splitlines()))}" if detail else text
