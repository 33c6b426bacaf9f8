"""What hangs on a user in the product's tables; a table that a site lacks is passed over."""

from typing import Any, Final, NamedTuple

import sqlalchemy as sa

_Condition = tuple[sa.ColumnElement[bool], ...]


def _is(column: str, value: Any) -> _Condition:
    return (sa.column(column) == value,)


HANGING: Final[tuple[tuple[str, str, _Condition], ...]] = (
    ("GROUP_USER", "USR_UID", ()),
    ("RBAC_USERS_ROLES", "USR_UID", ()),
    ("TASK_USER", "USR_UID", _is("TU_RELATION", 1)),
    ("OBJECT_PERMISSION", "USR_UID", _is("OP_USER_RELATION", 1)),
    ("PROCESS_USER", "USR_UID", _is("PU_TYPE", "SUPERVISOR")),
    ("DASHLET_INSTANCE", "DAS_INS_OWNER_UID", _is("DAS_INS_OWNER_TYPE", "USER")),
    ("SESSION", "USR_UID", ()),
    ("LOGIN_LOG", "USR_UID", ()),
    ("OAUTH_CLIENTS", "USR_UID", ()),
    ("OAUTH_ACCESS_TOKENS", "USER_ID", ()),
    ("OAUTH_REFRESH_TOKENS", "USER_ID", ()),
    ("OAUTH_AUTHORIZATION_CODES", "USER_ID", ()),
    ("PMOAUTH_USER_ACCESS_TOKENS", "USER_ID", ()),
    ("USERS_PROPERTIES", "USR_UID", ()),
    ("NOTIFICATION_DEVICE", "USR_UID", ()),
    ("CONFIGURATION", "USR_UID", ()),
    ("CALENDAR_ASSIGNMENTS", "OBJECT_UID", _is("OBJECT_TYPE", "USER")),
    ("USER_CONFIG", "USR_ID", ()),
    ("CASE_LIST", "USR_ID", ()),
)
"""Table, the column that names the user, and which of its rows: they are deleted."""

REFERENCES: Final[tuple[tuple[str, str, str | None], ...]] = (
    ("PROCESS", "PRO_CREATE_USER", None),
    ("WEB_ENTRY", "USR_UID", None),
    ("WEB_ENTRY", "WE_CREATE_USR_UID", None),
    ("WEB_ENTRY", "WE_UPDATE_USR_UID", None),
    ("USERS", "USR_REPORTS_TO", ""),
    ("USERS", "USR_REPLACED_BY", ""),
    ("DEPARTMENT", "DEP_MANAGER", ""),
)
"""Table and the column that names the user: it names nobody then, or the administrator (None)."""


class Copies(NamedTuple):
    """Columns that hold a user's name beside its id."""

    table: str
    own: str
    """The column with the id."""
    columns: tuple[str, ...]


def _names(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_USR_{part}" for part in ("USERNAME", "FIRSTNAME", "LASTNAME"))


_CURRENT: Final = _names("DEL_CURRENT")
_PREVIOUS: Final = _names("DEL_PREVIOUS")
_LISTS: Final = (
    *("LIST_INBOX", "LIST_MY_INBOX", "LIST_COMPLETED", "LIST_CANCELED", "LIST_PAUSED"),
    *("LIST_PARTICIPATED_HISTORY", "LIST_PARTICIPATED_LAST", "LIST_UNASSIGNED"),
)
COPIES: Final = (
    *(Copies(table, "USR_UID", _CURRENT) for table in _LISTS),
    *(Copies(table, "DEL_CURRENT_USR_UID", _CURRENT) for table in _LISTS),
    *(Copies(table, "DEL_PREVIOUS_USR_UID", _PREVIOUS) for table in _LISTS),
    Copies("APP_CACHE_VIEW", "USR_UID", ("APP_CURRENT_USER",)),
    Copies("APP_CACHE_VIEW", "PREVIOUS_USR_UID", ("APP_DEL_PREVIOUS_USER",)),
    Copies("CASE_SCHEDULER", "SCH_DEL_USER_UID", ("SCH_DEL_USER_NAME", "SCH_DEL_USER_PASS")),
)
"""Lists of cases keep copies of names, which the product's own erase leaves."""
