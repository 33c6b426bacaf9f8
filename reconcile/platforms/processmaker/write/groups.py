"""Groups: GROUPWF, with the title in CONTENT."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from reconcile.model.platform import Row
from reconcile.platforms.processmaker import in_use, kept
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.uids import new
from reconcile.platforms.processmaker.write.mirrors import (
    entry_column,
    forget_titles,
    keep_entries,
    put_titles,
)
from reconcile.platforms.processmaker.write.names import expect_free_titles
from reconcile.platforms.processmaker.write.statements import (
    GONE,
    chunks,
    insert,
)
from reconcile.platforms.processmaker.write.statements import (
    delete as delete_rows,
)
from reconcile.platforms.processmaker.write.statements import (
    update as set_columns,
)
from reconcile.platforms.processmaker.write.work import Work
from reconcile.ports import Rejected

_g = t.groups.c
_TITLES = sa.select(_g.GRP_UID, _g.GRP_TITLE, sa.literal(""))


def create(work: Work, groups: Sequence[Row]) -> list[str]:
    """Makes groups, all or none; returns their ids in the same order."""
    made = {new(): fields for fields in groups}
    titles = {uid: str(fields["name"]) for uid, fields in made.items()}
    _expect_free(work, titles)
    rows = [
        {
            "GRP_UID": uid,
            "GRP_TITLE": titles[uid],
            "GRP_STATUS": "ACTIVE",
            "GRP_LDAP_DN": entry_column(work, fields),
            "GRP_UX": "NORMAL",
        }
        for uid, fields in made.items()
    ]
    insert(work.connection, t.groups, rows)
    put_titles(work.connection, "GRP_TITLE", titles)
    keep_entries(work, "group", made)
    return list(made)


def update(work: Work, changed: Mapping[str, Row]) -> None:
    """Sets fields of groups by their ids."""
    titles = {uid: str(fields["name"]) for uid, fields in changed.items() if "name" in fields}
    if titles:
        _expect_free(work, titles)
    columns: dict[str, dict[str, str]] = {uid: {} for uid in changed}
    for uid, fields in changed.items():
        if "name" in fields:
            columns[uid]["GRP_TITLE"] = titles[uid]
        if "dn" in fields:
            columns[uid]["GRP_LDAP_DN"] = entry_column(work, fields)
    expected = sum(map(bool, columns.values()))
    if set_columns(work.connection, _g.GRP_UID, work.site.uid, columns) != expected:
        raise Rejected(GONE)
    put_titles(work.connection, "GRP_TITLE", titles)
    keep_entries(work, "group", changed)


def _expect_free(work: Work, titles: Mapping[str, str]) -> None:
    wanted = {uid: (title, "") for uid, title in titles.items()}
    expect_free_titles(work.connection, "group", _TITLES, wanted)


def delete(work: Work, uids: Sequence[str]) -> None:
    """Deletes groups with their members; raises Rejected where tasks or processes use one."""
    for some in chunks(uids):
        used = in_use.of(work.connection, work.site, some)
        if used:
            raise Rejected(f"it is in use by {next(iter(used.values()))}")
        delete_rows(work.connection, t.members.c.GRP_UID, some)
        forget_titles(work.connection, "GRP_TITLE", some)
        delete_rows(work.connection, _g.GRP_UID, some)
        for table, column in _LEFT:
            if work.site.has(table, column):
                named = sa.column(column).in_(some)
                work.connection.execute(sa.delete(sa.table(table)).where(named))
        kept.forget(work.connection, "group", some)


_LEFT = (
    ("APP_ASSIGN_SELF_SERVICE_VALUE_GROUP", "GRP_UID"),
    ("DASHLET_INSTANCE", "DAS_INS_OWNER_UID"),
)
"""Table and the column that names the group, in rows that the product leaves behind."""
