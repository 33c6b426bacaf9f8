"""Plans and reports in the format that was asked for."""

import importlib
import shlex
from pathlib import Path
from typing import Protocol, cast

from reconcile.cli.formats import FORMATS
from reconcile.cli.review.options import NO_REVIEW, Review
from reconcile.cli.terminal.tabular import room
from reconcile.model.change import Plan
from reconcile.model.report import Report, Showing

IDENTIFYING = ("html", "markdown")
"""The formats that name the digest and the commit of a plan: both take time to find."""


class Format(Protocol):
    """What a module of a format has."""

    def plan(self, plan: Plan, showing: Showing) -> str:
        """The plan, its last line without a newline."""
        ...

    def report(self, plan: Plan, report: Report, showing: Showing) -> str:
        """What became of the changes of a plan."""
        ...


def plan(
    made: Plan,
    form: str,
    *,
    full: bool,
    saved: Path | None,
    colour: bool,
    review: Review = NO_REVIEW,
    last_full: str = "",
) -> str:
    """`saved` is where the plan file is, if there is one: a shortened plan points to it.

    `last_full` is when the last full run was, if this one was quiet.
    """
    showing = _showing(made, form, full=full, saved=saved, colour=colour, review=review)
    return _format(form).plan(_shown(made, review), showing._replace(last_full=last_full))


def step_summary(
    made: Plan, taken: int, *, saved: Path | None, review: Review, last_full: str = ""
) -> str:
    """The plan as Markdown for a step summary that holds `taken` bytes already."""
    from reconcile.render import markdown

    showing = _showing(made, "markdown", full=True, saved=saved, colour=False, review=review)
    showing = showing._replace(last_full=last_full)
    return markdown.step_summary(_shown(made, review), showing, taken)


def _showing(
    made: Plan, form: str, *, full: bool, saved: Path | None, colour: bool, review: Review
) -> Showing:
    from reconcile.app.review.digest import file_digest

    where = "reconcile plan --out FILE, then reconcile show FILE"
    if saved:
        where = f"reconcile show {shlex.quote(str(saved))}"
    return Showing(
        colour=colour,
        full=full,
        pointer=f"Full plan: {where}",
        name=review.name,
        digest=file_digest(made) if form in IDENTIFYING else "",
        commit=review.commit,
        redacted=review.redact,
        width=room() or 0 if form == "text" else 0,
    )


def _shown(made: Plan, review: Review) -> Plan:
    """The plan, or what reviewers may see of it."""
    from reconcile.render.redaction import redacted

    return redacted(made) if review.redact else made


def saved(path: Path, digest: str, *, signed: bool) -> str:
    """Where the plan file is, and its digest on a line of its own, to be copied."""
    where = shlex.quote(str(path))
    beside = f", its signature to {shlex.quote(f'{path}.sig')}" if signed else ""
    return f"The plan was written to {where}{beside}:\n  {digest}"


def report(
    made: Plan,
    outcome: Report,
    form: str,
    *,
    colour: bool,
    skips: bool,
    review: Review = NO_REVIEW,
) -> str:
    """The report; `skips`: whether the text format lists skips, too."""
    if review.redact:
        from reconcile.render.redaction import redacted_report

        made, outcome = redacted_report(made, outcome)
    showing = Showing(colour=colour, skips=skips, width=room() or 0)
    return _format(form).report(made, outcome, showing)


def _format(name: str) -> Format:
    return cast("Format", importlib.import_module(FORMATS[name]))
