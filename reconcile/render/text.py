"""A plan and a report for people at a terminal, in the manner of Terraform.

A plan looks like this:

      + user ann  # member of selected group cn=sales
          email  "ann@example.com"
      - user bob: block  # missing in corp
          status  blocked now; erased on 2026-12-28 unless back

    Skipped, needs action (they gain nothing until this is fixed):
      ! missing_field: cem (uid=cem,dc=example,dc=com): no e-mail address

    Plan: 1 to add, 0 to change, 1 to remove.
      corp   existing  created  blocked  needs action
      users         4        1        1             1
      not synchronised, needs action: 1 missing_field
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from reconcile.model.change import Change, Plan, Skip, Violation
from reconcile.model.notice import OF_ROLES
from reconcile.model.report import Outcome, Report, Showing, Trouble
from reconcile.render import shortening, summary, wording
from reconcile.render.layout import aligned, around, folded, indented, numbered, prefixed, section
from reconcile.render.paint import Paint, paint_for
from reconcile.render.status_words import UNDATED, StatusWords


def plan_text(
    plan: Plan,
    *,
    colour: bool,
    full: bool,
    pointer: str,
    redacted: bool = False,
    width: int = 0,
    last_full: str = "",
) -> str:
    """The whole text, its last line without a newline.

    `full` shows every change, skip and notice; otherwise there are only the notices on roles, for
    all are reported when the plan is made, long runs are cut and `pointer` says where the rest is.
    """
    paint = paint_for(colour=colour)
    lines = list(_changes(plan, paint, full=full))
    lines += _skips(plan, paint, full=full)
    lines += _notices(plan, paint) if full else _roles(plan, paint)
    lines += _violations(plan, paint)
    lines.append(paint(wording.headline(plan), "bold"))
    lines += _counts(summary.planned(plan), paint, width)
    lines += _summary(plan)
    if last_full:
        lines.append(f"  {wording.quiet_line(last_full)}")
    if redacted:
        lines.append(f"  {wording.REDACTED}")
    if full:
        lines += [*_maker(plan), _configuration(plan)]
    elif pointer and shortening.leaves_out(plan):
        lines.append(f"Output truncated. {pointer}")
    return _fitted(lines, width)


def _warnings(texts: Iterable[str], paint: Paint) -> list[str]:
    """Indented lines that begin with a coloured `!`."""
    return prefixed(f"  {paint('!', '!')} ", texts)


def _section(title: str, lines: Iterable[str], paint: Paint) -> Iterator[str]:
    """A title, the lines and an empty line; nothing where there are no lines."""
    body = list(lines)
    return section(paint(f"{title}:", "bold"), [*body, ""] if body else [])


def _notices(plan: Plan, paint: Paint) -> Iterator[str]:
    """All notices, for a plan that is shown in full."""
    notices = (f"{notice.code}: {wording.shown(str(notice))}" for notice in plan.notices)
    return _section("Notices", _warnings(notices, paint), paint)


def _roles(plan: Plan, paint: Paint) -> Iterator[str]:
    """The roles that are new, and those that nobody has afterwards."""
    of_roles = (notice for notice in plan.notices if notice.code in OF_ROLES)
    lines = (wording.shown(around("", notice.place, ": ") + notice.text) for notice in of_roles)
    return _section("Roles", _warnings(lines, paint), paint)


def _violations(plan: Plan, paint: Paint) -> Iterator[str]:
    """What the guards refuse, with the way out of it, and what was accepted."""
    for title, violations in wording.violations_by_verdict(plan):
        lines = _warnings(map(_violation, violations), paint)
        if violations == plan.refused:
            lines.append(f"  {wording.way_out(violations)}")
        yield from _section(title, lines, paint)


def _violation(violation: Violation) -> str:
    """The code, which `--accept` takes, and what it means."""
    return f"{wording.printable(violation.code)}: {wording.shown(violation.detail)}"


def _changes(plan: Plan, paint: Paint, *, full: bool) -> Iterator[str]:
    """The changes of one workspace after the other, under its name where there are several."""
    status = wording.status_words(plan)
    by_workspace: dict[str, list[Change]] = defaultdict(list)
    for change in plan.changes:
        by_workspace[change.workspace].append(change)
    for workspace, changes in by_workspace.items():
        if len(by_workspace) > 1:
            yield paint(f"Workspace {wording.printable(workspace)}", "bold")
            yield ""
        for part in shortening.shortened(changes, full=full):
            yield from _part(part, paint, status)
        yield ""


def _part(part: Sequence[Change] | str, paint: Paint, status: StatusWords) -> Iterator[str]:
    """The lines of a run of changes, or the line for those that are left out."""
    if isinstance(part, str):
        yield f"  {part}"
        return
    for change in part:
        yield from change_lines(change, paint, status)


def change_lines(change: Change, paint: Paint, status: StatusWords = UNDATED) -> Iterator[str]:
    """One change in lines, indented by two; `status` knows the grace periods of the plan."""
    sign = wording.sign(change)
    reason = around("  # ", wording.shown(change.reason))
    yield f"  {paint(sign, sign)} {wording.title(change)}{reason}"
    if wording.shows_fields(change):
        yield from _field_lines(change, status)


def _field_lines(change: Change, status: StatusWords) -> list[str]:
    """The fields of a change and their values, in two columns."""
    rows = [row for row in wording.field_values(change, status) if not _repeats_title(change, *row)]
    return indented(aligned(rows), 6)


def _repeats_title(change: Change, field: str, value: str) -> bool:
    """Whether a field of a new object only repeats its name or its source."""
    if change.before is not None:
        return False
    if field == "source":
        return change.kind != "source"
    is_name = field in ("name", "username", "title")
    return is_name and value == f'"{wording.printable(change.key)}"'


def _skips(plan: Plan, paint: Paint, *, full: bool) -> Iterator[str]:
    """What cannot be synchronised and why; with the workspace if the plan is about several."""
    several = wording.has_several_workspaces(chain(plan.skips, plan.changes))
    for title, skips in wording.skips_by_action(plan):
        shown, left_out = shortening.first(skips, full=full)
        lines = _warnings((_skip(skip, several=several) for skip in shown), paint)
        if left_out:
            lines.append(f"  {shortening.more(left_out)}")
        yield from _section(wording.SKIPPED[title], lines, paint)


def _skip(skip: Skip, *, several: bool) -> str:
    """What is skipped and why; with `several` workspaces in which of them, too."""
    subject = wording.shown(skip.username or skip.dn)
    if skip.username:
        subject += around(" (", wording.shown(skip.dn), ")")
    sentence = around("", subject, ": ") + wording.shown(skip.sentence)
    workspace = f"{wording.printable(skip.workspace)}: " if several else ""
    return f"{workspace}{skip.code}: {sentence}"


def _summary(plan: Plan) -> Iterator[str]:
    """What of the directories is left out of the plan, by its skips or by the command line."""
    for title, skips in wording.skips_by_action(plan):
        yield f"  not synchronised, {title}: {numbered(wording.skip_counts(skips))}"
    yield from _left_out(plan)
    if narrowed := wording.narrowed(plan):
        yield f"  only {narrowed}"
    if plan.scope.undo:
        yield f"  undoes run {wording.printable(plan.scope.undo)}"


def _left_out(plan: Plan) -> list[str]:
    """How many people get no user because of a rule."""
    hint = wording.left_out_hint(plan.left_out)
    return [f"  {people}{hint}" for people in wording.left_out(plan.left_out)]


def _configuration(plan: Plan) -> str:
    """Which desired-state files the plan was made from."""
    return f"  configuration: {wording.configuration(plan)}"


def _maker(plan: Plan) -> Iterator[str]:
    """Who made the plan, and when."""
    if plan.made_by:
        yield f"  made by {wording.printable(f'{plan.made_by}, {plan.created}')}"


_STYLES = {
    **dict.fromkeys(map(summary.heading, ("existing", "no_action")), ""),
    **dict.fromkeys(map(summary.heading, ("created", "adopted", "assigned")), "+"),
    **dict.fromkeys(map(summary.heading, ("needs_action", "failed", "unknown")), "!"),
    **dict.fromkeys(
        map(summary.heading, ("removed", "blocked", "deactivated", "erased", "cleared")), "-"
    ),
}
"""Heading of a column → style of its numbers, "" for none; `~` where it is not listed."""


def _counts(counts: summary.Counts, paint: Paint, width: int) -> Iterator[str]:
    """The table, numbers to the right; what is done in the colour of its sign.

    One that is wider than the terminal is turned: a line for what is done, a column for what it is
    done to.
    """
    rows = [list(map(wording.printable, row)) for row in summary.table(counts)]
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if width and sum(widths) + 2 * len(widths) > width:
        for source in _turned(rows):
            yield from _turned_lines(source, paint)
        return
    heading, *numbers = rows
    unstyled = [""] * len(heading)
    styles = [_STYLES.get(column, "~") for column in heading]
    yield _count_line(heading, widths, unstyled, paint)
    for row in numbers:
        yield _count_line(row, widths, styles, paint)


def _turned(rows: Sequence[list[str]]) -> Iterator[list[list[str]]]:
    """The table of each source, turned; lines without a number are left out."""
    columns = rows[0][1:]
    starts = [at for at, row in enumerate(rows) if not any(map(str.isdigit, row[1:]))]
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        own = rows[start + 1 : end]
        lines = [[how, *(row[at] for row in own)] for at, how in enumerate(columns, start=1)]
        yield [
            [rows[start][0], *(row[0] for row in own)],
            *(line for line in lines if any(line[1:])),
        ]


def _turned_lines(rows: Sequence[Sequence[str]], paint: Paint) -> Iterator[str]:
    """The lines of a turned table, each in the colour of what is done."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for at, row in enumerate(rows):
        style = _STYLES.get(row[0], "~") if at else ""
        yield _count_line(row, widths, [style] * len(row), paint)


