r"""Distinguished names that compare as every directory server compares them.

`normalize` makes one spelling of all that every server takes for the same name: the case of ASCII
letters, the names of attribute types, insignificant and doubled spaces, escapes, the order within a
multi-valued RDN. Everything else stays exactly as it is, so that two entries of a server are never
one here. In a normalized name every comma separates two RDNs, and only the needed escapes are left,
as hexadecimal pairs; the functions below `parse` work on such text.

`wide` folds more, as only some servers do. It may find an entry if no other can be meant
(`model/text/references.py`), and never merges two entries.
"""

import re
import unicodedata
from functools import cache
from typing import Final, Literal, TypeAlias

from reconcile.model.text import attribute_types
from reconcile.model.text.normalization import normalized_3_2

Folding: TypeAlias = Literal["case", "compatibility"]
"""What a server folds beyond what all servers fold: the case of letters in all scripts, or also
what Unicode calls compatible."""

# Printable ASCII without what an escape could mean, and everything beyond ASCII.
_PART = r"[!$%&'()*\-./0-9:?@A-Z\[\]^_`a-z{|}~\x80-\U0010ffff]++"
_COMMON = (
    r"(?ai:cn|ou|dc|uid|o|l|c|st|sn|mail)"  # main names: nothing else can be written for them here
)
# Almost every name of a real directory: nothing in it can be spelt in another way but by case.
# Possessive, as there is one way only to read such a name, and every one that is read comes by
# here.
_PLAIN = re.compile(rf"(?:{_COMMON}={_PART}(?: {_PART})*+(?:,(?!\Z)|\Z))++")
# An underscore is not allowed (RFC 4512, 1.4), but 389 Directory Server and others have types with
# one.
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*|(?:[oO][iI][dD]\.)?[0-9]+(?:\.[0-9]+)*")
_ESCAPE = r"\\(?:[0-9A-Fa-f]{2}|[^0-9A-Za-z])"
_STRING = re.compile(rf' *(?P<value>(?:[^\\",+;\0]|{_ESCAPE})*)')
_QUOTED = re.compile(rf' *"(?P<value>(?:[^\\"]|{_ESCAPE})*)" *')
_ESCAPED = re.compile(r"(?P<pairs>(?:\\[0-9A-Fa-f]{2})+)|\\(?P<char>.)", re.DOTALL)
_ESCAPE_NEEDED = re.compile(r'[\\",+;<>#=\0]|\A | \Z')
_ESCAPE_NEEDED_WITHIN = re.compile(r'[\\",+;<>#=\0]')
_BEYOND_ASCII = re.compile(
    r"[0-9A-Za-z]?[^\0-\x7f]+"
)  # with the letter that an accent may be written after
_SPACES = re.compile(" {2,}")
_END_OF_RDN = re.compile(r"(?:[^\\,]|\\.)*+,", re.DOTALL)
_LONGEST_SHOWN: Final = 300
"""Characters of a DN in an error message."""
_UNICODE_3_2: Final = unicodedata.ucd_3_2_0
"""The version that RFC 4518 uses and servers follow; later additions are folded by none."""
_FEW: Final = frozenset(
    map(
        chr,
        (
            *(0x18E, 0x19F, 0x1A6, 0x1C4, 0x1C7, 0x1CA, 0x1F1, 0x1F6, 0x1F7, 0x1F8),
            *range(0x218, 0x234, 2),
            *range(0x3D8, 0x3E2, 2),
            *(0x3F4, 0x400, 0x40D, 0x48A, 0x48C, 0x48E, 0x4C5, 0x4C9, 0x4CD, 0x4EC),
            *range(0x500, 0x510, 2),
            *(0x2126, 0x212A, 0x212B),
        ),
    )
)
"""All letters whose case OpenLDAP folds, but 389 Directory Server or Samba does not; measured."""


def normalize(dn: str) -> str:
    """The one spelling of a DN; "" for the root. Raises ValueError for text that is not a DN."""
    if _PLAIN.fullmatch(dn):
        return lower(dn)
    return ",".join("+".join(sorted(_normal(*pair) for pair in rdn)) for rdn in parse(dn))


def key(text: str) -> str:
    """The normalized DN, or a key for text that is not a valid DN, with its first RDN as written.

    Such a key never equals that of a valid DN, and two of them are equal only if their first RDNs
    are written alike. "" is the root.
    """
    try:
        return normalize(text)
    except ValueError:
        end = _END_OF_RDN.match(text)
    if end is None:
        return text
    try:
        return f"{end.group()}{normalize(text[end.end() :])}"
    except ValueError:
        return text


def wide(key: str, folding: Folding) -> str:
    """A normalized name as servers with a wider folding compare it; an invalid DN is unchanged.

    The case of letters beyond ASCII never matters. With "compatibility" it does not matter either
    whether é is one character or two, how wide a letter is, and so on (NFKC).
    """
    if is_plain(key):
        return key
    try:
        rdns = parse(key)
    except ValueError:
        return key
    return ",".join(
        "+".join(sorted(_spelt(name, wide_text(value, folding)) for name, value in rdn))
        for rdn in rdns
    )


def wide_text(text: str, folding: Folding) -> str:
    """A plain value as `wide` folds those of a name; ASCII letters become lower case, too."""
    return _SPACES.sub(" ", _folded(text, folding)).strip(" ")


def wide_piece(text: str, folding: Folding) -> str:
    """A piece of a normalized name, cut anywhere, as `wide` folds it; spaces at its ends stay."""

    def folded(match: re.Match[str]) -> str:
        return _ESCAPE_NEEDED_WITHIN.sub(_hex, _folded(match.group(), folding))

    return text if text.isascii() else _BEYOND_ASCII.sub(folded, text)


