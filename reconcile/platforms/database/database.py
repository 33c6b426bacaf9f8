"""What the platform needs of a database. A connection lives as long as one transaction."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reconcile.errors import PlatformUnreadable

BUSY: float = 5.0
"""Seconds to wait for another program that is writing."""


class Busy(PlatformUnreadable):
    """Another program holds what this one has to write, and does not let go of it in time."""


class CommitLost(PlatformUnreadable):
    """The connection broke while the server was asked to commit: it may have done so."""

    def __init__(self, what: str) -> None:
        """Takes which server it was, and what was said of the connection."""
        self.what = what
        super().__init__(
            f"{what}; it is not known whether it did: run the command again, "
            "which continues from the current state"
        )


class Database(ABC):
    """One database; its text names it for people, without any secret."""

    def exists(self) -> bool:
        """Whether there is anything to read.

        Raises PlatformUnreadable if it could not even be made.
        """
        return True

    def create(self) -> None:
        """Creates it, if it can be created at all."""
        return

    @abstractmethod
    def reading(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that sees one state of the database and changes nothing."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that may write.

        It is kept when the block ends, and undone when it raises. Raises CommitLost.
        """

    def version(self, connection: sa.Connection) -> str:
        """Which server it is; "" if it is none."""
        del connection
        return ""

    def scrub(self) -> None:
        """Overwrites what deleted data left behind, as far as this can be asked of the database."""
        return

    @abstractmethod
    def close(self) -> None:
        """Lets go of whatever is open."""

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns errors of driver and file system into PlatformUnreadable, in plain words."""
        try:
            yield
        except DBAPIError as error:
            raise self._explain(error) from error
        except OSError as error:
            raise PlatformUnreadable(f"the {self}: {error.strerror or error}") from error

    @abstractmethod
    def _explain(self, error: DBAPIError) -> PlatformUnreadable: ...
