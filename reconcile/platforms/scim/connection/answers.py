"""What the answers of a SCIM service mean."""

from typing import Final

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.http.answers import (
    Answer,
    json_of,
    refuse_other_than_json,
    refuse_redirect,
    retry_after,
)
from reconcile.platforms.http.exchange import Raw
from reconcile.platforms.http.session import AGAIN, TOO_MANY
from reconcile.platforms.http.values import mapping
from reconcile.platforms.scim.connection.errors import Refused
from reconcile.platforms.scim.names import MEDIA

_NO_ACCESS: Final = {401: "the credentials are not accepted", 403: "not allowed"}
"""Status → what it means where the service gives no reason."""
_HINT: Final = "Is url the base URL of its SCIM service, and is the service up?"


class ScimDialect:
    """SCIM, as a session over HTTP needs to know it."""

    accept = f"{MEDIA}, application/json"
    media = MEDIA

    def answer(self, base: str, method: str, path: str, raw: Raw) -> Answer:
        """What an answer means that is final. Raises PlatformUnreadable, Refused or Unclear."""
        if raw.status not in _NO_ACCESS and not 300 <= raw.status < 400:
            refuse_other_than_json(base, method, path, raw, _HINT)
        if raw.status < 300:
            return Answer(raw.status, json_of(raw), raw.headers, len(raw.data))
        refuse_redirect(base, path, raw)
        said = mapping(json_of(raw))
        detail = str(said.get("detail") or "")
        if raw.status in _NO_ACCESS:
            raise PlatformUnreadable(
                f"the service at {base} answers {raw.status} to {method} {path}: "
                f"{detail or _NO_ACCESS[raw.status]}. Nothing more is tried; look at auth of the "
                "platform and at what the service allows its token"
            )
        raise Refused(raw.status, detail, str(said.get("scimType") or ""))

    def has_ended(self, raw: Raw) -> bool:
        """Whether the proof of a request is no longer accepted."""
        return raw.status == 401

    def asks_to_wait(self, raw: Raw, *, reading: bool) -> bool:
        """Whether the service has too many requests, or says with a status how long to wait.

        Only 503 says that a change was not done.
        """
        if raw.status == TOO_MANY:
            return True
        statuses = AGAIN if reading else frozenset({503})
        return raw.status in statuses and retry_after(raw) is not None
