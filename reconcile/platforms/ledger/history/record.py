"""A run is added to `history_runs`, and the changes that it records to `history_changes`.

Those of a large run go to `history_packs` instead.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from reconcile.model.book import Ids
from reconcile.model.history import Chain, Entry, Places, Run, removals
from reconcile.model.report import Outcome
from reconcile.platforms.database import bulk
from reconcile.platforms.ledger import tables as t
from reconcile.platforms.ledger.history import pack_rows, rows
from reconcile.platforms.ledger.history.entries import entries_of
from reconcile.platforms.ledger.history.pack_rows import Place
from reconcile.platforms.ledger.history.packs import Head
from reconcile.platforms.ledger.history.people import erased_person, places_to_clear
from reconcile.platforms.ledger.history.rows import Users, changes, of_workspace, runs

SOME: Final = 500
"""Ids in one statement."""
PACKED_FROM: Final = 1000
"""A run of at least so many changes is packed."""
_EMPTIED: Final = (
    sa.update(t.history_changes)
    .where(
        changes.run_id == sa.bindparam("run", type_=sa.Integer),
        changes.position == sa.bindparam("place", type_=sa.Integer),
    )
    .values(salt=None, payload=None, manager_before_id=None, manager_after_id=None, unresolved=0)
)


class Writing(NamedTuple):
    """The open transaction in which a run is recorded."""

    connection: sa.Connection
    workspace_id: int
    before: Ids
    """As the workspace was before the run."""
    now: Ids
    """With what the run wrote."""
    started: str
    """When the run began, RFC 3339, UTC."""


def record(work: Writing, users: Users, run: Run, outcomes: Sequence[Outcome]) -> str:
    """Adds a run to the chain of its workspace; returns its hash.

    What earlier runs recorded of a user that this one erased is removed.
    """
    connection = work.connection
    previous = _last_hash(work)
    number = _insert_run(connection, work.workspace_id, run, previous)
    chain = Chain(previous, run)
    removed: set[Place] = set()
    for chunk in entries_of(outcomes, work.before, work.now, work.started):
        chain.add(chunk)
        removed.update((number, entry.position) for entry in chunk if not entry.payload)
        if len(outcomes) >= PACKED_FROM:
            pack_rows.insert(connection, number, chunk)
        else:
            recorded = [rows.row(number, entry) for entry in chunk]
            bulk.insert(connection, t.history_changes, rows.COLUMNS, recorded)
    person = erased_person(outcomes, work.before)
    if person is not None:
        cleared = places_to_clear(person, _Recorded(connection, users, work.workspace_id))
        _clear(connection, cleared - pack_rows.clear(connection, work.workspace_id, cleared))
        removed |= cleared
    removal = _removal(connection, work.workspace_id, removed)
    chain.end(removal)
    _end_chain(work, number, chain.hash(), removal)
    return chain.hash()


def _last_hash(work: Writing) -> str:
    """The hash of the workspace's last run; "" where there is none."""
    newest = (
        sa.select(runs.hash)
        .where(runs.workspace_id == work.workspace_id)
        .order_by(runs.id.desc())
        .limit(1)
    )
    return work.connection.execute(newest).scalar() or ""


def _insert_run(connection: sa.Connection, workspace: int, run: Run, previous: str) -> int:
    """Adds the row of a run, as yet without its hash. Returns its number."""
    values = msgspec.to_builtins(run) | {
        "workspace_id": workspace,
        "accepted": msgspec.json.encode(run.accepted).decode(),
        "lost": msgspec.json.encode(run.lost).decode(),
        "files": msgspec.json.encode(run.files).decode(),
        "signatures": msgspec.json.encode(run.signatures).decode(),
        "dirty": int(run.dirty),
        "previous_hash": previous,
        "hash": "",
        "removed": "",
    }
    values["run"], values["git_commit"] = values.pop("id"), values.pop("commit")
    del values["workspace"]
    inserted = connection.execute(t.history_runs.insert(), values).inserted_primary_key
    return inserted[0] if inserted is not None else 0


def _end_chain(work: Writing, number: int, own_hash: str, removal: str) -> None:
    """Writes the hash of a run into its row, and beside the workspace."""
    run = sa.update(t.history_runs).where(runs.id == number)
    work.connection.execute(run.values(hash=own_hash, removed=removal))
    workspace = sa.update(t.workspaces).where(t.workspaces.c.id == work.workspace_id)
    work.connection.execute(workspace.values(history_hash=own_hash))


def _removal(connection: sa.Connection, workspace: int, places: Collection[Place]) -> str:
    """What the run keeps of the payloads that it removed.

    By the ids of runs, for numbers are the database's.
    """
    by_run: Places = defaultdict(set)
    if places:
        ids = sa.select(runs.id, runs.run).where(runs.workspace_id == workspace)
        names = dict(connection.execute(ids).all())
        for number, position in places:
            by_run[names[number]].add(position)
    return removals(by_run)


def _clear(connection: sa.Connection, places: Iterable[Place]) -> None:
    """Takes salt and payload out of entries, and the names that were made of them."""
    emptied = [{"run": run, "place": position} for run, position in sorted(places)]
    if emptied:
        connection.execute(_EMPTIED, emptied)


class _Recorded:
    """The entries of a workspace in the tables; see `people.Recorded`."""

    def __init__(self, connection: sa.Connection, users: Users, workspace: int) -> None:
        self._connection = connection
        self._workspace = workspace
        self._users = users
        with_payload = of_workspace(workspace, changes.run_id, *rows.ENTRY)
        self._select = with_payload.where(changes.payload.is_not(None))

    def tied(self, users: Collection[str]) -> Iterator[tuple[Place, Entry]]:
        """The entries that concern these users, or name them as managers."""
        numbers, ids = sorted(map(int, users)), frozenset(users)
        for at in range(0, len(numbers), SOME):
            some = numbers[at : at + SOME]
            yield from self._read(
                changes.user_id.in_(some)
                | changes.manager_before_id.in_(some)
                | changes.manager_after_id.in_(some)
            )
        yield from self._search(
            lambda _, head: head.user in ids or not ids.isdisjoint(head.managers)
        )

    def of_lost_users(self) -> Iterator[tuple[Place, Entry]]:
        """What was done to users that no longer exist."""
        exists = sa.exists().where(self._users.id == changes.user_id, self._users.only)
        yield from self._read((changes.kind == "user") & changes.user_id.is_not(None) & ~exists)
        yield from self._search(
            lambda _, head: head.kind == "user" and bool(head.user) and head.user not in self._known
        )

    @cached_property
    def _known(self) -> frozenset[str]:
        """The ids of the users that exist."""
        users = sa.select(self._users.id).where(self._users.only)
        return frozenset(map(str, self._connection.execute(users).scalars()))

    def unresolved(self) -> Iterator[tuple[Place, Entry]]:
        """What names a person of whom the platform had no user."""
        yield from self._read(changes.unresolved == 1)
        yield from self._search(lambda _, head: head.unresolved == 1)

    def _search(self, fits: Callable[[Place, Head], bool]) -> Iterator[tuple[Place, Entry]]:
        for place, entry in pack_rows.search(self._connection, self._workspace, fits):
            if entry.payload:
                yield place, entry

    def _read(self, which: sa.ColumnElement[bool]) -> Iterator[tuple[Place, Entry]]:
        result: Iterable[Sequence[Any]] = self._connection.execute(self._select.where(which))
        for row in result:
            entry = rows.entry(row[1:])
            if entry.payload:
                yield (row[0], row[1]), entry
