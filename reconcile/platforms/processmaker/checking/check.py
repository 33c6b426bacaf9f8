"""What `reconcile test` says of one workspace: the whole site, before and after."""

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from reconcile.model import desired
from reconcile.platforms.processmaker import kept
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.checking.inequalities import inequalities
from reconcile.platforms.processmaker.database import SiteDatabase
from reconcile.platforms.processmaker.settings import SiteSettings
from reconcile.platforms.processmaker.site import Site
from reconcile.platforms.processmaker.uids import UNTOUCHED
from reconcile.ports import Check

_s = t.sources.c


def checks(
    connection: sa.Connection,
    database: SiteDatabase,
    site: Site,
    settings: desired.Platform,
    own: SiteSettings,
) -> Iterable[Check]:
    """One line for each thing found; ends with the first that keeps reconcile from working."""
    version = database.version(connection)
    yield Check("platform", True, f"the {database} can be read ({version}): {_counts(connection)}")
    unsafe = _without_transactions(connection)
    if unsafe:
        yield Check(
            "tables",
            False,
            f"{', '.join(unsafe)}: not InnoDB, so nothing written to it could be undone. Convert "
            "it with ALTER TABLE … ENGINE=InnoDB",
        )
        return
    for source in settings.sources:
        yield _authentication_source(connection, source, own)
    yield _synchroniser(connection, site, own)
    yield from _equal(connection, site)


def _counts(connection: sa.Connection) -> str:
    """How much there is."""
    users = (
        sa.select(sa.func.count())
        .select_from(t.users)
        .where(t.users.c.USR_UID.not_in(UNTOUCHED), t.users.c.USR_STATUS != "CLOSED")
    )
    numbers = [connection.execute(users).scalar_one()] + [
        connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for table in (t.groups, t.departments)
    ]
    return "users beside admin and guest: {}, groups: {}, departments: {}".format(*numbers)


def _without_transactions(connection: sa.Connection) -> list[str]:
    """Tables that keep each statement at once."""
    listed = sa.text(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = database() "
        "AND engine IS NOT NULL AND engine <> 'InnoDB' ORDER BY table_name"
    )
    ours = {table.name for table in t.metadata.sorted_tables}
    names = (str(name) for name in connection.execute(listed).scalars())
    return [name for name in names if name.upper() in ours]


def _authentication_source(connection: sa.Connection, source: str, own: SiteSettings) -> Check:
    """Whether users of a source can log in: the product itself asks the directory."""
    name = own.authentication_source(source)
    statement = sa.select(_s.AUTH_SOURCE_UID, _s.AUTH_SOURCE_SERVER_NAME, _s.AUTH_SOURCE_DATA)
    rows = connection.execute(statement.where(_s.AUTH_SOURCE_NAME == name)).all()
    what = f"source {source}"
    if len(rows) > 1:
        return Check(
            what,
            False,
            f"{len(rows)} authentication sources are called {name!r}: rename all but one",
        )
    if not rows:
        return Check(
            what,
            True,
            f"there is no authentication source {name!r} yet: the first apply makes it, without "
            "a server. If the site has one of another name, set platform.authentication_sources",
        )
    uid, server, data = rows[0]
    mine = sa.select(sa.func.count()).where(t.rbac_users.c.UID_AUTH_SOURCE == uid)
    users = connection.execute(mine).scalar_one()
    detail = f"the authentication source {name!r} of ProcessMaker; users who log in by it: {users}"
    if not server:
        detail += "; it has no server: enter it in ProcessMaker, under Authentication Sources"
    queued = [key for key in _QUEUES if f'"{key}";a:' in str(data) and f'"{key}";a:0:' not in data]
    if queued:
        detail += (
            f"; ProcessMaker's synchroniser is still to empty what {' and '.join(queued)} lists"
        )
    return Check(what, True, detail)


_QUEUES = ("GROUPS_TO_UNASSIGN", "DEPARTMENTS_TO_UNASSIGN")


_STILL: Final = (
    ". If ldapcron.php still runs, it overwrites profiles and erases who is gone all the same: "
    "take it out of crontab"
)


def _synchroniser(connection: sa.Connection, site: Site, own: SiteSettings) -> Check:
    """Whether the product's own synchroniser would undo what reconcile does."""
    shown = kept.shown(connection)
    side = kept.read(connection, site)
    hidden = len(side.get("group", {})) + len(side.get("department", {}))
    if not shown and not hidden:
        return Check("synchroniser", True, "no group or department is ProcessMaker's to fill")
    if not shown:
        return Check(
            "synchroniser", True, f"DNs kept out of ProcessMaker's sight: {hidden}{_STILL}"
        )
    which = f"groups and departments with a DN in ProcessMaker's tables: {shown}"
    if own.takeover:
        return Check("synchroniser", True, f"{which}. The next apply moves them away")
    return Check(
        "synchroniser",
        True,
        f"warning: {which}. If ldapcron.php still runs, it fills and empties them as well and "
        "undoes what reconcile does: take it out of crontab, and set platform.takeover: true",
    )


def _equal(connection: sa.Connection, site: Site) -> Iterable[Check]:
    """One line for each way in which the site's tables do not agree."""
    number = 0
    for inequality in inequalities(connection, site):
        number += 1
        yield Check("equal", True, f"warning: {inequality}")
    if not number:
        yield Check("equal", True, "users, roles, titles and memberships agree in all tables")
