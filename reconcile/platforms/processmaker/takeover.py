"""Switching over: the names of entries that keep the product's own synchroniser at work.

It empties and fills every group and department whose DN is not empty. While the site is taken over
the DNs are in the side table; when that ends they go back to where they were.
"""

import sqlalchemy as sa

from reconcile.platforms.processmaker import kept
from reconcile.platforms.processmaker.site import Site
from reconcile.platforms.processmaker.write.statements import update


def settle(connection: sa.Connection, site: Site, *, takeover: bool) -> int:
    """Moves DNs to where the settings want them; returns how many it moved."""
    return (_hide if takeover else _restore)(connection, site)


def _hide(connection: sa.Connection, site: Site) -> int:
    """Moves DNs into the side table; one that the product has set since then is the newer one."""
    moved = 0
    for kind, _, own, entry in kept.MIRRORS:
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
    for kind, _, own, entry in kept.MIRRORS:
        hidden = side.get(kind, {})
        if not hidden:
            continue
        empty = set(connection.execute(kept.without_entry(own, entry)).scalars())
        back = {uid: {entry.name: dn} for uid, dn in hidden.items() if uid in empty}
        update(connection, own, site.uid, back)
        kept.forget(connection, kind, hidden)
        moved += len(back)
    return moved