def _folded(text: str, folding: Folding) -> str:
    if text.isascii():
        return text.lower()
    if folding == "compatibility":
        return normalized_3_2("NFKC", "".join(map(_small, text)))
    return "".join(char if char in _FEW else _small(char) for char in text)


def is_plain(key: str) -> bool:
    """Whether `wide` leaves a normalized name as it is."""
    return key.isascii() and "\\20" not in key


@cache
def _small(char: str) -> str:
    """The lower case of a letter if servers know it: a single character, within Unicode 3.2."""
    lower = char.lower()
    known = _UNICODE_3_2.category(char) == "Lu" and _UNICODE_3_2.category(lower[0]) == "Ll"
    return lower if known and len(lower) == 1 and char <= "\uffff" else char


def lower(text: str) -> str:
    """Text with its ASCII letters in lower case, and no others; the same object if equal."""
    lower = text.lower() if text.isascii() else text.encode().lower().decode()
    return text if lower == text else lower


def _normal(name: str, value: str) -> str:
    name = attribute_types.main(name.lower().removeprefix("oid."))
    return _spelt(name, _SPACES.sub(" ", lower(value)))


def _spelt(name: str, value: str) -> str:
    return f"{name}={_ESCAPE_NEEDED.sub(_hex, value)}"


def _hex(match: re.Match[str]) -> str:
    return f"\\{ord(match.group()):02x}"


def parse(dn: str) -> list[list[tuple[str, str]]]:
    """RDNs in written order, each a list of (type, unescaped value).

    Raises ValueError for text that is not a DN.
    """
    rdns: list[list[tuple[str, str]]] = []
    position, end = 0, len(dn)
    if not dn.strip():
        return rdns
    current: list[tuple[str, str]] = []
    while True:
        equals = dn.find("=", position)
        name = dn[position:equals].strip() if equals >= 0 else ""
        if not _TYPE.fullmatch(name):
            raise ValueError(
                f"not a distinguished name: {_shown(dn)} has no attribute type"
                f" at position {position}"
            )
        value, position = _value(dn, equals + 1)
        current.append((name, value))
        if position >= end or dn[position] != "+":
            rdns.append(current)
            current = []
        if position >= end:
            return rdns
        position += 1


def _shown(dn: str) -> str:
    return repr(dn) if len(dn) <= _LONGEST_SHOWN else f"{dn[:_LONGEST_SHOWN]!r}…"


def _value(dn: str, position: int) -> tuple[str, int]:
    """One value from `position`, and where it ends: at a separator or the end of the text."""
    match = _QUOTED.match(dn, position) or _STRING.match(dn, position)
    if match is None or (match.end() < len(dn) and dn[match.end()] not in ",+;"):
        raise ValueError(
            f"not a distinguished name: {_shown(dn)} has a stray quote or backslash"
            f" after position {position}"
        )
    text = match["value"] if match.re is _QUOTED else _without_last_spaces(match["value"])
    try:
        return _ESCAPED.sub(_unescape, text), match.end()
    except UnicodeDecodeError as error:
        raise ValueError(f"not a distinguished name: {_shown(dn)} is not UTF-8 text") from error


def _without_last_spaces(text: str) -> str:
    """Escaped text without the spaces at its end; an escaped one stays."""
    stripped = text.rstrip(" ")
    backslashes = len(stripped) - len(stripped.rstrip("\\"))
    return text[: len(stripped) + 1] if backslashes % 2 else stripped


def _unescape(match: re.Match[str]) -> str:
    pairs = match["pairs"]
    return bytes.fromhex(pairs.replace("\\", "")).decode() if pairs else match["char"]


def respelt(before: str, now: str) -> str:
    r"""`now`, or `before` if that is the same name in another notation.

    Examples: `\,` for `\2C`, a space after a comma.
    """
    try:
        return before if before and before != now and parse(before) == parse(now) else now
    except ValueError:
        return now


def parent(normalized: str) -> str:
    """The name above; "" above the topmost."""
    return normalized.partition(",")[2]


def is_below(normalized: str, base: str) -> bool:
    """Whether a name is the base itself or anywhere below it; both normalized."""
    return not base or normalized == base or normalized.endswith("," + base)


def rdn(dn: str) -> str:
    """The first RDN as it is written."""
    position = 0
    quoted = False
    while position < len(dn):
        char = dn[position]
        if char == "\\":
            position += 1
        elif char == '"':
            quoted = not quoted
        elif char in ",;" and not quoted:
            break
        position += 1
    return _without_last_spaces(dn[:position]).lstrip()


def join(relative: str, base: str) -> str:
    """`relative` below `base`, unless it is a whole DN that already ends in it."""
    if not relative.strip():
        return base
    # Whether that is the very base, the directory says when it is asked.
    if is_below(wide(normalize(relative), "compatibility"), wide(normalize(base), "compatibility")):
        return relative
    return f"{relative},{base}" if base else relative


def domain(dn: str) -> str:
    """The DNS name of the `dc` parts: `example.com` for `ou=x,dc=example,dc=com`; "" for none."""
    pairs = [pair for rdn in parse(dn) for pair in rdn]
    return ".".join(value for name, value in pairs if attribute_types.main(name) == "dc")


def first_value(dn: str) -> str:
    """The first value of a DN, without its type; the text itself if it is not a DN, or the root."""
    try:
        rdns = parse(dn)
    except ValueError:
        return dn
    return rdns[0][0][1] if rdns else dn
