"""How many attempts to log in may fail, and how long to wait then. The same on every platform; computes only.

Five attempts are free: who mistypes a password, or remembers which one it was, needs no more. After the fifth failure
there is a pause of half a minute, doubled with each further one up to a quarter of an hour: against one account that
leaves somebody who guesses about a hundred attempts a day, and the owner never waits longer than a coffee takes. Nobody
is locked out for ever, since then anybody could do that to anybody. What failed is remembered for a day: were it only
the quarter of an hour, five guesses every quarter of an hour would never meet a long pause.
"""

import threading
from collections.abc import Iterable
from typing import Final, NamedTuple

from reconcile.model.change import Change
from reconcile.model.login import person_key
from reconcile.platforms.names import text

FREE: Final = 5
"""So many attempts may fail before there is a pause."""
FIRST_PAUSE: Final = 30
"""Seconds."""
LONGEST_PAUSE: Final = 15 * 60
"""Seconds."""
MEMORY: Final = 24 * 60 * 60
"""Seconds after a pause, or after a failure that brought none, for which it counts."""


class Failures(NamedTuple):
    """What is remembered for one key; times in seconds since 1970."""

    failures: int
    last: int
    until: int
    """When the pause ends; `last` where there is none."""


def counted(before: Failures | None, now: int) -> tuple[Failures, int]:
    """What to remember once one more attempt has begun, and 0; or how many seconds to wait before it may.

    An attempt that has to wait changes nothing.
    """
    if before is not None and before.last > now:
        # The clock went back, or another machine's is fast: a pause may not last longer for that.
        before = Failures(before.failures, now, now + min(before.until - before.last, LONGEST_PAUSE))
    if before is not None and now < before.until:
        return before, before.until - now
    count = 1 if before is None or now - before.until >= MEMORY else before.failures + 1
    return Failures(count, now, now + pause(count)), 0


def keys(erased: Iterable[Change]) -> set[str]:
    """Under which keys the failed logins of those count who are erased."""
    found = set()
    for change in erased:
        source, external_id, dn = (text(change.before or {}, name) for name in ("source", "external_id", "dn"))
        if external_id or dn:
            found.add(person_key(source or change.source, external_id, dn))
    return found


def pause(count: int) -> int:
    """Seconds to wait after so many failures."""
    if count < FREE:
        return 0
    return min(FIRST_PAUSE << min(count - FREE, 10), LONGEST_PAUSE)


class MemoryAttempts:
    """Kept in memory; see `reconcile.ports.Attempts`."""

    def __init__(self) -> None:
        """Nothing has failed yet."""
        self._one_by_one = threading.Lock()
        self._failures: dict[tuple[str, str], Failures] = {}

    def begin(self, workspace: str, key: str, now: int) -> int:
        """Counts an attempt; answers the seconds to wait."""
        with self._one_by_one:
            self._failures = {known: one for known, one in self._failures.items() if now - one.until < MEMORY}
            self._failures[workspace, key], wait = counted(self._failures.get((workspace, key)), now)
        return wait

    def forget(self, workspace: str, key: str) -> None:
        """Forgets what failed."""
        self._failures.pop((workspace, key), None)
