"""New users: a row in USERS and its twin in RBAC_USERS. The role is a call of its own."""

from collections.abc import Sequence

from reconcile.model.platform import Row
from reconcile.platforms.processmaker import kept
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.dates import default_due_date, now
from reconcile.platforms.processmaker.uids import NOBODY, new
from reconcile.platforms.processmaker.write import managers
from reconcile.platforms.processmaker.write.columns import LOCAL, Stored, encoded, stored
from reconcile.platforms.processmaker.write.names import expect_single_usernames
from reconcile.platforms.processmaker.write.statements import insert
from reconcile.platforms.processmaker.write.work import Work


def create(work: Work, users: Sequence[Row]) -> list[str]:
    """Makes users, all or none; returns their ids in the same order."""
    moment, due = now(), default_due_date()
    made: dict[str, Stored] = {
        new(): stored(work, {"status": "active"} | fields) for fields in users
    }
    common = {"USR_PASSWORD": NOBODY, "USR_DUE_DATE": due}
    common |= dict.fromkeys(("USR_CREATE_DATE", "USR_UPDATE_DATE"), moment)
    own = {**common, **_OWN}
    twin = {**common, **_TWIN}
    insert(work.connection, t.users, [_own(own, uid, fields) for uid, fields in made.items()])
    rows = [{**twin, "USR_UID": uid, **fields.twin} for uid, fields in made.items()]
    insert(work.connection, t.rbac_users, rows)
    expect_single_usernames(work.connection, (str(fields["username"]) for fields in users))
    led = {uid: str(fields.own.get("USR_REPORTS_TO", "")) for uid, fields in made.items()}
    managers.note(work, {uid: manager for uid, manager in led.items() if manager})
    days = {uid: fields.due_date for uid, fields in made.items() if fields.due_date}
    if days:
        kept.put(work.connection, "due_date", days)
    return list(made)


_TEXTS = ("USR_USERNAME", "USR_FIRSTNAME", "USR_LASTNAME", "USR_EMAIL")
_OWN = {
    **dict.fromkeys(_TEXTS, ""),
    **dict.fromkeys(("USR_ADDRESS", "USR_PHONE", "USR_FAX", "USR_CELLULAR", "USR_ZIP_CODE"), ""),
    **dict.fromkeys(("USR_POSITION", "USR_COUNTRY", "USR_CITY", "USR_LOCATION"), ""),
    **dict.fromkeys(("USR_TIME_ZONE", "USR_DEFAULT_LANG", "DEP_UID", "USR_REPORTS_TO"), ""),
    "USR_ROLE": "",
    "USR_UX": "NORMAL",
}
"""What a new row of USERS has unless a field says otherwise. Without a role it may do nothing."""
_TWIN = {
    **dict.fromkeys(_TEXTS, ""),
    "USR_AUTH_TYPE": LOCAL,
    "UID_AUTH_SOURCE": NOBODY,
    "USR_AUTH_USER_DN": "",
}


def _own(common: Row, uid: str, fields: Stored) -> Row:
    """A row of USERS."""
    extended = {name: text for name, text in fields.extended.items() if text is not None}
    attributes = encoded(extended) if extended else None
    return {
        **common,
        "USR_UID": uid,
        "USR_EXTENDED_ATTRIBUTES_DATA": attributes,
        **fields.own,
    }
