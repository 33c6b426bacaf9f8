"""What the driver asks of a platform whose database holds the ledger too."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from reconcile.model.book import Call, Settled, Step
from reconcile.model.platform import ObjectKind
from reconcile.ports.application import Platform, Rejected
from reconcile.ports.ledger import Ledger

IN_PLATFORM: Final = "platform"
"""The value of `state` where the platform's own database holds the ledger."""


class Joint(Platform, Protocol):
    """Optional: a platform in a database that can hold the ledger as well (`state: platform`).

    One transaction then keeps many calls and what the ledger remembers of them, or none of it: all
    of a run in a workspace (`one_transaction`), or some calls after the other. The transaction is
    the ledger's; the platform makes its calls by the same connection. The calls of
    `Platform` are for a ledger elsewhere. An adapter that has `ledger_database` is taken for one.
    Where each workspace has a database of its own, it has `workspace_database(workspace)` instead,
    and each of these holds the ledger of its workspace.
    """

    default_state: str
    """The value of `state` where the file has none: IN_PLATFORM, or the URL of a database."""

    def ledger_database(self) -> Any:
        """The database, a `reconcile.platforms.database.database.Database`; connects later."""
        ...

    @property
    def one_transaction(self) -> bool:
        """Whether one transaction keeps all that a run does in a workspace. False if it is lacking.

        Not for a server that has no room for it, such as PostgreSQL's locks of roles. Such a
        platform's `read`, `settle` and `put_source` (the latter two are optional) have a parameter
        `connection`: that of the open transaction, or None.
        """
        ...

    @property
    def calls_together(self) -> int:
        """How many calls `make` gets at once; asked each time.

        Without `one_transaction` these, and no more, are in one transaction.
        """
        ...

    def make(
        self, workspace: str, calls: Sequence[Call], connection: Any
    ) -> Sequence[str | Rejected]:
        """Makes calls, in their order, in the transaction of an `sqlalchemy.Connection`.

        Returns for each the id of what it created, "" for any other call, or why it is refused. A
        call that is refused leaves no trace and does not hinder the others; of its links none is
        made. Whatever is raised undoes the transaction, PlatformUnreadable too. Neither commits nor
        rolls back, but for savepoints.
        """
        ...

    def settle(self, workspace: str, connection: Any = None) -> None:
        """Optional: puts rows where the settings want them, at the end of every run that writes.

        `Contents.unsettled` says that there are some, so that a run writes although nothing else
        changes. It may be done again at any time.
        """
        ...

    def kept(self, workspace: str, calls: Sequence[Call]) -> None:
        """Called once the transaction is kept, with those of its calls that were not refused.

        For what no transaction can undo, such as ending sessions. What fails here is logged. With
        `one_transaction` it is called without any: their number has no bound.
        """
        ...


class JointLedger(Ledger, Protocol):
    """A ledger in the database of a Joint platform."""

    def whole(self, workspace: str) -> AbstractContextManager[Any]:
        """One transaction for everything of a workspace until the block ends; gives its connection.

        What the other methods read and write of the workspace is then part of it. It is kept when
        the block ends, and undone when it raises. Raises OutcomeUnknown where it cannot be found
        out whether it was kept.
        """
        ...

    def together(
        self, workspace: str, steps: Sequence[Step], make: Callable[[Any], Sequence[Settled]]
    ) -> dict[tuple[ObjectKind, str], str]:
        """Makes steps and keeps what became of them in one transaction; in that of `whole` if open.

        `make` gets its connection, and returns for each step what became of it, in their order;
        the numbers of these are not looked at. Returns our ids of objects that the book did not
        have. Raises OutcomeUnknown where it cannot be found out whether the transaction was kept;
        after any other error nothing of it is.
        """
        ...
