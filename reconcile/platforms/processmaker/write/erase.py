"""An erased user: its row stays, since cases name it, and nothing personal anywhere.

Beside what the product itself clears, this clears what it forgets: the DN, which holds the name,
the source, position, department and role, who reports to the user, and the copies of names that
lists of cases keep.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from reconcile.platforms.processmaker import kept
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.dates import NO_DATE
from reconcile.platforms.processmaker.uids import ADMIN, NOBODY
from reconcile.platforms.processmaker.write.hanging import COPIES, HANGING, REFERENCES, Copies
from reconcile.platforms.processmaker.write.statements import GONE, chunks
from reconcile.platforms.processmaker.write.work import Work
from reconcile.ports import Rejected

_NAMELESS: Final = "unknown"
_MOMENT: Final = f"{NO_DATE} 00:00:00"
_BOTH: Final = {
    "USR_USERNAME": "",
    "USR_PASSWORD": NOBODY,
    "USR_FIRSTNAME": _NAMELESS,
    "USR_LASTNAME": _NAMELESS,
    "USR_EMAIL": "",
    "USR_DUE_DATE": NO_DATE,
    "USR_CREATE_DATE": _MOMENT,
    "USR_UPDATE_DATE": _MOMENT,
}
_OWN: Final = {
    **_BOTH,
    "USR_STATUS": "CLOSED",
    "USR_STATUS_ID": 0,
    **dict.fromkeys(("USR_COUNTRY", "USR_CITY", "USR_LOCATION", "USR_ADDRESS", "USR_PHONE"), ""),
    **dict.fromkeys(("USR_FAX", "USR_CELLULAR", "USR_ZIP_CODE", "USR_POSITION", "USR_RESUME"), ""),
    **dict.fromkeys(("DEP_UID", "USR_ROLE", "USR_REPORTS_TO", "USR_REPLACED_BY"), ""),
    **dict.fromkeys(("USR_TIME_ZONE", "USR_DEFAULT_LANG", "USR_UNIT_COST"), ""),
    **dict.fromkeys(("USR_PMDRIVE_FOLDER_UID",), ""),
    **dict.fromkeys(("USR_BIRTHDAY", "USR_LAST_LOGIN", "USR_BOOKMARK_START_CASES"), None),
    "USR_COST_BY_HOUR": 0,
    "USR_EXTENDED_ATTRIBUTES_DATA": "{}",
}
_TWIN: Final = {
    **_BOTH,
    "USR_STATUS": 0,
    "USR_AUTH_TYPE": "MYSQL",
    "UID_AUTH_SOURCE": NOBODY,
    "USR_AUTH_USER_DN": "",
    "USR_AUTH_SUPERVISOR_DN": "",
}


def erase(work: Work, names: Mapping[str, str]) -> None:
    """Erases users; `names`: id → what reconcile calls the user from now on."""
    for uids in chunks(names):
        numbers = _numbers(work, uids)
        clear(work, uids, numbers)
        for table, values in ((t.users, _OWN), (t.rbac_users, _TWIN)):
            known = {name: value for name, value in values.items() if _has(work, table, name)}
            mine = table.c.USR_UID.in_(uids)
            work.connection.execute(sa.update(table).where(mine).values(known))
    kept.put(work.connection, "erased", {uid: name for uid, name in names.items() if name})


def _has(work: Work, table: sa.Table, column: str) -> bool:
    return work.site.has(table.name, column)


def _numbers(work: Work, uids: list[str]) -> list[int]:
    """The product's numbers of users. Raises Rejected where one does not exist."""
    held = sa.select(t.users.c.USR_ID).where(t.users.c.USR_UID.in_(uids)).with_for_update()
    numbers = list(work.connection.execute(held).scalars())
    if len(numbers) != len(uids):
        raise Rejected(GONE)
    return [int(number or 0) for number in numbers]


def clear(work: Work, uids: list[str], numbers: Iterable[int]) -> None:
    """Takes away all that hangs on users, in every table that the site has."""
    own_numbers = [number for number in numbers if number]
    for table, column, condition in HANGING:
        if work.site.has(table, column):
            ids: list[Any] = own_numbers if column == "USR_ID" else uids
            _run(work, sa.delete(_table(table)).where(sa.column(column).in_(ids), *condition))
    for table, column, value in REFERENCES:
        if work.site.has(table, column):
            change = sa.update(_table(table, column)).where(sa.column(column).in_(uids))
            _run(work, change.values({column: ADMIN if value is None else value}))
    for copies in COPIES:
        _clear_copies(work, copies, uids)
    kept.forget_all(work.connection, uids)


def _clear_copies(work: Work, copies: Copies, uids: list[str]) -> None:
    """Blanks the copies of names in lists of cases; the cases stay in them."""
    if not work.site.has(copies.table, copies.own):
        return
    columns = [name for name in copies.columns if work.site.has(copies.table, name)]
    if columns:
        change = sa.update(_table(copies.table, *columns)).where(sa.column(copies.own).in_(uids))
        _run(work, change.values(dict.fromkeys(columns, "")))


def _run(work: Work, statement: sa.Update | sa.Delete) -> None:
    work.connection.execute(statement)


def _table(name: str, *columns: str) -> Any:
    return sa.table(name, *(sa.column(column) for column in columns))
