"""Why a database refuses a row, in plain words; and which of its errors are about the row.

A constraint, a trigger or a value that does not fit is the row's own fault. Anything else, as a
full disk, is not, and ends the transaction.
"""

import re
from typing import Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from reconcile.platforms.database.json_values import brief

_MEANINGS: Final = {
    "username": "another user of the workspace has this username",
    "groups_name": "another group of the workspace has this name",
    "departments_title": "another department beside it has this title",
    "external_id": "another one of the same source has this external id",
    "nested_groups": "the group is in this group already",
    "memberships": "the user is in this group already",
    "grants": "the user has this role already",
    "sources": "another source of the workspace has this name",
}
_RAISED: Final = {"44000", 1643, 1644}
"""What a trigger or a view says by itself: SQLSTATE of PostgreSQL, number of MariaDB; see
`_is_raised`."""
_POSTGRESQL: Final = frozenset({"53", "54", "55", "57", "58", "72", "F0", "HV", "XX"})
"""Classes of SQLSTATE that PostgreSQL has added to those of the standard, for what goes wrong in
the server."""
_OWN: Final = 5000
"""MariaDB's own numbers are smaller; a trigger may give any."""
_CHECKED: Final = 4025
"""A CHECK of MariaDB, which PyMySQL takes for an error of the server's operation."""
_UNIQUE: Final = {"23505", 1062}
_TOO_LONG: Final = {"22001", 1406}
_NAMED = re.compile(r"(?:for key|CONSTRAINT) ['`](?:[^'`]*\.)?([^'`.]+)['`]")
"""Where MariaDB names the rule; what is quoted before may be any text."""


class Refused(Exception):
    """A row cannot be written; the text says why."""


def refusal(error: Exception) -> str | None:
    """What is wrong with the row, without the statement and its values.

    None if the error is not the row's.
    """
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, UnicodeError):
        return f"it holds text that cannot be stored ({brief(str(error))})"
    if not isinstance(error, DBAPIError):
        return None
    code = _code(error)
    if (
        not isinstance(error, IntegrityError | DataError)
        and not _is_raised(code)
        and code != _CHECKED
    ):
        return None
    return _sqlite(brief(str(error.orig))) if code is None else _server(error, code)


def _code(error: DBAPIError) -> str | int | None:
    """PostgreSQL's SQLSTATE, MariaDB's number; None for SQLite.

    "" where the driver itself objects.
    """
    first = error.orig.args[0] if error.orig is not None and error.orig.args else None
    if isinstance(first, int):
        return first
    return (getattr(error.orig, "sqlstate", None) or "") if hasattr(error.orig, "diag") else None


def _is_raised(code: str | int | None) -> bool:
    """Whether a trigger says so by itself, with its own code or the usual one.

    The SQL standard has the classes that begin with 0 to 4 and A to H; PL/pgSQL's is P0.
    """
    if isinstance(code, int):  # PyMySQL reads numbers above 32,767 as negative ones
        return code in _RAISED or code >= _OWN or code < 0
    if not code or code in _RAISED or code.startswith("45"):
        return bool(code)
    return code[0] in "56789IJKLMNOPQRSTUVWXYZ" and code[:2] not in _POSTGRESQL


def _sqlite(text: str) -> str:
    rule, found, where = text.partition(" constraint failed: ")
    if not found:
        return text
    if rule == "UNIQUE":
        return _taken(where) or text
    if rule == "CHECK" and where.endswith("_length"):
        return f"the {where.split('_', 1)[1].removesuffix('_length')} is too long"
    return _forbidden(where)


def _server(error: DBAPIError, code: str | int) -> str:
    text, rule = _said(error)
    if _is_raised(code):
        return text
    if code in _TOO_LONG:
        return f"a value is too long: {text}"
    if code in _UNIQUE:
        return _taken(rule) or _forbidden(rule)
    if isinstance(error, IntegrityError) or code == _CHECKED:
        return _forbidden(rule) if rule else text
    return f"it holds a value that cannot be stored ({text})"


def _said(error: DBAPIError) -> tuple[str, str]:
    """The server's text, and the rule it names or ""."""
    said = getattr(error.orig, "diag", None)
    if said is not None:
        return brief(said.message_primary or str(error.orig)), said.constraint_name or ""
    arguments = error.orig.args if error.orig is not None else ()
    text = str(arguments[-1]) if arguments else ""
    named = list(_NAMED.finditer(text))
    return brief(text), named[-1][1] if named else ""


def _taken(where: str) -> str | None:
    return next((meaning for part, meaning in _MEANINGS.items() if part in where), None)


def _forbidden(rule: str) -> str:
    return f"the database's rule {rule} forbids it"
