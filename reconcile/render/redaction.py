"""A plan for readers who may not see people: kinds, actions, fields and numbers, and no names.

Nothing of what came from a directory or from the platform is left. The same object has the same
number throughout a plan, so that a reader can still see what belongs together:

    user jdoe, in Sales              →  user 1, in department 2
    membership jdoe/field-team       →  membership 1/3
    violation protected_group:main/corp/field-team:1  →  protected_group:main/corp/3:1

What comes from the desired-state files stays: names of files, workspaces, sources, of fields and
of extended attributes.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from reconcile.model import kinds
from reconcile.model.change import Change, Fields, Plan, Scope, Skip, Violation
from reconcile.model.notice import Notice
from reconcile.model.report import Report

HIDDEN: Final = "redacted"
"""In place of a value."""

_FIELDS: Final[Mapping[str, Mapping[str, kinds.Field]]] = {
    kind: {field.name: field for field in fields} for kind, fields in kinds.KINDS.items()
}
_NAMED: Final[Mapping[tuple[str, str], str]] = {
    **{
        (kind, field.name): str(field.refers_to or kind)
        for kind, fields in kinds.KINDS.items()
        for field in fields
        if field.refers_to or (kind, field.name) in {("user", "username"), ("group", "name")}
    },
    ("grant", "role"): "role",
}
"""Kind and field → what the value is a name of."""


def redacted(plan: Plan) -> Plan:
    """The plan without names, addresses and values."""
    return _plan(plan, _Numbers())


def redacted_report(plan: Plan, report: Report) -> tuple[Plan, Report]:
    """A plan and what became of it; an object has the same number in both.

    Of a change that failed it stays that it did, and of an approval the fingerprint of the key.
    """
    numbers = _Numbers()
    hidden = _plan(plan, numbers)
    outcomes = tuple(
        msgspec.structs.replace(
            outcome,
            change=_change(outcome.change, numbers),
            detail=HIDDEN if outcome.detail else "",
        )
        for outcome in report.outcomes
    )
    troubles = tuple(msgspec.structs.replace(each, detail=HIDDEN) for each in report.troubles)
    signatures = tuple(
        msgspec.structs.replace(each, principal=HIDDEN) for each in report.signatures
    )
    return hidden, msgspec.structs.replace(
        report, outcomes=outcomes, troubles=troubles, signatures=signatures
    )


def _plan(plan: Plan, numbers: "_Numbers") -> Plan:
    """The plan with a number for each name."""
    changes = tuple(_change(change, numbers) for change in plan.changes)
    violations = tuple(_violation(each, numbers) for each in plan.violations)
    codes = {old.code: new.code for old, new in zip(plan.violations, violations, strict=True)}
    accepted = tuple(
        msgspec.structs.replace(each, code=codes[each.code], by=HIDDEN)
        for each in plan.accepted
        if each.code in codes
    )
    return msgspec.structs.replace(
        plan,
        scope=_scope(plan.scope, numbers),
        changes=changes,
        skips=tuple(_skip(skip, numbers) for skip in plan.skips),
        violations=violations,
        accepted=accepted,
        made_by="",
        notices=tuple(map(_notice, plan.notices)),
        left_out=tuple(each.counted for each in plan.left_out),
    )


class _Numbers:
    """The number of each name, counted from 1 for each kind of object."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, str]] = {}

    def of(self, kind: str, name: str) -> str:
        """The number as text; "" for no name."""
        numbers = self._numbers.setdefault(kind, {})
        return numbers.setdefault(name, str(len(numbers) + 1)) if name else ""


def _change(change: Change, numbers: _Numbers) -> Change:
    """Kind, action, source and fields stay."""
    return msgspec.structs.replace(
        change,
        key=_key(change, numbers),
        before=_fields(change, change.before, numbers),
        after=_fields(change, change.after, numbers),
        reason="",
    )


def _key(change: Change, numbers: _Numbers) -> str:
    """The number of an object, or those of the two that a pair ties together."""
    if change.kind == "source":
        return change.key
    if change.kind not in kinds.PAIRS:
        return numbers.of(change.kind, change.key)
    fields = change.before or change.after or {}
    names = ((name, str(fields.get(name) or "")) for name in kinds.NAMES[change.kind])
    return "/".join(numbers.of(_NAMED[change.kind, field], name) for field, name in names)


def _fields(change: Change, fields: Fields | None, numbers: _Numbers) -> Fields | None:
    """The same fields; numbers for references, and what is empty stays empty."""
    if fields is None:
        return None
    hidden: Fields = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            hidden[name] = _mapping(change, name, value, numbers)
        else:
            hidden[name] = _value(change, name, value, numbers)
    return hidden


def _value(change: Change, name: str, value: str | None, numbers: _Numbers) -> str | None:
    """A value of a field. One of a few words, such as a status, says nothing about a person."""
    field = _FIELDS[change.kind].get(name)
    if not value or (field is not None and value in field.choices):
        return value
    kind = _NAMED.get((change.kind, name))
    # A source is declared in the files.
    if kind == "source" and change.kind != "source":
        return value
    return numbers.of(kind, value) if kind else HIDDEN


def _mapping(
    change: Change, name: str, values: Mapping[str, str | None], numbers: _Numbers
) -> dict[str, str | None]:
    """A field that is an object: of groups by name, or of attributes, which the files name."""
    kind = _NAMED.get((change.kind, name))
    return {
        numbers.of(kind, key) if kind else key: HIDDEN if value else value
        for key, value in values.items()
    }


def _skip(skip: Skip, numbers: _Numbers) -> Skip:
    """Code, kind and source stay, and whether the person has a user."""
    return msgspec.structs.replace(
        skip,
        dn="",
        username=numbers.of("user", skip.username),
        detail=HIDDEN,
        subject=numbers.of(skip.kind, skip.subject),
    )


def _violation(violation: Violation, numbers: _Numbers) -> Violation:
    """Guard, place and number stay."""
    subject = numbers.of("subject", violation.subject)
    return msgspec.structs.replace(violation, subject=subject, detail=HIDDEN)


def _notice(notice: Notice) -> Notice:
    """Code and place stay."""
    return msgspec.structs.replace(notice, text=HIDDEN, pattern="", nearest=())


def _scope(scope: Scope, numbers: _Numbers) -> Scope:
    """What the command line narrowed the plan to, `user:jdoe` as `user:1`."""
    targets = []
    for target in scope.targets:
        kind, _, name = target.partition(":")
        targets.append(f"{kind}:{numbers.of(kind, name)}")
    return msgspec.structs.replace(scope, targets=tuple(targets))
