"""The one way to the service: requests with a bound on every wait, and what the answers mean.

A request that is certain not to have been done is repeated for a while; one that may have been done
never is, unless it only reads.
"""

import logging
import random
import time
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

import msgspec

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.http.answers import Answer, excerpt, retry_after
from reconcile.platforms.http.exchange import Exchange, Lost, Raw
from reconcile.platforms.http.pace import Pacer
from reconcile.ports import Unclear

_log = logging.getLogger(__name__)

PAUSE: Final = 0.25
"""Seconds that the first pause grows from."""
TRIES: Final = 5
PATIENCE: Final = 180.0
"""How often a request is tried, and how many seconds it may wait between tries in all."""
AGAIN: Final = frozenset({500, 502, 503, 504, 408})
"""Statuses after which a read is tried again."""
TOO_MANY: Final = 429


class Proof(Protocol):
    """How a request proves where it comes from."""

    def headers(self) -> Mapping[str, str]:
        """What every request carries. Raises PlatformUnreadable where nothing can be had."""

    def renew(self, used: Mapping[str, str]) -> bool:
        """Whether there is another proof than the one that was refused."""


class Dialect(Protocol):
    """What a kind of service says, and how."""

    accept: str
    media: str
    """The media types of answers, and of what is sent."""

    def answer(self, base: str, method: str, path: str, raw: Raw) -> Answer:
        """What an answer means that is final. Raises PlatformUnreadable, Rejected or Unclear."""

    def has_ended(self, raw: Raw) -> bool:
        """Whether the proof of a request is no longer accepted."""

    def asks_to_wait(self, raw: Raw, *, reading: bool) -> bool:
        """Whether the service did nothing and is to be asked again later."""


class Session:
    """Requests below one base URL. May be used by several threads at once."""

    def __init__(
        self, base: str, exchange: Exchange, dialect: Dialect, proof: Proof, per_minute: int = 0
    ) -> None:
        """Connects when it is first used. `per_minute`: how many requests; 0 is without limit."""
        self._base = base.rstrip("/")
        self.base = exchange.shown.rstrip("/")
        """The base URL, without what it may hide."""
        self._exchange = exchange
        self._dialect = dialect
        self._proof = proof
        self._pacer = Pacer(per_minute)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Reads. Raises PlatformUnreadable, and Rejected where the service refuses just this."""
        why = ""
        for pause in self._tries():
            time.sleep(pause)
            try:
                raw = self._once("GET", path, query, None, {})
            except Lost as lost:
                why = str(lost)
                continue
            if self._dialect.asks_to_wait(raw, reading=True):
                why = self._wait_as_asked(raw)
            elif raw.status in AGAIN:
                why = f"it answers {raw.status}{excerpt(raw)}"
            else:
                return self._dialect.answer(self.base, "GET", path, raw)
        raise PlatformUnreadable(f"the service at {self.base} cannot be read: {path}: {why}")

    def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Writes. Raises Rejected, Unclear or PlatformUnreadable.

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
            if self._dialect.asks_to_wait(raw, reading=False):
                why = self._wait_as_asked(raw)
            elif raw.status in AGAIN or raw.status > 501:
                raise Unclear(f"{method} {path}: it answers {raw.status}{excerpt(raw)}")
            else:
                return self._dialect.answer(self.base, method, path, raw)
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

    def _wait_as_asked(self, raw: Raw) -> str:
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
        """One request, or two where the proof has ended. Raises Lost."""
        proof = self._proof.headers()
        raw = self._proven(method, path, query, data, {**headers, **proof})
        if self._dialect.has_ended(raw) and self._proof.renew(proof):
            proof = self._proof.headers()
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
            "Accept": self._dialect.accept,
            **headers,
        }
        if data is not None:
            sent["Content-Type"] = self._dialect.media
        return self._exchange.exchange(method, f"{self._base}/{path}", query, data, sent)

    def close(self) -> None:
        """Lets go of the connections."""
        self._exchange.close()
