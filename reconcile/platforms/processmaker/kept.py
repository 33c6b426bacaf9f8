"""The side table: what the product has no place for, or must not see.

Each row is a text about one object. `group` and `department`: the DN of a mirrored one, where
`takeover` hides it from the product's synchroniser. `manager`: a person's manager by the directory,
where the manager of the department says the same. `due_date`: the day as the directory writes it.
`erased`: what an erased user is called by reconcile, for the product leaves no name.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

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


Kind = Literal["group", "department"]
MIRRORS: Final[tuple[tuple[Kind, sa.Table, sa.Column[str], sa.Column[str]], ...]] = (
    ("group", t.groups, t.groups.c.GRP_UID, t.groups.c.GRP_LDAP_DN),
    ("department", t.departments, t.departments.c.DEP_UID, t.departments.c.DEP_LDAP_DN),
)
"""Kind, table, and its columns of the id and the DN."""


def unsettled(
    connection: sa.Connection, side: Mapping[str, Mapping[str, str]], *, takeover: bool
) -> bool:
    """Whether DNs are not where the settings want them; `side` is what the side table has."""
    if takeover:
        return shown(connection) > 0
    return any(
        side.get(kind, {}).keys() & set(connection.execute(without_entry(own, entry)).scalars())
        for kind, _, own, entry in MIRRORS
    )


def without_entry(own: sa.Column[str], entry: sa.Column[str]) -> sa.Select[str]:
    """The ids of objects without a DN."""
    return sa.select(own).where(entry == "")


def shown(connection: sa.Connection) -> int:
    """How many groups and departments the product's synchroniser would fill."""
    counts = (
        sa.select(sa.func.count()).select_from(table).where(entry != "")
        for _, table, _, entry in MIRRORS
    )
    return sum(int(connection.execute(count).scalar_one()) for count in counts)
