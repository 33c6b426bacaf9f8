"""Failed logins, in the table `login_failures`; from known origins, in `login_origins`.

Each attempt is a transaction of its own, and locks only its row: on a server, a run that writes
does not delay a login. SQLite lets only one program write at a time; there a login waits for a run
that writes, and is refused if that takes too long: an attempt that cannot be counted is not made.
"""

import logging
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from reconcile.errors import Locked, PlatformUnreadable
from reconcile.model.change import Change
from reconcile.platforms.database.database import Busy, Database
from reconcile.platforms.ledger import tables as t
from reconcile.platforms.ledger.attempt_rules import (
    ALL,
    KNOWN,
    MEMORY,
    Failures,
    begun,
    counted,
    keys,
    origin_key,
    outdated,
    passed,
)

log = logging.getLogger(__name__)

_ROUNDS = 20
"""So often another process may be in between."""

_f = t.login_failures.c
_o = t.login_origins.c


class SqlAttempts:
    """See `reconcile.ports.Attempts`."""

    def __init__(
        self, database: Callable[[], Database], prepare: Callable[[Collection[str]], None]
    ) -> None:
        """`prepare` creates the tables if they are missing."""
        self._database = database
        self._prepare = prepare

    def begin(self, workspace: str, key: str, now: int, origin: str = "") -> int:
        """Counts an attempt; returns the seconds to wait.

        Raises Locked if the database is busy for too long.
        """
        try:
            self._prepare([workspace])
            if origin:
                wait = self._counted_from(workspace, key, origin_key(key, origin), now)
            else:
                wait = self._counted(workspace, key, now)
        except Busy as busy:
            raise Locked(
                f"failed logins cannot be counted now, so no login is made: {busy}"
            ) from busy
        if wait is None:
            raise Locked(
                "failed logins cannot be counted now, so no login is made: "
                "the count was removed; try again"
            )
        return wait

    def passed(self, workspace: str, key: str, now: int, origin: str = "") -> None:
        """Forgets failures from there; if the database is busy, they expire."""
        with suppress(Busy), self._database().writing() as connection:
            if not origin:
                connection.execute(sa.delete(t.login_failures).where(*_whom(_f, workspace, key)))
                return
            place, origins = origin_key(key, origin), _origins(connection, workspace, key)
            every, own = passed(origins.get(ALL), origins.get(place), now)
            _keep(
                connection,
                workspace,
                key,
                origins,
                {place: own} | ({} if every is None else {ALL: every}),
            )
            for old in outdated(origins | {place: own}):
                connection.execute(_delete_origins(workspace, key).where(_o.origin_sha256 == old))

    def forget(self, workspace: str, key: str) -> None:
        """Forgets everything; if the database is busy, it expires."""
        with suppress(Busy), self._database().writing() as connection:
            connection.execute(sa.delete(t.login_failures).where(*_whom(_f, workspace, key)))
            connection.execute(_delete_origins(workspace, key))

    def forget_erased(self, workspace: str, erased: Iterable[Change]) -> None:
        """Forgets what failed for those who were erased.

        Not in the transaction that erases them: there it could keep others from logging in until
        that ends.
        """
        for key in sorted(keys(erased)):
            self.forget(workspace, key)

    def _counted(self, workspace: str, key: str, now: int) -> int | None:
        """Counts an attempt whose origin is not known."""
        wait = self._count(workspace, key, now)
        for _ in range(
            _ROUNDS
        ):  # a login of the same person may have forgotten everything in between
            if wait is not None:
                break
            # In a transaction of its own: on MariaDB an insert that comes too late holds a lock
            # that the others, and they its own, would wait for.
            first = t.login_failures.insert().values(
                workspace=workspace, key_sha256=key, **_row(counted(None, now)[0])
            )
            wait = 0 if self._is_first(first, now) else self._count(workspace, key, now)
        return wait

    def _counted_from(self, workspace: str, key: str, place: str, now: int) -> int | None:
        """Counts an attempt from an origin.

        The row of all of them is locked first, so that one at a time is here.
        """
        every = t.login_origins.insert().values(
            workspace=workspace, key_sha256=key, origin_sha256=ALL, **_row(Failures(0, now, now))
        )
        for _ in range(_ROUNDS):
            with self._database().writing() as connection:
                origins = _origins(connection, workspace, key)
                if ALL in origins:
                    together, own, wait = begun(origins[ALL], origins.get(place), now)
                    made = {
                        at: failures
                        for at, failures in ((ALL, together), (place, own))
                        if failures is not None
                    }
                    _keep(connection, workspace, key, origins, made)
                    return wait
            self._is_first(every, now)
        return None

    def _count(self, workspace: str, key: str, now: int) -> int | None:
        """Seconds to wait; None if there is no row to count in."""
        own = _whom(_f, workspace, key)
        columns = (_f.failures, _f.last_failed_at, _f.locked_until)
        with self._database().writing() as connection:
            row = connection.execute(
                sa.select(*columns).where(*own).with_for_update()
            ).one_or_none()
            if row is None:
                return None
            before = Failures(row[0], _seconds(row[1]), _seconds(row[2]))
            after, wait = counted(before, now)
            if not wait:
                connection.execute(sa.update(t.login_failures).where(*own).values(**_row(after)))
            return wait

    def _is_first(self, row: sa.Insert, now: int) -> bool:
        """Adds a row for a person who has none; False if another process was first."""
        with self._database().writing() as connection:
            try:
                connection.execute(row)
            except IntegrityError:
                return False
        self._purge(now)
        return True

    def _purge(self, now: int) -> None:
        """Deletes expired rows.

        Checks before it writes, because there are hardly ever any.
        """
        entered = sa.or_(_o.last_login_at.is_(None), _o.last_login_at < _time(now - KNOWN))
        old = {
            t.login_failures: _f.locked_until < _time(now - MEMORY),
            t.login_origins: sa.and_(_o.locked_until < _time(now - MEMORY), entered),
        }
        try:
            for table, condition in old.items():
                with self._database().reading() as connection:
                    kept = connection.execute(
                        sa.select(table.c.key_sha256).where(condition).limit(1)
                    ).one_or_none()
                if kept is not None:
                    with self._database().writing() as connection:
                        connection.execute(sa.delete(table).where(condition))
        except PlatformUnreadable as error:  # the next one does it
            log.debug("old failed logins were not deleted: %s", error)


