"""A plan as one page of HTML that needs nothing else: no network, no server, no library.

- `page`: the page of a plan, with its styles and its script.
- `frame`: the frame, and a content security policy that names styles and script by their hash.
- `data`: what the script shows, as JSON. Foreign text never becomes markup.
- `tree`: the departments of a plan, and what changes in each.
- `remedies`: what can be done about each kind of skip.

The styles and the script are `page.css` and `page.js` in this folder; `page.html` is the frame.
"""

from reconcile.model.change import Plan
from reconcile.model.report import Showing
from reconcile.render.html.page import page

__all__ = ["page", "plan"]


def plan(plan: Plan, showing: Showing) -> str:
    """The format `html`: always all of it."""
    return page(plan, showing)
