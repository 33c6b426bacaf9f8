"""How many attempts to log in may fail, and how long to wait then.

The same on every platform; computes only.

Five attempts are free: a person who mistypes a password, or has to remember which one it was, needs
no more. After the fifth failure there is a pause of half a minute, doubled with each further one up
to a quarter of an hour: against one account that leaves an attacker about a hundred attempts a day.
What failed is remembered for a day: were it only the quarter of an hour, five guesses every quarter
of an hour would never meet a long pause.

An attacker uses the end of every pause, so a shared count would keep the owner out. So each origin
has its own, if the caller knows origins. Many origins together have what a token bucket gives
(twenty, then ten an hour); it is more than two single ones can use up, and an origin from where the
person has logged in before needs none of it.
"""

import hashlib
import ipaddress
import threading
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from reconcile.model.change import Change
from reconcile.model.login import person_key
from reconcile.platforms.resolve import text

FREE: Final = 5
"""So many attempts may fail before there is a pause."""
FIRST_PAUSE: Final = 30
"""Seconds."""
LONGEST_PAUSE: Final = 15 * 60
"""Seconds."""
MEMORY: Final = 24 * 60 * 60
"""How many seconds a failure counts after its pause, or after itself if there was none."""
BURST: Final = 20
"""So many attempts may fail at once from all new origins together."""
REFILL: Final = 6 * 60
"""Seconds for one more of them."""
KNOWN: Final = 90 * 24 * 60 * 60
"""Seconds for which an origin stays known from which a person has logged in."""
MOST_KNOWN: Final = 10
"""So many origins of one person are known; the oldest is forgotten."""
ALL: Final = ""
"""Stands for all new origins together among the keys of origins."""


class Failures(NamedTuple):
    """What is remembered for one key; times in seconds since 1970."""

    failures: int
    last: int
    until: int
    """When the pause ends; `last` if there is none. Of all origins together: when the bucket will
    be full again."""
    entered: int = 0
    """When the person last logged in from this origin; 0 for never."""


def counted(before: Failures | None, now: int) -> tuple[Failures, int]:
    """What to remember once one more attempt has begun, and 0; or the seconds to wait first.

    An attempt that has to wait changes nothing.
    """
    entered = before.entered if before is not None else 0
    if before is not None and before.last > now:
        # The clock went back, or another machine's is fast: a pause may not last longer for that.
        before = Failures(
            before.failures, now, now + min(before.until - before.last, LONGEST_PAUSE), entered
        )
    if before is not None and now < before.until:
        return before, before.until - now
    count = 1 if before is None or now - before.until >= MEMORY else before.failures + 1
    return Failures(count, now, now + pause(count), entered), 0


def drawn(before: Failures | None, now: int) -> tuple[Failures, int]:
    """As `counted`, for all new origins of one key together, which draw from one bucket."""
    full = now if before is None else min(max(before.until, now), now + BURST * REFILL)
    wait = full + REFILL - BURST * REFILL - now
    if wait > 0:
        return before or Failures(0, now, now), wait
    count = 1 if before is None or before.until <= now else before.failures + 1
    return Failures(count, now, full + REFILL), 0


def is_known(state: Failures | None, now: int) -> bool:
    """Whether the person has logged in from an origin not too long ago."""
    return state is not None and state.entered > 0 and now - state.entered < KNOWN


def begun(
    every: Failures | None, own: Failures | None, now: int
) -> tuple[Failures | None, Failures | None, int]:
    """One more attempt from an origin.

    Returns what to remember of all together and of this one, and the seconds to wait.

    None, None if it has to wait. The first is also None if the origin is known: then the others do
    not matter.
    """
    state, wait = counted(own, now)
    if is_known(own, now):
        return None, None if wait else state, wait
    together, longer = drawn(every, now)
    if wait or longer:
        return None, None, max(wait, longer)
    return together, state, 0


def passed(
    every: Failures | None, own: Failures | None, now: int
) -> tuple[Failures | None, Failures]:
    """What to remember once an attempt from an origin was a login.

    What it drew is given back, and the origin is known.

    A login clears only its own origin: an attacker at another one gains nothing by it.
    """
    if every is not None and not is_known(own, now):
        every = every._replace(
            failures=max(every.failures - 1, 0), until=max(every.until - REFILL, every.last)
        )
    return every, Failures(0, now, now, now)


def outdated(origins: Mapping[str, Failures]) -> list[str]:
    """The origins of one key that are known beyond MOST_KNOWN, the oldest first."""
    known = sorted((state.entered, origin) for origin, state in origins.items() if state.entered)
    return [origin for _, origin in known[: max(len(known) - MOST_KNOWN, 0)]]


def is_over(state: Failures, now: int) -> bool:
    """Whether nothing has to be remembered any more."""
    return now - state.until >= MEMORY and not is_known(state, now)


def origin_key(key: str, origin: str) -> str:
    """Under which key an origin counts for a person.

    The 64 highest bits of an IPv6 address are one network.
    """
    try:
        address = ipaddress.ip_address(origin.strip())
    except ValueError:
        place = origin
    else:
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else address
        place = str(mapped or ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return hashlib.sha256(f"{key}\0{place}".encode(errors="surrogatepass")).hexdigest()


def keys(erased: Iterable[Change]) -> set[str]:
    """Under which keys the failed logins of those count who are erased."""
    person_keys = set()
    for change in erased:
        source, external_id, dn = (
            text(change.fields_before, name) for name in ("source", "external_id", "dn")
        )
        if external_id or dn:
            person_keys.add(person_key(source or change.source, external_id, dn))
    return person_keys


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
        self._origins: dict[tuple[str, str], dict[str, Failures]] = {}

    def begin(self, workspace: str, key: str, now: int, origin: str = "") -> int:
        """Counts an attempt; returns the seconds to wait."""
        whom = workspace, key
        with self._one_by_one:
            self._purge(now)
            if not origin:
                self._failures[whom], wait = counted(self._failures.get(whom), now)
                return wait
            place, origins = origin_key(key, origin), self._origins.get(whom, {})
            every, own, wait = begun(origins.get(ALL), origins.get(place), now)
            self._origins[whom] = origins | {
                at: failures
                for at, failures in ((ALL, every), (place, own))
                if failures is not None
            }
        return wait

    def passed(self, workspace: str, key: str, now: int, origin: str = "") -> None:
        """Forgets what failed from there."""
        whom = workspace, key
        with self._one_by_one:
            if not origin:
                self._failures.pop(whom, None)
                return
            place, origins = origin_key(key, origin), self._origins.setdefault(whom, {})
            every, origins[place] = passed(origins.get(ALL), origins.get(place), now)
            if every is not None:
                origins[ALL] = every
            for old in outdated(origins):
                del origins[old]

    def forget(self, workspace: str, key: str) -> None:
        """Forgets everything."""
        with self._one_by_one:
            self._failures.pop((workspace, key), None)
            self._origins.pop((workspace, key), None)

    def _purge(self, now: int) -> None:
        self._failures = {
            whom: failures
            for whom, failures in self._failures.items()
            if not is_over(failures, now)
        }
        for whom, origins in list(self._origins.items()):
            left = {
                place: failures for place, failures in origins.items() if not is_over(failures, now)
            }
            self._origins[whom] = left
            if not left:
                del self._origins[whom]
