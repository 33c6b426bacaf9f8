"""Managers, which have two masters: the directory, and the managers of departments.

The product writes the manager of a department into each of its users. Where the directory names the
same person, only the side table knows that the directory does.
"""

from collections.abc import Mapping

import sqlalchemy as sa

from reconcile.platforms.processmaker import kept
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.write.statements import chunks, update
from reconcile.platforms.processmaker.write.work import Work

_u, _d = t.users.c, t.departments.c


def note(work: Work, managers: Mapping[str, str]) -> None:
    """Notes which of the new managers are those of the departments, too.

    `managers`: id of a user → its manager by the directory, already written; "" for none. A user
    whose directory names no manager gets back that of its department.
    """
    left = [uid for uid, manager in managers.items() if not manager]
    named = {uid: manager for uid, manager in managers.items() if manager}
    by_department = _by_department(work.connection, managers)
    same = {uid: manager for uid, manager in named.items() if by_department.get(uid) == manager}
    if same:
        kept.put(work.connection, "manager", same)
    if by_department and left:
        kept.forget(work.connection, "manager", left)
        rows = {uid: {"USR_REPORTS_TO": by_department[uid]} for uid in left if uid in by_department}
        update(work.connection, _u.USR_UID, work.site.uid, rows)


def _by_department(connection: sa.Connection, users: Mapping[str, str]) -> dict[str, str]:
    """Id of a user → the manager that the product gives it for its department."""
    leaders = {
        uid: (manager, parent)
        for uid, manager, parent in connection.execute(
            sa.select(_d.DEP_UID, _d.DEP_MANAGER, _d.DEP_PARENT)
        )
    }
    if not any(manager for manager, _ in leaders.values()):
        return {}
    managers: dict[str, str] = {}
    for some in chunks(users):
        placed = sa.select(_u.USR_UID, _u.DEP_UID).where(_u.USR_UID.in_(some))
        for uid, department in connection.execute(placed):
            manager, parent = leaders.get(department, ("", ""))
            if manager == uid:
                manager = leaders.get(parent, ("", ""))[0]
            if manager:
                managers[uid] = manager
    return managers
