"""Plans and reports in the format that was asked for."""

import shlex
from pathlib import Path

from reconcile.cli.formats import format_of
from reconcile.model.change import Plan
from reconcile.model.report import Report, Showing


def plan(made: Plan, form: str, *, full: bool, saved: Path | None, colour: bool) -> str:
    """`saved` is where the plan file is, if there is one: a shortened plan points to it."""
    where = "reconcile plan --out FILE, then reconcile show FILE"
    if saved:
        where = f"reconcile show {shlex.quote(str(saved))}"
    pointer = f"Output truncated. Full plan: {where}"
    return format_of(form).plan(made, Showing(colour=colour, full=full, pointer=pointer))


def report(made: Plan, outcome: Report, form: str, *, colour: bool, skips: bool) -> str:
    """The report; `skips`: whether the text format lists skips, too."""
    return format_of(form).report(made, outcome, Showing(colour=colour, skips=skips))
