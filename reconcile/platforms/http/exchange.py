"""Single HTTP exchanges, with a bound on every wait and on the size of an answer."""

import re
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from reconcile.errors import PlatformUnreadable

CONNECT: Final = 10.0
READ: Final = 60.0
WHOLE: Final = 120.0
"""Seconds: to connect, between two parts of an answer, and for all of an answer."""
LARGEST: Final = 256 * 1024 * 1024
"""Bytes of the largest answer that is read."""


class Lost(Exception):
    """No answer. `sent`: the request may have reached the service."""

    def __init__(self, why: str, *, sent: bool) -> None:
        """Takes the reason."""
        self.sent = sent
        super().__init__(why)


class Raw(NamedTuple):
    """An answer as it came."""

    status: int
    data: bytes
    headers: Mapping[str, str]


class Exchange:
    """Requests and their answers over one pool of connections. For several threads at once."""

    def __init__(self, base: str, concurrency: int, ca_file: str = "") -> None:
        """Connects when it is first used.

        `concurrency`: how many connections there may be. `ca_file`: a PEM file with the authorities
        to trust in the place of the system's.
        """
        parts = urlsplit(base)
        self.shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        """The base URL, without what it may hide."""
        self._concurrency = concurrency
        self._ca_file = ca_file
        self._making = threading.Lock()
        self._pool: Any = None
        self.requests = 0
        """How many were made."""

    def exchange(
        self,
        method: str,
        url: str,
        query: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
    ) -> Raw:
        """One request. Raises Lost without a whole answer.

        Raises PlatformUnreadable where another try cannot help: a wrong URL or certificate.
        """
        import urllib3
        from urllib3 import exceptions as faults

        self.requests += 1
        full = f"{url}?{_encoded(query)}" if query else url
        try:
            answer = self._opened(urllib3).request(
                method, full, body=data, headers=dict(headers), preload_content=False,
                redirect=False, retries=False,
            )  # fmt: skip
            return Raw(answer.status, _drained(answer), answer.headers)
        except (
            faults.NewConnectionError,
            faults.ConnectTimeoutError,
            faults.NameResolutionError,
        ) as error:
            raise Lost(f"it cannot be reached: {_reason(error)}", sent=False) from error
        except faults.SSLError as error:
            raise PlatformUnreadable(
                f"the service at {self.shown} cannot be trusted: {_reason(error)}. "
                "Where its certificate is from a CA of your own, name that in tls.ca_file"
            ) from error
        except faults.LocationValueError as error:
            raise PlatformUnreadable(f"url is no address: {_reason(error)}") from error
        except (faults.HTTPError, OSError) as error:
            raise Lost(f"no whole answer: {_reason(error)}", sent=True) from error

    def _opened(self, urllib3: Any) -> Any:
        """The pool of connections, made for the first request."""
        with self._making:
            if self._pool is None:
                self._pool = urllib3.PoolManager(
                    num_pools=4,
                    maxsize=self._concurrency,
                    block=True,
                    timeout=urllib3.Timeout(connect=CONNECT, read=READ),
                    **({"ca_certs": self._ca_file} if self._ca_file else {}),
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
    """The parts of a body, as they arrive. A service may send without end, or very slowly."""
    end = time.monotonic() + WHOLE
    size = 0
    for part in answer.stream(1 << 16):
        yield part
        size += len(part)
        if size > LARGEST:
            raise OSError(f"the answer has more than {LARGEST} bytes")
        if time.monotonic() > end:
            raise OSError(f"the answer took more than {WHOLE:.0f} s")


_ADDRESS: Final = re.compile(r"^.*?(?:>|\)): (?:Failed to establish a new connection: )?")
"""What urllib3 puts in front: the connection as it is in memory, or with its host and port."""


def _reason(error: BaseException) -> str:
    """What went wrong, without what urllib3 says of its own objects."""
    text = str(getattr(error, "reason", None) or error)
    return _ADDRESS.sub("", text) or type(error).__name__
