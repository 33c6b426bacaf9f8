"""A starter file for each type of source, without a server."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconcile.app.setup.draft import Draft
from reconcile.errors import UsageError
from reconcile.model import desired

_BASE: Final = "dc=example,dc=com"
_READERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "openldap": f"cn=reader,{_BASE}",
        "ldap": f"cn=reader,{_BASE}",
        "active_directory": "reader@example.com",
        "389ds": f"uid=reader,ou=services,{_BASE}",
        "freeipa": f"uid=reconcile,cn=sysaccounts,cn=etc,{_BASE}",
        "ldif": "",
    }
)
"""Source type → the account that usually reads."""
_BASES: Final = {"active_directory": f"OU=Staff,{_BASE}", "freeipa": ""}
"""Source type → where persons usually are, if not in ou=people."""
TYPES: Final = tuple(_READERS)


def starter(kind: str, name: str = "corp") -> Draft:
    """What is usual for a source type. Raises UsageError for a type that has no starter."""
    if kind not in _READERS:
        raise UsageError(
            f"there is no starter for the type {kind!r}: take one of {', '.join(TYPES)}"
        )
    return Draft(
        name=name,
        type=kind,
        origin=f"A starter for a source of the type {kind}: change what is your own.",
        server="company.ldif" if kind == "ldif" else "ldap://ldap.example.com",
        tls=desired.Tls(),
        bind_dn=_READERS[kind],
        base_dn=_BASE,
        users_base=_BASES.get(kind, f"ou=people,{_BASE}"),
    )


def reader(kind: str, base_dn: str) -> str:
    """The usual name of an account that reads, for a server with this base."""
    from reconcile.model.text import dn

    if kind == "active_directory":
        return f"reader@{dn.domain(base_dn) or 'example.com'}"
    return _READERS.get(kind, _READERS["ldap"]).replace(_BASE, base_dn)
