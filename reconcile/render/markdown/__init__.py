"""A plan and a report as Markdown, for a comment on a merge request.

- `documents`: what a plan and a report consist of, in parts.
- `parts`: a document of parts, cut where it becomes too long for a comment or a step summary.
- `escaping`: foreign text that stays text, whatever it holds.
- `marker`: the first line of a comment, by which a pipeline finds it again.
"""

from reconcile.model.change import Plan
from reconcile.model.report import Report, Showing
from reconcile.render.markdown.documents import plan_markdown, report_markdown
from reconcile.render.markdown.parts import BYTES, SUMMARY, Limit

__all__ = ["plan", "plan_markdown", "report", "report_markdown", "step_summary"]


def plan(plan: Plan, showing: Showing) -> str:
    """The format `markdown`: at most 65,000 code points."""
    return plan_markdown(plan, showing)


def report(plan: Plan, report: Report, _showing: Showing) -> str:
    """The format `markdown`: at most 65,000 code points."""
    return report_markdown(plan, report)


def step_summary(plan: Plan, showing: Showing, taken: int) -> str:
    """The same document for a step summary that holds `taken` bytes already."""
    return plan_markdown(plan, showing, Limit(SUMMARY - taken, BYTES))
