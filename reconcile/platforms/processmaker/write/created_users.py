"""New users: a row in USERS and its twin in RBAC_USERS. The role is a call of its own."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

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

_ATTRIBUTES: Final = "USR_EXTENDED_ATTRIBUTES_DATA"


def create(work: Work, users: Sequence[Row]) -> list[str]:
    """Makes users, all or none; returns their ids in the same order."""
    moment, due = now(), default_due_date()
    made: dict[str, Stored] = {
        new(): stored(work, {"status": "active"} | fields) for fields in users
    }
    common = {"USR_PASSWORD": NOBODY, "USR_DUE_DATE": due}
    common |= dict.fromkeys(("USR_CREATE_DATE", "USR_UPDATE_DATE"), moment)
    insert(
        work.connection,
        t.users,
        _alike(_OWN, made, [_own(common, fields) for fields in made.values()]),
    )
    insert(
        work.connection,
        t.rbac_users,
        _alike(_TWIN, made, [common | fields.twin for fields in made.values()]),
    )
    expect_single_usernames(work.connection, (str(fields["username"]) for fields in users))
    led = {uid: str(fields.own.get("USR_REPORTS_TO", "")) for uid, fields in made.items()}
    managers.note(work, {uid: manager for uid, manager in led.items() if manager})
    days = {uid: fields.due_date for uid, fields in made.items() if fields.due_date}
    if days:
        kept.put(work.connection, "due_date", days)
    return list(made)


_TEXTS = dict.fromkeys(("USR_USERNAME", "USR_FIRSTNAME", "USR_LASTNAME", "USR_EMAIL"), "")
_OWN: Final[Row] = {**_TEXTS, "USR_ROLE": "", "USR_UX": "NORMAL"}
"""What a row of USERS has unless a field says otherwise. Without a role it may do nothing.

Of columns that no row sets the product's own defaults hold, which are the empty text.
"""
_TWIN: Final[Row] = {
    **_TEXTS,
    "USR_AUTH_TYPE": LOCAL,
    "UID_AUTH_SOURCE": NOBODY,
    "USR_AUTH_USER_DN": "",
}


def _alike(defaults: Row, uids: Iterable[str], rows: Sequence[Row]) -> list[Row]:
    """Rows that all have the same columns: those that any of them sets."""
    columns = dict.fromkeys(chain.from_iterable(rows), "") | {_ATTRIBUTES: None} | defaults
    if not any(_ATTRIBUTES in row for row in rows):
        del columns[_ATTRIBUTES]
    return [{"USR_UID": uid, **columns, **row} for uid, row in zip(uids, rows, strict=True)]


def _own(common: Row, fields: Stored) -> Row:
    """A row of USERS."""
    extended = {name: text for name, text in fields.extended.items() if text is not None}
    if not extended:
        return common | fields.own
    return {**common, **fields.own, _ATTRIBUTES: encoded(extended)}
