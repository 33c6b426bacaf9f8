"""The history in the tables `history_runs` and `history_changes`.

It is written with the changes it records, and read.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from reconcile.model.book import Ids
from reconcile.model.change import Acceptance
from reconcile.model.history import (
    Chain,
    Entry,
    Link,
    Losses,
    Places,
    Run,
    removals,
    removed_places,
)
from reconcile.model.report import Outcome
from reconcile.model.text.folding import fold_name
from reconcile.platforms.database import bulk
from reconcile.platforms.database.database import Database
from reconcile.platforms.database.json_values import brief, quoted
from reconcile.platforms.database.schema import Schema
from reconcile.platforms.ledger import tables as t
from reconcile.platforms.ledger.history_entries import (
    Person,
    answers_to,
    concerns,
    erased,
    naming,
    noted,
)
from reconcile.platforms.ledger.workspaces import workspace_id

_r, _c = t.history_runs.c, t.history_changes.c
_COLUMNS: Final = (
    *("run_id", "position", "kind", "action", "result", "user_id", "object_id"),
    *("manager_before_id", "manager_after_id", "unresolved", "salt", "payload", "commitment"),
)
_ENTRY: Final = tuple(
    _c[name]
    for name in (
        *_COLUMNS[1:7],
        *("salt", "payload", "commitment", "manager_before_id", "manager_after_id", "unresolved"),
    )
)
_SOME: Final = 500
"""Ids in one statement."""


class Users(NamedTuple):
    """The columns by which today's users are known, and which rows of their table are users."""

    id: sa.ColumnElement[int]
    workspace: sa.ColumnElement[int]
    username: sa.ColumnElement[Any]
    dn: sa.ColumnElement[Any]
    external_id: sa.ColumnElement[Any]
    only: sa.ColumnElement[bool]


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

    What there was about those it erased is removed.
    """
    connection = work.connection
    newest = (
        sa.select(_r.hash)
        .where(_r.workspace_id == work.workspace_id)
        .order_by(_r.id.desc())
        .limit(1)
    )
    previous = connection.execute(newest).scalar() or ""
    values = msgspec.to_builtins(run) | {
        "workspace_id": work.workspace_id,
        "accepted": msgspec.json.encode(run.accepted).decode(),
        "lost": msgspec.json.encode(run.lost).decode(),
        "files": msgspec.json.encode(run.files).decode(),
        "dirty": int(run.dirty),
        "previous_hash": previous,
        "hash": "",
        "removed": "",
    }
    values["run"], values["git_commit"] = values.pop("id"), values.pop("commit")
    del values["workspace"]
    inserted = connection.execute(t.history_runs.insert(), values).inserted_primary_key
    number: int = inserted[0] if inserted is not None else 0
    chain = Chain(previous, run)
    unsaid: set[tuple[int, int]] = set()
    for chunk in noted(outcomes, work.before, work.now, work.started):
        chain.add(chunk)
        unsaid.update((number, one.position) for one in chunk if not one.payload)
        rows = [_row(number, one) for one in chunk]
        bulk.insert(connection, t.history_changes, _COLUMNS, rows)
    person = erased(outcomes, work.before)
    if person is not None:
        unsaid |= _forget(connection, users, work.workspace_id, person)
    removed = _removed(connection, work.workspace_id, unsaid)
    chain.end(removed)
    made = (
        sa.update(t.history_runs).where(_r.id == number).values(hash=chain.hash(), removed=removed)
    )
    connection.execute(made)
    connection.execute(
        sa.update(t.workspaces)
        .where(t.workspaces.c.id == work.workspace_id)
        .values(history_hash=chain.hash())
    )
    return chain.hash()


def _removed(connection: sa.Connection, workspace: int, places: Collection[tuple[int, int]]) -> str:
    """What the run keeps of the payloads that it removed.

    By the names of runs, for numbers are the database's.
    """
    found: Places = defaultdict(set)
    if places:
        names = dict(
            connection.execute(sa.select(_r.id, _r.run).where(_r.workspace_id == workspace)).all()
        )
        for run, position in places:
            found[names[run]].add(position)
    return removals(found)


def _row(number: int, entry: Entry) -> tuple[Any, ...]:
    return (
        number,
        entry.position,
        entry.kind,
        entry.action,
        entry.result,
        _number(entry.user),
        _number(entry.object),
        _number(entry.managers[0]),
        _number(entry.managers[1]),
        entry.unresolved,
        entry.salt or None,
        entry.payload or None,
        entry.commitment,
    )


def _number(text: str) -> int | None:
    return int(text) if text else None


def _entry(row: Sequence[Any]) -> Entry:
    (
        position,
        kind,
        action,
        result,
        user,
        thing,
        salt,
        payload,
        commitment,
        before,
        after,
        unresolved,
    ) = row
    return Entry(
        *(position, _text(kind), _text(action), _text(result), _id(user), _id(thing)),  # type: ignore[arg-type] # checked by the chain
        *(_text(salt), _text(payload), _text(commitment), (_id(before), _id(after)), unresolved),
    )


def _id(number: object) -> str:
    return "" if number is None else str(number)


def _text(value: object) -> str:
    """Text as it is; what no run writes as something else, so that no hash fits it."""
    if isinstance(value, str):
        return value
    return "" if value is None else repr(value)


def _of(workspace: int, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """From all changes of a workspace."""
    joined = t.history_changes.join(t.history_runs)
    return sa.select(*columns).select_from(joined).where(_r.workspace_id == workspace)


def _forget(
    connection: sa.Connection, users: Users, workspace: int, person: Person
) -> set[tuple[int, int]]:
    """Takes salt and payload out of every entry that concerns the person or names them.

    Returns where they were.
    """
    places: set[tuple[int, int]] = set()
    looked: set[str] = set()
    orphans = _orphans(connection, users, workspace)
    while new := person.ids - looked - {""}:
        looked |= new
        for place, entry in _tied(connection, workspace, new):
            if entry.payload:
                places.add(place)
            payload = entry.read()
            if entry.kind == "user" and entry.user in person.ids and payload is not None:
                person.learn(payload.before, payload.source)
                person.learn(payload.after, payload.source)
        person.ids |= {one.user for _, one in orphans if concerns(one, person)}
    unresolved = _of(workspace, _c.run_id, *_ENTRY).where(
        _c.unresolved == 1, _c.payload.is_not(None)
    )
    places |= set(
        naming(
            (((row[0], row[1]), _entry(row[1:])) for row in connection.execute(unresolved)), person
        )
    )
    if not places:
        return places
    emptied = (
        sa.update(t.history_changes)
        .where(
            _c.run_id == sa.bindparam("run", type_=sa.Integer),
            _c.position == sa.bindparam("place", type_=sa.Integer),
        )
        .values(
            salt=None, payload=None, manager_before_id=None, manager_after_id=None, unresolved=0
        )
    )
    connection.execute(emptied, [{"run": run, "place": place} for run, place in sorted(places)])
    return places


def _orphans(connection: sa.Connection, users: Users, workspace: int) -> list[tuple[int, Entry]]:
    """What was done to users that no longer exist: one of them may have been the person's."""
    gone = (
        _of(workspace, _c.run_id, *_ENTRY)
        .where(_c.kind == "user", _c.payload.is_not(None), _c.user_id.is_not(None))
        .where(~sa.exists().where(users.id == _c.user_id, users.only))
    )
    return [(row[0], _entry(row[1:])) for row in connection.execute(gone)]


