r"""Distinguished names that compare as RFC 4514 and RFC 4518 say.

`normalize` turns any spelling into one: types in lower case, values case-folded with insignificant spaces dropped,
multi-valued RDNs in order, escapes resolved and only the needed ones written back, as hexadecimal pairs. In a
normalized name every comma separates two RDNs, so the functions below it work on text. A name that is no DN at all
raises ValueError.
"""

import re
import unicodedata

_PART = r"[!$%&'()*\-./0-9:?@A-Z\[\]^_`a-z{|}~]++"  # printable ASCII without what an escape could stand for
# Almost every name of a real directory: nothing in it can be spelt in another way but by case. Possessive, as there is
# one way only to read such a name, and every one that is read comes by here.
_PLAIN = re.compile(rf"(?:[A-Za-z]++={_PART}(?: {_PART})*+(?:,(?!\Z)|\Z))++")
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|(?:[oO][iI][dD]\.)?[0-9]+(?:\.[0-9]+)*")
_ESCAPE = r"\\(?:[0-9A-Fa-f]{2}|[^0-9A-Za-z])"
_STRING = re.compile(rf' *(?P<value>(?:[^\\",+;\0]|{_ESCAPE})*)')
_QUOTED = re.compile(rf' *"(?P<value>(?:[^\\"]|{_ESCAPE})*)" *')
_LAST_SPACES = re.compile(r"(?<!\\) +\Z")
_ESCAPED = re.compile(r"(?P<pairs>(?:\\[0-9A-Fa-f]{2})+)|\\(?P<char>.)", re.DOTALL)
_ESCAPE_NEEDED = re.compile(r'[\\",+;<>#=\0]')
_OIDS = {
    "2.5.4.3": "cn",
    "2.5.4.7": "l",
    "2.5.4.8": "st",
    "2.5.4.10": "o",
    "2.5.4.11": "ou",
    "2.5.4.6": "c",
    "2.5.4.9": "street",
    "0.9.2342.19200300.100.1.25": "dc",
    "0.9.2342.19200300.100.1.1": "uid",
}


def normalize(dn: str) -> str:
    """The one spelling of a DN; "" for the root. Raises ValueError for text that is no DN."""
    if _PLAIN.fullmatch(dn):
        return dn.lower()
    return ",".join("+".join(sorted(_normal(*pair) for pair in rdn)) for rdn in parse(dn))


def key(text: str) -> str:
    """The normalized DN, or "" for text that is none: what somebody else wrote need not be a DN."""
    try:
        return normalize(text)
    except ValueError:
        return ""


def _normal(name: str, value: str) -> str:
    name = name.lower().removeprefix("oid.")
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    folded = " ".join(folded.split())
    return f"{_OIDS.get(name, name)}={_ESCAPE_NEEDED.sub(_hex, folded)}"


def _hex(match: re.Match[str]) -> str:
    return f"\\{ord(match.group()):02x}"


def parse(dn: str) -> list[list[tuple[str, str]]]:
    """RDNs in written order, each a list of (type, unescaped value). Raises ValueError for text that is no DN."""
    rdns: list[list[tuple[str, str]]] = []
    position, end = 0, len(dn)
    if not dn.strip():
        return rdns
    current: list[tuple[str, str]] = []
    while True:
        equals = dn.find("=", position)
        name = dn[position:equals].strip() if equals >= 0 else ""
        if not _TYPE.fullmatch(name):
            raise ValueError(f"not a distinguished name: {dn!r} has no attribute type at position {position}")
        value, position = _value(dn, equals + 1)
        current.append((name, value))
        if position >= end or dn[position] != "+":
            rdns.append(current)
            current = []
        if position >= end:
            return rdns
        position += 1


def _value(dn: str, position: int) -> tuple[str, int]:
    """One value from `position`, and where it ends: at a separator or the end of the text."""
    match = _QUOTED.match(dn, position) or _STRING.match(dn, position)
    if match is None or (match.end() < len(dn) and dn[match.end()] not in ",+;"):
        raise ValueError(f"not a distinguished name: {dn!r} has a stray quote or backslash after position {position}")
    text = match["value"] if match.re is _QUOTED else _LAST_SPACES.sub("", match["value"])
    try:
        return _ESCAPED.sub(_unescape, text), match.end()
    except UnicodeDecodeError as error:
        raise ValueError(f"not a distinguished name: {dn!r} is not UTF-8 text") from error


def _unescape(match: re.Match[str]) -> str:
    pairs = match["pairs"]
    return bytes.fromhex(pairs.replace("\\", "")).decode() if pairs else match["char"]


def respelt(before: str, now: str) -> str:
    r"""`now`, or `before` if that is the very same name in another notation: `\,` for `\2C`, a space after a comma."""
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
    return _LAST_SPACES.sub("", dn[:position]).lstrip()


def join(relative: str, base: str) -> str:
    """`relative` below `base`, unless it is a whole DN that already ends in it."""
    if not relative.strip():
        return base
    if is_below(normalize(relative), normalize(base)):
        return relative
    return f"{relative},{base}" if base else relative


def domain(dn: str) -> str:
    """The DNS name of a DN's `dc` parts: `ou=x,dc=example,dc=com` is `example.com`; "" without any."""
    return ".".join(value for rdn in parse(dn) for name, value in rdn if name.lower() == "dc")
