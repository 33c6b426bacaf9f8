"""Attributes with two names: a template may use either, whichever of them the server answers with.

Servers give an attribute back under its main name, or under the one that was asked for, or do not know the other name
at all; so both are asked for, and what comes is shown under the name that was asked for.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from reconcile.model.directory import Attributes

MAIN: Final = MappingProxyType(
    {
        "commonname": "cn",
        "surname": "sn",
        "userid": "uid",
        "gn": "givenname",
        "organizationalunitname": "ou",
        "organizationname": "o",
        "localityname": "l",
        "stateorprovincename": "st",
        "countryname": "c",
        "streetaddress": "street",
        "domaincomponent": "dc",
        "rfc822mailbox": "mail",
        "fax": "facsimiletelephonenumber",
        "friendlycountryname": "co",
        "hometelephonenumber": "homephone",
        "mobiletelephonenumber": "mobile",
        "pagertelephonenumber": "pager",
    }
)
"""Alias → main name (RFC 4519 and RFC 4524), in lower case."""

Pairs = tuple[tuple[str, str], ...]
"""Asked-for alias and main name."""


def pairs(asked: Iterable[str]) -> Pairs:
    """The aliases among names in lower case."""
    return tuple((name, MAIN[name]) for name in sorted(asked) if name in MAIN)


def filled(attributes: Attributes, asked: Pairs) -> Attributes:
    """Adds to attributes what came under the main name of an alias; changes and returns the same dictionary."""
    for alias, main in asked:
        if alias not in attributes and main in attributes:
            attributes[alias] = attributes[main]
    return attributes