def _whom(
    columns: Any, workspace: str, key: str
) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return columns.workspace == workspace, columns.key_sha256 == key


def _origins(connection: sa.Connection, workspace: str, key: str) -> dict[str, Failures]:
    """What is remembered of each origin of a person, and of all together.

    The row of all together is then locked.
    """
    own = _whom(_o, workspace, key)
    every = sa.select(_o.origin_sha256).where(*own, _o.origin_sha256 == ALL).with_for_update()
    if connection.execute(every).one_or_none() is None:
        return {}
    columns = (_o.origin_sha256, _o.failures, _o.last_failed_at, _o.locked_until, _o.last_login_at)
    return {
        place: Failures(
            failures, _seconds(last), _seconds(until), 0 if entered is None else _seconds(entered)
        )
        for place, failures, last, until, entered in connection.execute(
            sa.select(*columns).where(*own)
        )
    }


def _keep(
    connection: sa.Connection,
    workspace: str,
    key: str,
    known: Container[str],
    made: Mapping[str, Failures],
) -> None:
    for place, attempt in made.items():
        values = _row(attempt) | {
            "last_login_at": _time(attempt.entered) if attempt.entered else None
        }
        if place in known:
            own = (*_whom(_o, workspace, key), _o.origin_sha256 == place)
            connection.execute(sa.update(t.login_origins).where(*own).values(**values))
        else:
            named = {"workspace": workspace, "key_sha256": key, "origin_sha256": place}
            connection.execute(t.login_origins.insert().values(**named, **values))


def _delete_origins(workspace: str, key: str) -> sa.Delete:
    return sa.delete(t.login_origins).where(*_whom(_o, workspace, key))


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
