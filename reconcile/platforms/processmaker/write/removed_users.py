"""Users that are deleted with all that hangs on them; one that has cases is not."""

from collections.abc import Sequence

import sqlalchemy as sa

from reconcile.platforms.processmaker import in_use
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.uids import UNTOUCHED
from reconcile.platforms.processmaker.write.erase import clear
from reconcile.platforms.processmaker.write.statements import chunks
from reconcile.platforms.processmaker.write.statements import delete as delete_rows
from reconcile.platforms.processmaker.write.work import Work
from reconcile.ports import Rejected


def delete(work: Work, uids: Sequence[str]) -> None:
    """Deletes users; a missing one is not an error. Raises Rejected where one has cases."""
    if not set(UNTOUCHED).isdisjoint(uids):
        raise Rejected("this user is the site's own")
    for some in chunks(uids):
        if in_use.of_users(work.connection, work.site, some):
            raise Rejected("cases name this user: erase it (lifecycle.on_missing: erase)")
        held = sa.select(t.users.c.USR_ID).where(t.users.c.USR_UID.in_(some))
        numbers = work.connection.execute(held.with_for_update()).scalars().all()
        clear(work, some, [int(number or 0) for number in numbers])
        delete_rows(work.connection, t.rbac_users.c.USR_UID, some)
        delete_rows(work.connection, t.users.c.USR_UID, some)
