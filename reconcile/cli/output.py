"""Plans and reports in the format that was asked for."""

import importlib
import shlex
from pathlib import Path
from typing import Protocol, cast

from reconcile.cli.formats import FORMATS
from reconcile.model.change import Plan
from reconcile.model.report import Report, Showing


class Format(Protocol):
    """What a module of a format has."""

    def plan(self, plan: Plan, showing: Showing) -> str:
        """The plan, its last line without a newline."""
        ...

    def report(self, plan: Plan, report: Report, showing: Showing) -> str:
        """What became of the changes of a plan."""
        ...


def plan(made: Plan, form: str, *, full: bool, saved: Path | None, colour: bool) -> str:
    """`saved` is where the plan file is, if there is one: a shortened plan points to it."""
    where = "reconcile plan --out FILE, then reconcile show FILE"
    if saved:
        where = f"reconcile show {shlex.quote(str(saved))}"
    pointer = f"Output truncated. Full plan: {where}"
    return _format(form).plan(made, Showing(colour=colour, full=full, pointer=pointer))


def saved(path: Path, digest: str, *, signed: bool) -> str:
    """Where the plan file is, and its digest on a line of its own, to be copied."""
    where = shlex.quote(str(path))
    beside = f", its signature to {shlex.quote(f'{path}.sig')}" if signed else ""
    return f"The plan was written to {where}{beside}:\n  {digest}"


def report(made: Plan, outcome: Report, form: str, *, colour: bool, skips: bool) -> str:
    """The report; `skips`: whether the text format lists skips, too."""
    return _format(form).report(made, outcome, Showing(colour=colour, skips=skips))


def _format(name: str) -> Format:
    return cast("Format", importlib.import_module(FORMATS[name]))
