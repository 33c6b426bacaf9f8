"""A plan and a report for people at a terminal, in the manner of Terraform."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from reconcile.model.change import Change, Plan
from reconcile.model.report import Report, Showing
from reconcile.render import summary, wording

Paint: TypeAlias = Callable[[str, str], str]
"""Text and colour name → text that shows in it."""

_COLOURS = {"+": "green", "~": "yellow", "-": "red", "!": "magenta", "bold": "bold"}
_CODES = {"green": "32", "yellow": "33", "red": "31", "magenta": "35", "bold": "1"}


def painted(text: str, style: str) -> str:
    """A Paint for terminals."""
    return f"\x1b[{_CODES[_COLOURS[style]]}m{text}\x1b[0m"


def plain(text: str, _style: str) -> str:
    """A Paint that leaves text as it is."""
    return text


def plan_text(plan: Plan, *, colour: bool, full: bool, pointer: str) -> str:
    """The whole text, its last line without a newline.

    `full` shows every change, skip and notice; otherwise there are no notices, which are reported
    when the plan is made, long runs are cut and `pointer` says where the rest is.
    """
    paint = painted if colour else plain
    lines = list(_changes(plan, paint, full=full))
    lines += _skips(plan, paint, full=full)
    lines += _notices(plan, paint) if full else ()
    lines += _violations(plan, paint)
    lines.append(paint(wording.headline(plan), "bold"))
    lines += _counts(summary.planned(plan), paint)
    lines += _summary(plan)
    lines += _configuration(plan) if full else ()
    if not full and pointer and wording.leaves_out(plan):
        lines.append(pointer)
    return "\n".join(lines)


def _notices(plan: Plan, paint: Paint) -> Iterator[str]:
    if plan.notices:
        yield paint("Notices:", "bold")
        for one in plan.notices:
            yield f"  {paint('!', '!')} {one.code}: {wording.shown(str(one))}"
        yield ""


def _violations(plan: Plan, paint: Paint) -> Iterator[str]:
    for title, found in wording.judged(plan):
        yield paint(f"{title}:", "bold")
        for one in found:
            yield f"  {paint('!', '!')} {wording.printable(one.code)}: {wording.shown(one.detail)}"
        if found == plan.refused:
            yield f"  {wording.way_out(found)}"
        yield ""


def _changes(plan: Plan, paint: Paint, *, full: bool) -> Iterator[str]:
    several = len({change.workspace for change in plan.changes}) > 1
    for workspace in dict.fromkeys(change.workspace for change in plan.changes):
        if several:
            yield from (paint(f"Workspace {wording.printable(workspace)}", "bold"), "")
        changes = [change for change in plan.changes if change.workspace == workspace]
        for part in wording.shortened(changes, full=full):
            if isinstance(part, str):
                yield f"  {part}"
            else:
                for change in part:
                    yield from changed(change, paint)
        yield ""


def changed(change: Change, paint: Paint) -> Iterator[str]:
    """One change in lines, indented by two."""
    sign = wording.sign(change)
    reason = f"  # {wording.shown(change.reason)}" if change.reason else ""
    yield f"  {paint(sign, sign)} {wording.title(change)}{reason}"
    if change.kind in ("membership", "grant") or change.action == "delete":
        return
    rows = [
        row
        for row in wording.differences(change)
        if change.before is not None or not _told_already(change, row)
    ]
    width = max((len(field) for field, _, _ in rows), default=0)
    for field, old, new in rows:
        value = new if change.before is None else f"{old} → {new}"
        yield f"      {field:<{width}}  {value}"


def _told_already(change: Change, row: tuple[str, str, str]) -> bool:
    """Whether a field of something new only repeats its name or its source."""
    field, _, new = row
    return (
        field in ("name", "username", "title") and new == f'"{wording.printable(change.key)}"'
    ) or (field in ("source", "status_origin") and change.kind != "source")


def _skips(plan: Plan, paint: Paint, *, full: bool) -> Iterable[str]:
    if not plan.skips:
        return []
    several = (
        len({skip.workspace for skip in plan.skips} | {change.workspace for change in plan.changes})
        > 1
    )
    shown = plan.skips if full else plan.skips[: wording.SHOWN]
    lines = [paint("Skipped (they gain nothing until this is fixed):", "bold")]
    for skip in shown:
        who = wording.shown(skip.username or skip.dn)
        where = f" ({wording.shown(skip.dn)})" if skip.username and skip.dn else ""
        named = f"{who}{where}: " if who else ""
        place = f"{wording.printable(skip.workspace)}: " if several else ""
        lines.append(
            f"  {paint('!', '!')} {place}{skip.code}: {named}{wording.shown(skip.sentence)}"
        )
    if len(shown) < len(plan.skips):
        lines.append(f"  … and {len(plan.skips) - len(shown)} more")
    return [*lines, ""]


def _summary(plan: Plan) -> Iterable[str]:
    if plan.skips:
        counts = wording.skip_counts(plan).items()
        yield f"  impossible: {', '.join(f'{number} {code}' for code, number in counts)}"
    if wording.narrowed(plan):
        yield f"  only {wording.narrowed(plan)}"
    if plan.scope.undo:
        yield f"  undoes run {wording.printable(plan.scope.undo)}"


def _configuration(plan: Plan) -> Iterable[str]:
    yield f"  configuration: {wording.configuration(plan)}"


_STYLES = {
    "created": "+",
    "adopted": "+",
    "assigned": "+",
    "impossible": "!",
    "failed": "!",
    "unknown": "!",
} | dict.fromkeys(("removed", "blocked", "deactivated", "erased", "cleared"), "-")


def _counts(counts: summary.Counts, paint: Paint) -> Iterator[str]:
    """The table, numbers to the right; what is done in the colour of its sign."""
    several = len({workspace for workspace, _ in counts}) > 1
    rows = [
        [wording.printable(cell) for cell in row] for row in summary.table(counts, several=several)
    ]
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    styles = [_STYLES.get(how, "~") for how in rows[0]]
    for at, row in enumerate(rows):
        cells = [f"{row[0]:<{widths[0]}}"]
        for cell, width, style, how in list(zip(row, widths, styles, rows[0], strict=True))[1:]:
            text = f"{cell:>{width}}"
            cells.append(paint(text, style) if at and cell and how != "existing" else text)
        yield f"  {'  '.join(cells)}".rstrip()


def report_text(plan: Plan, report: Report, *, colour: bool, skips: bool) -> str:
    """The outcomes of the changes: failures one by one, the rest as numbers; also `skips`."""
    paint = painted if colour else plain
    lines = [*_skips(plan, paint, full=False)] if skips else []
    for outcome in wording.told(report):
        detail = wording.shown(outcome.detail)
        lines.append(
            f"  {paint('!', '!')} {outcome.result}: {wording.title(outcome.change)}: {detail}"
        )
    for trouble in report.troubles:
        first, *rest = map(wording.shown, trouble.detail.splitlines())
        lines.append(
            f"  {paint('!', '!')} workspace {wording.printable(trouble.workspace)}: {first}"
        )
        lines += [f"    {line}" for line in rest]
    lines.append(paint(wording.outcome_line(report), "bold"))
    lines += _counts(summary.done(plan, report), paint)
    lines += _configuration(plan) if report.outcomes else ()
    return "\n".join(lines)


def plan(plan: Plan, showing: Showing) -> str:
    """The format `text`."""
    return plan_text(plan, colour=showing.colour, full=showing.full, pointer=showing.pointer)


def report(plan: Plan, report: Report, showing: Showing) -> str:
    """The format `text`."""
    return report_text(plan, report, colour=showing.colour, skips=showing.skips)
