"""The page of a plan."""

import html
import re
from typing import Final

import msgspec

from reconcile.model.change import Plan
from reconcile.model.report import Showing
from reconcile.render import wording
from reconcile.render.html.data import page_data
from reconcile.render.html.frame import asset, filled, policy

_MARKUP: Final = re.compile("[<>&]")
"""What could end a script, or begin a comment in it."""


def page(plan: Plan, showing: Showing) -> str:
    """The whole page, its last line without a newline."""
    style, script = asset("page.css"), asset("page.js")
    name = f" {wording.shown(showing.name)}" if showing.name else ""
    return filled(
        asset("page.html").rstrip("\n"),
        {
            "policy": policy(style, script),
            "title": html.escape(f"reconcile plan{name}"),
            "headline": html.escape(wording.headline(plan)),
            "style": style,
            "script": script,
            "data": _embedded(page_data(plan, showing)),
        },
    )


def _embedded(data: object) -> str:
    """JSON that stays within its script element, and controls no terminal that shows it."""
    text = wording.escaped(msgspec.json.encode(data).decode())
    return _MARKUP.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
