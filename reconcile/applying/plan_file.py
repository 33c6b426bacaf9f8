"""A plan as JSON Lines: a header, changes, skips, violations, notices, and a footer as proof.

The same plan is the same bytes. `schemas/plan.schema.json` describes a line for other programs.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import msgspec

from reconcile.applying.change_validity import invalid_reason
from reconcile.applying.header_validity import header_fault
from reconcile.errors import PlanFileError
from reconcile.model.change import (
    Acceptance,
    Captured,
    Change,
    Digests,
    Existing,
    Grace,
    Plan,
    Scope,
    Skip,
    Violation,
)
from reconcile.model.notice import LeftOut, Notice
from reconcile.model.platform import Reading
from reconcile.model.text.printing import quoted

FORMAT: Final = 2
"""Version of the file format: the only one that is written, and the only one that is read."""


class Header(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="header"
):
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
    captures: tuple[Captured, ...] = ()
    """Left out if there are none."""
    left_out: tuple[LeftOut, ...] = ()
    """Numbers only, and left out if there are none."""
    grace: tuple[Grace, ...] = ()
    """Left out if there are none."""
    made_by: str = ""
    """Left out if it is not known."""


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
        plan.captures,
        tuple(each.counted for each in plan.left_out),
        plan.grace,
        plan.made_by,
    )
    yield _encoder.encode(header)
    for line, (_, field) in _PLAIN.items():
        for value in getattr(plan, field):
            yield _encoder.encode(_as(line, value))


def _as(kind: type[msgspec.Struct], value: msgspec.Struct) -> msgspec.Struct:
    """The value as a struct of another type with the same fields: with a tag, or without."""
    return kind(*(getattr(value, field) for field in value.__struct_fields__))


def loads(data: bytes, name: str) -> Plan:
    """The plan of a plan file; `name` is for messages.

    Raises PlanFileError, saying what is wrong with the file.
    """
    lines = data.splitlines(keepends=True)
    if not lines:
        raise PlanFileError(f"{name}: the plan file is empty")
    header = _header(lines[0], name)
    footer = _footer(data, lines, name)
    plan = msgspec.structs.replace(_without_lists(header), **_lists(lines, header, name))
    _refuse_other_counts(plan, footer, name)
    _refuse_forged_acceptances(plan, name)
    _refuse_forged_header(plan, name)
    return plan


def _footer(data: bytes, lines: list[bytes], name: str) -> Footer:
    """The last line, which proves that nothing before it is missing or was changed."""
    last = lines[-1]
    complete = len(lines) > 1 and last.endswith(b"\n")
    footer = _decode(last, len(lines), name) if complete else None
    if not isinstance(footer, Footer):
        raise PlanFileError(
            f"{name}: the plan file is cut off: its last line is not a footer. Make a new plan"
        )
    if hashlib.sha256(data[: -len(last)]).hexdigest() != footer.sha256:
        raise PlanFileError(
            f"{name}: the plan file was changed after it was written: its SHA-256 differs."
            " Make a new plan"
        )
    return footer


def _lists(lines: list[bytes], header: Header, name: str) -> dict[str, tuple[Any, ...]]:
    """Everything between header and footer: the plan's lists, by field."""
    lists: dict[str, list[msgspec.Struct]] = defaultdict(list)
    for number, line in enumerate(lines[1:-1], start=2):
        tagged = _decode(line, number, name)
        if type(tagged) not in _PLAIN:
            what = tagged.__struct_config__.tag
            raise PlanFileError(f"{name}:{number}: a {what} is not allowed here")
        plain, field = _PLAIN[type(tagged)]
        value = _as(plain, tagged)
        if isinstance(value, Change):
            _refuse_invalid(value, header, f"{name}:{number}")
        lists[field].append(value)
    return {field: tuple(values) for field, values in lists.items()}


def _refuse_invalid(change: Change, header: Header, place: str) -> None:
    """Raises PlanFileError for a change that no plan holds."""
    why = invalid_reason(change, undo=bool(header.scope.undo))
    if why:
        raise PlanFileError(
            f"{place}: no plan contains such a change: {quoted(why)}. Make a new plan"
        )


