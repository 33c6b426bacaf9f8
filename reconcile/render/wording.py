"""The words and counts that every form of output shares."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from reconcile.model import kinds
from reconcile.model.change import LOSSES, Change, Fields, Plan, Skip, Violation, unnests
from reconcile.model.notice import LeftOut, LeftOutCode
from reconcile.model.report import RESULTS, Outcome, Report, Result, Trouble
from reconcile.model.text import printing
from reconcile.render.layout import and_more, numbered, prefixed
from reconcile.render.status_words import FIELDS as STATUS_FIELDS
from reconcile.render.status_words import UNDATED, StatusWords

printable, escaped = printing.printable, printing.escaped

_FILES = 5
"""How many desired-state files are named."""
_NAME = 200
"""How many characters of the name of a file are shown."""
_DIGEST = 12
"""How many characters of a digest are shown."""


LONGEST_VALUE = 500
"""How many characters of a name or a value are shown; JSON and CSV have all."""


REDACTED = "Names, addresses and values are left out (--redact)."
"""What a plan says of itself if it is shown to others."""


class _InWorkspace(Protocol):
    """A run, a change or a skip."""

    @property
    def workspace(self) -> str: ...


def has_several_workspaces(items: Iterable[_InWorkspace]) -> bool:
    """Whether the items are of more than one workspace, so that each has to name its own."""
    return len({item.workspace for item in items}) > 1


def shown(text: str) -> str:
    """A sentence with names of others in it, on one line that is not too long."""
    return printing.quoted(text, printing.LONGEST_SENTENCE)


def sign(change: Change) -> str:
    """`+`, `~` or `-`, as Terraform has them."""
    if change.action in LOSSES or unnests(change):
        return "-"
    return "+" if change.action in ("create", "adopt") else "~"


def title(change: Change) -> str:
    """What is changed, and how if the sign does not say it: `user jdoe`, `user jdoe: block`."""
    name = f"{change.kind} {printing.quoted(change.key, LONGEST_VALUE)}"
    sign_says_it = change.action in ("create", "update", "delete")
    return name if sign_says_it else f"{name}: {change.action}"


def shows_fields(change: Change) -> bool:
    """Whether the fields say more than the title, as they do unless it is a link or a deletion."""
    return change.kind not in kinds.PAIRS and change.action != "delete"


def status_words(plan: Plan) -> StatusWords:
    """What puts the status changes of a plan into words."""
    return StatusWords(plan.created, plan.grace)


def field_values(change: Change, status: StatusWords = UNDATED) -> Iterator[tuple[str, str]]:
    """Each field as text, with its value for a new object, otherwise with old → new value.

    What happens to the status of a user is one sentence, in the place of its first field.
    """
    sentence = status.of(change)
    for field, old, new in differences(change):
        if change.kind != "user" or field not in STATUS_FIELDS:
            yield field, new if change.before is None else f"{old} → {new}"
        elif sentence:
            yield "status", sentence
            sentence = ""


def differences(change: Change) -> Iterator[tuple[str, str, str]]:
    """Field, old and new value as text; empty fields of something new or gone are left out."""
    before, after = _flat(change.fields_before), _flat(change.fields_after)
    for field in before | after:
        old, new = before.get(field), after.get(field)
        if old or new:
            # The name of a field may end in the name of a group, so it is foreign text.
            yield printable(field), _value(old), _value(new)


def _flat(fields: Fields) -> dict[str, str | None]:
    """The fields, with `groups.NAME` for each nesting and `attributes.NAME` for each attribute."""
    flat: dict[str, str | None] = {}
    for field, value in fields.items():
        if isinstance(value, dict):
            flat |= {f"{field}.{name}": _named(field, text) for name, text in value.items()}
        else:
            flat[field] = value
    return flat


def _named(field: str, text: str | None) -> str | None:
    """The value of an attribute; the origin of a nesting, which is "" where a person made it."""
    return "by hand" if field == "groups" and text == "" else text


def _value(value: str | None) -> str:
    """The value in quotes, without which an empty one could not be seen."""
    return "(none)" if value is None else f'"{printing.quoted(value, LONGEST_VALUE)}"'


def counts(changes: Iterable[Change]) -> dict[str, dict[str, int]]:
    """Kind → action → how many, in the plan's order of kinds."""
    numbers = Counter((change.kind, change.action) for change in changes)
    by_kind: dict[str, dict[str, int]] = {}
    for kind, action in sorted(numbers, key=_rank):
        by_kind.setdefault(kind, {})[action] = numbers[kind, action]
    return by_kind


