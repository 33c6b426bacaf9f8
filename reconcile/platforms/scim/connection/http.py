"""The one way to the service: requests with a bound on every wait, and what the answers mean.

A request that is certain not to have been done is repeated for a while; one that may have been done
never is, unless it only reads.
"""

import email.utils
import logging
import random
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.scim.connection.auth import Credentials
from reconcile.platforms.scim.connection.errors import Refused
from reconcile.platforms.scim.connection.pace import Pacer
from reconcile.platforms.scim.names import MEDIA
from reconcile.platforms.scim.settings import ScimSettings
from reconcile.ports import Unclear

_log = logging.getLogger(__name__)

CONNECT: Final = 10.0
READ: Final = 60.0
WHOLE: Final = 120.0
"""Seconds: to connect, between two parts of an answer, and for all of an answer."""
LARGEST: Final = 256 * 1024 * 1024
"""Bytes of the largest answer that is read."""
PAUSE: Final = 0.25
"""Seconds that the first pause grows from."""
TRIES: Final = 5
PATIENCE: Final = 180.0
"""How often a request is tried, and how many seconds it may wait between tries in all."""
_AGAIN: Final = frozenset({500, 502, 503, 504, 408})
"""Statuses after which a read is tried again."""


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


class _Lost(Exception):
    """No answer. `sent`: the request may have reached the service."""

    def __init__(self, why: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(why)


class _Raw(NamedTuple):
    status: int
    data: bytes
    headers: Mapping[str, str]


class Session:
    """Requests below one base URL. May be used by several threads at once."""

    def __init__(self, base: str, settings: ScimSettings, folder: str) -> None:
        """Connects when it is first used."""
        self._base = base.rstrip("/")
        self._settings = settings
        self._folder = folder
        self._pacer = Pacer(settings.pace.per_minute)
        self._credentials = Credentials(settings.auth, self._fetch)
        self._making = threading.Lock()
        self._pool: Any = None
        self.requests = 0
        """How many were made."""

    @property
    def base(self) -> str:
        """The base URL, without what it may hide."""
        parts = urlsplit(self._base)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """Reads. Raises PlatformUnreadable, and Refused where the service says no to just this."""
        why = ""
        for pause in self._tries():
            time.sleep(pause)
            try:
                raw = self._once("GET", path, query, None, {})
            except _Lost as lost:
                why = str(lost)
                continue
            if raw.status == 429 or (raw.status in _AGAIN and self._retry_after(raw) is not None):
                why = self._told_to_wait(raw)
            elif raw.status in _AGAIN:
                why = f"it answers {raw.status}{_excerpt(raw)}"
            else:
                return self._answer("GET", path, raw)
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
            except _Lost as lost:
                if lost.sent:
                    raise Unclear(f"{method} {path}: {lost}") from lost
                why = str(lost)
                continue
            waits = raw.status == 503 and self._retry_after(raw) is not None
            if raw.status == 429 or waits:
                why = self._told_to_wait(raw)
            elif raw.status in _AGAIN or raw.status > 501:
                raise Unclear(f"{method} {path}: it answers {raw.status}{_excerpt(raw)}")
            else:
                return self._answer(method, path, raw)
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

    def _told_to_wait(self, raw: _Raw) -> str:
        """Closes the way for as long as the service wants.

        Raises PlatformUnreadable where that is beyond bounds.
        """
        seconds = self._retry_after(raw)
        why = (
            f"it answers {raw.status} (too many requests)"
            if raw.status == 429
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

    @staticmethod
    def _retry_after(raw: _Raw) -> float | None:
        """How many seconds the service asks to wait; None where it does not say."""
        text = raw.headers.get("Retry-After", "").strip()
        if text.isdigit():
            return float(text)
        try:
            when = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        return max(0.0, when.timestamp() - time.time())

    def _answer(self, method: str, path: str, raw: _Raw) -> Answer:
        """What an answer means that is final."""
        body = self._decoded(method, path, raw)
        if raw.status < 300:
            return Answer(raw.status, body, raw.headers, len(raw.data))
        if raw.status < 400:
            to = raw.headers.get("Location", "elsewhere")
            raise PlatformUnreadable(
                f"the service at {self.base} redirects {path} to {to}: that is what url has to say"
            )
        said = body if isinstance(body, Mapping) else {}
        detail, kind = str(said.get("detail") or ""), str(said.get("scimType") or "")
        if raw.status in (401, 403):
            meaning = "the credentials are not accepted" if raw.status == 401 else "not allowed"
            raise PlatformUnreadable(
                f"the service at {self.base} answers {raw.status} to {method} {path}: "
                f"{detail or meaning}. Nothing more is tried; look at auth of the platform and "
                "at what the service allows its token"
            )
        raise Refused(raw.status, detail, kind)

    def _decoded(self, method: str, path: str, raw: _Raw) -> Any:
        """The JSON of a body. Anything else is an outage, never an answer."""
        if not raw.data.strip():
            return None
        try:
            return msgspec.json.decode(raw.data)
        except msgspec.DecodeError:
            if raw.status in (401, 403) or 300 <= raw.status < 400:
                return None
        what = f"{method} {path}: what it answers ({raw.status}) is no JSON{_excerpt(raw)}"
        if method == "GET" or raw.status >= 400:
            raise PlatformUnreadable(
                f"the service at {self.base} cannot be used: {what}. "
                "Is url the base URL of its SCIM service, and is the service up?"
            )
        raise Unclear(what)

    def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
    ) -> _Raw:
        """One request, or two where a token of OAuth 2 has ended. Raises _Lost."""
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
    ) -> _Raw:
        self._pacer.wait()
        sent = {
            "User-Agent": "reconcile",
            "Accept": f"{MEDIA}, application/json",
            **headers,
        }
        if data is not None:
            sent["Content-Type"] = MEDIA
        return self._exchange(method, f"{self._base}/{path}", query, data, sent)

    def _fetch(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """A POST outside of the service: for a token."""
        try:
            raw = self._exchange("POST", url, None, body, headers)
        except _Lost as lost:
            raise PlatformUnreadable(f"no token: {url}: {lost}") from lost
        return raw.status, raw.data

    def _exchange(
        self,
        method: str,
        url: str,
        query: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
    ) -> _Raw:
        import urllib3
        from urllib3 import exceptions as faults

        self.requests += 1
        full = f"{url}?{_encoded(query)}" if query else url
        try:
            answer = self._opened(urllib3).request(
                method, full, body=data, headers=dict(headers), preload_content=False,
                redirect=False, retries=False,
            )  # fmt: skip
            return _Raw(answer.status, _drained(answer), answer.headers)
        except (
            faults.NewConnectionError,
            faults.ConnectTimeoutError,
            faults.NameResolutionError,
        ) as error:
            raise _Lost(f"it cannot be reached: {_reason(error)}", sent=False) from error
        except faults.SSLError as error:
            raise PlatformUnreadable(
                f"the service at {self.base} cannot be trusted: {_reason(error)}. "
                "Where its certificate is from a CA of your own, name that in tls.ca_file"
            ) from error
        except faults.LocationValueError as error:
            raise PlatformUnreadable(f"url is no address: {_reason(error)}") from error
        except (faults.HTTPError, OSError) as error:
            raise _Lost(f"no whole answer: {_reason(error)}", sent=True) from error

    def _opened(self, urllib3: Any) -> Any:
        with self._making:
            if self._pool is None:
                ca_file = self._settings.tls.ca_file
                self._pool = urllib3.PoolManager(
                    num_pools=4,
                    maxsize=self._settings.pace.concurrency,
                    block=True,
                    timeout=urllib3.Timeout(connect=CONNECT, read=READ),
                    **({"ca_certs": str(Path(self._folder, ca_file))} if ca_file else {}),
                )
            return self._pool

    def close(self) -> None:
        """Lets go of the connections."""
        with self._making:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.clear()


def _encoded(query: Mapping[str, str]) -> str:
    return urlencode(query, quote_via=quote, safe=":,")


def _drained(answer: Any) -> bytes:
    """All of the body. Raises OSError where it is too large or takes too long."""
    try:
        data = b"".join(_parts(answer))
    except BaseException:
        answer.close()
        raise
    answer.release_conn()
    return data


def _parts(answer: Any) -> Iterator[bytes]:
    end = time.monotonic() + WHOLE
    size = 0
    for part in answer.stream(1 << 16):
        yield part
        size += len(part)
        if size > LARGEST:
            raise OSError(f"the answer has more than {LARGEST} bytes")
        if time.monotonic() > end:
            raise OSError(f"the answer took more than {WHOLE:.0f} s")


def _reason(error: BaseException) -> str:
    """What went wrong, without addresses of objects."""
    text = str(getattr(error, "reason", None) or error)
    return text.rpartition(">: ")[2] or type(error).__name__


def _excerpt(raw: _Raw) -> str:
    """The beginning of a body, for a message."""
    text = raw.data[:300].decode(errors="replace")
    shown = " ".join(text.split())[:120]
    return f": {shown}" if shown else ""
