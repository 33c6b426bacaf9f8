"""What every page shares: how its frame is filled, and a policy that lets nothing else in."""

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

_PLACE: Final = re.compile(r"\{\{(\w+)\}\}")


def policy(style: str, script: str = "") -> str:
    """Nothing is loaded and nothing runs but the style and the script of this page."""
    parts = (
        "default-src 'none'",
        f"style-src '{_hash(style)}'",
        f"script-src '{_hash(script)}'" if script else "script-src 'none'",
        "img-src data:",  # the empty icon, or browsers would ask a server for one
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(parts)


def _hash(text: str) -> str:
    """The SHA-256 of a text, as a policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def filled(frame: str, values: Mapping[str, str]) -> str:
    """The frame with every `{{name}}` replaced; what is put in is not looked at again."""
    return _PLACE.sub(lambda place: values[place[1]], frame)


def asset(name: str) -> str:
    """A file of this folder."""
    return files("reconcile.render.html").joinpath(name).read_text(encoding="utf-8")