_ORDER = tuple(kinds.KINDS)
"""The kinds in the order of a plan."""


def _rank(kind_and_action: tuple[str, str]) -> tuple[int, str]:
    kind, action = kind_and_action
    return _ORDER.index(kind), action


def quiet_line(last_full: str) -> str:
    """That the run was quiet, and when the last full one was; "" for a full run."""
    if not last_full:
        return ""
    return f"Nothing has changed since the full run of {printable(last_full)}."


def headline(plan: Plan) -> str:
    """The plan in one line."""
    if plan.changes:
        signs = Counter(map(sign, plan.changes))
        counts = f"{signs['+']} to add, {signs['~']} to change, {signs['-']} to remove"
        # What else stops is as much a loss as what the signs count.
        also = [str(notice) for notice in plan.notices if notice.code == "blocking_stops"]
        return printable(f"Plan: {'. '.join([counts, *also])}.")
    if plan.scope.undo:
        return f"No changes. Nothing is left to undo for run {printable(plan.scope.undo)}."
    if narrowed(plan):
        return "No changes in the scope of this plan."
    return "No changes. The platform matches the directories and the rules."


def narrowed(plan: Plan) -> str:
    """What the command line narrowed the plan to; "" for nothing."""
    scope = plan.scope
    sources, workspaces = (
        prefixed("source ", scope.sources),
        prefixed("workspace ", scope.workspaces),
    )
    return printable(", ".join([*scope.targets, *sources, *workspaces]))


def configuration(plan: Plan) -> str:
    """The desired-state files of a plan, some of many, and the beginning of their digest."""
    return configured(plan.files, plan.digests.configuration)


def configured(files: Iterable[str], digest: str) -> str:
    """Desired-state files, some of many, and the beginning of their digest."""
    return f"{listed(files)} (sha256 {printable(digest[:_DIGEST])})".lstrip()


def listed(names: Iterable[str]) -> str:
    """Names of files on one line: some of many, and the beginning of long ones."""
    names = list(names)
    line = ", ".join(printing.quoted(name, _NAME) for name in names[:_FILES])
    return line + and_more(names, _FILES)


def violations_by_verdict(plan: Plan) -> Iterator[tuple[str, tuple[Violation, ...]]]:
    """What the guards found, under a heading that says what happened to it."""
    refused = plan.refused
    accepted = tuple(violation for violation in plan.violations if violation not in refused)
    if refused:
        yield "Refused by the guards", refused
    if accepted:
        yield f"Accepted by {_acceptors(plan)}", accepted


def _acceptors(plan: Plan) -> str:
    """Who accepted violations of the plan, and when."""
    acceptors = {f"{acceptance.by}, {acceptance.at}" for acceptance in plan.accepted}
    return printable("; ".join(sorted(acceptors)))


def way_out(refused: Iterable[Violation]) -> str:
    """What can be done about violations that have not been accepted."""
    refused = list(refused)
    if all(violation.acceptable for violation in refused):
        return (
            "If this is intended: reconcile plan --accept CODE --out FILE, "
            "then reconcile apply FILE"
        )
    if not any(violation.acceptable for violation in refused):
        return "This cannot be accepted: fix the directory or the rules, or change `safety`"
    return (
        "Some of this cannot be accepted: fix the directory or the rules, or change `safety`."
        " The rest can, then: reconcile plan --accept CODE --out FILE"
    )


