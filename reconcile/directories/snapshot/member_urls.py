"""What a `memberURL` says: which entries are the members of a group (RFC 4516)."""

import re
from itertools import accumulate
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import unquote

from reconcile.directories.search import filters
from reconcile.directories.search.search import ANYTHING, Scope
from reconcile.model.text import dn

LONGEST: Final = 16_384
"""Characters of a URL."""
_DEEPEST: Final = 100
"""Parentheses within parentheses in its filter."""
_SCOPES: Final = MappingProxyType[str, Scope](
    {
        "": "base",
        "base": "base",
        "one": "one",
        "onelevel": "one",
        "sub": "subtree",
        "subtree": "subtree",
    }
)
_THE_ENTRY: Final = frozenset({"", "1.1", "dn", "entrydn", "distinguishedname"})
"""Attributes that mean the found entries themselves. Any other means its values in those
entries."""
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Members(NamedTuple):
    """The entries that a search finds; `base` is as the URL writes it."""

    base: str
    scope: Scope
    filter: str


def parsed(url: str, base_dn: str) -> Members:
    """The search that a URL asks for.

    It may not leave `base_dn` or this server, and no part of the URL is ignored. Raises ValueError,
    with the reason, for a URL that cannot be evaluated here.
    """
    text = url.strip()
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    if text[:7].lower() != "ldap://":
        raise ValueError("it is not a URL of the form ldap:///base??scope?filter")
    host, _, rest = text[7:].partition("/")
    if host:
        raise ValueError("it names a server of its own")
    base, attributes, scope, wanted, extensions, *more = [
        *map(_decoded, rest.split("?")),
        "",
        "",
        "",
        "",
        "",
    ][:6]
    if extensions or any(more):
        raise ValueError("it has extensions, which are not supported")
    if not {name.strip().lower() for name in attributes.split(",")} <= _THE_ENTRY:
        raise ValueError(f"it is about the attribute {attributes}, and only entries can be members")
    if scope.lower() not in _SCOPES:
        raise ValueError(f"the scope {scope} is not base, one or sub")
    if not dn.is_below(dn.normalize(base), dn.normalize(base_dn)):
        raise ValueError(f"its base {base or '(the root)'} is not below {base_dn}")
    return Members(base, _SCOPES[scope.lower()], _filter(wanted))


def _decoded(text: str) -> str:
    if stray := _STRAY_PERCENT.search(text):
        raise ValueError(
            f"a percent sign is followed by two hexadecimal digits, not {text[stray.end() :][:2]!r}"
        )
    return unquote(text, errors="strict")


def _filter(text: str) -> str:
    # Imported here, because ldap3 is slow to import and most directories have no such group.
    from reconcile.directories import filter_syntax

    wanted = filters.enclosed(text) if text.strip() else ANYTHING
    depth = max(accumulate((char == "(") - (char == ")") for char in wanted))
    if depth > _DEEPEST:
        raise ValueError(f"its filter has more than {_DEEPEST} parentheses within each other")
    try:
        filter_syntax.parse(wanted)
    except ValueError as error:
        raise ValueError(f"its filter {error}") from error
    return wanted
