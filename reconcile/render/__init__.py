"""Plans, reports and tables as text, JSON and Markdown. Computes strings and prints nothing.

What comes from a directory may hold anything, so whatever is shown to a terminal goes through
`printable` first.
"""

from reconcile.render.explanations import explanation_text
from reconcile.render.history import run_json, run_text, runs_json, runs_text
from reconcile.render.json import explanation_json, plan_json, report_json
from reconcile.render.markdown import plan_markdown, report_markdown
from reconcile.render.tables import table
from reconcile.render.text import plan_text, report_text
from reconcile.render.trees import people_lines, tree_lines
from reconcile.render.wording import escaped, printable

__all__ = [
    "escaped",
    "explanation_json",
    "explanation_text",
    "people_lines",
    "plan_json",
    "plan_markdown",
    "plan_text",
    "printable",
    "report_json",
    "report_markdown",
    "report_text",
    "run_json",
    "run_text",
    "runs_json",
    "runs_text",
    "table",
    "tree_lines",
]
