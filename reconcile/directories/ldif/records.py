r"""LDIF content records (RFC 2849), from bytes.

Written here because the two LDIF parsers at hand are both the module `ldif`, so that installing one
breaks the other, and neither shows whether a file was cut off. A cut-off export is dangerous: it
looks as if people had left. Therefore the last line must have a line break and every entry an
objectClass.
"""

import re
import shlex
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator

from reconcile.directories.search.search import RawEntry

_DESCRIPTION = re.compile(rb"(?:[A-Za-z][A-Za-z0-9_-]*|[0-9]+(?:\.[0-9]+)*)(?:;[A-Za-z0-9-]+)*")

_RANGE = re.compile(rb"(.*);range=([0-9]+)-([0-9]+|\*)", re.IGNORECASE)
"""How Active Directory names a part of an attribute that has many values; `0-*` are all of them."""

_BOM = b"\xef\xbb\xbf"
_WIDE_MARKS = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
"""How a file begins that is marked as not UTF-8."""
_WIDE_STARTS = (
    (re.compile(rb"[^\0]\0\0\0"), "UTF-32LE"),
    (re.compile(rb"\0\0\0[^\0]"), "UTF-32BE"),
    (re.compile(rb"[^\0]\0[^\0]\0"), "UTF-16LE"),
    (re.compile(rb"\0[^\0]\0[^\0]"), "UTF-16BE"),
)
"""How an unmarked one begins: LDIF starts with ASCII."""
_OF_A_SEARCH = (b"search", b"result", b"ref")
"""How lines begin that ldapsearch writes besides the entries."""


class Broken(ValueError):
    """The file is not LDIF; says at which line."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


Line = tuple[int, list[bytes]]
"""Where a logical line starts, and its folded pieces."""


def records(
    data: bytes, name: str = "FILE", entry_size: int | None = None
) -> Iterator[tuple[int, RawEntry]]:
    """Each entry with the line it starts at. `name` is the file's, for messages. Raises Broken.

    `entry_size` is how many bytes an entry may have as it is written, folded and in base64.
    """
    _check_encoding(data, name)
    # Files that were put together have a byte order mark in the middle, too.
    data = data.removeprefix(_BOM).replace(b"\n" + _BOM, b"\n")
    if data and not data.endswith(b"\n"):
        last = data.count(b"\n") + 1
        raise Broken(
            last,
            "the last line has no line break: the file is cut off (otherwise add one)",
        )
    names: dict[bytes, str] = {}
    more_pages = 0
    results = False
    unfinished = 0
    """Where the first entry is that no result follows, in a file with results."""
    for block in _blocks(data, entry_size):
        lines = _without_version(block)
        if not lines:
            continue
        if lines[0][1][0].partition(b":")[0].lower() in _OF_A_SEARCH:
            more_pages = _check_result(lines, names)
            results, unfinished = True, 0
        else:
            unfinished = unfinished or lines[0][0]
            yield lines[0][0], _entry(lines, names)
    if results and unfinished:
        raise Broken(
            unfinished,
            "no `result:` follows this entry, as one does the entries before: the file is cut off "
            "(or write all searches with ldapsearch -LLL)",
        )
    if more_pages:
        raise Broken(
            more_pages,
            "the search has more pages, which are not in the file: `-E pr=1000/noprompt` takes all",
        )


def _check_encoding(data: bytes, name: str) -> None:
    """Raises Broken for UTF-16 and UTF-32, as `ldifde -u` and PowerShell's `>` write."""
    wide = next((code for mark, code in _WIDE_MARKS if data.startswith(mark)), "")
    wide = wide or next((code for start, code in _WIDE_STARTS if start.match(data)), "")
    if wide:
        quoted = shlex.quote(name)
        command = f"iconv -f {wide} -t UTF-8 {quoted} > {quoted}.utf8"
        raise Broken(
            1,
            f"the file is in {wide}, and LDIF is in UTF-8; `{command}` makes a file that "
            "can be read",
        )


def _blocks(data: bytes, entry_size: int | None = None) -> Iterator[list[Line]]:
    """The logical lines between two empty ones, without comments."""
    block: list[Line] = []
    comment = False
    size = 0
    for number, physical in enumerate(data.split(b"\n"), 1):
        line = physical.removesuffix(b"\r")
        size += len(line)
        if line.startswith(b" "):
            if not comment:
                _continue(block, number, line)
            continue
        comment = line.startswith(b"#")
        if comment:
            continue
        if line:
            block.append((number, [line]))
            continue
        if entry_size is not None and size > entry_size:
            raise _too_long(block[0][0] if block else number, size, entry_size)
        if block:
            yield block
        block, size = [], 0


