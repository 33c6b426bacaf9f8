"""Are search filters well-formed (RFC 4515)?

ldap3's parser decides, for servers and for files alike. It is lenient in three places where a
server would read something different, so these are refused here: invalid names, a backslash without
two digits, and a surplus closing parenthesis.
"""

import re
from collections.abc import Iterator

from reconcile.directories.over_ldap3.library import FilterNode, LDAPException, parse_filter

_DESCRIPTION = re.compile(r"(?:[A-Za-z][A-Za-z0-9_-]*|[0-9]+(?:\.[0-9]+)*)(?:;[A-Za-z0-9-]+)*")
_STRAY_BACKSLASH = re.compile(r"\\(?![0-9A-Fa-f]{2})")


def parse(text: str) -> FilterNode:
    """ldap3's tree of a filter.

    Raises ValueError with what is wrong, as in "is not a filter (RFC 4515): …".
    """
    if stray := _STRAY_BACKSLASH.search(text):
        rest = text[stray.start() : stray.start() + 3]
        raise ValueError(
            "is not a filter (RFC 4515): a backslash is followed by two hexadecimal digits, not "
            f"{rest!r}"
        )
    try:
        root = parse_filter(
            text, None, auto_escape=False, auto_encode=False, validator=None, check_names=False
        )
    except LDAPException as error:
        raise ValueError(f"is not a filter (RFC 4515): {error}") from error
    except AttributeError as error:
        # ldap3 climbs above the root when a parenthesis closes what none opened.
        raise ValueError(
            "is not a filter (RFC 4515): a parenthesis is closed that was not opened"
        ) from error
    for node in _leaves(root):
        name = node.assertion["attr"]
        if name is not False and not _DESCRIPTION.fullmatch(name):
            raise ValueError(f"is not a filter (RFC 4515): {name!r} is not an attribute name")
    tree: FilterNode = root.elements[0]
    return tree


def _leaves(node: FilterNode) -> Iterator[FilterNode]:
    if node.assertion is not None:
        yield node
    for element in node.elements:
        yield from _leaves(element)
