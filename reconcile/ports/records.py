"""What reconcile remembers of runs and logins: history, failed logins, who holds a lock."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from reconcile.model.history import Entry, Link


class Holder(NamedTuple):
    """Who holds a lock."""

    user: str
    host: str
    pid: int
    started: str
    """RFC 3339, UTC."""
    heartbeat: str = ""
    """When it last showed that it is alive, RFC 3339, UTC; "" if it does not."""


class History(Protocol):
    """The runs of each workspace, as they were recorded.

    Raises PlatformUnreadable; changes nothing.
    """

    def runs(self, workspace: str, since: str = "") -> Sequence[Link]:
        """The oldest first; none if nothing was ever applied. `since`: those started since then."""
        ...

    def last(self, workspace: str) -> str:
        """The hash of the last run, as recorded outside the history; "" if there is none."""
        ...

    def entries(self, workspace: str, run: str) -> Sequence[Entry]:
        """Every change of a run, in its order."""
        ...

    def concerning(self, workspace: str, name: str) -> Sequence[tuple[str, Entry]]:
        """Run and change of everything done to users who have or had this name, oldest first.

        `name` is a username, DN or external id, in any case.
        """
        ...


class Attempts(Protocol):
    """Failed logins, counted for each workspace and key across all processes.

    Needs no lock.
    """

    def begin(self, workspace: str, key: str, now: int, origin: str = "") -> int:
        """Counts an attempt as failed before it is made.

        So many attempts at once are not more than allowed.

        Returns 0, or how many seconds to wait: then the attempt is not counted and must not be
        made. `now` is in seconds since 1970. `origin` is where the attempt comes from, such as an
        IP address, "" if that is not known: each origin has a count of its own. Raises Locked if it
        cannot be counted in time.
        """
        ...

    def passed(self, workspace: str, key: str, now: int, origin: str = "") -> None:
        """The attempt succeeded: forgets failures from this origin, which is known from now on."""
        ...

    def forget(self, workspace: str, key: str) -> None:
        """Forgets everything about this key, because the person is erased."""
        ...
