"""Users that change, in USERS and in RBAC_USERS alike."""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from reconcile.model.platform import Row
from reconcile.platforms.processmaker import kept
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.dates import now
from reconcile.platforms.processmaker.uids import NOBODY
from reconcile.platforms.processmaker.users_read import decoded
from reconcile.platforms.processmaker.write import managers
from reconcile.platforms.processmaker.write.columns import (
    LOCAL,
    Stored,
    directory_password,
    encoded,
    stored,
)
from reconcile.platforms.processmaker.write.erase import erase
from reconcile.platforms.processmaker.write.names import expect_single_usernames
from reconcile.platforms.processmaker.write.statements import GONE, chunks
from reconcile.platforms.processmaker.write.statements import update as set_columns
from reconcile.platforms.processmaker.write.work import Work
from reconcile.ports import Rejected

_u, _r = t.users.c, t.rbac_users.c


def update(work: Work, changed: Mapping[str, Row]) -> None:
    """Sets fields of users by their ids, all of a call or none."""
    erased = {uid: fields for uid, fields in changed.items() if fields.get("status") == "erased"}
    if erased:
        erase(work, {uid: str(fields.get("username", "")) for uid, fields in erased.items()})
    living = {uid: fields for uid, fields in changed.items() if uid not in erased}
    if living:
        _update(work, living)


def _update(work: Work, changed: Mapping[str, Row]) -> None:
    """Sets fields of users who live on."""
    columns = {uid: stored(work, fields) for uid, fields in changed.items()}
    for values in columns.values():
        directory_password(values)
    _merge_attributes(work, columns)
    moment = {"USR_UPDATE_DATE": now()}
    own = {uid: {**moment, **values.own} for uid, values in columns.items()}
    if set_columns(work.connection, _u.USR_UID, work.site.uid, own) != len(own):
        raise Rejected(GONE)
    twins = {uid: {**moment, **values.twin} for uid, values in columns.items()}
    if set_columns(work.connection, _r.USR_UID, work.site.uid, twins) != len(twins):
        add_twins(work.connection, twins)
        set_columns(work.connection, _r.USR_UID, work.site.uid, twins)
    names = [str(fields["username"]) for fields in changed.values() if "username" in fields]
    expect_single_usernames(work.connection, names)
    led = {uid: str(fields["manager"]) for uid, fields in changed.items() if "manager" in fields}
    if led:
        managers.note(work, led)
    days = {uid: values.due_date for uid, values in columns.items() if values.due_date is not None}
    if days:
        kept.put(work.connection, "due_date", days)


def _merge_attributes(work: Work, columns: Mapping[str, Stored]) -> None:
    """Puts extended attributes beside those that the users have already."""
    changed = [uid for uid, values in columns.items() if values.extended]
    for some in chunks(changed):
        held = sa.select(_u.USR_UID, _u.USR_EXTENDED_ATTRIBUTES_DATA).where(_u.USR_UID.in_(some))
        for uid, text in work.connection.execute(held.with_for_update()):
            merged: dict[str, Any] = {**decoded(text), **columns[uid].extended}
            left = {name: value for name, value in merged.items() if value is not None}
            columns[uid].own["USR_EXTENDED_ATTRIBUTES_DATA"] = encoded(left) if left else "{}"


def add_twins(connection: sa.Connection, uids: Iterable[str]) -> None:
    """Makes the rows of RBAC_USERS that are lacking, as those of local users without a password."""
    copied = ("USR_UID", "USR_USERNAME", "USR_FIRSTNAME", "USR_LASTNAME", "USR_EMAIL")
    dates = ("USR_DUE_DATE", "USR_CREATE_DATE", "USR_UPDATE_DATE")
    serves = sa.case((_u.USR_STATUS.in_(("ACTIVE", "VACATION")), 1), else_=0)
    names = (*copied, *dates, "USR_PASSWORD", "USR_STATUS", "USR_AUTH_TYPE", "UID_AUTH_SOURCE")
    for some in chunks(uids):
        rows = (
            sa.select(*(_u[name] for name in copied + dates), _text(NOBODY), serves, _text(LOCAL))
            .add_columns(_text(NOBODY))
            .select_from(t.users.outerjoin(t.rbac_users, _u.USR_UID == _r.USR_UID))
            .where(_u.USR_UID.in_(some), _r.USR_UID.is_(None))
        )
        connection.execute(sa.insert(t.rbac_users).from_select(names, rows))


def _text(value: str) -> sa.ColumnElement[str]:
    return sa.literal(value)
