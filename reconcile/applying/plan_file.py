"""A plan as JSON Lines: a header, changes, skips, violations, notices, a footer that proves all.

The same plan is the same bytes. `schemas/plan.schema.json` describes a line for other programs.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import TypeAlias

import msgspec

from reconcile.applying.change_validity import fault, header_fault
from reconcile.errors import PlanFileError
from reconcile.model.change import (
    Acceptance,
    Change,
    Digests,
    Existing,
    Plan,
    Scope,
    Skip,
    Violation,
)
from reconcile.model.notice import Notice
from reconcile.model.platform import Reading
from reconcile.model.text.printing import quoted

FORMAT = 2
"""Version of the file format that is written."""

_READ = (1, 2)
"""The versions that are read. 1 has no notices, and its skips have no `exists`."""


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="header"):
    """The first line: the plan without its lists."""

    format: int
    tool: str
    created: str
    files: tuple[str, ...]
    variables: tuple[str, ...]
    scope: Scope
    digests: Digests
    existing: tuple[Existing, ...]
    readings: tuple[Reading, ...]
    to_remember: tuple[str, ...]
    accepted: tuple[Acceptance, ...]


class ChangeLine(Change, frozen=True, gc=False, forbid_unknown_fields=True, tag="change"):
    """A change."""


class SkipLine(Skip, frozen=True, forbid_unknown_fields=True, tag="skip"):
    """A skip."""


class ViolationLine(Violation, frozen=True, forbid_unknown_fields=True, tag="violation"):
    """A violation."""


class NoticeLine(Notice, frozen=True, forbid_unknown_fields=True, tag="notice"):
    """A notice."""


class Footer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="footer"):
    """The last line: how many there are, and the SHA-256 of all bytes before this line."""

    changes: int
    skips: int
    violations: int
    sha256: str
    notices: int = 0


Line: TypeAlias = Header | ChangeLine | SkipLine | ViolationLine | NoticeLine | Footer

_encoder = msgspec.json.Encoder()
_format_decoder = msgspec.json.Decoder(dict[str, object])
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def dumps(plan: Plan) -> bytes:
    """The plan file of a plan."""
    body = b"".join(line + b"\n" for line in _lines(plan))
    proof = hashlib.sha256(body).hexdigest()
    changes, skips, violations = map(len, (plan.changes, plan.skips, plan.violations))
    footer = Footer(changes, skips, violations, proof, len(plan.notices))
    return body + _encoder.encode(footer) + b"\n"


def _lines(plan: Plan) -> Iterator[bytes]:
    header = Header(
        FORMAT,
        plan.tool,
        plan.created,
        plan.files,
        plan.variables,
        plan.scope,
        plan.digests,
        plan.existing,
        plan.readings,
        plan.to_remember,
        plan.accepted,
    )
    yield _encoder.encode(header)
    for change in plan.changes:
        yield _encoder.encode(_tagged(change, ChangeLine))
    for skip in plan.skips:
        yield _encoder.encode(_tagged(skip, SkipLine))
    for violation in plan.violations:
        yield _encoder.encode(_tagged(violation, ViolationLine))
    for notice in plan.notices:
        yield _encoder.encode(_tagged(notice, NoticeLine))


def _tagged(value: msgspec.Struct, line: type[msgspec.Struct]) -> msgspec.Struct:
    return line(*(getattr(value, field) for field in value.__struct_fields__))


def loads(data: bytes, name: str, *, strict: bool = False) -> Plan:
    """The plan of a plan file; `name` is for messages.

    Raises PlanFileError, saying what is wrong with the file. `strict` also refuses a format without
    the fields that `Plan.not_clean` reads.
    """
    lines = data.splitlines(keepends=True)
    if not lines:
        raise PlanFileError(f"{name}: the plan file is empty")
    header = _header(lines[0], name)
    if strict and header.format == 1:
        lacks = "which does not hold what --strict asks about"
        raise PlanFileError(f"{name}: the plan file has format 1, {lacks}. Make a new plan")
    footer = (
        _decode(lines[-1], len(lines), name)
        if len(lines) > 1 and lines[-1].endswith(b"\n")
        else None
    )
    if not isinstance(footer, Footer):
        raise PlanFileError(
            f"{name}: the plan file is cut off: its last line is not a footer. Make a new plan"
        )
    if hashlib.sha256(data[: -len(lines[-1])]).hexdigest() != footer.sha256:
        raise PlanFileError(
            f"{name}: the plan file was changed after it was written: its SHA-256 differs. Make a new plan"
        )
    parts: dict[type, list[msgspec.Struct]] = {Change: [], Skip: [], Violation: [], Notice: []}
    for number, line in enumerate(lines[1:-1], start=2):
        value = _decode(line, number, name)
        kind = _PLAIN.get(type(value))
        if kind is None:
            raise PlanFileError(
                f"{name}:{number}: a {value.__struct_config__.tag} has no place here"
            )
        plain = kind(*(getattr(value, field) for field in value.__struct_fields__))
        wrong = fault(plain, undo=bool(header.scope.undo)) if isinstance(plain, Change) else ""
        if wrong:
            raise PlanFileError(
                f"{name}:{number}: no plan holds such a change: {quoted(wrong)}. Make a new plan"
            )
        parts[kind].append(plain)
    counts = tuple(map(len, parts.values()))
    if counts != (footer.changes, footer.skips, footer.violations, footer.notices):
        raise PlanFileError(
            f"{name}: the plan file's footer counts {footer.changes} changes, there are {counts[0]}"
        )
    _refuse_forged(header, parts[Violation], name)
    return Plan(
        header.tool,
        header.created,
        header.files,
        header.variables,
        header.scope,
        header.digests,
        tuple(parts[Change]),  # type: ignore[arg-type] # filled by type above
        tuple(parts[Skip]),  # type: ignore[arg-type] # filled by type above
        tuple(parts[Violation]),  # type: ignore[arg-type] # filled by type above
        header.existing,
        header.readings,
        header.to_remember,
        header.accepted,
        tuple(parts[Notice]),  # type: ignore[arg-type] # filled by type above
    )


def _refuse_forged(header: Header, violations: Iterable[msgspec.Struct], name: str) -> None:
    """Raises PlanFileError for an acceptance of what the plan does not hold, and for a header that no plan has."""
    acceptable = {one.code for one in violations if isinstance(one, Violation) and one.acceptable}
    for one in header.accepted:
        if one.code not in acceptable:
            what = f"it accepts {quoted(one.code)}, which is no violation of the plan"
            raise PlanFileError(f"{name}: {what}. Make a new plan")
    scope = header.scope
    names = (
        header.tool,
        *header.variables,
        *scope.workspaces,
        *scope.sources,
        *scope.targets,
        scope.undo,
    )
    others = (
        *header.to_remember,
        *(one.by for one in header.accepted),
        *(one.source for one in header.readings),
    )
    times = (header.created, *(one.at for one in header.accepted))
    if wrong := header_fault((*names, *others), times, header.readings):
        raise PlanFileError(
            f"{name}:1: no plan says such a thing of itself: {wrong}. Make a new plan"
        )


_PLAIN: dict[type, type[msgspec.Struct]] = {
    ChangeLine: Change,
    SkipLine: Skip,
    ViolationLine: Violation,
    NoticeLine: Notice,
}


def _header(line: bytes, name: str) -> Header:
    """The version is looked at first, so that a newer file is called newer and not damaged."""
    try:
        raw = _format_decoder.decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise PlanFileError(
            f"{name}:1: not a plan file, or one whose first line is damaged: {quoted(str(error))}"
        ) from error
    if raw.get("type") != "header":
        raise PlanFileError(f"{name}:1: not a plan file: its first line is no header")
    if raw.get("format") not in _READ:
        read = " and ".join(map(str, _READ))
        written, tool = (quoted(repr(raw.get(key))) for key in ("format", "tool"))
        raise PlanFileError(
            f"{name}: the plan file has format {written}, this version reads {read}."
            f" It was written by reconcile {tool}: apply it with that version, or make a new plan"
        )
    header = _decode(line, 1, name)
    assert isinstance(header, Header)  # noqa: S101 - its tag was looked at above
    return header


def _decode(line: bytes, number: int, name: str) -> Line:
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise PlanFileError(
            f"{name}:{number}: the plan file is damaged: {quoted(str(error))}. Make a new plan"
        ) from error
