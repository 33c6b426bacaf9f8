"""Search filters (RFC 4515): are they well-formed, and how is a value written into one.

ldap3's parser decides, as it also encodes what is sent. It is lenient in three places where a server would see
something else than was meant, so these are refused here: names that are none, a backslash without two digits, and a
closing parenthesis too many.
"""

import re
from collections.abc import Iterable, Iterator

from reconcile.directories.library import FilterNode, LDAPException, parse_filter

_DESCRIPTION = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)(?:;[A-Za-z0-9-]+)*")
_STRAY_BACKSLASH = re.compile(r"\\(?![0-9A-Fa-f]{2})")
_SPECIAL = re.compile(r"[\\*()\0]|^ +| +$")
CHUNK = 100
"""How many values one filter asks for at once."""


def parse(text: str) -> FilterNode:
    """ldap3's tree of a filter. Raises ValueError with what is wrong, as in "is not a filter (RFC 4515): …"."""
    if stray := _STRAY_BACKSLASH.search(text):
        rest = text[stray.start() : stray.start() + 3]
        raise ValueError(f"is not a filter (RFC 4515): a backslash is followed by two hexadecimal digits, not {rest!r}")
    try:
        root = parse_filter(text, None, auto_escape=False, auto_encode=False, validator=None, check_names=False)
    except LDAPException as error:
        raise ValueError(f"is not a filter (RFC 4515): {error}") from error
    except AttributeError as error:
        # ldap3 climbs above the root when a parenthesis closes what none opened.
        raise ValueError("is not a filter (RFC 4515): a parenthesis is closed that was not opened") from error
    for node in _leaves(root):
        name = node.assertion["attr"]
        if name is not False and not _DESCRIPTION.fullmatch(name):
            raise ValueError(f"is not a filter (RFC 4515): {name!r} is no attribute name")
    tree: FilterNode = root.elements[0]
    return tree


def _leaves(node: FilterNode) -> Iterator[FilterNode]:
    if node.assertion is not None:
        yield node
    for element in node.elements:
        yield from _leaves(element)


def escape(value: str) -> str:
    """A value as it stands in a filter. Spaces at the ends too, which ldap3 would take for layout."""
    return _SPECIAL.sub(lambda match: "".join(f"\\{byte:02x}" for byte in match.group().encode()), value)


def any_of(attribute: str, assertions: Iterable[str]) -> str:
    """A filter for entries where the attribute has one of the values, which are escaped already."""
    return f"(|{''.join(f'({attribute}={assertion})' for assertion in assertions)})"
