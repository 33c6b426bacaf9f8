"""Switching over: the names of entries that keep the product's own synchroniser at work.

It empties and fills every group and department whose DN is not empty. While the site is taken over
the DNs are in the side table; when that ends they go back to where they were.
"""

from collections.abc import Mapping
from typing import Final, Literal

import sqlalchemy as sa

from reconcile.platforms.processmaker import kept
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.site import Site
from reconcile.platforms.processmaker.write.statements import update

Kind = Literal["group", "department"]
MIRRORS: Final[tuple[tuple[Kind, sa.Table, sa.Column[str], sa.Column[str]], ...]] = (
    ("group", t.groups, t.groups.c.GRP_UID, t.groups.c.GRP_LDAP_DN),
    ("department", t.departments, t.departments.c.DEP_UID, t.departments.c.DEP_LDAP_DN),
)
"""Kind, table, and its columns of the id and the DN."""


def settle(connection: sa.Connection, site: Site, *, takeover: bool) -> int:
    """Moves DNs to where the settings want them; returns how many it moved."""
    return (_hide if takeover else _restore)(connection, site)


def unsettled(
    connection: sa.Connection, side: Mapping[str, Mapping[str, str]], *, takeover: bool
) -> bool:
    """Whether `settle` would move anything; `side` is what the side table has."""
    if takeover:
        return shown(connection) > 0
    return any(
        side.get(kind, {}).keys() & set(connection.execute(_empty(own, entry)).scalars())
        for kind, _, own, entry in MIRRORS
    )


def _empty(own: sa.Column[str], entry: sa.Column[str]) -> sa.Select[str]:
    """The ids of objects without a DN."""
    return sa.select(own).where(entry == "")


def _hide(connection: sa.Connection, site: Site) -> int:
    """Moves DNs into the side table; one that the product has set since then is the newer one."""
    moved = 0
    for kind, _, own, entry in MIRRORS:
        shown = sa.select(own, entry).where(entry != "").with_for_update()
        entries = {str(uid): str(dn) for uid, dn in connection.execute(shown)}
        if entries:
            kept.put(connection, kind, entries)
            update(connection, own, site.uid, {uid: {entry.name: ""} for uid in entries})
        moved += len(entries)
    return moved


def _restore(connection: sa.Connection, site: Site) -> int:
    """Moves DNs back, but for objects that are gone or have another one now."""
    side = kept.read(connection, site)
    moved = 0
    for kind, _, own, entry in MIRRORS:
        hidden = side.get(kind, {})
        if not hidden:
            continue
        empty = set(connection.execute(_empty(own, entry)).scalars())
        back = {uid: {entry.name: dn} for uid, dn in hidden.items() if uid in empty}
        update(connection, own, site.uid, back)
        kept.forget(connection, kind, hidden)
        moved += len(back)
    return moved


def shown(connection: sa.Connection) -> int:
    """How many groups and departments the product's synchroniser would fill."""
    counts = (
        sa.select(sa.func.count()).select_from(table).where(entry != "")
        for _, table, _, entry in MIRRORS
    )
    return sum(int(connection.execute(count).scalar_one()) for count in counts)
