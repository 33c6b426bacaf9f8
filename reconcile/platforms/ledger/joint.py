"""A ledger in the platform's own database: one transaction for calls and what is said of them."""

import _thread
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from reconcile.errors import OutcomeUnknown, PlatformUnreadable
from reconcile.model.book import Settled, Step
from reconcile.model.platform import ObjectKind
from reconcile.platforms.database.database import CommitLost
from reconcile.platforms.ledger import journal, lock, settling
from reconcile.platforms.ledger.bulk_edits import edit_all
from reconcile.platforms.ledger.ledger import SqlLedger

_PAUSE: Final = 0.5


class JointSqlLedger(SqlLedger):
    """See `reconcile.ports.JointLedger`."""

    def together(
        self, workspace: str, steps: Sequence[Step], make: Callable[[Any], Sequence[Settled]]
    ) -> dict[tuple[ObjectKind, str], str]:
        """Makes steps and keeps what became of them, in one transaction."""
        new: dict[tuple[ObjectKind, str], str] = {}
        last = 0
        try:
            with self._store.writing(workspace) as connection:
                settled = make(connection)
                number = self._number(connection, workspace)
                new = edit_all(connection, number, settled)
                last = journal.add_settled(connection, number, steps, settled)
        except (CommitLost, KeyboardInterrupt) as error:
            # Without a last step the transaction never came to be committed.
            kept = last and self._was_kept(workspace, last, error)
            if not kept and isinstance(error, CommitLost):
                raise PlatformUnreadable(f"{error.what}; none of this was kept") from error
            if not kept:
                raise
            if isinstance(error, KeyboardInterrupt):
                _thread.interrupt_main()  # once more, when what was kept has been taken in
        return new

    def _was_kept(self, workspace: str, last: int, error: BaseException) -> bool:
        """Whether the journal has the last step of a transaction whose COMMIT was not answered.

        Raises OutcomeUnknown where the server does not say so in time.
        """
        end = time.monotonic() + settling.PATIENCE
        while True:
            try:
                with self._store.database.writing() as connection:
                    lock.claim(connection, [workspace])  # waits for the end of the transaction
                    return journal.has(connection, last)
            except PlatformUnreadable as again:
                if time.monotonic() > end:
                    what = error.what if isinstance(error, CommitLost) else "interrupted"
                    raise OutcomeUnknown(
                        f"{what}, and it has not said since whether it did: {again}"
                    ) from error
            time.sleep(_PAUSE)
