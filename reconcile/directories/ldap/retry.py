"""A read that breaks off is repeated: on the same server after a pause, then on the next one.

Every attempt reads everything from the start. Results of two attempts or two servers are never
combined: what an attempt read before it broke off is discarded.
"""

import logging
import time
from collections.abc import Callable, Sequence
from random import SystemRandom
from typing import Final, TypeVar

from reconcile.directories.errors import BindRefused, ConnectionBroken, NoConnection, ServerSilent
from reconcile.errors import SourceUnreadable
from reconcile.model.quiet.said import OF_CONNECTION

log = logging.getLogger("reconcile.directories")

Answer = TypeVar("Answer")

PAUSES: Final = (0.5, 1.0)
"""Seconds before each further attempt on one server. Up to half as much is added, so that clients
do not all come back at once."""


def patiently(name: str, connect: Callable[[], Answer]) -> Answer:
    """The result of `connect`; repeated after each pause as long as servers are only busy."""
    for pause in PAUSES:
        try:
            return connect()
        except NoConnection as error:
            if not error.later:
                raise
            log.warning("%s: %s\nThey are asked again", name, error, extra=OF_CONNECTION)
            _wait(pause)
    return connect()


def _wait(pause: float) -> None:
    time.sleep(pause * SystemRandom().uniform(1, 1.5))


def persistently(name: str, urls: Sequence[str], attempt: Callable[[str], Answer]) -> Answer:
    """The result of the first successful attempt.

    `attempt` is called with the URL of the server to use. Raises what an attempt raises; after
    several, one SourceUnreadable with the last error of each server. A server that does not respond
    in time, or cannot be reached, is not tried again.
    """
    last: dict[str, SourceUnreadable] = {}
    tried = 0
    for url in urls:
        for pause in (0.0, *PAUSES):
            _before(name, url, pause, last)
            tried += 1
            try:
                return attempt(url)
            except BindRefused:
                raise
            except (ConnectionBroken, NoConnection) as error:
                if not _noted(last, url, error, pause):
                    break
            except SourceUnreadable as error:
                if not last:
                    raise
                last[url] = error
                raise _in_vain(last, tried) from error
    raise _in_vain(last, tried) from list(last.values())[-1]


def _before(name: str, url: str, pause: float, last: dict[str, SourceUnreadable]) -> None:
    """Logs why there is another attempt; waits before one on the same server."""
    if pause:
        log.warning(
            "%s: %s\nEverything is read again from the same server",
            name,
            last[url],
            extra=OF_CONNECTION,
        )
        _wait(pause)
    elif last:
        error = list(last.values())[-1]
        log.warning(
            "%s: %s\nEverything is read again from another server",
            name,
            error,
            extra=OF_CONNECTION,
        )


def _noted(
    last: dict[str, SourceUnreadable],
    url: str,
    error: ConnectionBroken | NoConnection,
    pause: float,
) -> bool:
    """Records why an attempt broke off; returns whether the same server may be asked again."""
    if isinstance(error, NoConnection):
        if not pause:
            last[url] = error
        # A server that does not come back is not what went wrong first.
        return bool(pause)
    last[url] = error
    return not isinstance(error, ServerSilent)


def _in_vain(last: dict[str, SourceUnreadable], tried: int) -> SourceUnreadable:
    errors = list(last.values())
    if tried == 1:
        return errors[0]
    text = "\nAnother server was tried without success:\n".join(map(str, errors))
    return SourceUnreadable(f"{text}\nThis is after {tried} attempts, each of them from the start.")
