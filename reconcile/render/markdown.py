"""A plan and a report as Markdown, for a comment on a merge request.

The lines of a plan (where a part has nothing to say, its heading is left out, too):

    ## reconcile plan

    **Plan: 1 to add, 0 to change, 0 to remove.**

    | corp | created |
    |---|---|
    | users | 1 |

    ### Changes

    |  | what | change | why |
    |---|---|---|---|
    | + | user ann | email "ann@example.com" | member of selected group cn=sales |

    Configuration: reconcile.yml (sha256 4be0643f1d98)
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from reconcile.model.change import Change, Plan
from reconcile.model.report import Report, Showing
from reconcile.render import shortening, summary, wording


def plan_markdown(plan: Plan, *, full: bool, pointer: str) -> str:
    """Headline, summary, violations, one table of changes, one of skips, a list of notices."""
    lines = ["## reconcile plan", "", f"**{_cell(wording.headline(plan))}**", ""]
    lines += _scope(plan)
    lines += _violations(plan)
    lines += _counts(summary.planned(plan))
    lines += _changes(plan, full=full)
    lines += _skipped(plan, full=full)
    lines += _noticed(plan, full=full)
    lines += _configuration(plan)
    is_cut = shortening.leaves_out(plan) or len(plan.notices) > shortening.SHOWN
    if is_cut and pointer and not full:
        lines.append(_cell(pointer))
    return "\n".join(lines).rstrip("\n")


def _scope(plan: Plan) -> Iterator[str]:
    """What the command line narrowed the plan to, and what it undoes."""
    if narrowed := wording.narrowed(plan):
        yield from (f"Only {_cell(narrowed)}.", "")
    if plan.scope.undo:
        yield from (f"Undoes run {_cell(plan.scope.undo)}.", "")


def _violations(plan: Plan) -> Iterator[str]:
    """A heading and a list for what the guards refuse, and for what was accepted."""
    for title, violations in wording.violations_by_verdict(plan):
        yield from (f"### {_cell(title)}", "")
        for violation in violations:
            yield _item(violation.code, violation.detail)
        yield ""
        if violations == plan.refused:
            yield from (_cell(wording.way_out(violations)), "")


def _item(code: str, detail: str) -> str:
    """A line of a list."""
    return f"- **{_exact(code)}** {_cell(detail)}"


def _configuration(plan: Plan) -> tuple[str, str]:
    """Which desired-state files the plan was made from."""
    return f"Configuration: {_cell(wording.configuration(plan))}", ""


def _counts(counts: summary.Counts) -> Iterator[str]:
    """The numbers for each source as a table."""
    rows = summary.table(counts)
    if rows:
        yield from _table(rows[0], rows[1:])


def _skipped(plan: Plan, *, full: bool) -> Iterator[str]:
    """The skips as a table, if there are any."""
    if plan.skips:
        shown, left_out = shortening.first(plan.skips, full=full)
        rows = [(skip.code, skip.username or skip.dn, skip.sentence) for skip in shown]
        yield from ("### Skipped", "")
        yield from _table(("code", "who", "why"), rows)
        yield from _rest(left_out)


def _noticed(plan: Plan, *, full: bool) -> Iterator[str]:
    """The notices as a list, if there are any."""
    if plan.notices:
        shown, left_out = shortening.first(plan.notices, full=full)
        yield from ("### Notices", "")
        for notice in shown:
            yield _item(notice.code, str(notice))
        yield ""
        yield from _rest(left_out)


def _rest(left_out: int) -> tuple[str, ...]:
    """A paragraph with the number of skips or notices that are not shown."""
    return (shortening.more(left_out), "") if left_out else ()


def _changes(plan: Plan, *, full: bool) -> Iterator[str]:
    """The changes as a table, if there are any."""
    if plan.changes:
        yield from ("### Changes", "")
        yield from _table(("", "what", "change", "why"), _change_rows(plan, full=full))


def _change_rows(plan: Plan, *, full: bool) -> Iterator[tuple[str, ...]]:
    """A row for each change, and one for each run of changes that is cut."""
    several = wording.has_several_workspaces(plan.changes)
    for part in shortening.shortened(plan.changes, full=full):
        if isinstance(part, str):
            yield "…", part, "", ""
        else:
            yield from (_change_row(change, several=several) for change in part)


def _change_row(change: Change, *, several: bool) -> tuple[str, ...]:
    """Sign, title, fields and reason; the title names the workspace if there are several."""
    workspace = f"{change.workspace}: " if several else ""
    title = f"{workspace}{wording.title(change)}"
    return wording.sign(change), title, _difference(change), change.reason


def _difference(change: Change) -> str:
    """The fields of a change and their values in one cell."""
    if not wording.shows_fields(change):
        return ""
    return "; ".join(f"{field} {value}" for field, value in wording.field_values(change))


def report_markdown(plan: Plan, report: Report) -> str:
    """Headline, numbers, and tables of what was not or not wholly applied, and of skips."""
    lines = ["## reconcile apply", "", f"**{wording.outcome_line(report)}**", ""]
    if report.already_applied:
        lines += [*map(_cell, wording.since_applied(report)), ""]
    else:
        lines += _counts(summary.done(plan, report))
    if report.signatures:
        lines += [*(f"- signed by {_cell(signer)}" for signer in wording.signers(report)), ""]
    rows = list(_result_rows(report))
    if rows:
        lines += _table(("result", "what", "why"), rows)
    lines += _skipped(plan, full=False)
    lines += _noticed(plan, full=False)
    lines += _configuration(plan)
    return "\n".join(lines).rstrip("\n")


def _result_rows(report: Report) -> Iterator[tuple[str, str, str]]:
    """Result, change or workspace, and the reason of everything that was not wholly applied."""
    for outcome in wording.unfinished(report):
        yield outcome.result, wording.title(outcome.change), outcome.detail
    for trouble in report.troubles:
        result = wording.trouble_result(trouble, report)
        yield result, f"workspace {trouble.workspace}", trouble.detail


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, and the empty line after it."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"
    yield ""


_ESCAPES = str.maketrans(
    {char: f"\\{char}" for char in "\\`*_[]#|~"}
    | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "$": "&#36;"}
)
_APART = "\u200b"
"""Has no width, and splits what would be a link: forges make links of what is shown, however it
is escaped."""
_LINKED = re.compile(
    r"(?<=@)|(?<=[#!%~^&$])(?=\w)"  # people, issues, merge requests and the like
    r"|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=mailto:)|(?<=xmpp:)|(?<=\bgh-)(?=\d)",
    re.IGNORECASE,
)
_EMOJI = re.compile(r"(?<=:)(?=[a-z_+-][\w+-]*:)", re.IGNORECASE)


def _cell(text: str) -> str:
    """Text that shows as itself: Markdown, HTML, links and mentions in it stay text."""
    return _escaped(_EMOJI.sub(_APART, wording.shown(text)))


def _exact(text: str) -> str:
    """The text of a code that people copy: nothing is put between its colons."""
    return _escaped(wording.shown(text))


def _escaped(text: str) -> str:
    return _LINKED.sub(_APART, text).translate(_ESCAPES)


def plan(plan: Plan, showing: Showing) -> str:
    """The format `markdown`."""
    return plan_markdown(plan, full=showing.full, pointer=showing.pointer)


def report(plan: Plan, report: Report, _showing: Showing) -> str:
    """The format `markdown`."""
    return report_markdown(plan, report)