def unfinished(report: Report) -> Iterator[Outcome]:
    """The outcomes shown one by one: those not applied, or not wholly.

    A workspace in which nothing was applied because of a trouble is one line, not one a change.
    """
    troubled = {trouble.workspace for trouble in report.troubles}
    given_up = troubled - _workspaces_with("applied", report) if troubled else troubled
    for outcome in report.outcomes:
        if not _is_complete(outcome) and outcome.change.workspace not in given_up:
            yield outcome


def is_complete(report: Report) -> bool:
    """Whether everything was applied, and nothing is left to say of it."""
    return not report.troubles and all(map(_is_complete, report.outcomes))


def _is_complete(outcome: Outcome) -> bool:
    """Whether there is nothing to add to `applied`."""
    return outcome.result == "applied" and not outcome.detail


def _workspaces_with(result: Result, report: Report) -> set[str]:
    """The workspaces in which a change ended with the result."""
    outcomes = report.outcomes
    return {outcome.change.workspace for outcome in outcomes if outcome.result == result}


def outcome_line(report: Report) -> str:
    """The report in one line."""
    if report.already_applied:
        run = printable(report.already_applied)
        return f"This plan file was already applied by run {run}. Nothing was done."
    if not report.outcomes:
        return "Nothing to apply."
    counts: dict[str, int] = {result: report.count(result) for result in RESULTS}
    # Every other result is named, even if nothing ended so.
    if not counts["unknown"]:
        del counts["unknown"]
    return f"Done: {numbered(counts)}."


def since_applied(report: Report) -> list[str]:
    """What to know about a plan file that was already applied; nothing about any other report."""
    if not report.already_applied:
        return []
    lines = ["`reconcile plan` shows what has changed since."]
    if report.later_runs:
        lines.insert(0, f"Later runs: {listed(map(printable, report.later_runs))}")
    return lines


def signers(report: Report) -> list[str]:
    """Principal and fingerprint of each signature that was demanded."""
    return [
        printable(f"{signature.principal} ({signature.fingerprint})")
        for signature in report.signatures
    ]


def trouble_result(trouble: Trouble, report: Report) -> str:
    """The outcome of a workspace with a trouble: `failed`, or `unknown` if it may be kept."""
    unknown = _workspaces_with("unknown", report)
    return "unknown" if trouble.workspace in unknown else "failed"


def skip_counts(skips: Iterable[Skip]) -> Mapping[str, int]:
    """Skip code → how many."""
    return dict(sorted(Counter(skip.code for skip in skips).items()))


_LEFT_OUT: Final[Mapping[LeftOutCode, tuple[str, str]]] = {
    "outside_create_groups": ("is in no group of create", "are in no group of create"),
    "outside_required_groups": ("is outside require_groups", "are outside require_groups"),
    "disabled": ("is disabled, and not created", "are disabled, and not created"),
}
"""What is said of one person, and of several."""


def left_out(all_of_them: Sequence[LeftOut]) -> Iterator[str]:
    """A sentence for each number of people who get no user: `2 people of corp are …`."""
    several = has_several_workspaces(all_of_them)
    for each in all_of_them:
        singular, plural = _LEFT_OUT[each.code]
        source = printable(each.source)
        people = f"1 person of {source} {singular}"
        if each.number != 1:
            people = f"{each.number:,} people of {source} {plural}"
        yield f"{printable(each.workspace)}: {people}" if several else people


def left_out_hint(all_of_them: Iterable[LeftOut]) -> str:
    """How to see who they are; "" if a plan from a file does not know."""
    return " (-v lists them)" if any(each.people for each in all_of_them) else ""


SKIPPED: Final = {
    "needs action": "Skipped, needs action (they gain nothing until this is fixed)",
    "needs no action": "Skipped, needs no action",
}
"""The words for a part of the skips, and the title of their list."""


def skips_by_action(plan: Plan) -> Iterator[tuple[str, Sequence[Skip]]]:
    """The skips that need action, and those that may stay, each after the words for it."""
    for title, needs_action in zip(SKIPPED, (True, False), strict=True):
        skips = [skip for skip in plan.skips if skip.needs_action == needs_action]
        if skips:
            yield title, skips
