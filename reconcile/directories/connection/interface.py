"""What the rest of the room sees of a connection. Importing it does not import ldap3."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias

from reconcile.directories.connection.allowance import Allowance
from reconcile.directories.search.search import RawEntry, Search
from reconcile.model.quiet.tally import Tally
from reconcile.model.quiet.trace import Trace

OnStep: TypeAlias = Callable[[str, str], None]
"""Called with each step that succeeded on the server that is used, and its details."""


class Session(Protocol):
    """One bound connection, protected as the source says.

    After any error it is of no more use: close it.
    """

    trace: Trace | None
    """What every search is written down in, with its answer; None while nothing needs it."""

    @property
    def place(self) -> str:
        """The server's URL, as the settings spell it."""
        ...

    def begin(self, allowance: Allowance) -> None:
        """A read of the source begins, with what it may take."""
        ...

    def search(self, search: Search) -> Iterator[Sequence[RawEntry]]:
        """The entries found, page by page.

        Raises SourceUnreadable unless there is nothing else to find. Every page's result code is
        checked, and a referral is an error: nothing is followed or left out.
        """
        ...

    def count(self, search: Search, tally: Tally) -> None:
        """Adds the entries found, undecoded; as complete as `search`, and raises the same."""
        ...

    def close(self) -> None:
        """Says goodbye if the server still listens."""
        ...