def _tied(
    connection: sa.Connection, workspace: int, ids: Collection[str]
) -> Iterator[tuple[tuple[int, int], Entry]]:
    """The entries that concern these users, or name them as managers.

    Each with its run id and position.
    """
    numbers = sorted(map(int, ids))
    for at in range(0, len(numbers), _SOME):
        some = numbers[at : at + _SOME]
        tied = sa.or_(
            _c.user_id.in_(some), _c.manager_before_id.in_(some), _c.manager_after_id.in_(some)
        )
        for row in connection.execute(
            _of(workspace, _c.run_id, *_ENTRY).where(tied, _c.payload.is_not(None))
        ):
            yield (row[0], row[1]), _entry(row[1:])


class SqlHistory:
    """See `reconcile.ports.History`."""

    def __init__(
        self, database: Callable[[], Database], schema: Schema, users: Users, removals: str = ""
    ) -> None:
        """Takes the database and the first revision that records what runs removed; "" for all."""
        self._database = database
        self._schema = schema
        self._users = users
        self._removals = removals

    def runs(self, workspace: str, since: str = "") -> Sequence[Link]:
        """The oldest first; those that began then or later."""

        def read(connection: sa.Connection, number: int, revision: str) -> list[Link]:
            rows = _runs(connection, number, since, removals=self._has_removals(revision))
            return [_link(row, workspace) for row in rows]

        return self._read(workspace, read)

    def last(self, workspace: str) -> str:
        """The hash of the last run, as it stands beside the workspace; "" where none does."""

        def read(connection: sa.Connection, number: int, revision: str) -> list[str]:
            noted = sa.select(t.workspaces.c.history_hash).where(t.workspaces.c.id == number)
            return (
                [_text(connection.execute(noted).scalar())] if self._has_removals(revision) else []
            )

        return "".join(self._read(workspace, read))

    def entries(self, workspace: str, run: str) -> Sequence[Entry]:
        """Every change of a run, in its order."""

        def read(connection: sa.Connection, number: int, _revision: str) -> list[Entry]:
            wanted = _of(number, *_ENTRY).where(_r.run == run).order_by(_c.position)
            return [_entry(row) for row in connection.execute(wanted)]

        return self._read(workspace, read)

    def concerning(self, workspace: str, name: str) -> Sequence[tuple[str, Entry]]:
        """Run and change of all that was done to users who have, or once had, this name."""
        return self._read(
            workspace,
            lambda connection, number, _: _concerning(
                connection, self._users, number, fold_name(name)
            ),
        )

    def _has_removals(self, revision: str) -> bool:
        return not self._removals or self._schema.has(revision, self._removals)

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


