"""Short requests over HTTP whose failure is a sentence, and never longer than a few seconds."""

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import IO, Any, Final
from urllib.parse import urlsplit, urlunsplit

PATIENCE: Final = 5.0
"""Seconds for each step of a request."""
DEADLINE: Final = 10.0
"""Seconds for all of it, the look-up of the name included."""


class NotSent(Exception):
    """It was not sent; the text says why, without the URL, which is a secret."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A secret URL is not followed to where another server points."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> None:
        """Makes every redirect an error."""


_opener: Final = urllib.request.build_opener(_NoRedirects)


def post(url: str, body: bytes, headers: Mapping[str, str] = {}) -> None:
    """Sends a body. Raises NotSent."""
    try:
        parts = urlsplit(url)
        is_http = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_http = False
    if not is_http or not url.isascii() or not url.isprintable() or " " in url:
        raise NotSent("it is not an http:// or https:// URL")
    within_deadline(lambda: _post(url, body, headers))


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """As `post`, for as long as it takes."""
    # `post` has checked the scheme.
    request = urllib.request.Request(url, body, dict(headers), method="POST")  # noqa: S310
    try:
        with _opener.open(request, timeout=PATIENCE) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        error.close()
        raise NotSent(f"the server returned status {error.code}") from None
    except urllib.error.URLError as error:
        raise NotSent(_reason(error.reason)) from None
    except (OSError, HTTPException, ValueError) as error:
        raise NotSent(_reason(error)) from None


def _reason(error: object) -> str:
    """Why a connection failed. Other texts may hold parts of the URL."""
    if isinstance(error, TimeoutError):
        return f"no answer within {PATIENCE:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def within_deadline(action: Callable[[], None]) -> None:
    """Runs an action for at most DEADLINE seconds. Raises NotSent.

    The thread of an action that takes longer is left behind, and ends with the process.
    """
    failures: list[Exception] = []

    def run() -> None:
        """The action, with what it raises kept for the caller."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - a library may raise anything
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True, name="notification")
    thread.start()
    thread.join(DEADLINE)
    if thread.is_alive():
        raise NotSent(f"it took longer than {DEADLINE:g} s")
    for error in failures:
        raise error if isinstance(error, NotSent) else NotSent(type(error).__name__)


def below(url: str, step: str, query: str) -> str:
    """A URL with one more step in its path, and a query."""
    parts = urlsplit(url)
    path = f"{parts.path.rstrip('/')}/{step}"
    queries = "&".join(filter(None, (parts.query, query)))
    return urlunsplit((parts.scheme, parts.netloc, path, queries, ""))
