"""Logins that failed, in the table `login_failures`.

Each attempt is a transaction of its own, and holds nothing but its row: a run that writes on a server hinders no login.
SQLite lets one program write at a time; there a login waits for a run that writes, and is refused where that takes too
long: an attempt that cannot be counted is not made.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from reconcile.errors import Locked, PlatformUnreadable
from reconcile.model.change import Change
from reconcile.platforms.attempts import MEMORY, Failures, counted, keys
from reconcile.platforms.sql import tables as t
from reconcile.platforms.sql.database import Busy, Database

log = logging.getLogger(__name__)

_ROUNDS = 20
"""So often somebody else may be in between."""

_f = t.login_failures.c


class SqlAttempts:
    """See `reconcile.ports.Attempts`."""

    def __init__(self, database: Callable[[], Database], prepare: Callable[[Collection[str]], None]) -> None:
        """`prepare` makes the tables where they are missing."""
        self._database = database
        self._prepare = prepare

    def begin(self, workspace: str, key: str, now: int) -> int:
        """Counts an attempt; answers the seconds to wait. Raises Locked where the database is busy for too long."""
        try:
            self._prepare([workspace])
            wait = self._count(workspace, key, now)
            for _ in range(_ROUNDS):  # a login of the same person may have forgotten everything in between
                if wait is not None:
                    break
                # In a transaction of its own: on MariaDB an insert that comes too late holds a lock that the others,
                # and they its own, would wait for.
                wait = 0 if self._begun(workspace, key, now) else self._count(workspace, key, now)
        except Busy as busy:
            raise Locked(f"no login can be counted now, and so none is made: {busy}") from busy
        if wait is None:
            raise Locked("no login can be counted now, and so none is made: the count was removed; try again")
        return wait

    def forget(self, workspace: str, key: str) -> None:
        """Forgets what failed; where the database is busy it is remembered for nothing, and in time forgotten."""
        with suppress(Busy), self._database().writing() as connection:
            connection.execute(sa.delete(t.login_failures).where(_f.workspace == workspace, _f.key_sha256 == key))

    def forget_erased(self, workspace: str, erased: Iterable[Change]) -> None:
        """Forgets what failed for those who were erased.

        Not in the transaction that erases them: there it could keep others from logging in until that ends.
        """
        for key in sorted(keys(erased)):
            self.forget(workspace, key)

    def _count(self, workspace: str, key: str, now: int) -> int | None:
        """Seconds to wait; None where there is no row to count in."""
        own = (_f.workspace == workspace, _f.key_sha256 == key)
        columns = (_f.failures, _f.last_failed_at, _f.locked_until)
        with self._database().writing() as connection:
            row = connection.execute(sa.select(*columns).where(*own).with_for_update()).one_or_none()
            if row is None:
                return None
            before = Failures(row[0], _seconds(row[1]), _seconds(row[2]))
            after, wait = counted(before, now)
            if not wait:
                connection.execute(sa.update(t.login_failures).where(*own).values(**_row(after)))
            return wait

    def _begun(self, workspace: str, key: str, now: int) -> bool:
        """Counts the first attempt; False where somebody else was first."""
        first, _ = counted(None, now)
        with self._database().writing() as connection:
            row = t.login_failures.insert().values(workspace=workspace, key_sha256=key, **_row(first))
            try:
                connection.execute(row)
            except IntegrityError:
                return False
        self._purge(now)
        return True

    def _purge(self, now: int) -> None:
        """Lets go of what is forgotten; looks before it writes, for nearly always there is nothing."""
        old = _f.locked_until < _time(now - MEMORY)
        try:
            with self._database().reading() as connection:
                found = connection.execute(sa.select(_f.key_sha256).where(old).limit(1)).one_or_none()
            if found is None:
                return
            with self._database().writing() as connection:
                connection.execute(sa.delete(t.login_failures).where(old))
        except PlatformUnreadable as error:  # the next one does it
            log.debug("old failures of logins are still there: %s", error)


def _row(failures: Failures) -> dict[str, object]:
    return {
        "failures": failures.failures,
        "last_failed_at": _time(failures.last),
        "locked_until": _time(failures.until),
    }


def _time(seconds: int) -> datetime:
    """As the columns hold it: UTC, without saying so."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _seconds(time: datetime) -> int:
    return int(time.replace(tzinfo=UTC).timestamp())
