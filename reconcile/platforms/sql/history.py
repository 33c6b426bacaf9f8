"""The history in the tables `history_runs` and `history_changes`: written with the changes it tells of, and read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from reconcile.model.change import Acceptance
from reconcile.model.folding import fold_name
from reconcile.model.history import Chain, Entry, Link, Losses, Run
from reconcile.model.report import Outcome
from reconcile.platforms.recording import Ids, Noted, Person, answers_to, concerns, erased, naming, noted
from reconcile.platforms.sql import bulk, reading, schema
from reconcile.platforms.sql import tables as t
from reconcile.platforms.sql.database import Database
from reconcile.platforms.sql.work import Work

_r, _c = t.history_runs.c, t.history_changes.c
_COLUMNS: Final = (
    *("run_id", "position", "kind", "action", "result", "user_id", "object_id"),
    *("manager_before_id", "manager_after_id", "unresolved", "salt", "payload", "commitment"),
)
_ENTRY: Final = tuple(_c[name] for name in (*_COLUMNS[1:7], "salt", "payload", "commitment"))
_SOME: Final = 500
"""Ids in one statement."""


def record(work: Work, run: Run, outcomes: Sequence[Outcome]) -> str:
    """Adds a run to the chain of its workspace, and removes what there was about whom it erased; answers its hash."""
    connection = work.connection
    newest = sa.select(_r.hash).where(_r.workspace_id == work.workspace_id).order_by(_r.id.desc()).limit(1)
    previous = connection.execute(newest).scalar() or ""
    values = msgspec.to_builtins(run) | {
        "workspace_id": work.workspace_id,
        "accepted": msgspec.json.encode(run.accepted).decode(),
        "lost": msgspec.json.encode(run.lost).decode(),
        "dirty": int(run.dirty),
        "previous_hash": previous,
        "hash": "",
    }
    values["run"], values["git_commit"] = values.pop("id"), values.pop("commit")
    del values["workspace"]
    inserted = connection.execute(t.history_runs.insert(), values).inserted_primary_key
    number: int = inserted[0] if inserted is not None else 0
    chain = Chain(previous, run)
    insert = bulk.Prepared(connection, t.history_changes.insert(), _COLUMNS)
    for chunk in noted(outcomes, Ids.before(work.names), Ids.now(work.names), work.now):
        chain.add(one.entry for one in chunk)
        insert.run([_row(number, one) for one in chunk])
    connection.execute(sa.update(t.history_runs).where(_r.id == number).values(hash=chain.hash()))
    person = erased(outcomes, Ids.before(work.names))
    if person is not None:
        _forget(connection, work.workspace_id, person)
    return chain.hash()


def _row(number: int, one: Noted) -> tuple[Any, ...]:
    entry = one.entry
    return (
        number,
        entry.position,
        entry.kind,
        entry.action,
        entry.result,
        _number(entry.user),
        _number(entry.object),
        _number(one.managers[0]),
        _number(one.managers[1]),
        int(one.loose),
        entry.salt or None,
        entry.payload or None,
        entry.commitment,
    )


def _number(text: str) -> int | None:
    return int(text) if text else None


def _entry(row: Sequence[Any]) -> Entry:
    position, kind, action, result, user, thing, salt, payload, commitment = row
    return Entry(
        position, kind, action, result, str(user or ""), str(thing or ""), salt or "", payload or "", commitment
    )


def _of(workspace: int, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """From all changes of a workspace."""
    joined = t.history_changes.join(t.history_runs)
    return sa.select(*columns).select_from(joined).where(_r.workspace_id == workspace)


def _forget(connection: sa.Connection, workspace: int, person: Person) -> None:
    """Takes salt and payload out of every entry that concerns the person or names them."""
    places: set[tuple[int, int]] = set()
    looked: set[str] = set()
    orphans = _orphans(connection, workspace)
    while new := person.ids - looked - {""}:
        looked |= new
        for place, entry in _tied(connection, workspace, new):
            places.add(place)
            payload = entry.read()
            if entry.kind == "user" and entry.user in person.ids and payload is not None:
                person.learn(payload.before, payload.source)
                person.learn(payload.after, payload.source)
        person.ids |= {one.user for _, one in orphans if concerns(one, person)}
    unresolved = _of(workspace, _c.run_id, *_ENTRY).where(_c.unresolved == 1, _c.payload.is_not(None))
    places |= set(naming((((row[0], row[1]), _entry(row[1:])) for row in connection.execute(unresolved)), person))
    if not places:
        return
    emptied = (
        sa.update(t.history_changes)
        .where(
            _c.run_id == sa.bindparam("run", type_=sa.Integer), _c.position == sa.bindparam("place", type_=sa.Integer)
        )
        .values(salt=None, payload=None, manager_before_id=None, manager_after_id=None, unresolved=0)
    )
    connection.execute(emptied, [{"run": run, "place": place} for run, place in sorted(places)])


def _orphans(connection: sa.Connection, workspace: int) -> list[tuple[int, Entry]]:
    """What was done to users that are no longer there: one of them may have been the person's."""
    gone = (
        _of(workspace, _c.run_id, *_ENTRY)
        .where(_c.kind == "user", _c.payload.is_not(None), _c.user_id.is_not(None))
        .where(~sa.exists().where(t.users.c.id == _c.user_id))
    )
    return [(row[0], _entry(row[1:])) for row in connection.execute(gone)]


