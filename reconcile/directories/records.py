r"""LDIF content records (RFC 2849), from bytes.

Written here because the two LDIF parsers at hand are both the module `ldif`, so that installing one breaks the other,
and neither tells a file that was cut off from a whole one. A cut-off export is the dangerous kind of broken: it looks
like people who left. Therefore the last line must be ended and every entry must have an objectClass.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator

from reconcile.directories.searching import RawEntry

_DESCRIPTION = re.compile(rb"(?:[A-Za-z][A-Za-z0-9_-]*|[0-9]+(?:\.[0-9]+)*)(?:;[A-Za-z0-9-]+)*")

_CHANGES = frozenset({"changetype", "control"})


class Broken(ValueError):
    """The file is not LDIF; says at which line."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


Line = tuple[int, list[bytes]]
"""Where a logical line starts, and the pieces it is folded into."""


def records(data: bytes) -> Iterator[tuple[int, RawEntry]]:
    """Each entry with the line it starts at. Raises Broken."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data and not data.endswith(b"\n"):
        last = data.count(b"\n") + 1
        raise Broken(last, "the last line is not ended: the file is cut off (or end the line with a line break)")
    names: dict[bytes, str] = {}
    for count, lines in enumerate(_blocks(data)):
        if count == 0:
            lines = _without_version(lines)  # noqa: PLW2901 - the rest of the block is what the loop is about
        if lines:
            yield lines[0][0], _entry(lines, names)


def _blocks(data: bytes) -> Iterator[list[Line]]:
    """The logical lines between two empty ones, without comments."""
    block: list[Line] = []
    comment = False
    for number, physical in enumerate(data.split(b"\n"), 1):
        line = physical.removesuffix(b"\r")
        if line.startswith(b" "):
            if not comment and not block:
                raise Broken(number, "a line that continues nothing")
            if not comment:
                block[-1][1].append(line[1:])
            continue
        comment = line.startswith(b"#")
        if comment:
            continue
        if line:
            block.append((number, [line]))
        elif block:
            yield block
            block = []


def _without_version(lines: list[Line]) -> list[Line]:
    number, line = lines[0][0], b"".join(lines[0][1])
    if not line.lower().startswith(b"version:"):
        return lines
    if line.partition(b":")[2].strip() != b"1":
        raise Broken(number, f"only LDIF version 1 is known, not {line.decode(errors='replace')!r}")
    return lines[1:]


def _entry(lines: list[Line], names: dict[bytes, str]) -> RawEntry:
    number = lines[0][0]
    name, value = _pair(lines[0], names)
    if name != "dn":
        raise Broken(
            number, f"an entry starts with `dn:`, not with `{name}:` (ldapsearch -LLL writes nothing but entries)"
        )
    try:
        dn = value.decode()
    except UnicodeDecodeError as error:
        raise Broken(number, "the DN is not UTF-8 text") from error
    attributes: dict[str, list[bytes]] = {}
    for line in lines[1:]:
        name, value = _pair(line, names)
        if name in _CHANGES:
            raise Broken(
                line[0], f"`{name}:` makes this a change record; only entries are read, as slapcat writes them"
            )
        if name == "dn":
            raise Broken(line[0], "a second `dn:` in one entry: an empty line is missing before it")
        attributes.setdefault(name, []).append(value)
    if "objectclass" not in attributes:
        raise Broken(number, f"the entry {dn} has no objectClass: the file is cut off, or not a whole export")
    return RawEntry.of(dn, attributes)


def _pair(line: Line, names: dict[bytes, str]) -> tuple[str, bytes]:
    """Attribute name in lower case, and value."""
    number, pieces = line
    whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    written, colon, value = whole.partition(b":")
    name = names.get(written)
    if name is None:
        if not colon or not _DESCRIPTION.fullmatch(written):
            raise Broken(number, f"no `attribute: value` but {whole[:60].decode(errors='replace')!r}")
        name = names[written] = written.decode().lower()
    if not colon:
        raise Broken(number, f"`{name}` without a colon")
    if value.startswith(b":"):
        try:
            return name, b64decode(value[1:].strip(b" "), validate=True)
        except NotBase64 as error:
            raise Broken(number, f"the value of `{name}` is not base64: {error}") from error
    if value.startswith(b"<"):
        raise Broken(number, f"the value of `{name}` is in another file (`:<`); such values are not read")
    return name, value.lstrip(b" ")
