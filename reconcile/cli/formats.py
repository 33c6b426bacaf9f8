"""The formats in which plans and reports are shown: a new one is a module of `render` and a line here.

Such a module has `plan` and `report`, which take a `Showing`, too. It is imported when it is used.
"""

import importlib
from typing import Final, Protocol, cast

from reconcile.model.change import Plan
from reconcile.model.report import Report, Showing

FORMATS: Final = {
    "text": "reconcile.render.text",
    "json": "reconcile.render.json",
    "markdown": "reconcile.render.markdown",
}
"""The word for `--format` → the module. The first is the default."""


class Format(Protocol):
    """What a module of a format has."""

    def plan(self, plan: Plan, showing: Showing) -> str:
        """The plan, its last line without a newline."""
        ...

    def report(self, plan: Plan, report: Report, showing: Showing) -> str:
        """What became of the changes of a plan."""
        ...


def format_of(name: str) -> Format:
    """The format of a name in `FORMATS`."""
    return cast("Format", importlib.import_module(FORMATS[name]))
