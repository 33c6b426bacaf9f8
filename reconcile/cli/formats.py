"""The formats of plans and reports: a new one is a module of `render` and a line here.

Such a module has the functions of `reconcile.cli.output.Format`. It is imported when it is used.
"""

from typing import Final

FORMATS: Final = {
    "text": "reconcile.render.text",
    "json": "reconcile.render.json",
    "markdown": "reconcile.render.markdown",
    "html": "reconcile.render.html",
}
"""The word for `--format` → the module. The first is the default."""

REPORTS: Final = tuple(name for name in FORMATS if name != "html")
"""The formats that can show what became of a plan, too."""
