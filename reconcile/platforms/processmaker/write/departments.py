"""Departments: DEPARTMENT, with the title in CONTENT. Their managers are the site's own."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from reconcile.model.platform import Row
from reconcile.platforms.processmaker import in_use, kept
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.titles import rooted
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

_d = t.departments.c
_TITLES = sa.select(_d.DEP_UID, _d.DEP_TITLE, _d.DEP_PARENT)


def create(work: Work, departments: Sequence[Row]) -> list[str]:
    """Makes departments, all or none; returns their ids in the same order."""
    made = {new(): fields for fields in departments}
    titles = {uid: str(fields["title"]) for uid, fields in made.items()}
    parents = {uid: str(fields.get("parent", "")) for uid, fields in made.items()}
    _expect_free(work, titles, parents)
    _expect_parents(work, parents)
    rows = [
        {
            "DEP_UID": uid,
            "DEP_TITLE": titles[uid],
            "DEP_PARENT": parents[uid],
            "DEP_STATUS": "ACTIVE",
            "DEP_LDAP_DN": entry_column(work, fields),
        }
        for uid, fields in made.items()
    ]
    insert(work.connection, t.departments, rows)
    put_titles(work.connection, "DEPO_TITLE", titles)
    keep_entries(work, "department", made)
    return list(made)


def update(work: Work, changed: Mapping[str, Row]) -> None:
    """Sets fields of departments by their ids."""
    columns: dict[str, dict[str, str]] = {uid: {} for uid in changed}
    for uid, fields in changed.items():
        if "title" in fields:
            columns[uid]["DEP_TITLE"] = str(fields["title"])
        if "parent" in fields:
            columns[uid]["DEP_PARENT"] = str(fields["parent"])
        if "dn" in fields:
            columns[uid]["DEP_LDAP_DN"] = entry_column(work, fields)
    expected = sum(map(bool, columns.values()))
    if set_columns(work.connection, _d.DEP_UID, work.site.uid, columns) != expected:
        raise Rejected(GONE)
    placed = [uid for uid, fields in changed.items() if {"title", "parent"} & fields.keys()]
    if placed:
        _expect_sound(work, placed)
    titles = {uid: str(fields["title"]) for uid, fields in changed.items() if "title" in fields}
    put_titles(work.connection, "DEPO_TITLE", titles)
    keep_entries(work, "department", changed)


def _expect_free(work: Work, titles: Mapping[str, str], parents: Mapping[str, str]) -> None:
    wanted = {uid: (title, parents[uid]) for uid, title in titles.items()}
    expect_free_titles(work.connection, "department", _TITLES, wanted)


def _expect_parents(work: Work, parents: Mapping[str, str]) -> None:
    """Raises Rejected where a department is to be below one that does not exist."""
    known = {uid for uid, _, _ in work.connection.execute(_TITLES)}
    if not {parent for parent in parents.values() if parent} <= known:
        raise Rejected("the department above no longer exists")


def _expect_sound(work: Work, placed: Sequence[str]) -> None:
    """Raises Rejected where the tree would be none, or a title be twice in one place."""
    rows = {uid: (title, parent) for uid, title, parent in work.connection.execute(_TITLES)}
    above = rooted({uid: parent for uid, (_, parent) in rows.items()})
    for uid in placed:
        if above[uid] != rows[uid][1]:
            raise Rejected("it would be below itself, or below a department that does not exist")
    _expect_free(
        work,
        {uid: rows[uid][0] for uid in placed},
        {uid: rows[uid][1] for uid in placed},
    )


def delete(work: Work, uids: Sequence[str]) -> None:
    """Deletes departments, whose users are in none then.

    Raises Rejected for one in use, or with others below it.
    """
    for some in chunks(uids):
        used = in_use.of(work.connection, work.site, some)
        if used:
            raise Rejected(f"it is in use by {next(iter(used.values()))}")
        below = sa.select(_d.DEP_UID).where(_d.DEP_PARENT.in_(some), _d.DEP_UID.not_in(some))
        if work.connection.execute(below.limit(1)).first() is not None:
            raise Rejected("it still has departments below it")
        placed = sa.update(t.users).where(t.users.c.DEP_UID.in_(some))
        work.connection.execute(placed.values(DEP_UID=""))
        forget_titles(work.connection, "DEPO_TITLE", some)
        forget_titles(work.connection, "DEPO_DESCRIPTION", some)
        delete_rows(work.connection, _d.DEP_UID, some)
        if work.site.has("DASHLET_INSTANCE", "DAS_INS_OWNER_UID"):
            owned = sa.column("DAS_INS_OWNER_UID").in_(some)
            work.connection.execute(sa.delete(sa.table("DASHLET_INSTANCE")).where(owned))
        kept.forget(work.connection, "department", some)
