"""A capture as gzip of JSON Lines: a header, persons, groups, OUs, and a footer as proof.

The same capture is the same bytes. Reading is bounded by the limits of the source, as reading the
directory is.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import msgspec

from reconcile.errors import CaptureError
from reconcile.model.desired import ReadLimits
from reconcile.model.directory import (
    DirectoryGroup,
    DirectorySnapshot,
    OrganizationalUnit,
    Person,
    Query,
)
from reconcile.model.text import dn
from reconcile.model.text.dn import Folding
from reconcile.model.text.printing import quoted

FORMAT: Final = 1
"""Version of the file format: the only one that is written, and the only one that is read."""
MAGIC: Final = b"\x1f\x8b"
"""The first bytes of every capture."""
_GZIP: Final = 31
_BLOCK: Final = 1024 * 1024
_AGAIN: Final = "Capture again"


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="capture"):
    """The first line: what was captured, and how."""

    format: int
    tool: str
    created: str
    """RFC 3339, UTC."""
    source: str
    servers: tuple[str, ...]
    """URLs of the servers, or names of LDIF files, as the source has them."""
    settings: dict[str, Any]
    """The settings of the source that decide what is read: path → value."""
    query: Query
    redacted: bool
    base_dn: str
    folding: Folding
    lookalikes: tuple[str, ...]
    asked: tuple[str, ...]
    """The ids and DNs of users that were looked up without any filter; `strays` exist."""
    strays: tuple[str, ...]


class Capture(msgspec.Struct, frozen=True):
    """What was read of a source."""

    about: About
    persons: tuple[Person, ...] = ()
    groups: tuple[DirectoryGroup, ...] = ()
    units: tuple[OrganizationalUnit, ...] = ()

    def snapshot(self) -> DirectorySnapshot:
        """As the directory was read, without strays."""
        return DirectorySnapshot(
            self.about.source,
            self.about.base_dn,
            self.persons,
            self.groups,
            self.units,
            folding=self.about.folding,
            lookalikes=frozenset(self.about.lookalikes),
        )


class _PersonLine(Person, frozen=True, gc=False, forbid_unknown_fields=True, tag="person"):
    """A person."""


class _GroupLine(DirectoryGroup, frozen=True, gc=False, forbid_unknown_fields=True, tag="group"):
    """A group."""


class _UnitLine(OrganizationalUnit, frozen=True, gc=False, forbid_unknown_fields=True, tag="unit"):
    """An OU."""


class _Footer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="footer"):
    """The last line: how many there are, and the SHA-256 of all lines before this one."""

    persons: int
    groups: int
    units: int
    sha256: str


_Line: TypeAlias = About | _PersonLine | _GroupLine | _UnitLine | _Footer

_PARTS: Final[dict[type, tuple[type[msgspec.Struct], str]]] = {
    _PersonLine: (Person, "persons"),
    _GroupLine: (DirectoryGroup, "groups"),
    _UnitLine: (OrganizationalUnit, "units"),
}
"""Type of a line → what it is in a capture, and in which field."""
_encoder = msgspec.json.Encoder(order="deterministic")
_format_decoder = msgspec.json.Decoder(dict[str, object])
_decoder: msgspec.json.Decoder[_Line] = msgspec.json.Decoder(_Line)


def dumps(capture: Capture) -> bytes:
    """The file of a capture."""
    lines = [_encoder.encode(capture.about)]
    for line, (_, field) in _PARTS.items():
        lines += (_encoder.encode(_as(line, value)) for value in getattr(capture, field))
    body = b"".join(line + b"\n" for line in lines)
    persons, groups, units = map(len, (capture.persons, capture.groups, capture.units))
    footer = _Footer(persons, groups, units, hashlib.sha256(body).hexdigest())
    return gzip.compress(body + _encoder.encode(footer) + b"\n", mtime=0)


def source_of(data: bytes, name: str) -> str:
    """The name of the source that was captured. Raises CaptureError."""
    return _about(next(_lines(data, name, ReadLimits()), b""), name).source


def loads(data: bytes, name: str, limits: ReadLimits) -> Capture:
    """The capture in a file; `name` is for messages.

    Raises CaptureError, saying what is wrong with the file.
    """
    lines = _lines(data, name, limits)
    first = next(lines, b"")
    about = _about(first, name)
    proof = hashlib.sha256(first)
    parts: dict[str, list[Any]] = {"persons": [], "groups": [], "units": []}
    for number, line in enumerate(lines, start=2):
        value = _decode(line, number, name)
        if isinstance(value, _Footer):
            if next(lines, None) is not None:
                raise CaptureError(f"{name}: there is something after its footer. {_AGAIN}")
            _refuse_other(value, parts, proof.hexdigest(), name)
            return Capture(about, **{part: tuple(held) for part, held in parts.items()})
        if type(value) not in _PARTS:
            raise CaptureError(f"{name}:{number}: a second header is not allowed here. {_AGAIN}")
        if number > limits.entries + 1:
            what = f"more than {limits.entries} entries (limits.entries of the source)"
            raise CaptureError(f"{name}: there are {what}")
        plain, field = _PARTS[type(value)]
        parts[field].append(_as(plain, value))
        proof.update(line)
    raise CaptureError(f"{name}: the capture is cut off: its last line is not a footer. {_AGAIN}")


def _as(kind: type[msgspec.Struct], value: msgspec.Struct) -> msgspec.Struct:
    """The value as a struct of another type with the same fields: with a tag, or without."""
    return kind(*(getattr(value, field) for field in value.__struct_fields__))


def _lines(data: bytes, name: str, limits: ReadLimits) -> Iterator[bytes]:
    """The lines of a file, each with its newline, unpacked piece by piece."""
    unpacking = zlib.decompressobj(_GZIP)
    rest, total, packed = b"", 0, data
    while not unpacking.eof:
        try:
            piece = unpacking.decompress(packed, _BLOCK)
        except zlib.error as error:
            raise CaptureError(
                f"{name}: not a capture, or a damaged one: {quoted(str(error))}. {_AGAIN}"
            ) from error
        packed, total = unpacking.unconsumed_tail, total + len(piece)
        if not piece and not packed and not unpacking.eof:
            raise CaptureError(f"{name}: the capture is cut off. {_AGAIN}")
        if total > limits.total_size:
            what = f"larger than {limits.total_size} bytes (limits.total_size of the source)"
            raise CaptureError(f"{name}: unpacked, it is {what}")
        whole = (rest + piece).splitlines(keepends=True) if b"\n" in piece else [rest + piece]
        rest = b"" if whole[-1].endswith(b"\n") else whole.pop()
        if len(rest) > limits.entry_size:
            what = f"larger than {limits.entry_size} bytes (limits.entry_size of the source)"
            raise CaptureError(f"{name}: an entry is {what}")
        yield from whole
    if unpacking.unused_data:
        raise CaptureError(f"{name}: there is something after its end. {_AGAIN}")
    if rest:
        raise CaptureError(f"{name}: the capture is cut off: its last line has no end. {_AGAIN}")


def _about(line: bytes, name: str) -> About:
    """The header. The version is looked at first: a file of another one is not damaged."""
    try:
        raw = _format_decoder.decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise CaptureError(f"{name}: not a capture: {quoted(str(error))}") from error
    if raw.get("type") != "capture":
        raise CaptureError(f"{name}: not a capture: its first line is not a header of one")
    if raw.get("format") != FORMAT:
        written, tool = (quoted(repr(raw.get(key))) for key in ("format", "tool"))
        raise CaptureError(
            f"{name}: the capture has format {written}, written by reconcile {tool};"
            f" this version reads format {FORMAT} only. {_AGAIN}"
        )
    about = _decode(line, 1, name)
    assert isinstance(about, About)  # noqa: S101 - its tag was looked at above
    return about


def _decode(line: bytes, number: int, name: str) -> _Line:
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise CaptureError(
            f"{name}:{number}: the capture is damaged: {quoted(str(error))}. {_AGAIN}"
        ) from error


def _refuse_other(footer: _Footer, parts: dict[str, list[Any]], proof: str, name: str) -> None:
    """Raises CaptureError unless the footer proves what was read, in the order of a directory."""
    counts = {part: getattr(footer, part) for part in parts}
    if footer.sha256 != proof or counts != {part: len(held) for part, held in parts.items()}:
        raise CaptureError(
            f"{name}: the capture was changed after it was written: its SHA-256 differs. {_AGAIN}"
        )
    for held in parts.values():
        before = ""
        for entry in held:
            key = dn.key(entry.dn)
            if key <= before:
                what = f"{quoted(entry.dn)} is twice, or out of order"
                raise CaptureError(f"{name}: no capture contains this: {what}. {_AGAIN}")
            before = key
