"""Plans and reports in the form that was asked for."""

import shlex
from pathlib import Path

from reconcile import render
from reconcile.model.change import Plan
from reconcile.model.report import Report


def plan(made: Plan, form: str, *, full: bool, saved: Path | None, colour: bool) -> str:
    """`saved` is where the plan file is, if there is one: a shortened plan points to it."""
    if form == "json":
        return render.plan_json(made)
    where = (
        f"reconcile show {shlex.quote(str(saved))}"
        if saved
        else "reconcile plan --out FILE, then reconcile show FILE"
    )
    pointer = f"Output truncated. Full plan: {where}"
    if form == "markdown":
        return render.plan_markdown(made, full=full, pointer=pointer)
    return render.plan_text(made, colour=colour, full=full, pointer=pointer)


def report(made: Plan, outcome: Report, form: str, *, colour: bool, skips: bool) -> str:
    """What became of the changes; `skips`: as text, whether what was not possible is told too."""
    if form == "json":
        return render.report_json(made, outcome)
    if form == "markdown":
        return render.report_markdown(made, outcome)
    return render.report_text(made, outcome, colour=colour, skips=skips)
