"""Search filters evaluated here, for directories that have no server.

RFC 4511, 4.5.1.7, without a schema.

Text is compared as all servers compare it: ignoring case, and with spaces folded. The values of
attributes that name entries compare as DNs. An attribute type may be written by any of its names,
or its OID. Without a schema an attribute that no entry has is simply absent, and `>=` compares
whole numbers as numbers and anything else as text. Extensible matches name rules of a server and
are refused.
"""

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from reconcile.directories import filter_syntax
from reconcile.directories.over_ldap3.library import FilterNode, operators
from reconcile.model.text import attribute_types, dn
from reconcile.model.text.wildcards import Wildcard

Values: TypeAlias = dict[str, list[bytes]]
Matches: TypeAlias = Callable[[Values], bool]

_NAMES: Final = frozenset(
    {
        "member",
        "uniquemember",
        "memberof",
        "manager",
        "secretary",
        "owner",
        "seealso",
        "roleoccupant",
        "distinguishedname",
    }
)
"""Attributes whose values are DNs."""
_SUPERIORS: Final = {
    "inetorgperson": ("organizationalperson", "person", "top"),
    "organizationalperson": ("person", "top"),
}
"""A server also finds an entry by the superclasses of its classes, whether it names them or not."""
_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2})")


def compiled(text: str) -> Matches:
    """The filter as a function of an entry's attributes.

    Raises ValueError if it is invalid or not supported.
    """
    return _compiled(filter_syntax.parse(text))


def _compiled(node: FilterNode) -> Matches:
    parts = [_compiled(element) for element in node.elements]
    match node.tag:
        case operators.AND:
            return lambda values: all(part(values) for part in parts)
        case operators.OR:
            return lambda values: any(part(values) for part in parts)
        case operators.NOT:
            return lambda values: not parts[0](values)
        case operators.MATCH_EXTENSIBLE:
            raise ValueError("uses an extensible match (`:=`), which only a server can evaluate")
        case _:
            return _leaf(node.tag, node.assertion)


def _leaf(tag: int, assertion: dict[str, Any]) -> Matches:
    name = attribute_types.main(assertion["attr"])
    if tag == operators.MATCH_PRESENT:
        return lambda values: bool(of(values, name))
    form = _form(name)
    if tag == operators.MATCH_SUBSTRING:
        wildcard = _substrings(assertion)
        return lambda values: any(wildcard.matches(folded(value)) for value in of(values, name))
    wanted = form(_unescaped(assertion["value"]))
    if tag == operators.MATCH_GREATER_OR_EQUAL:
        return lambda values: any(_order(form(value), wanted) >= 0 for value in of(values, name))
    if tag == operators.MATCH_LESS_OR_EQUAL:
        return lambda values: any(_order(form(value), wanted) <= 0 for value in of(values, name))
    if name == "objectclass":
        return lambda values: any(_is_class(folded(value), wanted) for value in of(values, name))
    return lambda values: any(form(value) == wanted for value in of(values, name))


def of(values: Values, name: str) -> list[bytes]:
    """The values of an attribute and of its variants with options, such as `cn;lang-de` for `cn`.

    Names are main names (`attributetypes.main`), in `values` and in `name`.
    """
    prefix = f"{name};"
    some = values.get(name, [])
    more = [value for key in values if key.startswith(prefix) for value in values[key]]
    return [*some, *more] if more else some


def _form(name: str) -> Callable[[bytes], str]:
    return _as_name if name.partition(";")[0] in _NAMES else folded


def _as_name(value: bytes) -> str:
    try:
        return dn.wide(dn.normalize(value.decode()), "case")
    except ValueError:
        return folded(value)


def folded(value: bytes) -> str:
    """Text in the form for comparison; bytes that are not text are compared byte by byte."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
    return dn.wide_text(text, "case")


def _unescaped(value: bytes) -> bytes:
    """An assertion's value, which ldap3 gives as it is written in the filter."""
    return _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), value)


def _substrings(assertion: dict[str, Any]) -> Wildcard:
    pieces = [assertion.get("initial", b""), *assertion.get("any", ()), assertion.get("final", b"")]
    return Wildcard.of(_folded_piece(_unescaped(piece)) for piece in pieces)


def _folded_piece(value: bytes) -> str:
    """Like `folded`, but the spaces at the ends of a piece count."""
    middle = folded(value)
    if not middle:
        return " " if value else ""
    return " " * value.startswith(b" ") + middle + " " * value.endswith(b" ")


def _order(left: str, right: str) -> int:
    one, other = _number(left), _number(right)
    if one is not None and other is not None:
        return (one > other) - (one < other)
    return (left > right) - (left < right)


def _number(text: str) -> tuple[int, str] | None:
    """A key that compares like the whole number in a text, of any length; None for other text."""
    if not (text.isascii() and text.isdecimal()):
        return None
    digits = text.lstrip("0")
    return len(digits), digits


def _is_class(own: str, wanted: str) -> bool:
    return own == wanted or wanted in _SUPERIORS.get(own, ())
