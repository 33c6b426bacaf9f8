"""A plan and a report as Markdown, for a comment on a merge request."""

import re
from collections.abc import Iterable, Iterator

from reconcile.model.change import Change, Plan
from reconcile.model.report import Report, Showing
from reconcile.render import summary, wording


def plan_markdown(plan: Plan, *, full: bool, pointer: str) -> str:
    """Headline, summary, violations, one table of changes, one of skips, a list of notices."""
    lines = ["## reconcile plan", "", f"**{_cell(wording.headline(plan))}**", ""]
    if wording.narrowed(plan):
        lines += [f"Only {_cell(wording.narrowed(plan))}.", ""]
    if plan.scope.undo:
        lines += [f"Undoes run {_cell(plan.scope.undo)}.", ""]
    for title, found in wording.judged(plan):
        lines += [f"### {_cell(title)}", ""]
        lines += [f"- **{_exact(one.code)}** {_cell(one.detail)}" for one in found] + [""]
        if found == plan.refused:
            lines += [_cell(wording.way_out(found)), ""]
    lines += _counts(summary.planned(plan))
    if plan.changes:
        lines += ["### Changes", ""]
        lines += _table(("", "what", "change", "why"), _changes(plan, full=full))
        lines.append("")
    lines += _skipped(plan, full=full)
    lines += _noticed(plan, full=full)
    lines += _configuration(plan)
    if not full and pointer and (wording.leaves_out(plan) or len(plan.notices) > wording.SHOWN):
        lines += [_cell(pointer), ""]
    return "\n".join(lines).rstrip("\n")


def _configuration(plan: Plan) -> list[str]:
    return [f"Configuration: {_cell(wording.configuration(plan))}", ""]


def _counts(counts: summary.Counts) -> list[str]:
    rows = summary.table(counts, several=len({workspace for workspace, _ in counts}) > 1)
    return [*_table(tuple(rows[0]), map(tuple, rows[1:])), ""] if rows else []


def _skipped(plan: Plan, *, full: bool) -> list[str]:
    if not plan.skips:
        return []
    shown = plan.skips if full else plan.skips[: wording.SHOWN]
    lines = ["### Skipped", ""]
    lines += _table(
        ("code", "who", "why"), ((one.code, one.username or one.dn, one.sentence) for one in shown)
    )
    lines.append("")
    if len(shown) < len(plan.skips):
        lines += [f"… and {len(plan.skips) - len(shown)} more", ""]
    return lines


def _noticed(plan: Plan, *, full: bool) -> list[str]:
    if not plan.notices:
        return []
    shown = plan.notices if full else plan.notices[: wording.SHOWN]
    listed = [f"- **{_exact(one.code)}** {_cell(str(one))}" for one in shown]
    lines = ["### Notices", "", *listed, ""]
    if len(shown) < len(plan.notices):
        lines += [f"… and {len(plan.notices) - len(shown)} more", ""]
    return lines


def _changes(plan: Plan, *, full: bool) -> Iterator[tuple[str, str, str, str]]:
    several = len({change.workspace for change in plan.changes}) > 1
    for part in wording.shortened(plan.changes, full=full):
        if isinstance(part, str):
            yield "…", part, "", ""
            continue
        for change in part:
            what = (
                f"{change.workspace}: {wording.title(change)}" if several else wording.title(change)
            )
            yield wording.sign(change), what, _difference(change), change.reason


def _difference(change: Change) -> str:
    if change.kind in ("membership", "grant") or change.action == "delete":
        return ""
    rows = wording.differences(change)
    if change.before is None:
        return "; ".join(f"{field} {new}" for field, _, new in rows)
    return "; ".join(f"{field} {old} → {new}" for field, old, new in rows)


def report_markdown(plan: Plan, report: Report) -> str:
    """Headline, numbers, and tables of what was not or not wholly applied, and of skips."""
    lines = [
        "## reconcile apply",
        "",
        f"**{wording.outcome_line(report)}**",
        "",
        *_counts(summary.done(plan, report)),
    ]
    rows: list[tuple[str, ...]] = [
        (one.result, wording.title(one.change), one.detail) for one in wording.told(report)
    ]
    rows += [
        (wording.became(one, report), f"workspace {one.workspace}", one.detail)
        for one in report.troubles
    ]
    if rows:
        lines += [*_table(("result", "what", "why"), rows), ""]
    lines += _skipped(plan, full=False)
    lines += _noticed(plan, full=False)
    lines += _configuration(plan)
    return "\n".join(lines).rstrip("\n")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(map(_cell, row))} |" for row in rows]


_ESCAPES = str.maketrans(
    {char: f"\\{char}" for char in "\\`*_[]#|~"}
    | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "$": "&#36;"}
)
_APART = "\u200b"
"""Has no width, and breaks up what would be a link: forges make links of what is shown, even if it
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
    """Like `_cell`, for a code that people copy: its colons are not broken up."""
    return _escaped(wording.shown(text))


def _escaped(text: str) -> str:
    return _LINKED.sub(_APART, text).translate(_ESCAPES)


def plan(plan: Plan, showing: Showing) -> str:
    """The format `markdown`."""
    return plan_markdown(plan, full=showing.full, pointer=showing.pointer)


def report(plan: Plan, report: Report, _showing: Showing) -> str:
    """The format `markdown`."""
    return report_markdown(plan, report)
