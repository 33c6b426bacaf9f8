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
    """When it last said that it is alive, RFC 3339, UTC; "" where it does not say."""


class History(Protocol):
    """The runs of each workspace, as they were recorded.

    Raises PlatformUnreadable; changes nothing.
    """

    def runs(self, workspace: str, since: str = "") -> Sequence[Link]:
        """The oldest first; none where nothing has ever been applied.

        `since`: those that began then or later.
        """
        ...

    def last(self, workspace: str) -> str:
        """The hash of the last run, as it was noted beside the history; "" where none was."""
        ...

    def entries(self, workspace: str, run: str) -> Sequence[Entry]:
        """Every change of a run, in its order."""
        ...

    def concerning(self, workspace: str, name: str) -> Sequence[tuple[str, Entry]]:
        """Run and change of all that was done to users who have or had this name, oldest first.

        `name` is a username, DN or external id, in any case.
        """
        ...


class Attempts(Protocol):
    """Logins that failed, counted for each workspace and key across all processes.

    Needs no lock.
    """

    def begin(self, workspace: str, key: str, now: int, origin: str = "") -> int:
        """Counts an attempt as failed before it is made.

        So of many at once no more are made than allowed.

        Returns 0, or how many seconds to wait: then the attempt is not counted and must not be
        made. `now` is in seconds since 1970. `origin` is where the attempt comes from, such as an
        IP address, "" where that is not known: each origin has a count of its own. Raises Locked
        where it cannot be counted in time.
        """
        ...

    def passed(self, workspace: str, key: str, now: int, origin: str = "") -> None:
        """The attempt was a login: failures from this origin are forgotten; it is known."""
        ...

    def forget(self, workspace: str, key: str) -> None:
        """Forgets everything of this key, because the person is erased."""
        ...
