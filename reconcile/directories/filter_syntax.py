"""Are search filters well-formed (RFC 4515)?

ldap3's parser decides, for servers and for files alike. It is lenient in three places where a
server would read something different, so these are refused here: invalid names, a backslash without
two digits, and a surplus closing parenthesis.
"""

import re
from collections.abc import Iterator

from reconcile.directories.filter_faults import FilterError, first_fault
from reconcile.directories.over_ldap3.library import FilterNode, LDAPException, parse_filter

_DESCRIPTION = re.compile(r"(?:[A-Za-z][A-Za-z0-9_-]*|[0-9]+(?:\.[0-9]+)*)(?:;[A-Za-z0-9-]+)*")
_STRAY_BACKSLASH = re.compile(r"\\(?![0-9A-Fa-f]{2})")


def parse(text: str) -> FilterNode:
    """ldap3's tree of a filter.

    Raises FilterError, a ValueError with what is wrong, as in "is not a filter (RFC 4515): …".
    """
    if stray := _STRAY_BACKSLASH.search(text):
        rest = text[stray.start() : stray.start() + 3]
        raise _error(text, f"a backslash is followed by two hexadecimal digits, not {rest!r}")
    try:
        root = parse_filter(
            text, None, auto_escape=False, auto_encode=False, validator=None, check_names=False
        )
    except LDAPException as error:
        raise _error(text, str(error)) from error
    except AttributeError as error:
        # ldap3 climbs above the root when a parenthesis closes what none opened.
        raise _error(text, "a parenthesis is closed that was not opened") from error
    for node in _leaves(root):
        name = node.assertion["attr"]
        if name is not False and not _DESCRIPTION.fullmatch(name):
            raise _error(text, f"{name!r} is not an attribute name")
    tree: FilterNode = root.elements[0]
    return tree


def _error(text: str, otherwise: str) -> FilterError:
    """The error with the place of the first fault; `otherwise` is said if it is not found."""
    return FilterError(text, first_fault(text), otherwise)


def _leaves(node: FilterNode) -> Iterator[FilterNode]:
    if node.assertion is not None:
        yield node
    for element in node.elements:
        yield from _leaves(element)
