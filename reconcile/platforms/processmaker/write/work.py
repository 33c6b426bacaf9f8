"""What a transaction in one workspace needs to know."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa

from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.reading import role_names
from reconcile.platforms.processmaker.settings import SiteSettings
from reconcile.platforms.processmaker.site import Site
from reconcile.platforms.processmaker.uids import NOBODY, SYSTEM
from reconcile.ports import Rejected


class Work(NamedTuple):
    """One open transaction."""

    connection: sa.Connection
    site: Site
    settings: SiteSettings
    sources: dict[str, str]
    """Source of the files → id of its authentication source."""
    roles: dict[str, tuple[str, str]]
    """Role of the files → its id and code."""

    def source(self, name: str) -> str:
        """The id of the authentication source of a source. Raises Rejected where there is none."""
        if not name:
            return NOBODY
        uid = self.sources.get(name)
        if uid is None:
            called = self.settings.authentication_source(name)
            raise Rejected(f"the site has no authentication source {called!r}")
        return uid

    def role(self, name: str) -> tuple[str, str]:
        """Id and code of a role. Raises Rejected where the site has none of this name."""
        if name not in self.roles:
            raise Rejected(f"there is no role {name!r}")
        return self.roles[name]


def begin(connection: sa.Connection, site: Site, settings: SiteSettings) -> Work:
    """Looks up what calls refer to by name."""
    by_name = {called: uid for uid, called in _pairs(connection, _NAMED_SOURCES)}
    sources = dict(by_name)
    for source, called in settings.authentication_sources.items():
        sources.pop(source, None)
        if called in by_name:
            sources[source] = by_name[called]
    listed = list(_pairs(connection, _ROLES))
    names = role_names(settings, (code for _, code in listed))
    roles = {names[code]: (uid, code) for uid, code in listed}
    return Work(connection, site, settings, sources, roles)


_NAMED_SOURCES = sa.select(t.sources.c.AUTH_SOURCE_UID, t.sources.c.AUTH_SOURCE_NAME).order_by(
    t.sources.c.AUTH_SOURCE_UID.desc()
)
_ROLES = sa.select(t.roles.c.ROL_UID, t.roles.c.ROL_CODE).where(t.roles.c.ROL_SYSTEM == SYSTEM)


def _pairs(connection: sa.Connection, statement: sa.Select[Any]) -> Iterable[tuple[str, str]]:
    return ((str(uid), str(name)) for uid, name in connection.execute(statement))
