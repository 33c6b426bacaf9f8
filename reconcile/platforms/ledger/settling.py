"""Whether a transaction was kept whose COMMIT was not answered.

It may still be going on when its connection is gone. But a writer holds the row of its
workspace to the end of the transaction (`locking.claim`): so who gets hold of that row sees what
became of it.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from reconcile.errors import OutcomeUnknown, PlatformUnreadable
from reconcile.platforms.database.database import CommitLost, Database
from reconcile.platforms.ledger import journal, lock
from reconcile.platforms.ledger import tables as t

PATIENCE: float = 30
"""Seconds for the server to be there again and done with the transaction."""
_PAUSE: Final = 0.5
_log = logging.getLogger(__name__)


def settle(database: Database, workspace: str, run: str, lost: CommitLost) -> None:
    """Finds out what became of a run, given its hash, whose COMMIT was not answered.

    Raises PlatformUnreadable if nothing of it was kept, OutcomeUnknown if the server does not say.
    """
    try:
        kept = was_kept(database, workspace, run)
    except PlatformUnreadable as error:
        raise OutcomeUnknown(
            f"{lost.what}, and it has not answered since whether it did: {error}"
        ) from lost
    if not kept:
        raise PlatformUnreadable(
            f"{lost.what}; nothing of it was kept: run the command again"
        ) from lost
    _log.warning("%s; all of it was kept", lost.what)


def was_kept(database: Database, workspace: str, run: str) -> bool:
    """Whether the history of the workspace has the run of this hash.

    Raises PlatformUnreadable if the server does not say so in time.
    """
    return _answer(database, lambda connection: _is_recorded(connection, workspace, run))


def was_made(database: Database, workspace: str, step: int) -> bool:
    """Whether the journal of the workspace has the step of this number.

    Raises PlatformUnreadable where the server does not say so in time.
    """

    def is_made(connection: sa.Connection) -> bool:
        lock.claim(connection, [workspace])
        return journal.has(connection, step)

    return _answer(database, is_made)


def _answer(database: Database, question: Callable[[sa.Connection], bool]) -> bool:
    """The answer to a question that waits for the workspace's row."""
    end = time.monotonic() + PATIENCE
    while True:
        answer: bool | None = None
        try:
            with database.writing() as connection:
                answer = question(connection)
        except PlatformUnreadable:
            if answer is None and time.monotonic() > end:
                raise
        if answer is not None:
            return answer
        time.sleep(_PAUSE)


def _is_recorded(connection: sa.Connection, workspace: str, run: str) -> bool:
    number = lock.claim(connection, [workspace]).get(workspace)
    runs = t.history_runs.c
    mine = sa.select(runs.id).where(runs.workspace_id == number, runs.hash == run)
    return connection.execute(mine).first() is not None
