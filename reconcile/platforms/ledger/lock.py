"""One run at a time for each workspace: a row in `locks`, and when it may be taken over.

A lock is dead when its process is gone from this machine, or, taken elsewhere, when it has not been
renewed for STALE seconds. Elsewhere means another machine, another container on this one, or this
one before a restart: there a process number means another process, and a host name proves nothing.
A thread renews it every BEAT seconds, by a connection of its own. A run that takes a lock first
claims the workspace's row, and so does a run that writes, to the end of its transaction: while it
writes, no other takes its lock over, whatever its age. (SQLite lets no other write at all, the
thread included; the run renews the lock in the transaction that it commits.) A run that lost its
lock anyway (because its machine slept) finds its token gone before it writes. So a lock that can be
taken over and looks dead is dead or harmless, and the server needs no lock of its own.
"""

import logging
import os
import secrets
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple

import sqlalchemy as sa

from reconcile.errors import Locked, PlatformUnreadable, ReconcileError
from reconcile.platforms.database.columns import utc_now
from reconcile.platforms.database.database import Busy, CommitLost, Database
from reconcile.platforms.database.json_values import brief
from reconcile.platforms.ledger import processes
from reconcile.platforms.ledger import tables as t
from reconcile.ports import Holder

BEAT: Final = 30.0
STALE: Final = 300.0
_NUMBERS: Final = 2**31
"""Beyond those of processes."""
_TRIES: Final = 3
_PAUSE: Final = 1.0
"""Seconds between two tries to release a lock."""
_LOST: Final = (
    "another run has taken over the lock, because this one was inactive for too long; start again"
)
_log = logging.getLogger(__name__)


class Held(NamedTuple):
    """An existing lock. Whatever is in the row, each text is one line."""

    workspace: str
    login: str
    host: str
    pid: int | None
    """None if it is not a process number."""
    process_started: str | None
    started_at: str
    age: float | None
    """Seconds since it was last renewed, by the database's clock; None if that is not a time."""
    heartbeat: str = ""
    """When that was, RFC 3339, UTC; the text in the row if that is not a time."""


def take(
    connection: sa.Connection,
    workspaces: Collection[str],
    holder: Holder,
    token: str,
    *,
    force: bool,
) -> bool:
    """Takes the locks of all the workspaces or none.

    Returns whether any is taken over from the dead. Raises Locked.
    """
    ids = claim(connection, workspaces)
    holding = holders(connection, workspaces)
    for held in holding:
        if not (force and is_dead(held, holder.host)) and not _left_by_us(held, holder.host):
            raise Locked(describe(held, holder.host))
    numbers = [ids[name] for name in sorted(set(workspaces))]
    connection.execute(sa.delete(t.locks).where(t.locks.c.workspace_id.in_(numbers)))
    row = {
        "token": token,
        "login": holder.user,
        "host": holder.host,
        "pid": holder.pid,
        "process_started": processes.started(holder.pid) or None,
        "started_at": holder.started,
    }
    connection.execute(t.locks.insert(), [{"workspace_id": number, **row} for number in numbers])
    return bool(holding)


def holders(connection: sa.Connection, workspaces: Collection[str]) -> list[Held]:
    """Who holds any of these workspaces."""
    lock = t.locks.c
    said = (
        lock.login,
        lock.host,
        lock.pid,
        lock.process_started,
        lock.started_at,
        lock.heartbeat_at,
        utc_now(),
    )
    # The value may be no text and no time, and drivers refuse that: SQLite's takes it as bytes,
    # the others as text.
    kind = sa.LargeBinary() if connection.dialect.name == "sqlite" else sa.Text()
    statement = (
        sa.select(t.workspaces.c.name, *(sa.cast(column, kind) for column in said))
        .join(t.workspaces, t.workspaces.c.id == lock.workspace_id)
        .where(t.workspaces.c.name.in_(sorted(workspaces)))
        .order_by(t.workspaces.c.name)
    )
    return [_held(name, *map(_text, columns)) for name, *columns in connection.execute(statement)]


