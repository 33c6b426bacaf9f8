"""The History of a database: the runs of each workspace as they were recorded."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple, TypeAlias

import sqlalchemy as sa

from reconcile.model.history import Entry, Link
from reconcile.model.text.folding import fold_name
from reconcile.platforms.database.database import Database
from reconcile.platforms.database.schema import Schema
from reconcile.platforms.ledger import tables as t
from reconcile.platforms.ledger.history import pack_rows, rows
from reconcile.platforms.ledger.history.pack_rows import Place
from reconcile.platforms.ledger.history.packs import Head
from reconcile.platforms.ledger.history.people import called
from reconcile.platforms.ledger.history.record import SOME
from reconcile.platforms.ledger.history.rows import Users, changes, of_workspace, runs
from reconcile.platforms.ledger.workspaces import workspace_id


class Since(NamedTuple):
    """The first revision of a schema with certain columns; "" if every revision has them."""

    removals: str = ""
    """`history_runs.removed` and `files`, and `workspaces.history_hash`."""
    signatures: str = ""
    """`history_runs.plan_file` and `signatures`."""
    packs: str = ""
    """`history_packs`."""
    memos: str = ""
    """The table `quiet_memos`."""


class SqlHistory:
    """See `reconcile.ports.History`."""

    def __init__(
        self, database: Callable[[], Database], schema: Schema, users: Users, since: Since
    ) -> None:
        """`since` says which revisions record what."""
        self._database = database
        self._schema = schema
        self._users = users
        self._since = since

    def runs(self, workspace: str, since: str = "") -> Sequence[Link]:
        """The oldest first; those that began then or later."""

        def read(connection: sa.Connection, number: int, revision: str) -> list[Link]:
            lacking: dict[str, str] = {}
            if not self._has_removals(revision):
                lacking |= _OF_REMOVALS
            if not self._has(revision, self._since.signatures):
                lacking |= _OF_SIGNATURES
            recorded = _runs(connection, number, since, lacking)
            return [rows.link(row, workspace) for row in recorded]

        return self._read(workspace, read)

    def last(self, workspace: str) -> str:
        """The hash of the last run, as it is recorded with the workspace; "" for none."""

        def read(connection: sa.Connection, number: int, revision: str) -> list[str]:
            if not self._has_removals(revision):
                return []
            last = sa.select(t.workspaces.c.history_hash).where(t.workspaces.c.id == number)
            return [rows.text(connection.execute(last).scalar())]

        return "".join(self._read(workspace, read))

    def entries(self, workspace: str, run: str) -> Sequence[Entry]:
        """Every change of a run, in its order."""

        def read(connection: sa.Connection, number: int, revision: str) -> list[Entry]:
            mine = of_workspace(number, *rows.ENTRY).where(runs.run == run)
            every = connection.execute(mine.order_by(changes.position))
            entries = [rows.entry(row) for row in every]
            if self._has(revision, self._since.packs):
                entries += pack_rows.of_run(connection, number, run)
            return entries

        return self._read(workspace, read)

    def concerning(self, workspace: str, name: str) -> Sequence[tuple[str, Entry]]:
        """Run and change of all that was done to users who have, or once had, this name."""

        def read(connection: sa.Connection, number: int, revision: str) -> list[tuple[str, Entry]]:
            packs = self._has(revision, self._since.packs)
            search = partial(pack_rows.search, connection, number) if packs else _no_packs
            return _concerning(connection, self._users, number, fold_name(name), search)

        return self._read(workspace, read)

    def _has_removals(self, revision: str) -> bool:
        return self._has(revision, self._since.removals)

    def _has(self, revision: str, first: str) -> bool:
        return not first or self._schema.has(revision, first)

    def _read(
        self, workspace: str, read: Callable[[sa.Connection, int, str], list[Any]]
    ) -> list[Any]:
        database = self._database()
        if not database.exists():
            return []
        with database.reading() as connection:
            revision = self._schema.revision(connection, str(database))
            number = workspace_id(connection, workspace) if revision else None
            return [] if number is None else read(connection, number, revision)


_OF_REMOVALS: Final[Mapping[str, str]] = {"removed": "", "files": ""}
_OF_SIGNATURES: Final[Mapping[str, str]] = {"plan_file": "", "signatures": "[]"}


def _runs(
    connection: sa.Connection, workspace: int, since: str, lacking: Mapping[str, str]
) -> Sequence[sa.RowMapping]:
    """The rows of the runs. `lacking`: columns that the tables do not have yet, and their value."""
    columns: list[sa.ColumnElement[Any]] = [column for column in runs if column.name not in lacking]
    columns += [sa.literal(value).label(name) for name, value in lacking.items()]
    mine = sa.select(*columns).where(runs.workspace_id == workspace, runs.started >= since)
    return connection.execute(mine.order_by(runs.id)).mappings().all()


_Search: TypeAlias = Callable[[Callable[[Place, Head], bool]], Iterable[tuple[Place, Entry]]]
"""`pack_rows.search` in a workspace."""


def _no_packs(_fits: Callable[[Place, Head], bool]) -> list[tuple[Place, Entry]]:
    return []


def _concerning(
    connection: sa.Connection, users: Users, workspace: int, name: str, search: _Search
) -> list[tuple[str, Entry]]:
    """In Python, because databases do not agree on what differs by nothing but case."""
    packed = search(lambda _, head: head.kind == "user" or not head.user)
    users_then, loose = called(name, chain(_nameable(connection, workspace), packed))
    ids = users_then | _called_now(connection, users, workspace, name)
    entries: dict[Place, Entry] = {}
    every = of_workspace(workspace, changes.run_id, *rows.ENTRY)
    numbers = sorted(map(int, ids))
    for at in range(0, len(numbers), SOME):
        some = changes.user_id.in_(numbers[at : at + SOME])
        for row in connection.execute(every.where(some)):
            entries[row[0], row[1]] = rows.entry(row[1:])
    for run, position in loose:
        place = (changes.run_id == run) & (changes.position == position)
        for row in connection.execute(every.where(place)):
            entries[run, position] = rows.entry(row[1:])
    places = set(loose)
    entries |= search(lambda place, head: head.user in ids or place in places)
    names = dict(
        connection.execute(sa.select(runs.id, runs.run).where(runs.workspace_id == workspace)).all()
    )
    return [
        (rows.text(names[place[0]]), entries[place]) for place in sorted(entries, key=_in_order)
    ]


def _called_now(connection: sa.Connection, users: Users, workspace: int, name: str) -> set[str]:
    """The ids of the users who have this name now."""
    now = sa.select(users.id, users.username, users.dn, users.external_id)
    mine = now.where(users.workspace == workspace, users.only)
    return {
        str(number)
        for number, *names in connection.execute(mine)
        if name in {fold_name(own or "") for own in names}
    }


def _nameable(connection: sa.Connection, workspace: int) -> Iterator[tuple[Place, Entry]]:
    """The entries that say what a user is called, each with run number and position."""
    nameable = of_workspace(workspace, changes.run_id, *rows.ENTRY).where(
        changes.payload.is_not(None), (changes.kind == "user") | changes.user_id.is_(None)
    )
    for row in connection.execute(nameable):
        yield (row[0], row[1]), rows.entry(row[1:])


def _in_order(place: tuple[object, object]) -> tuple[tuple[bool, str], ...]:
    """The order of changes; a number that was altered to a text comes last."""
    return tuple(
        (not isinstance(part, int), f"{part:020d}" if isinstance(part, int) else str(part))
        for part in place
    )