def _continue(block: list[Line], number: int, line: bytes) -> None:
    if not block:
        raise Broken(number, "a line that continues nothing")
    block[-1][1].append(line[1:])


def _too_long(number: int, size: int, entry_size: int) -> Broken:
    return Broken(
        number,
        f"an entry of {size} bytes, more than {entry_size} (limits.entry_size): raise that limit "
        "if the entry is supposed to be this large",
    )


def _without_version(lines: list[Line]) -> list[Line]:
    """The block without its version line; joined files have one in the middle, too."""
    number, line = lines[0][0], b"".join(lines[0][1])
    if not line.lower().startswith(b"version:"):
        return lines
    if line.partition(b":")[2].strip() != b"1":
        raise Broken(number, f"only LDIF version 1 is known, not {line.decode(errors='replace')!r}")
    return lines[1:]


def _check_result(lines: list[Line], names: dict[bytes, str]) -> int:
    """Raises Broken unless ldapsearch (without -LL) says that its search found everything.

    If that applies to one page only, returns the line that says so, otherwise 0.
    """
    said: dict[str, tuple[int, str]] = {}
    for line in lines:
        name, value = _pair(line, names)
        said[name] = line[0], value.decode(errors="replace").strip()
    first = lines[0][0]
    if "ref" in said:
        raise Broken(
            said["ref"][0],
            f"a part of the tree is on another server, and not in the file: {said['ref'][1]}",
        )
    if "result" not in said:
        raise Broken(first, "there is no `result:` of the search: the file is cut off")
    if said["result"][1].partition(" ")[0] != "0":
        where, result = said["result"]
        raise Broken(where, f"the search was not answered completely: result {result}")
    where, page = said.get("pagedresults", (0, ""))
    return where if page.partition("cookie=")[2].strip() else 0


def _entry(lines: list[Line], names: dict[bytes, str]) -> RawEntry:
    number = lines[0][0]
    name, value = _pair(lines[0], names)
    if name != "dn":
        raise Broken(
            number,
            f"an entry starts with `dn:`, not with `{name}:` (ldapsearch -LLL writes nothing but "
            "entries)",
        )
    try:
        dn = value.decode()
    except UnicodeDecodeError as error:
        raise Broken(number, "the DN is not UTF-8 text") from error
    attributes: dict[str, list[bytes]] = {}
    for line in lines[1:]:
        name, value = _pair(line, names)
        if name == "changetype" and line is lines[1] and value.strip().lower() == b"add":
            continue  # ldifde writes entries so: to be added, with all they have
        if name in ("changetype", "control"):
            raise Broken(
                line[0],
                f"`{name}:` makes this a change record; only entries are read, as slapcat writes "
                "them, and `changetype: add` in the second line",
            )
        if name == "dn":
            raise Broken(line[0], "a second `dn:` in one entry: an empty line is missing before it")
        attributes.setdefault(name, []).append(value)
    if "objectclass" not in attributes and not any(
        name.startswith("objectclass;") for name in attributes
    ):
        raise Broken(
            number, f"the entry {dn} has no objectClass: the file is cut off, or not a whole export"
        )
    return RawEntry.of(dn, attributes)


def _without_range(number: int, written: bytes) -> bytes:
    """The name without a range that has all values. Raises Broken for a range with some of them."""
    ranged = _RANGE.fullmatch(written)
    if ranged is None:
        return written
    if (ranged[2], ranged[3]) == (b"0", b"*"):
        return ranged[1]
    raise Broken(
        number,
        f"`{written.decode(errors='replace')}` is a range of the values, and the others are not "
        "in the entry: the server gives no more at once. Export with a tool that asks for all "
        "ranges, or read the server itself",
    )


def _pair(line: Line, names: dict[bytes, str]) -> tuple[str, bytes]:
    """Attribute name in lower case, and value."""
    number, pieces = line
    whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    written, colon, value = whole.partition(b":")
    name = names.get(written)
    if name is None:
        described = _without_range(number, written)
        if not colon or not _DESCRIPTION.fullmatch(described):
            raise Broken(
                number, f"no `attribute: value` but {whole[:60].decode(errors='replace')!r}"
            )
        name = names[written] = described.decode().lower()
    if not colon:
        raise Broken(number, f"`{name}` without a colon")
    if value.startswith(b":"):
        try:
            return name, b64decode(value[1:].strip(b" "), validate=True)
        except NotBase64 as error:
            raise Broken(number, f"the value of `{name}` is not base64: {error}") from error
    if value.startswith(b"<"):
        raise Broken(
            number, f"the value of `{name}` is in another file (`:<`); such values are not read"
        )
    return name, value.lstrip(b" ")
