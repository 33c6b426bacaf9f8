"""What one read of a source may take, whatever a server sends: time, entries, bytes."""

from typing import Final

from reconcile.directories.deadlines import TOTAL, Deadline, after
from reconcile.model import desired


class TooMuch(Exception):
    """The answer is larger than the settings allow."""


class Allowance:
    """What all searches of one read share.

    A read that starts again gets a new one, with the same end.
    """

    def __init__(self, limits: desired.ReadLimits, until: Deadline) -> None:
        """`until` is when everything has to be over, including further attempts."""
        self.until = until
        self.entry_size = limits.entry_size
        """Bytes of a message."""
        self._limits = limits
        self._entries = limits.entries
        self._size = limits.total_size

    def found(self, entries: int) -> None:
        """Counts further entries. Raises TooMuch."""
        self._entries -= entries
        if self._entries < 0:
            raise TooMuch(f"there are more than {self._limits.entries} entries (limits.entries)")

    def received(self, size: int) -> None:
        """Counts further bytes. Raises TooMuch."""
        self._size -= size
        if self._size < 0:
            raise TooMuch(
                f"there are more than {self._limits.total_size} bytes in all (limits.total_size)"
            )


UNUSED: Final = Allowance(desired.ReadLimits(), after(float("inf"), TOTAL))
"""The allowance of a session that has not been used for a read yet."""
