"""What the answers of a service mean."""

import email.utils
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.scim.connection.errors import Refused
from reconcile.platforms.scim.connection.exchange import Raw
from reconcile.platforms.scim.values import mapping
from reconcile.ports import Unclear

_NO_ACCESS: Final = {401: "the credentials are not accepted", 403: "not allowed"}
"""Status → what it means where the service gives no reason."""


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


def answer_of(base: str, method: str, path: str, raw: Raw) -> Answer:
    """What an answer means that is final. Raises PlatformUnreadable, Refused or Unclear."""
    body = _decoded(base, method, path, raw)
    if raw.status < 300:
        return Answer(raw.status, body, raw.headers, len(raw.data))
    if raw.status < 400:
        to = raw.headers.get("Location", "elsewhere")
        raise PlatformUnreadable(
            f"the service at {base} redirects {path} to {to}: that is what url has to say"
        )
    said = mapping(body)
    detail = str(said.get("detail") or "")
    if raw.status in _NO_ACCESS:
        raise PlatformUnreadable(
            f"the service at {base} answers {raw.status} to {method} {path}: "
            f"{detail or _NO_ACCESS[raw.status]}. Nothing more is tried; look at auth of the "
            "platform and at what the service allows its token"
        )
    raise Refused(raw.status, detail, str(said.get("scimType") or ""))


def _decoded(base: str, method: str, path: str, raw: Raw) -> Any:
    """The JSON of a body. Anything else is an outage, never an answer."""
    if not raw.data.strip():
        return None
    try:
        return msgspec.json.decode(raw.data)
    except msgspec.DecodeError:
        if raw.status in _NO_ACCESS or 300 <= raw.status < 400:
            return None
    what = f"{method} {path}: what it answers ({raw.status}) is no JSON{excerpt(raw)}"
    if method == "GET" or raw.status >= 400:
        raise PlatformUnreadable(
            f"the service at {base} cannot be used: {what}. "
            "Is url the base URL of its SCIM service, and is the service up?"
        )
    raise Unclear(what)


def excerpt(raw: Raw) -> str:
    """The beginning of a body, for a message."""
    text = raw.data[:300].decode(errors="replace")
    shown = " ".join(text.split())[:120]
    return f": {shown}" if shown else ""
