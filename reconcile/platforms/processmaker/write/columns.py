"""Fields of a user as the columns of USERS and of its twin in RBAC_USERS take them."""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from reconcile.model.platform import Row
from reconcile.platforms.processmaker.dates import day, default_due_date
from reconcile.platforms.processmaker.settings import COLUMNS, DN_LENGTH, DUE_DATE, LENGTHS
from reconcile.platforms.processmaker.uids import NOBODY
from reconcile.platforms.processmaker.write.work import Work
from reconcile.ports import Rejected

Values = dict[str, Any]
"""Column → value."""
BOTH: Final = {
    "username": "USR_USERNAME",
    "first_name": "USR_FIRSTNAME",
    "last_name": "USR_LASTNAME",
    "email": "USR_EMAIL",
}
"""Fields that both rows have."""
_STATUSES: Final = {"active": ("ACTIVE", 1, 1), "inactive": ("INACTIVE", 0, 0)} | {
    "vacation": ("VACATION", 0, 1)
}
"""Status → USR_STATUS and USR_STATUS_ID of USERS, and USR_STATUS of RBAC_USERS."""
DIRECTORY: Final = "ldapadvanced"
LOCAL: Final = "MYSQL"


class Stored(NamedTuple):
    """A user's fields, by the tables that they are in."""

    own: Values
    """Columns of USERS."""
    twin: Values
    """Columns of RBAC_USERS."""
    extended: Mapping[str, str | None]
    """Extended attributes; None for one that is removed."""
    due_date: str | None
    """The due date as the directory writes it; "" for none, None where it does not change."""


def stored(work: Work, fields: Row) -> Stored:
    """The columns of some fields. Raises Rejected for one that does not fit."""
    own: Values = {}
    twin: Values = {}
    for name, value in fields.items():
        if name in BOTH:
            _expect_short(name, value)
            own[BOTH[name]] = twin[BOTH[name]] = value
        elif name in _ONE:
            own[_ONE[name]] = value
    if "status" in fields:
        own["USR_STATUS"], own["USR_STATUS_ID"], twin["USR_STATUS"] = _status(fields["status"])
    _put_entry(work, fields, twin)
    attributes: Mapping[str, str | None] = fields.get("attributes") or {}
    for name, (column, _) in COLUMNS.items():
        if name in attributes:
            _expect_short(f"attribute {name}", attributes[name] or "")
            own[column] = attributes[name] or ""
    due = attributes.get(DUE_DATE, "") or "" if DUE_DATE in attributes else None
    if due is not None:
        own["USR_DUE_DATE"] = twin["USR_DUE_DATE"] = _due_date(due)
    extended = {
        name: text for name, text in attributes.items() if name not in COLUMNS and name != DUE_DATE
    }
    return Stored(own, twin, extended, due)


def _expect_short(name: str, text: str) -> None:
    """Raises Rejected for a text that its column would have to cut off."""
    if len(text) > LENGTHS[name]:
        raise Rejected(f"the {name} is too long")


_ONE: Final = {"department": "DEP_UID", "manager": "USR_REPORTS_TO"}


def _status(status: str) -> tuple[str, int, int]:
    if status not in _STATUSES:
        raise Rejected(f"there is no status {status!r}")
    return _STATUSES[status]


def _put_entry(work: Work, fields: Row, twin: Values) -> None:
    """Where the user comes from: the product itself binds as this entry when the user logs in."""
    if "dn" in fields:
        if len(fields["dn"]) > DN_LENGTH:
            raise Rejected(f"the DN has more than {DN_LENGTH} characters")
        twin["USR_AUTH_USER_DN"] = fields["dn"]
    if "source" in fields:
        twin["UID_AUTH_SOURCE"] = work.source(fields["source"])
        twin["USR_AUTH_TYPE"] = DIRECTORY if fields["source"] else LOCAL


def _due_date(text: str) -> str:
    """The day of a due date. Raises Rejected for what is no time."""
    if not text:
        return default_due_date()
    date = day(text)
    if not date:
        raise Rejected(f"the {DUE_DATE} is no time: {text!r}")
    return date


def encoded(extended: Mapping[str, Any]) -> str:
    """Extended attributes as the product writes them: characters beyond ASCII as escapes."""
    return json.dumps(extended, ensure_ascii=True)


def directory_password(stored: Stored) -> None:
    """A user of a directory has no password in the product."""
    if stored.twin.get("USR_AUTH_TYPE") == DIRECTORY:
        stored.own["USR_PASSWORD"] = stored.twin["USR_PASSWORD"] = NOBODY
