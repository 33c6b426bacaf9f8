"""Answers of a service, as far as every service gives the same."""

import email.utils
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.http.exchange import Raw
from reconcile.ports import Unclear


class Answer(NamedTuple):
    """What came back: never an error."""

    status: int
    body: Any
    """The JSON of the body; None for an empty one."""
    headers: Mapping[str, str]
    size: int = 0

    @property
    def resource(self) -> dict[str, Any] | None:
        """The body where it is one resource."""
        return self.body if isinstance(self.body, dict) else None


def retry_after(raw: Raw) -> float | None:
    """How many seconds the service asks to wait; None where it does not say."""
    text = raw.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, when.timestamp() - time.time())


def json_of(raw: Raw) -> Any:
    """The JSON of a body; None for an empty one, and for what is no JSON."""
    try:
        return msgspec.json.decode(raw.data) if raw.data.strip() else None
    except msgspec.DecodeError:
        return None


def is_json(raw: Raw) -> bool:
    """Whether a body is JSON, or empty."""
    return not raw.data.strip() or json_of(raw) is not None or raw.data.strip() == b"null"


def refuse_other_than_json(base: str, method: str, path: str, raw: Raw, hint: str) -> None:
    """Raises for a body that is no JSON: PlatformUnreadable, or Unclear after a change.

    `hint` says what to look at.
    """
    if is_json(raw):
        return
    what = f"{method} {path}: what it answers ({raw.status}) is no JSON{excerpt(raw)}"
    if method == "GET" or raw.status >= 400:
        raise PlatformUnreadable(f"the service at {base} cannot be used: {what}. {hint}")
    raise Unclear(what)


def refuse_redirect(base: str, path: str, raw: Raw) -> None:
    """Raises PlatformUnreadable for an answer that is at another address."""
    if 300 <= raw.status < 400:
        to = raw.headers.get("Location", "elsewhere")
        raise PlatformUnreadable(
            f"the service at {base} redirects {path} to {to}: that is what url has to say"
        )


def excerpt(raw: Raw) -> str:
    """The beginning of a body, for a message."""
    text = raw.data[:300].decode(errors="replace")
    shown = " ".join(text.split())[:120]
    return f": {shown}" if shown else ""