def _runs(
    connection: sa.Connection, workspace: int, since: str, *, removals: bool
) -> Sequence[sa.RowMapping]:
    later = () if removals else (_r.removed, _r.files)
    columns: list[sa.ColumnElement[Any]] = [one for one in _r if one not in later]
    columns += [sa.literal("").label(one.name) for one in later]
    wanted = (
        sa.select(*columns).where(_r.workspace_id == workspace, _r.started >= since).order_by(_r.id)
    )
    return connection.execute(wanted).mappings().all()


_NUMBERS: Final = ("dirty", "applied", "failed", "skipped")


def _link(row: sa.RowMapping, workspace: str) -> Link:
    """What the row says; what no run writes is said in `altered`, for no hash would show it."""
    wrong: list[str] = []
    values: dict[str, Any] = {}
    for name in (*Run.__struct_fields__, "run", "git_commit", "previous_hash", "hash", "removed"):
        if name in row and name != "id":
            fits = isinstance(row[name], int if name in _NUMBERS else str)
            unfit = -1 if name in _NUMBERS else _text(row[name])
            values[name] = row[name] if fits else unfit
            wrong += [] if fits else [f"{name} is {quoted(row[name])}"]
    wrong += [] if values["dirty"] in (0, 1) else [f"dirty is {values['dirty']}"]
    for name, empty, kind in (
        ("accepted", "[]", tuple[Acceptance, ...]),
        ("lost", "{}", Losses),
        ("files", "[]", tuple[str, ...]),
    ):
        text, values[name] = values[name], msgspec.json.decode(empty, type=kind)
        try:
            values[name] = msgspec.json.decode(text or empty, type=kind)
            fits = text == msgspec.json.encode(values[name]).decode() or (
                not text and not values["removed"]
            )
        except ValueError:
            fits = False
        wrong += [] if fits else [f"{name} is {brief(text)}"]
    try:
        removed_places(values["removed"])
    except (ValueError, OverflowError, MemoryError):
        wrong.append(f"removed is {brief(values['removed'])}")
        values["removed"] = "{}"
    previous, own, removed = values.pop("previous_hash"), values.pop("hash"), values.pop("removed")
    values |= {
        "id": values.pop("run"),
        "commit": values.pop("git_commit"),
        "dirty": bool(values["dirty"]),
    }
    return Link(Run(**values, workspace=workspace), previous, own, removed, ", ".join(wrong))


def _concerning(
    connection: sa.Connection, users: Users, workspace: int, name: str
) -> list[tuple[str, Entry]]:
    """In Python, because databases do not agree on what differs by nothing but case."""
    now = sa.select(users.id, users.username, users.dn, users.external_id)
    ids = {
        str(number)
        for number, *names in connection.execute(
            now.where(users.workspace == workspace, users.only)
        )
        if name in {fold_name(one or "") for one in names}
    }
    loose: list[tuple[int, int]] = []
    person = Person(set(), {name}, set(), {name})
    changes = _of(workspace, _c.run_id, *_ENTRY).where(
        _c.payload.is_not(None), sa.or_(_c.kind == "user", _c.user_id.is_(None))
    )
    for row in connection.execute(changes):
        entry = _entry(row[1:])
        if entry.kind == "user" and answers_to(entry, name):
            ids.add(entry.user)
        elif entry.user or entry.kind not in ("membership", "grant") or not concerns(entry, person):
            continue
        if not entry.user:
            loose.append((row[0], row[1]))
    found: dict[tuple[int, int], tuple[str, Entry]] = {}
    every = _of(workspace, _c.run_id, _r.run, *_ENTRY)
    numbers = sorted(int(one) for one in ids if one)
    for at in range(0, len(numbers), _SOME):
        for row in connection.execute(every.where(_c.user_id.in_(numbers[at : at + _SOME]))):
            found[row[0], row[2]] = (_text(row[1]), _entry(row[2:]))
    for run, position in loose:
        row = connection.execute(every.where(_c.run_id == run, _c.position == position)).one()
        found[run, position] = (_text(row[1]), _entry(row[2:]))
    return [found[place] for place in sorted(found, key=_in_order)]


def _in_order(place: tuple[object, object]) -> tuple[tuple[bool, str], ...]:
    """The order of changes; a number that somebody altered to a text comes last."""
    return tuple(
        (not isinstance(part, int), f"{part:020d}" if isinstance(part, int) else str(part))
        for part in place
    )
