"""The words and counts that every form of output shares."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from reconcile.model.change import LOSSES, Change, Fields, Plan, Violation, unnests
from reconcile.model.report import RESULTS, Outcome, Report, Trouble
from reconcile.model.text import printing

printable, escaped = printing.printable, printing.escaped

SHOWN = 10
"""How many changes of one kind and action, and how many skips, a shortened plan shows."""

SHOWN_CREATIONS = 3
"""The same for new users, departments and groups, of which every field is shown."""

_FILES = 5
"""So many desired-state files are named."""
_NAME = 200
"""So many characters of the name of a file are shown."""
_DIGEST = 12
"""So much of a digest is shown."""


LONGEST_VALUE = 500
"""Characters of a name or a value that are shown; JSON and CSV have all."""


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
    verb = "" if change.action in ("create", "update", "delete") else f": {change.action}"
    return f"{change.kind} {printing.quoted(change.key, LONGEST_VALUE)}{verb}"


def differences(change: Change) -> Iterator[tuple[str, str, str]]:
    """Field, old and new value as text; empty fields of something new or gone are left out."""
    before, after = _flat(change.before), _flat(change.after)
    for field in {**before, **after}:
        old, new = before.get(field), after.get(field)
        if old or new:
            yield (
                printable(field),
                _value(old),
                _value(new),
            )  # a field may end in the name of a group


def _flat(fields: Fields | None) -> dict[str, str | None]:
    flat: dict[str, str | None] = {}
    for field, value in (fields or {}).items():
        if isinstance(value, dict):
            by_hand = (
                "by hand" if field == "groups" else ""
            )  # what is nested has an origin, "" for a person
            flat |= {
                f"{field}.{name}": text if text is None else text or by_hand
                for name, text in value.items()
            }
        else:
            flat[field] = value
    return flat


def _value(value: str | None) -> str:
    return "(none)" if value is None else f'"{printing.quoted(value, LONGEST_VALUE)}"'


def shortened(changes: Iterable[Change], *, full: bool) -> Iterator[tuple[Change, ...] | str]:
    """Runs of changes of one kind and action; if one is cut, a line with how many are left."""
    for (kind, action), run in groupby(changes, key=lambda change: (change.kind, change.action)):
        group = tuple(run)
        limit = (
            SHOWN_CREATIONS
            if action == "create" and kind in ("department", "group", "user")
            else SHOWN
        )
        yield group if full else group[:limit]
        if not full and len(group) > limit:
            yield f"… and {len(group) - limit} more: {kind} {action}"


def is_shortened(changes: Iterable[Change]) -> bool:
    """Whether a shortened plan leaves anything out."""
    return any(isinstance(part, str) for part in shortened(changes, full=False))


def leaves_out(plan: Plan) -> bool:
    """Whether a shortened plan leaves out any change or skip."""
    return is_shortened(plan.changes) or len(plan.skips) > SHOWN


def counts(changes: Iterable[Change]) -> dict[str, dict[str, int]]:
    """Kind → action → how many, in the plan's order of kinds."""
    found: dict[str, dict[str, int]] = {}
    for (kind, action), number in sorted(
        Counter((change.kind, change.action) for change in changes).items(), key=_rank
    ):
        found.setdefault(kind, {})[action] = number
    return found


def _rank(item: tuple[tuple[str, str], int]) -> tuple[int, str]:
    (kind, action), _ = item
    return ("source", "department", "group", "user", "grant", "membership").index(kind), action


def headline(plan: Plan) -> str:
    """The plan in one line."""
    if not plan.changes and plan.scope.undo:
        return f"No changes. Nothing is left to undo for run {printable(plan.scope.undo)}."
    if not plan.changes and narrowed(plan):
        return "No changes in the scope of this plan."
    if not plan.changes:
        return "No changes. The platform matches the directories and the rules."
    signs = Counter(map(sign, plan.changes))
    return f"Plan: {signs['+']} to add, {signs['~']} to change, {signs['-']} to remove."


def narrowed(plan: Plan) -> str:
    """What the command line narrowed the plan to; "" for nothing."""
    scope = [*plan.scope.targets, *(f"source {name}" for name in plan.scope.sources)]
    return printable(", ".join([*scope, *(f"workspace {name}" for name in plan.scope.workspaces)]))


def configuration(plan: Plan) -> str:
    """The desired-state files of a plan, some of many, and the beginning of their digest."""
    return configured(plan.files, plan.digests.configuration)


def configured(files: Iterable[str], digest: str) -> str:
    """Desired-state files, some of many, and the beginning of their digest."""
    return f"{listed(files)} (sha256 {printable(digest[:_DIGEST])})".lstrip()


def listed(names: Iterable[str]) -> str:
    """Names of files on one line: some of many, and the beginning of long ones."""
    names = list(names)
    more = f" and {len(names) - _FILES} more" if len(names) > _FILES else ""
    return ", ".join(printing.quoted(name, _NAME) for name in names[:_FILES]) + more


def judged(plan: Plan) -> Iterator[tuple[str, tuple[Violation, ...]]]:
    """What the guards found, under a heading that says what happened to it."""
    refused = plan.refused
    accepted = tuple(one for one in plan.violations if one not in refused)
    if refused:
        yield "Refused by the guards", refused
    if accepted:
        whom = sorted({f"{one.by}, {one.at}" for one in plan.accepted})
        yield f"Accepted by {printable('; '.join(whom))}", accepted


def way_out(refused: Iterable[Violation]) -> str:
    """What can be done about violations that were not accepted."""
    if all(one.acceptable for one in refused):
        return (
            "If this is intended: reconcile plan --accept CODE --out FILE, "
            "then reconcile apply FILE"
        )
    return "Some of this cannot be accepted: fix the directory or the rules, or change `safety`"


def told(report: Report) -> Iterator[Outcome]:
    """The outcomes shown one by one: not or not wholly applied, in workspaces not given up."""
    kept = {one.change.workspace for one in report.outcomes if one.result == "applied"}
    given_up = {trouble.workspace for trouble in report.troubles} - kept
    for outcome in report.outcomes:
        if (
            outcome.result != "applied" or outcome.detail
        ) and outcome.change.workspace not in given_up:
            yield outcome


def outcome_line(report: Report) -> str:
    """The report in one line."""
    if not report.outcomes:
        return "Nothing to apply."
    counts = {result: report.count(result) for result in RESULTS}
    return (
        "Done: "
        + ", ".join(f"{n} {result}" for result, n in counts.items() if n or result != "unknown")
        + "."
    )


def became(trouble: Trouble, report: Report) -> str:
    """The outcome of a workspace with a trouble: `failed`, or `unknown` if it may be kept."""
    unknown = {one.change.workspace for one in report.outcomes if one.result == "unknown"}
    return "unknown" if trouble.workspace in unknown else "failed"


def skip_counts(plan: Plan) -> Mapping[str, int]:
    """Skip code → how many."""
    return dict(sorted(Counter(skip.code for skip in plan.skips).items()))