def _count_line(
    row: Sequence[str], widths: Sequence[int], styles: Sequence[str], paint: Paint
) -> str:
    """A row of the table; an empty cell and one with the style "" get no colour."""
    line = f"  {row[0]:<{widths[0]}}"
    for cell, width, style in zip(row[1:], widths[1:], styles[1:], strict=True):
        text = f"{cell:>{width}}"
        line += "  " + (paint(text, style) if cell and style else text)
    return line.rstrip()


def report_text(plan: Plan, report: Report, *, colour: bool, skips: bool, width: int = 0) -> str:
    """What became of the changes: failures one by one, the rest as numbers; `skips` too.

          ! failed: user bob: block: the account is in use
        Done: 1 applied, 1 failed, 0 skipped.
          corp   created  failed
          users        1       1
          configuration: reconcile.yml (sha256 4be0643f1d98)

    In a terminal, numbers and signs have the colours of a plan.
    """
    paint = paint_for(colour=colour)
    lines = list(_skips(plan, paint, full=False)) if skips else []
    lines += _warnings(map(_outcome, wording.unfinished(report)), paint)
    for trouble in report.troubles:
        lines += _trouble(trouble, paint)
    lines.append(paint(wording.outcome_line(report), "bold"))
    lines += prefixed("  ", wording.since_applied(report))
    if not report.already_applied:
        lines += _counts(summary.done(plan, report), paint, width)
        lines += _left_out(plan)
    if report.last_full:
        lines.append(f"  {wording.quiet_line(report.last_full)}")
    if report.outcomes:
        lines.append(_configuration(plan))
    lines += prefixed("  signed by ", wording.signers(report))
    return _fitted(lines, width)


def _fitted(lines: Iterable[str], width: int) -> str:
    """The lines, folded where they are longer than the terminal."""
    if width:
        lines = (part for line in lines for part in folded(line, width))
    return "\n".join(lines)


def _outcome(outcome: Outcome) -> str:
    """What became of a change, and why."""
    title, detail = wording.title(outcome.change), wording.shown(outcome.detail)
    return f"{outcome.result}: {title}: {detail}"


def _trouble(trouble: Trouble, paint: Paint) -> Iterator[str]:
    """What went wrong in a workspace; further lines of the detail are indented below."""
    first, *rest = map(wording.shown, trouble.detail.splitlines())
    yield from _warnings([f"workspace {wording.printable(trouble.workspace)}: {first}"], paint)
    yield from indented(rest, 4)


def plan(plan: Plan, showing: Showing) -> str:
    """The format `text`."""
    return plan_text(
        plan,
        colour=showing.colour,
        full=showing.full,
        pointer=showing.pointer,
        redacted=showing.redacted,
        width=showing.width,
        last_full=showing.last_full,
    )


def report(plan: Plan, report: Report, showing: Showing) -> str:
    """The format `text`."""
    return report_text(
        plan, report, colour=showing.colour, skips=showing.skips, width=showing.width
    )