def _text(value: bytes | str | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _held(
    workspace: str, login: str, host: str, pid: str, process: str, started: str, beat: str, now: str
) -> Held:
    """What the row says, as far as it says anything."""
    then = _time(beat)
    age = None if then is None else ((_time(now) or then) - then).total_seconds()
    return Held(
        workspace=workspace,
        login=brief(login),
        host=brief(host),
        pid=int(pid) if pid.isascii() and pid.isdigit() and 0 < int(pid[:20]) < _NUMBERS else None,
        process_started=process or None,
        started_at=brief(started),
        heartbeat=brief(beat) if then is None else f"{then.isoformat(timespec='seconds')}Z",
        age=age,
    )


def _time(text: str) -> datetime | None:
    """In UTC, without a time zone; None if it is not a time."""
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo is not None else time
    except (ValueError, OverflowError):
        return None


def is_dead(held: Held, host: str) -> bool:
    """Whether the holder of a lock is gone, asked on `host`."""
    if _elsewhere(held, host):
        return held.age is None or not -STALE <= held.age <= STALE
    start = processes.started(held.pid or 0)
    if start is None:
        return False
    return not start or (held.process_started is not None and held.process_started != start)


def _elsewhere(held: Held, host: str) -> bool:
    """Whether the holder's process number means nothing here.

    This is also so if the holder does not state its place.
    """
    return (
        held.pid is None
        or held.host != host
        or processes.place_of(held.process_started) != processes.place()
    )


def _left_by_us(held: Held, host: str) -> bool:
    """Whether this very process left the lock, when it could not release it.

    A service goes on without `force`.
    """
    ours = held.pid == os.getpid() and not _elsewhere(held, host) and not is_dead(held, host)
    return ours and (held.age is None or abs(held.age) > STALE)


def describe(held: Held, host: str) -> str:
    """Who holds a lock, since when, and what to do."""
    who = _who(held)
    if not _elsewhere(held, host):
        if is_dead(held, host):
            return f"{who}: that process is gone; run again with --force to take over"
        return f"{who}: it is still running; wait until it is done"
    if held.age is None:
        renewed = f"{who}, which is not a time"
    elif held.age < -STALE:
        ahead = f"{-held.age:.0f} s in the future"
        renewed = f"{who}, which is {ahead}: the clock of the database was set back"
    else:
        renewed = f"{who}, last renewed {max(0, held.age):.0f} s ago"
    if held.host == host:
        renewed += (
            ", in another container or machine of this name, or from before a restart of this one"
        )
    if is_dead(held, host):
        return (
            f"{renewed}: make sure that nothing runs there, "
            "then run again with --force to take over"
        )
    return (
        f"{renewed}: wait until it is done; it counts as dead after {STALE:.0f} s without renewal"
    )


def _who(held: Held) -> str:
    process = f"process {held.pid}" if held.pid is not None else "without a process number"
    holder = f"{held.login or 'an unknown user'} on {held.host or 'an unknown host'}"
    return (
        f"the workspace {held.workspace!r} is locked by {holder}, {process}, "
        f"since {held.started_at or 'unknown'}, "
        f"last heartbeat {held.heartbeat or 'unknown'}"
    )


def claim(connection: sa.Connection, workspaces: Collection[str]) -> dict[str, int]:
    """Keeps all others from writing to the workspaces until the transaction ends; name → id."""
    rows = t.workspaces.c
    statement = (
        sa.select(rows.name, rows.id).where(rows.name.in_(sorted(workspaces))).order_by(rows.id)
    )
    return dict(connection.execute(statement.with_for_update()).all())


def confirm(connection: sa.Connection, workspace: str, token: str) -> None:
    """Claims a workspace for writing.

    Raises Locked when the run with this token has lost its lock.
    """
    claim(connection, [workspace])
    mine = sa.select(t.locks.c.token).join(
        t.workspaces, t.workspaces.c.id == t.locks.c.workspace_id
    )
    if connection.execute(mine.where(t.workspaces.c.name == workspace)).scalar() != token:
        raise Locked(_LOST)


class Lock(NamedTuple):
    """What a run holds."""

    token: str
    workspaces: tuple[str, ...]


def renew(connection: sa.Connection, lock: Lock) -> None:
    """Says that the run with this lock is alive. Raises Locked when it has lost it everywhere."""
    renewed = connection.execute(
        sa.update(t.locks).where(_is(connection, lock)).values(heartbeat_at=utc_now())
    )
    if not renewed.rowcount:
        raise Locked(_LOST)


def release(connection: sa.Connection, lock: Lock) -> None:
    """Lets go of it in all its workspaces."""
    connection.execute(sa.delete(t.locks).where(_is(connection, lock)))


def _is(connection: sa.Connection, lock: Lock) -> sa.ColumnElement[bool]:
    """By the key of the table: MariaDB would wait for every row that another run is renewing."""
    numbers = connection.execute(
        sa.select(t.workspaces.c.id).where(t.workspaces.c.name.in_(lock.workspaces))
    ).scalars()
    return sa.and_(t.locks.c.token == lock.token, t.locks.c.workspace_id.in_(numbers.all()))


@contextmanager
def hold(
    database: Database, workspaces: Collection[str], holder: Holder, *, force: bool
) -> Iterator[Lock]:
    """Holds the locks while the block runs. Raises Locked."""
    lock = Lock(secrets.token_hex(16), tuple(sorted(workspaces)))
    try:
        if _take_in_time(database, workspaces, holder, lock.token, force=force):
            database.scrub()  # the dead may have erased a person and not come to this
        with _beating(database, lock):
            yield lock
    except BaseException as error:
        try:
            _release(database, lock, still_taking=isinstance(error, CommitLost))
        except ReconcileError as unreleased:  # what ended the block matters more
            text = f"the lock could not be released: {unreleased}"
            if isinstance(error, Exception):
                _log.warning("%s. `reconcile unlock` removes it", text)
            error.add_note(text)
        raise
    try:
        _release(database, lock)
    except ReconcileError as error:
        text = f"the lock could not be released: {error}. `reconcile unlock` removes it"
        raise PlatformUnreadable(text) from error


def _take_in_time(
    database: Database, workspaces: Collection[str], holder: Holder, token: str, *, force: bool
) -> bool:
    """A run that is writing keeps the whole database busy.

    Then it is the one to name, and alive whatever its age.
    """
    try:
        with database.writing() as connection:
            return take(connection, workspaces, holder, token, force=force)
    except Busy:
        _raise_writing(database, workspaces)
        raise


def remove(database: Database, workspace: str, host: str) -> Holder | None:
    """Removes the lock of a dead run, and returns its holder; None if there is none.

    Raises Locked for a live one.
    """
    removed = _remove_in_time(database, workspace, host)
    if removed is not None:
        database.scrub()  # as when it is taken over
    return removed


def _remove_in_time(database: Database, workspace: str, host: str) -> Holder | None:
    try:
        with database.writing() as connection:
            claim(connection, [workspace])
            for held in holders(connection, [workspace]):
                if not is_dead(held, host):
                    raise Locked(describe(held, host))
                ours = (
                    sa.select(t.workspaces.c.id)
                    .where(t.workspaces.c.name == workspace)
                    .scalar_subquery()
                )
                connection.execute(sa.delete(t.locks).where(t.locks.c.workspace_id == ours))
                return Holder(held.login, held.host, held.pid or 0, held.started_at, held.heartbeat)
    except Busy:
        _raise_writing(database, [workspace])
        raise
    return None


def _raise_writing(database: Database, workspaces: Collection[str]) -> None:
    """Raises Locked for the run that keeps the whole database busy, if there is one.

    It is alive whatever its age.
    """
    with database.reading() as connection:
        for held in holders(connection, workspaces):
            raise Locked(
                f"{_who(held)}: the database is being written; wait until that is done"
            ) from None


def _release(database: Database, lock: Lock, *, still_taking: bool = False) -> None:
    """Tries again if the connection breaks.

    `still_taking`: the transaction that takes it may not be over.
    """
    for left in reversed(range(_TRIES)):
        try:
            with database.writing() as connection:
                if still_taking:
                    claim(connection, lock.workspaces)  # waits for that transaction
                release(connection, lock)
        except PlatformUnreadable as error:
            if not left or isinstance(error, Busy):
                raise
            time.sleep(_PAUSE)
        else:
            return


@contextmanager
def _beating(database: Database, lock: Lock) -> Iterator[None]:
    done = threading.Event()

    def beat() -> None:
        while not done.wait(BEAT):
            try:
                with database.writing() as connection:
                    renew(connection, lock)
            except Busy:
                # This run writes, which renews it, or a program that will be done soon.
                continue
            except (Locked, PlatformUnreadable) as error:
                _log.warning("the lock could not be renewed: %s", error)

    thread = threading.Thread(target=beat, name="reconcile-lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