def _without_lists(header: Header) -> Plan:
    return Plan(
        tool=header.tool,
        created=header.created,
        files=header.files,
        variables=header.variables,
        scope=header.scope,
        digests=header.digests,
        existing=header.existing,
        readings=header.readings,
        to_remember=header.to_remember,
        accepted=header.accepted,
        captures=header.captures,
        left_out=header.left_out,
        grace=header.grace,
        made_by=header.made_by,
    )


def _refuse_other_counts(plan: Plan, footer: Footer, name: str) -> None:
    """Raises PlanFileError if the footer does not count what the file holds."""
    counted = {
        "changes": (footer.changes, len(plan.changes)),
        "skips": (footer.skips, len(plan.skips)),
        "violations": (footer.violations, len(plan.violations)),
        "notices": (footer.notices, len(plan.notices)),
    }
    for what, (number, held) in counted.items():
        if number != held:
            raise PlanFileError(
                f"{name}: the plan file's footer counts {number} {what}, but there are {held}."
                " Make a new plan"
            )


def _refuse_forged_acceptances(plan: Plan, name: str) -> None:
    """Raises PlanFileError for an acceptance of a violation that the plan does not contain.

    The history keeps what was accepted by guard, workspace and source, so these have to be those of
    the violation.
    """
    acceptable = {
        (violation.code, violation.guard, violation.workspace, violation.source)
        for violation in plan.violations
        if violation.acceptable
    }
    for accepted in plan.accepted:
        of = (accepted.code, accepted.guard, accepted.workspace, accepted.source)
        if of not in acceptable:
            what = f"it accepts {quoted(accepted.code)}, which is not a violation of this plan"
            raise PlanFileError(f"{name}: {what}. Make a new plan")


def _refuse_forged_header(plan: Plan, name: str) -> None:
    """Raises PlanFileError for a name, time or count that no plan has in its header."""
    scope = plan.scope
    names = (
        plan.tool,
        plan.made_by,
        *plan.variables,
        *scope.workspaces,
        *scope.sources,
        *scope.targets,
        scope.undo,
        *plan.to_remember,
        *(accepted.by for accepted in plan.accepted),
        *(reading.source for reading in plan.readings),
        *(capture.source for capture in plan.captures),
        *(name for each in plan.left_out for name in (each.workspace, each.source)),
    )
    times = (
        plan.created,
        *(accepted.at for accepted in plan.accepted),
        *(capture.created for capture in plan.captures),
    )
    wrong = header_fault(names, times, plan.readings)
    if any(each.people for each in plan.left_out):
        wrong = "the people who are left out"
    if wrong:
        raise PlanFileError(f"{name}:1: no plan header contains this: {wrong}. Make a new plan")


_PLAIN: dict[type, tuple[type[msgspec.Struct], str]] = {
    ChangeLine: (Change, "changes"),
    SkipLine: (Skip, "skips"),
    ViolationLine: (Violation, "violations"),
    NoticeLine: (Notice, "notices"),
}
"""Type of a line → what it is in a plan, and in which field."""


def _header(line: bytes, name: str) -> Header:
    """The version is looked at first, so that a file of another one is not called damaged."""
    try:
        raw = _format_decoder.decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise PlanFileError(
            f"{name}:1: not a plan file, or one whose first line is damaged: {quoted(str(error))}"
        ) from error
    if raw.get("type") != "header":
        raise PlanFileError(f"{name}:1: not a plan file: its first line is not a header")
    if raw.get("format") != FORMAT:
        written, tool = (quoted(repr(raw.get(key))) for key in ("format", "tool"))
        raise PlanFileError(
            f"{name}: the plan file has format {written}, written by reconcile {tool};"
            f" this version reads format {FORMAT} only. Make a new plan"
        )
    header = _decode(line, 1, name)
    assert isinstance(header, Header)  # noqa: S101 - its tag was looked at above
    return header


def _decode(line: bytes, number: int, name: str) -> Line:
    """A line of the file. Raises PlanFileError for one that is none."""
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise PlanFileError(
            f"{name}:{number}: the plan file is damaged: {quoted(str(error))}. Make a new plan"
        ) from error
