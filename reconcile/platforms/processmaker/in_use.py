"""What the site's processes use, so that it is not deleted: groups, departments, and users."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import sqlalchemy as sa

from reconcile.model.platform import ObjectKind
from reconcile.model.text.printing import quoted
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.site import Site

_SHOWN: Final = 3


def read(
    connection: sa.Connection, site: Site, groups: Collection[str], departments: Collection[str]
) -> dict[ObjectKind, Mapping[str, str]]:
    """Kind → id → what uses it, in words. A user with cases is used by them."""
    uses = _uses(connection, site)
    cases = _with_cases(connection, site)
    return {
        "group": {uid: text for uid, text in uses.items() if uid in groups},
        "department": {uid: text for uid, text in uses.items() if uid in departments},
        "user": dict.fromkeys(cases, "cases that name it"),
    }


def of(connection: sa.Connection, site: Site, uids: Collection[str]) -> dict[str, str]:
    """Id → what uses it, of these ids alone."""
    return _uses(connection, site, uids)


def of_users(connection: sa.Connection, site: Site, uids: Collection[str]) -> set[str]:
    """The users among these who have cases."""
    return _with_cases(connection, site, uids)


def _with_cases(
    connection: sa.Connection, site: Site, uids: Collection[str] | None = None
) -> set[str]:
    if not site.has(t.delegations.name):
        return set()
    statement = sa.select(t.delegations.c.USR_UID).distinct()
    if uids is not None:
        statement = statement.where(t.delegations.c.USR_UID.in_(uids))
    return {uid for uid in connection.execute(statement).scalars() if uid}


def _uses(
    connection: sa.Connection, site: Site, uids: Collection[str] | None = None
) -> dict[str, str]:
    """Id of a group or department → the tasks, permissions and processes that use it."""
    uses: dict[str, dict[str, None]] = {}
    for uid, what in _rows(connection, site, uids):
        uses.setdefault(uid, {})[what] = None
    return {uid: _listed(list(texts)) for uid, texts in uses.items()}


def _listed(texts: list[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if texts[_SHOWN:] else ""
    return ", ".join(texts[:_SHOWN]) + more


def _rows(
    connection: sa.Connection, site: Site, uids: Collection[str] | None
) -> Iterable[tuple[str, str]]:
    """Each use: the id that is used, and what uses it."""
    for what, table, used, name, condition in _USES:
        if not site.has(table.name):
            continue
        statement = sa.select(used, name).where(condition).order_by(used, name)
        if uids is not None:
            statement = statement.where(used.in_(uids))
        for uid, thing in connection.execute(statement):
            yield uid, f"{what} '{quoted(_title(connection, site, what, thing))}'"


def _title(connection: sa.Connection, site: Site, what: str, thing: str) -> str:
    """The title of a task or process; its id where it has none."""
    if what.endswith("task"):
        c = t.content.c
        named = sa.select(c.CON_VALUE).where(c.CON_CATEGORY == "TAS_TITLE", c.CON_ID == thing)
    elif what.endswith("process") and site.has(t.processes.name, "PRO_TITLE"):
        named = sa.select(t.processes.c.PRO_TITLE).where(t.processes.c.PRO_UID == thing)
    else:
        return thing
    return str(connection.execute(named.limit(1)).scalar() or thing)


_USES: Final = (
    ("the task", t.tasks, t.tasks.c.USR_UID, t.tasks.c.TAS_UID, t.tasks.c.TU_RELATION != 1),
    (
        "the permissions of the process",
        t.permissions,
        t.permissions.c.USR_UID,
        t.permissions.c.PRO_UID,
        t.permissions.c.OP_USER_RELATION != 1,
    ),
    (
        "the supervisors of the process",
        t.process_users,
        t.process_users.c.USR_UID,
        t.process_users.c.PRO_UID,
        t.process_users.c.PU_TYPE != "SUPERVISOR",
    ),
)
