"""What the answers of VMmanager mean."""

from typing import Any, Final, NamedTuple

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.http.answers import (
    Answer,
    is_json,
    json_of,
    refuse_other_than_json,
    refuse_redirect,
    retry_after,
)
from reconcile.platforms.http.exchange import Raw
from reconcile.platforms.http.session import AGAIN, TOO_MANY
from reconcile.platforms.http.values import mapping, number, text
from reconcile.ports import Rejected

NOT_AUTHORISED: Final = 3001
SUSPENDED: Final = 503
NOT_FOUND: Final = 404
_HINT: Final = (
    "Is url the address of VMmanager, without a path, and is it up? `paths` has the names and "
    "versions of its services"
)


class Refused(Rejected):
    """An answer that says no: nothing was changed."""

    def __init__(self, status: int, error: "Error") -> None:
        """Takes the HTTP status, and what the body says."""
        self.status = status
        self.code = error.code
        shown = error.text or f"VMmanager answers {status}"
        super().__init__(f"{shown} (error {error.code})" if error.code else shown)


class Error(NamedTuple):
    """`error` of a body."""

    code: int = 0
    text: str = ""


class VmDialect:
    """The JSON of VMmanager, as a session over HTTP needs to know it."""

    accept = "application/json"
    media = "application/json"

    def answer(self, base: str, method: str, path: str, raw: Raw) -> Answer:
        """What an answer means that is final. Raises PlatformUnreadable, Refused or Unclear.

        An error counts whatever the HTTP status is.
        """
        refuse_redirect(base, path, raw)
        if raw.status not in (401, 403):
            refuse_other_than_json(base, method, path, raw, _HINT)
        error = error_of(raw)
        if error is None and raw.status < 300:
            return Answer(raw.status, json_of(raw), raw.headers, len(raw.data))
        error = error or Error()
        if raw.status in (401, 403) or error.code == NOT_AUTHORISED:
            what = f"{error.text or 'not authorised'} (HTTP {raw.status}, error {error.code})"
            raise PlatformUnreadable(
                f"VMmanager at {base} answers to {method} {path}: {what}. Nothing more is tried; "
                "look at auth of the platform, and whether its account has the role @admin"
            )
        raise Refused(raw.status, error)

    def has_ended(self, raw: Raw) -> bool:
        """Whether a token is no longer accepted."""
        error = error_of(raw)
        return raw.status == 401 or (error is not None and error.code == NOT_AUTHORISED)

    def asks_to_wait(self, raw: Raw, *, reading: bool) -> bool:
        """Whether VMmanager did nothing and is to be asked again later.

        A 503 of its own says that the service is suspended. One of something in between proves
        nothing, unless it says how long to wait.
        """
        error = error_of(raw)
        if raw.status == TOO_MANY or (error is not None and error.code == SUSPENDED):
            return True
        if raw.status == SUSPENDED and error is not None:
            return True
        statuses = AGAIN if reading else frozenset({SUSPENDED})
        return raw.status in statuses and retry_after(raw) is not None


def error_of(raw: Raw) -> Error | None:
    """What a body says is wrong; None where it says nothing."""
    if not is_json(raw):
        return None
    shown: Any = mapping(json_of(raw)).get("error")
    if shown is None:
        return None
    if not isinstance(shown, dict):
        return Error(0, text(shown))
    code = shown.get("code")
    value = int(code) if isinstance(code, str) and code.isdigit() else number(code)
    return Error(value or 0, text(shown.get("msg")))
