"""The product's authentication sources, by which users of a directory log in.

One that exists is the site's own: nothing in it is changed but its name when the source is renamed.
A new one lacks the server and its password, which only the product can encrypt; `reconcile test`
says so.
"""

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from reconcile.platforms.processmaker import tables as t
from reconcile.platforms.processmaker.php import Value, serialized
from reconcile.platforms.processmaker.settings import NAME_LENGTH, SiteSettings
from reconcile.platforms.processmaker.uids import new
from reconcile.platforms.processmaker.write.statements import insert
from reconcile.ports import Rejected

_s = t.sources.c
_BASE_LENGTH: Final = 128
_TYPES: Final = {"active_directory": ("ad", "samaccountname"), "389ds": ("ds", "uid")}
"""Type of a source → the product's word for it, and the attribute that is the username."""


def put(
    connection: sa.Connection, settings: SiteSettings, name: str, fields: Mapping[str, str], to: str
) -> None:
    """Makes the authentication source of a source, or gives it another name. `to`: the new name.

    Raises Rejected where the product has no room for the name.
    """
    called, wanted = settings.authentication_source(name), settings.authentication_source(to)
    if len(wanted) > NAME_LENGTH:
        raise Rejected(
            f"an authentication source has a name of at most {NAME_LENGTH} characters: "
            "give it another one in platform.authentication_sources"
        )
    names = set(connection.execute(sa.select(_s.AUTH_SOURCE_NAME)).scalars())
    if wanted in names:
        return
    if called in names:
        renamed = sa.update(t.sources).where(_s.AUTH_SOURCE_NAME == called)
        connection.execute(renamed.values(AUTH_SOURCE_NAME=wanted))
        return
    insert(connection, t.sources, [_row(wanted, fields)])


def _row(name: str, fields: Mapping[str, str]) -> dict[str, str | int]:
    """An authentication source without a server."""
    kind, identifier = _TYPES.get(fields.get("type", ""), ("ldap", "uid"))
    base = fields.get("base_dn", "")
    data: dict[str, Value] = {
        "LDAP_TYPE": kind,
        "AUTH_SOURCE_AUTO_REGISTER": "0",
        "AUTH_SOURCE_IDENTIFIER_FOR_USER": identifier,
        "AUTH_SOURCE_USERS_FILTER": "",
        "AUTH_SOURCE_RETIRED_OU": "",
        "USR_ROLE": "PROCESSMAKER_OPERATOR",
        "AUTH_SOURCE_SHOWGRID": "0",
        "AUTH_SOURCE_GRID_ATTRIBUTE": {},
        "LDAP_PAGE_SIZE_LIMIT": "1000",
    }
    return {
        "AUTH_SOURCE_UID": new(),
        "AUTH_SOURCE_NAME": name,
        "AUTH_SOURCE_PROVIDER": "ldapAdvanced",
        "AUTH_SOURCE_SERVER_NAME": "",
        "AUTH_SOURCE_VERSION": "3",
        "AUTH_SOURCE_BASE_DN": base if len(base) <= _BASE_LENGTH else "",
        "AUTH_SOURCE_SEARCH_USER": "",
        "AUTH_SOURCE_PASSWORD": "",
        "AUTH_SOURCE_ATTRIBUTES": "",
        "AUTH_SOURCE_OBJECT_CLASSES": "",
        "AUTH_SOURCE_DATA": serialized(data),
        "AUTH_SOURCE_PORT": 389,
        "AUTH_SOURCE_ENABLED_TLS": 1,
        "AUTH_ANONYMOUS": 0,
    }
