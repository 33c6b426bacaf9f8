"""All of a workspace, in one snapshot."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from reconcile.model.platform import Contents, LinkKind, Pair, Row
from reconcile.model.text import dn
from reconcile.platforms.database import bulk
from reconcile.platforms.processmaker import in_use, kept, users_read
from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.settings import SiteSettings
from reconcile.platforms.processmaker.site import Site
from reconcile.platforms.processmaker.titles import distinct, rooted
from reconcile.platforms.processmaker.uids import SYSTEM, UNTOUCHED

Rows = dict[str, Row]


class Sources(NamedTuple):
    """The authentication sources that stand for sources of the files."""

    names: Mapping[str, str]
    """Id of the authentication source → source."""
    bases: Mapping[str, str]
    """Source → the base DN that the product has for it."""

    def of_entry(self, entry: str) -> str:
        """The source in which an entry is: that with the longest base DN; "" for none."""
        if not entry:
            return ""
        within = [name for name, base in self.bases.items() if base and _is_below(entry, base)]
        return max(within, key=lambda name: len(self.bases[name]), default="")


def _is_below(entry: str, base: str) -> bool:
    try:
        return dn.is_below(dn.normalize(entry), dn.normalize(base))
    except ValueError:
        return False


def read(
    connection: sa.Connection, site: Site, settings: SiteSettings, declared: Collection[str]
) -> Contents:
    """Everything; `declared` are the sources of the files."""
    sources = read_sources(connection, settings, declared)
    side = kept.read(connection, site)
    groups = _groups(connection, sources, side.get("group", {}))
    departments, managers = _departments(connection, sources, side.get("department", {}))
    users = users_read.users(connection, sources.names, side)
    _settle_references(users, departments)
    _leave_out_departments_managers(users, managers, departments, side.get("manager", {}))
    grants, roles = _grants(connection, settings, users)
    links: dict[LinkKind, Collection[Pair]] = {
        "membership": _memberships(connection, users, groups),
        "grant": grants,
    }
    return Contents(
        {"user": users, "group": groups, "department": departments},
        links,
        roles,
        taken=_hidden_usernames(connection),
        unsettled=kept.unsettled(connection, side, takeover=settings.takeover),
        in_use=in_use.read(connection, site, groups, departments),
    )


def read_sources(
    connection: sa.Connection, settings: SiteSettings, declared: Collection[str]
) -> Sources:
    """The authentication sources of the declared sources, by their names.

    Any other one is a source of its own, which the files do not declare: its users are somebody
    else's, and not local accounts that a directory could take.
    """
    by_name = {settings.authentication_source(source): source for source in declared}
    c = t.sources.c
    names: dict[str, str] = {}
    bases: dict[str, str] = {}
    statement = sa.select(c.AUTH_SOURCE_UID, c.AUTH_SOURCE_NAME, c.AUTH_SOURCE_BASE_DN)
    for uid, name, base in connection.execute(statement.order_by(c.AUTH_SOURCE_UID)):
        source = by_name.get(name)
        if source is not None and source not in bases:
            names[uid], bases[source] = source, base
        else:
            names[uid] = f"{name} ({uid[:8]})" if name in declared or source else name
    return Sources(names, bases)


def _groups(connection: sa.Connection, sources: Sources, hidden: Mapping[str, str]) -> Rows:
    """Groups; of those that share a title an active one that mirrors an entry keeps it."""
    c = t.groups.c
    order = (c.GRP_STATUS != "ACTIVE", c.GRP_LDAP_DN == "", c.GRP_ID)
    statement = sa.select(c.GRP_UID, c.GRP_TITLE, c.GRP_LDAP_DN).order_by(*order)
    rows = bulk.rows(connection, statement, {})
    names = distinct((uid, title, "") for uid, title, _ in rows)
    return {
        uid: {"name": names[uid], **_entry(sources, hidden.get(uid) or entry)}
        for uid, _, entry in rows
    }


def _entry(sources: Sources, entry: str) -> Row:
    return {"dn": entry, "source": sources.of_entry(entry)}


def _departments(
    connection: sa.Connection, sources: Sources, hidden: Mapping[str, str]
) -> tuple[Rows, dict[str, str]]:
    """Departments, and the manager of each. Those that the tree has lost are at its top."""
    c = t.departments.c
    columns = (c.DEP_UID, c.DEP_TITLE, c.DEP_PARENT, c.DEP_LDAP_DN, c.DEP_MANAGER)
    statement = sa.select(*columns).order_by(
        c.DEP_STATUS != "ACTIVE", c.DEP_LDAP_DN == "", c.DEP_UID
    )
    rows = bulk.rows(connection, statement, {})
    parents = rooted({row[0]: row[2] for row in rows})
    titles = distinct((row[0], row[1], parents[row[0]]) for row in rows)
    departments: Rows = {
        uid: {
            "title": titles[uid],
            "parent": parents[uid],
            **_entry(sources, hidden.get(uid) or entry),
        }
        for uid, _, _, entry, _ in rows
    }
    return departments, {row[0]: row[4] for row in rows}


def _settle_references(users: Rows, departments: Rows) -> None:
    """What no longer exists is nothing: nothing in the product keeps a reference from dangling."""
    for fields in users.values():
        if fields["department"] not in departments:
            fields["department"] = ""
        if fields["manager"] not in users:
            fields["manager"] = ""


def _leave_out_departments_managers(
    users: Rows, managers: Mapping[str, str], departments: Rows, named: Mapping[str, str]
) -> None:
    """A manager that comes with the department, and not from the directory, is left out.

    The product writes it whenever a department gets a manager: the manager of the department to its
    users, and the manager of the one above to that manager.
    """
    for uid, fields in users.items():
        manager, department = fields["manager"], fields["department"]
        if not manager or not department or uid in named:
            continue
        own = managers.get(department, "")
        if own == uid:
            own = managers.get(departments[department]["parent"], "")
        if manager == own:
            fields["manager"] = ""


def role_names(settings: SiteSettings, codes: Iterable[str]) -> dict[str, str]:
    """Role code of the product → what the files call it."""
    named = {code: role for role, code in settings.role_codes.items()}
    return {code: named.get(code, code) for code in codes}


def _grants(
    connection: sa.Connection, settings: SiteSettings, users: Rows
) -> tuple[set[Pair], set[str]]:
    """Which user has which role of the system PROCESSMAKER, and the roles there are."""
    c = t.roles.c
    listed = sa.select(c.ROL_UID, c.ROL_CODE).where(c.ROL_SYSTEM == SYSTEM)
    codes = dict(bulk.rows(connection, listed, {}))
    names = role_names(settings, codes.values())
    held = sa.select(t.users_roles.c.USR_UID, t.users_roles.c.ROL_UID)
    grants = {
        (user, names[codes[role]])
        for user, role in bulk.rows(connection, held, {})
        if role in codes and user in users
    }
    return grants, set(names.values())


def _memberships(connection: sa.Connection, users: Rows, groups: Rows) -> set[Pair]:
    """Who is in which group. Rows of what no longer exists are none."""
    statement = sa.select(t.members.c.USR_UID, t.members.c.GRP_UID)
    return {
        (user, group)
        for user, group in bulk.rows(connection, statement, {})
        if user in users and group in groups
    }


def _hidden_usernames(connection: sa.Connection) -> set[str]:
    """Usernames of accounts that are not listed: of untouched users, and without a row in USERS."""
    u, r = t.users.c, t.rbac_users.c
    untouched = sa.select(u.USR_USERNAME).where(u.USR_UID.in_(UNTOUCHED))
    joined = t.rbac_users.outerjoin(t.users, u.USR_UID == r.USR_UID)
    halves = sa.select(r.USR_USERNAME).select_from(joined).where(u.USR_UID.is_(None))
    names = connection.execute(sa.union_all(untouched, halves)).scalars()
    return {str(name) for name in names if name}
