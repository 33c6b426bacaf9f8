"""The frame of the page, and its content security policy."""

import base64
import hashlib
import html
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

import msgspec

from reconcile.model.change import Plan
from reconcile.model.report import Showing
from reconcile.render import wording
from reconcile.render.html.data import page_data

_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")
_MARKUP: Final = re.compile("[<>&]")
"""What could end a script, or begin a comment in it."""


def page(plan: Plan, showing: Showing) -> str:
    """The whole page, its last line without a newline."""
    style, script = _asset("page.css"), _asset("page.js")
    name = f" {wording.shown(showing.name)}" if showing.name else ""
    return _filled(
        _asset("page.html").rstrip("\n"),
        {
            "policy": _policy(style, script),
            "title": html.escape(f"reconcile plan{name}"),
            "headline": html.escape(wording.headline(plan)),
            "style": style,
            "script": script,
            "data": _embedded(page_data(plan, showing)),
        },
    )


def _policy(style: str, script: str) -> str:
    """Nothing is loaded and nothing runs but the style and the script of this page."""
    parts = (
        "default-src 'none'",
        f"style-src '{_hash(style)}'",
        f"script-src '{_hash(script)}'",
        "img-src data:",  # the empty icon, or browsers would ask a server for one
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(parts)


def _hash(text: str) -> str:
    """The SHA-256 of a text, as a policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _filled(frame: str, values: Mapping[str, str]) -> str:
    """The frame with every `{{name}}` replaced; what is put in is not looked at again."""
    return _PLACE.sub(lambda place: values[place[1]], frame)


def _embedded(data: object) -> str:
    """JSON that stays within its script element, and controls no terminal that shows it."""
    text = wording.escaped(msgspec.json.encode(data).decode())
    return _MARKUP.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _asset(name: str) -> str:
    """A file of this folder."""
    return files("reconcile.render.html").joinpath(name).read_text(encoding="utf-8")
