"""Logins that failed, in the table `login_failures`.

Each attempt is a transaction of its own, and holds nothing but its row: a run that writes on a server hinders no login.
SQLite lets one program write at a time; there a login waits for a run that writes, and is refused where that takes too
long: an attempt that cannot be counted is not made.
"""

import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from reconcile.errors import Locked, PlatformUnreadable
from reconcile.platforms.attempts import Failures, counted
from reconcile.platforms.sql import tables as t
from reconcile.platforms.sql.database import Busy, Database

log = logging.getLogger(__name__)

KEPT: Final = timedelta(days=1)
"""How long a row is kept after its pause; it has long been without effect by then."""
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
            with self._database().writing() as connection:
                wait, new = _count(connection, workspace, key, now)
        except Busy as busy:
            raise Locked(f"no login can be counted now, and so none is made: {busy}") from busy
        if new:
            self._purge(now)
        return wait

    def forget(self, workspace: str, key: str) -> None:
        """Forgets what failed; where the database is busy it is remembered for nothing, and in time forgotten."""
        with suppress(Busy), self._database().writing() as connection:
            connection.execute(sa.delete(t.login_failures).where(_f.workspace == workspace, _f.key_sha256 == key))

    def _purge(self, now: int) -> None:
        old = _f.locked_until < _time(now) - KEPT
        try:
            with self._database().writing() as connection:
                connection.execute(sa.delete(t.login_failures).where(old))
        except PlatformUnreadable as error:  # the next one does it
            log.debug("old failures of logins are still there: %s", error)


def _count(connection: sa.Connection, workspace: str, key: str, now: int) -> tuple[int, bool]:
    """Seconds to wait, and whether this is the first failure of the key."""
    before = _locked(connection, workspace, key)
    if before is None:
        after, wait = counted(None, now)
        try:
            with connection.begin_nested():
                connection.execute(t.login_failures.insert().values(workspace=workspace, key_sha256=key, **_row(after)))
        except IntegrityError:  # somebody else was first, and is done by now
            before = _locked(connection, workspace, key)
        else:
            return wait, True
    after, wait = counted(before, now)
    if not wait:
        own = (_f.workspace == workspace, _f.key_sha256 == key)
        connection.execute(sa.update(t.login_failures).where(*own).values(**_row(after)))
    return wait, False


def _locked(connection: sa.Connection, workspace: str, key: str) -> Failures | None:
    """What is remembered; nobody else counts it until the transaction ends."""
    columns = (_f.failures, _f.last_failed_at, _f.locked_until)
    own = (_f.workspace == workspace, _f.key_sha256 == key)
    row = connection.execute(sa.select(*columns).where(*own).with_for_update()).one_or_none()
    return None if row is None else Failures(row[0], _seconds(row[1]), _seconds(row[2]))


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