def _tied(connection: sa.Connection, workspace: int, ids: Iterable[str]) -> Iterator[tuple[tuple[int, int], Entry]]:
    """Run id and position of the entries that concern these users, or name them as managers; and the entries."""
    numbers = sorted(map(int, ids))
    for at in range(0, len(numbers), _SOME):
        some = numbers[at : at + _SOME]
        tied = sa.or_(_c.user_id.in_(some), _c.manager_before_id.in_(some), _c.manager_after_id.in_(some))
        for row in connection.execute(_of(workspace, _c.run_id, *_ENTRY).where(tied, _c.payload.is_not(None))):
            yield (row[0], row[1]), _entry(row[1:])


class SqlHistory:
    """See `reconcile.ports.History`."""

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database

    def runs(self, workspace: str, since: str = "") -> Sequence[Link]:
        """The oldest first; those that began then or later."""
        return self._read(
            workspace, lambda connection, number: [_link(row, workspace) for row in _runs(connection, number, since)]
        )

    def entries(self, workspace: str, run: str) -> Sequence[Entry]:
        """Every change of a run, in its order."""

        def read(connection: sa.Connection, number: int) -> list[Entry]:
            wanted = _of(number, *_ENTRY).where(_r.run == run).order_by(_c.position)
            return [_entry(row) for row in connection.execute(wanted)]

        return self._read(workspace, read)

    def concerning(self, workspace: str, name: str) -> Sequence[tuple[str, Entry]]:
        """Run and change of all that was done to users who have, or once had, this name."""
        return self._read(workspace, lambda connection, number: _concerning(connection, number, fold_name(name)))

    def _read(self, workspace: str, read: Callable[[sa.Connection, int], list[Any]]) -> list[Any]:
        database = self._database()
        if not database.exists():
            return []
        with database.reading() as connection:
            if not schema.revision(connection, str(database)):
                return []
            number = reading.workspace_id(connection, workspace)
            return [] if number is None else read(connection, number)


def _runs(connection: sa.Connection, workspace: int, since: str) -> Sequence[sa.RowMapping]:
    wanted = sa.select(t.history_runs).where(_r.workspace_id == workspace, _r.started >= since).order_by(_r.id)
    return connection.execute(wanted).mappings().all()


def _link(row: sa.RowMapping, workspace: str) -> Link:
    values = {name: row[name] for name in Run.__struct_fields__ if name in row and name != "id"}
    values |= {"id": row["run"], "workspace": workspace, "commit": row["git_commit"], "dirty": bool(row["dirty"])}
    try:
        values["accepted"] = msgspec.json.decode(row["accepted"] or "[]", type=tuple[Acceptance, ...])
        values["lost"] = msgspec.json.decode(row["lost"] or "{}", type=Losses)
    except msgspec.MsgspecError:  # somebody altered it: the hash of the run tells that, and so does this
        values |= {"accepted": (Acceptance("unreadable: this was altered", "", ""),), "lost": {}}
    return Link(Run(**values), row["previous_hash"], row["hash"])


def _concerning(connection: sa.Connection, workspace: int, name: str) -> list[tuple[str, Entry]]:
    """In Python, because databases do not agree on what differs by nothing but case."""
    now = sa.select(t.users.c.id, t.users.c.username, t.users.c.dn, t.users.c.external_id)
    ids = {
        str(number)
        for number, *names in connection.execute(now.where(t.users.c.workspace_id == workspace))
        if name in {fold_name(one or "") for one in names}
    }
    loose: list[tuple[int, int]] = []
    person = Person(set(), {name}, set(), {name})
    users = _of(workspace, _c.run_id, *_ENTRY).where(
        _c.payload.is_not(None), sa.or_(_c.kind == "user", _c.user_id.is_(None))
    )
    for row in connection.execute(users):
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
            found[row[0], row[2]] = (row[1], _entry(row[2:]))
    for run, position in loose:
        row = connection.execute(every.where(_c.run_id == run, _c.position == position)).one()
        found[run, position] = (row[1], _entry(row[2:]))
    return [found[place] for place in sorted(found)]
