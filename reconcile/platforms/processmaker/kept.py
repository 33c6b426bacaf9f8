"""The side table: what the product has no place for, or must not see.

Each row is a text about one object. `group` and `department`: the DN of a mirrored one, where
`takeover` hides it from the product's synchroniser. `manager`: a person's manager by the directory,
where the manager of the department says the same. `due_date`: the day as the directory writes it.
`erased`: what an erased user is called by reconcile, for the product leaves no name.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import sqlalchemy as sa

from reconcile.platforms.database import bulk
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.site import Site

KeptKind: TypeAlias = Literal["group", "department", "manager", "due_date", "erased"]


def read(connection: sa.Connection, site: Site) -> dict[str, dict[str, str]]:
    """Kind → id → text; nothing where there is no side table yet."""
    read: dict[str, dict[str, str]] = {}
    if site.keeps:
        statement = sa.select(t.kept.c.KIND, t.kept.c.UID, t.kept.c.VALUE)
        for kind, uid, value in bulk.rows(connection, statement, {}):
            read.setdefault(kind, {})[uid] = value
    return read


def put(connection: sa.Connection, kind: KeptKind, values: Mapping[str, str]) -> None:
    """Keeps a text for each id, in place of the former; "" forgets it."""
    forget(connection, kind, values)
    rows = [(kind, uid, value) for uid, value in values.items() if value]
    bulk.insert(connection, t.kept, ("KIND", "UID", "VALUE"), rows)


def forget(connection: sa.Connection, kind: KeptKind, uids: Iterable[str]) -> None:
    """Forgets what is kept of these ids."""
    named = list(uids)
    if named:
        mine = sa.delete(t.kept).where(t.kept.c.KIND == kind, t.kept.c.UID.in_(named))
        connection.execute(mine)


def forget_all(connection: sa.Connection, uids: Iterable[str]) -> None:
    """Forgets everything about these ids."""
    connection.execute(sa.delete(t.kept).where(t.kept.c.UID.in_(list(uids))))
