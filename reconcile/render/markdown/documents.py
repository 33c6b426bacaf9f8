"""What a plan and a report consist of in Markdown.

A plan (where a part has nothing to say, its heading is left out, too):

    <!-- reconcile plan: main sha256:4be0643f1d98… -->
    ## reconcile plan

    **Plan: 1 to add, 0 to change, 1 to remove.**

    | corp | created | blocked |
    |---|---|---|
    | users | 1 | 1 |

    ### Losses (1)

    |  | what | change | why |
    |---|---|---|---|
    | - | user bob: block | status blocked now | no longer in corp |

    <details><summary>1 user: 1 to add</summary>
    …
    </details>

    Configuration: reconcile.yml (sha256 4be0643f1d98)
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Final

from reconcile.model.change import Change, Plan, Violation
from reconcile.model.notice import Notice
from reconcile.model.report import Report, Showing
from reconcile.render import shortening, summary, wording
from reconcile.render.layout import numbered
from reconcile.render.markdown.escaping import cell, exact, sentence
from reconcile.render.markdown.marker import marker
from reconcile.render.markdown.parts import COMMENT, Limit, Omitted, Part, document
from reconcile.render.status_words import StatusWords

_CHANGE_HEAD: Final = ("", "what", "change", "why")
_SHOWN: Final = 30
"""How many skips and notices are listed, so that they leave room for what follows."""


def plan_markdown(plan: Plan, showing: Showing, limit: Limit = COMMENT) -> str:
    """Marker, numbers, violations, losses, then skips, notices and the other changes folded."""
    parts = [
        _head(plan, showing),
        *_counts(summary.planned(plan)),
        *_violations(plan),
        *_losses(plan),
        *_skipped(plan),
        *_left_out(plan),
        *_noticed(plan),
        *_others(plan),
    ]
    return document(parts, _ending(plan, showing.pointer), limit)


def report_markdown(plan: Plan, report: Report) -> str:
    """Headline, numbers, and tables of what was not or not wholly applied, and of skips."""
    headline = Part(("## reconcile apply", "", f"**{wording.outcome_line(report)}**"))
    unfinished = list(_result_rows(report))
    results = _table(("result", "what", "why"), unfinished, len(unfinished), what="results")
    parts = [
        headline,
        *_approved(plan, report),
        *results,
        *_skipped(plan),
        *_left_out(plan),
        *_noticed(plan),
    ]
    return document(parts, _ending(plan, ""), COMMENT)


def _approved(plan: Plan, report: Report) -> Iterator[Part]:
    """The numbers, or that it was applied before; then who signed the plan file."""
    if report.already_applied:
        yield Part(("", *map(sentence, wording.since_applied(report))))
    else:
        yield from _counts(summary.done(plan, report))
    if report.last_full:
        yield Part(("", sentence(wording.quiet_line(report.last_full))))
    if report.signatures:
        signers = tuple(f"- signed by {cell(signer)}" for signer in wording.signers(report))
        yield Part(("", *signers))


def _head(plan: Plan, showing: Showing) -> Part:
    """The lines that are never cut: what the plan is, in a sentence, and what narrows it."""
    title = f"## reconcile plan{': ' if showing.name else ''}{cell(showing.name)}"
    lines = [marker(plan, showing), title, "", f"**{sentence(wording.headline(plan))}**"]
    if narrowed := wording.narrowed(plan):
        lines += ["", f"Only {sentence(narrowed)}."]
    if plan.scope.undo:
        lines += ["", f"Undoes run {cell(plan.scope.undo)}."]
    if showing.last_full:
        lines += ["", sentence(wording.quiet_line(showing.last_full))]
    if showing.redacted:
        lines += ["", wording.REDACTED]
    return Part(lines)


def _ending(plan: Plan, pointer: str) -> Callable[[Omitted], Sequence[str]]:
    """What was left out, where the whole is, and which files the plan was made from."""

    def ending(omitted: Omitted) -> Sequence[str]:
        lines = [f"Configuration: {sentence(wording.configuration(plan))}"]
        if omitted:
            counted = (f"{number} of {total} {what}" for what, (number, total) in omitted.items())
            where = f" {sentence(pointer)}" if pointer else ""
            lines = [f"**Cut here.** Left out: {', '.join(counted)}.{where}", "", *lines]
        elif pointer and max(len(plan.skips), len(plan.notices)) > _SHOWN:
            lines = [sentence(pointer), "", *lines]
        return lines

    return ending


def _counts(counts: summary.Counts) -> Iterator[Part]:
    """The numbers for each source as a table."""
    rows = summary.table(counts)
    if rows:
        yield from _table(rows[0], rows[1:], len(rows) - 1, what="rows of numbers")


def _violations(plan: Plan) -> Iterator[Part]:
    """A heading and a list for what the guards refuse, and for what was accepted."""
    for title, violations in wording.violations_by_verdict(plan):
        is_refused = violations == plan.refused
        closing = ["", sentence(wording.way_out(violations)), ""] if is_refused else [""]
        rows = map(_violation, violations)
        opening = (f"### {sentence(title)}", "")
        yield Part(opening, rows, len(violations), closing, "violations")


def _violation(violation: Violation) -> str:
    """A line of a list."""
    return f"- **{exact(violation.code)}** {sentence(violation.detail)}".rstrip()


def _losses(plan: Plan) -> Iterator[Part]:
    """What is taken away, as a table."""
    status = wording.status_words(plan)
    losses = [change for change in plan.changes if wording.sign(change) == "-"]
    if losses:
        table = _change_table(losses, status, several=wording.has_several_workspaces(plan.changes))
        opening = (f"### Losses ({len(losses)})", "", *table.opening)
        yield table._replace(opening=opening, what="losses")


def _others(plan: Plan) -> Iterator[Part]:
    """A folded table for the other changes of each kind."""
    several = wording.has_several_workspaces(plan.changes)
    status = wording.status_words(plan)
    by_kind: dict[str, list[Change]] = {}
    for change in plan.changes:
        if wording.sign(change) != "-":
            by_kind.setdefault(change.kind, []).append(change)
    for kind, changes in by_kind.items():
        signs = Counter(map(wording.sign, changes))
        counts = {"to add": signs["+"], "to change": signs["~"]}
        title = f"{_several(len(changes), kind)}: {numbered(_without_zeros(counts))}"
        table = _change_table(changes, status, several=several)
        yield _folded(title, table._replace(what=f"{kind}s"))


def _several(number: int, kind: str) -> str:
    """A number and what it counts."""
    return f"{number} {kind}{'' if number == 1 else 's'}"


def _without_zeros(counts: Mapping[str, int]) -> dict[str, int]:
    return {what: number for what, number in counts.items() if number}


def _change_table(changes: Sequence[Change], status: StatusWords, *, several: bool) -> Part:
    """The table of some changes."""
    rows = (_change_row(change, status, several=several) for change in changes)
    (table,) = _table(_CHANGE_HEAD, rows, len(changes))
    return table


def _change_row(change: Change, status: StatusWords, *, several: bool) -> tuple[str, ...]:
    """Sign, title, fields and reason; the title names the workspace if there are several."""
    workspace = f"{change.workspace}: " if several else ""
    title = f"{workspace}{wording.title(change)}"
    return wording.sign(change), title, _difference(change, status), change.reason


def _difference(change: Change, status: StatusWords) -> str:
    """The fields of a change and their values in one cell."""
    if not wording.shows_fields(change):
        return ""
    return "; ".join(f"{field} {value}" for field, value in wording.field_values(change, status))


def _skipped(plan: Plan) -> Iterator[Part]:
    """The skips as folded tables: those that need action, and those that do not."""
    for words, skips in wording.skips_by_action(plan):
        shown = skips[:_SHOWN]
        rows = [(str(skip.code), skip.username or skip.dn, skip.sentence) for skip in shown]
        if len(skips) > _SHOWN:
            rows.append(("…", shortening.more(len(skips) - _SHOWN), ""))
        title = f"Skipped, {words}: {numbered(wording.skip_counts(skips))}"
        what = "skips" if skips[0].needs_action else "skips without need of action"
        for table in _table(("code", "who", "why"), rows, len(rows), what=what):
            yield _folded(title, table)


def _left_out(plan: Plan) -> Iterator[Part]:
    """How many people get no user because of a rule, as a list."""
    people = [f"- {sentence(text)}" for text in wording.left_out(plan.left_out)]
    if people:
        yield Part(("", *people))


def _noticed(plan: Plan) -> Iterator[Part]:
    """The notices as a folded list, if there are any."""
    if plan.notices:
        counts = numbered(Counter(notice.code for notice in plan.notices))
        rows = list(map(_notice, plan.notices[:_SHOWN]))
        if len(plan.notices) > _SHOWN:
            rows.append(f"- {shortening.more(len(plan.notices) - _SHOWN)}")
        yield _folded(f"Notices: {counts}", Part((), rows, len(rows), what="notices"))


def _notice(notice: Notice) -> str:
    """A line of a list."""
    return f"- **{exact(notice.code)}** {sentence(str(notice))}".rstrip()


def _result_rows(report: Report) -> Iterator[tuple[str, str, str]]:
    """Result, change or workspace, and the reason of everything that was not wholly applied."""
    for outcome in wording.unfinished(report):
        yield outcome.result, wording.title(outcome.change), outcome.detail
    for trouble in report.troubles:
        result = wording.trouble_result(trouble, report)
        yield result, f"workspace {trouble.workspace}", trouble.detail


def _folded(title: str, part: Part) -> Part:
    """The part within a fold. Its title stands in HTML, where Markdown's escapes mean nothing."""
    opening = (f"<details><summary>{escape(wording.shown(title))}</summary>", "", *part.opening)
    return part._replace(opening=opening, closing=("", "</details>", ""))


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], number: int, what: str = ""
) -> Iterator[Part]:
    """A table; nothing where it would have no rows."""
    if number:
        opening = (_row(head), f"|{'---|' * len(head)}")
        yield Part(opening, map(_row, rows), number, what=what)


def _row(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(map(cell, cells))} |"
