"""The one way to the service: requests with a bound on every wait, and what the answers mean.

A request that is certain not to have been done is repeated for a while; one that may have been done
never is, unless it only reads.
"""

import logging
import random
import time
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.scim.connection.answers import Answer, answer_of, excerpt, retry_after
from reconcile.platforms.scim.connection.auth import Credentials
from reconcile.platforms.scim.connection.exchange import Exchange, Lost, Raw
from reconcile.platforms.scim.connection.pace import Pacer
from reconcile.platforms.scim.names import MEDIA
from reconcile.platforms.scim.settings import ScimSettings
from reconcile.ports import Unclear

_log = logging.getLogger(__name__)

PAUSE: Final = 0.25
"""Seconds that the first pause grows from."""
TRIES: Final = 5
PATIENCE: Final = 180.0
"""How often a request is tried, and how many seconds it may wait between tries in all."""
_AGAIN: Final = frozenset({500, 502, 503, 504, 408})
"""Statuses after which a read is tried again."""
_NOT_DONE: Final = frozenset({503})
"""Statuses that say, with a time to wait, that a change was not done."""
TOO_MANY: Final = 429


class Session:
    """Requests below one base URL. May be used by several threads at once."""

    def __init__(self, base: str, settings: ScimSettings, folder: str) -> None:
        """Connects when it is first used."""
        self._base = base.rstrip("/")
        self._pacer = Pacer(settings.pace.per_minute)
        self._credentials = Credentials(settings.auth, self._fetch)
        parts = urlsplit(self._base)
        self.base = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        """The base URL, without what it may hide."""
        self._exchange = Exchange(self.base, settings, folder)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Reads. Raises PlatformUnreadable, and Refused where the service says no to just this."""
        why = ""
        for pause in self._tries():
            time.sleep(pause)
            try:
                raw = self._once("GET", path, query, None, {})
            except Lost as lost:
                why = str(lost)
                continue
            if _asks_to_wait(raw, _AGAIN):
                why = self._told_to_wait(raw)
            elif raw.status in _AGAIN:
                why = f"it answers {raw.status}{excerpt(raw)}"
            else:
                return answer_of(self.base, "GET", path, raw)
        raise PlatformUnreadable(f"the service at {self.base} cannot be read: {path}: {why}")

    def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Writes. Raises Refused, Unclear or PlatformUnreadable.

        Repeated only where the service is certain not to have done it.
        """
        data = None if body is None else msgspec.json.encode(body)
        why = ""
        for pause in self._tries():
            time.sleep(pause)
            try:
                raw = self._once(method, path, None, data, headers or {})
            except Lost as lost:
                if lost.sent:
                    raise Unclear(f"{method} {path}: {lost}") from lost
                why = str(lost)
                continue
            if _asks_to_wait(raw, _NOT_DONE):
                why = self._told_to_wait(raw)
            elif raw.status in _AGAIN or raw.status > 501:
                raise Unclear(f"{method} {path}: it answers {raw.status}{excerpt(raw)}")
            else:
                return answer_of(self.base, method, path, raw)
        raise PlatformUnreadable(
            f"the service at {self.base} cannot be used: {method} {path}: {why}"
        )

    def _tries(self) -> Iterator[float]:
        """The pauses before each try, growing, together within bounds."""
        end = time.monotonic() + PATIENCE
        yield 0.0
        for at in range(1, TRIES):
            pause = min(PAUSE * 2**at, 20.0) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
            if time.monotonic() + pause > end:
                return
            yield pause

    def _told_to_wait(self, raw: Raw) -> str:
        """Closes the way for as long as the service wants.

        Raises PlatformUnreadable where that is beyond bounds.
        """
        seconds = retry_after(raw)
        why = (
            f"it answers {raw.status} (too many requests)"
            if raw.status == TOO_MANY
            else "it answers 503"
        )
        if seconds is None:
            return why
        if seconds > PATIENCE:
            raise PlatformUnreadable(
                f"the service at {self.base} asks to wait for {seconds:.0f} s ({raw.status}): "
                "run again later, or set pace.per_minute to what it allows"
            )
        _log.info("the service asks to wait for %.0f s", seconds)
        self._pacer.close_for(seconds)
        return why

    def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
    ) -> Raw:
        """One request, or two where a token of OAuth 2 has ended. Raises Lost."""
        proof = self._credentials.headers()
        raw = self._proven(method, path, query, data, {**headers, **proof})
        if raw.status == 401 and self._credentials.renew(proof):
            proof = self._credentials.headers()
            raw = self._proven(method, path, query, data, {**headers, **proof})
        return raw

    def _proven(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
    ) -> Raw:
        """One request with proof of where it comes from, when the pace allows it."""
        self._pacer.wait()
        sent = {
            "User-Agent": "reconcile",
            "Accept": f"{MEDIA}, application/json",
            **headers,
        }
        if data is not None:
            sent["Content-Type"] = MEDIA
        return self._exchange.exchange(method, f"{self._base}/{path}", query, data, sent)

    def _fetch(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """A POST outside of the service: for a token."""
        try:
            raw = self._exchange.exchange("POST", url, None, body, headers)
        except Lost as lost:
            raise PlatformUnreadable(f"no token: {url}: {lost}") from lost
        return raw.status, raw.data

    def close(self) -> None:
        """Lets go of the connections."""
        self._exchange.close()


def _asks_to_wait(raw: Raw, statuses: frozenset[int]) -> bool:
    """Whether the service has too many requests, or says with a status how long to wait."""
    if raw.status == TOO_MANY:
        return True
    return raw.status in statuses and retry_after(raw) is not None
