"""Users as they are read: USERS with its twin in RBAC_USERS."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from reconcile.model.platform import Row
from reconcile.platforms.database import bulk
from reconcile.platforms.database.mariadb_bulk import rows_as_json
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.dates import day
from reconcile.platforms.processmaker.settings import COLUMNS, DUE_DATE
from reconcile.platforms.processmaker.titles import distinct
from reconcile.platforms.processmaker.uids import UNTOUCHED

_u, _r = t.users.c, t.rbac_users.c
_MAPPED: Final = tuple(_u[column] for column, _ in COLUMNS.values())
_STATEMENT: Final = (
    sa.select(
        *(_u.USR_UID, _u.USR_USERNAME, _u.USR_FIRSTNAME, _u.USR_LASTNAME, _u.USR_EMAIL),
        *(_u.USR_STATUS, _u.DEP_UID, _u.USR_REPORTS_TO, _u.USR_EXTENDED_ATTRIBUTES_DATA),
        *(_r.USR_STATUS, _r.UID_AUTH_SOURCE, _r.USR_AUTH_USER_DN),
        sa.cast(_u.USR_DUE_DATE, sa.CHAR(10)),
        # All mapped columns in one, and null where all are empty, as they are for most users.
        sa.case((sa.func.concat_ws("", *_MAPPED) == "", None), else_=sa.func.json_array(*_MAPPED)),
    )
    .select_from(t.users.outerjoin(t.rbac_users, _u.USR_UID == _r.USR_UID))
    .where(_u.USR_UID.not_in(UNTOUCHED))
    .order_by(_u.USR_ID)
)


def users(
    connection: sa.Connection, sources: Mapping[str, str], kept: Mapping[str, Mapping[str, str]]
) -> dict[str, Row]:
    """Id → fields; `sources`: id of an authentication source → the source of the files.

    `department` and `manager` are as the row has them, whether they exist or not.
    """
    rows: Sequence[Sequence[Any]] | None = rows_as_json(connection, _STATEMENT, _u.USR_ID)
    if rows is None:  # extended attributes of unusual length
        rows = bulk.rows(connection, _STATEMENT, {})
    erased = kept.get("erased", {})
    names = distinct((row[0], _username(row, erased), "") for row in rows)
    days = kept.get(DUE_DATE, {})
    read: dict[str, Row] = {}
    for row in rows:
        uid, _, first, last, email, status, department, manager, extended = row[:9]
        twin, source, dn, due, mapped = row[9:]
        fields: Row = {
            "username": names[uid],
            "first_name": first,
            "last_name": last,
            "email": email,
            "status": _status(status, twin),
            "department": department,
            "manager": manager or "",
            "dn": dn or "",
            "source": sources.get(source, ""),
        }
        if extended or mapped or uid in days:
            fields["attributes"] = _attributes(extended, mapped, _due(days.get(uid), due))
        read[uid] = fields
    return read


def _username(row: Sequence[Any], erased: Mapping[str, str]) -> str:
    """A username; an erased user has none in the product, and one of reconcile's."""
    if row[5] == "CLOSED":
        return erased.get(row[0]) or row[1] or f"erased-{row[0]}"
    return str(row[1])


def _status(stored: str, twin: int | None) -> str:
    """The status; the login looks at that of RBAC_USERS alone, so that one decides."""
    if stored == "CLOSED":
        return "erased"
    serves = stored in ("ACTIVE", "VACATION") if twin is None else twin == 1
    if not serves:
        return "inactive"
    return "vacation" if stored == "VACATION" else "active"


def _due(kept: str | None, due: str | None) -> str:
    """The due date as an attribute: as the directory wrote it, unless a person changed the day."""
    if kept is None:
        return ""
    return kept if day(kept) == due else str(due)


def _attributes(
    extended: str | dict[str, Any] | None, mapped: str | list[str] | None, due: str
) -> dict[str, str]:
    """Extended attributes, and those that have a column, which hides an extended one."""
    read = dict(_texts(decoded(extended)))
    if mapped:
        values = json.loads(mapped) if isinstance(mapped, str) else mapped
        for name, value in zip(COLUMNS, values, strict=True):
            read.pop(name, None)
            if value:
                read[name] = value
    if due:
        read[DUE_DATE] = due
    return read


def decoded(extended: str | dict[str, Any] | None) -> dict[str, Any]:
    """Extended attributes as the product keeps them: an object, or an empty list for none.

    A column of the type JSON comes decoded.
    """
    if isinstance(extended, dict):
        return extended
    if not isinstance(extended, str) or extended in ("", "[]", "{}"):
        return {}
    try:
        value = json.loads(extended)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _texts(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Those that are text or a number. Lists and objects are the product's own business."""
    for name, value in values.items():
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield name, str(value)
