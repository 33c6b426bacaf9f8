"""Writing users."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from reconcile.model.change import Change, Fields
from reconcile.model.text.folding import fold_name
from reconcile.platforms.database import bulk
from reconcile.platforms.database.json_values import encode
from reconcile.platforms.database.savepoints import expect, isolate
from reconcile.platforms.resolve import Move, Unknown, text
from reconcile.platforms.sql import context as w
from reconcile.platforms.sql.tables import tables as t
from reconcile.platforms.sql.write import known_persons

_AS_TEXT = frozenset({"username", "first_name", "last_name", "email", "status"})
_OR_NULL = frozenset(
    {"status_origin", "status_cause", "status_before", "departed", "external_id", "dn"}
)
_NAMED_IN_REASON = 3
_COLUMNS = (
    "workspace_id",
    "username",
    "first_name",
    "last_name",
    "email",
    "status",
    "status_origin",
    "status_cause",
    "status_before",
    "departed",
    "departed_at",
    "source_id",
    "external_id",
    "dn",
    "department_id",
    "manager_id",
    "attributes",
)


def create(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Inserts all, then sets their managers, who may be among them."""
    folded = work.names.holders("user")
    rows: dict[int, tuple[object, ...]] = {}
    coming: dict[int, str] = {}
    managers: dict[int, str] = {}

    def step(index: int, change: Change) -> None:
        fields = change.fields_after
        username, manager = text(fields, "username"), text(fields, "manager")
        leader = work.names.users.get(manager)
        row = _row(work, fields, int(leader) if leader else None)
        if fold_name(username) in folded:
            raise Unknown("another user of the workspace has this username")
        folded[fold_name(username)] = ""
        if manager and not leader:
            managers[index] = manager
        rows[index], coming[index] = row, username

    reasons = w.prepare(changes, step)
    _drop_unmanaged(coming, managers, reasons)
    highest = work.highest(t.users)
    batch = list(coming)

    prepared = bulk.Prepared(work.connection, t.users.insert(), _COLUMNS)

    def insert(indices: Sequence[int]) -> None:
        prepared.run([rows[index] for index in indices])

    for index, reason in zip(batch, isolate(work.connection, batch, insert), strict=True):
        if reason:
            reasons[index] = reason
            del coming[index]
    _manage(work, coming, managers, reasons, highest)
    return reasons


def _manage(
    work: w.Work,
    coming: dict[int, str],
    managers: Mapping[int, str],
    reasons: list[str],
    highest: int,
) -> None:
    """Sets managers among the rows just inserted; takes out again those who cannot have theirs."""
    inserted = sa.select(t.users.c.username, t.users.c.id).where(
        t.users.c.workspace_id == work.workspace_id, t.users.c.id > highest
    )
    ids: dict[str, int] = dict(work.connection.execute(inserted).all())
    created = dict(coming)
    _drop_unmanaged(coming, managers, reasons)
    places = [index for index in managers if index in coming]
    statement = (
        sa.update(t.users)
        .where(t.users.c.id == sa.bindparam("row"))
        .values(manager_id=sa.bindparam("manager", type_=sa.Integer))
    )

    prepared = bulk.Prepared(work.connection, statement, ("manager", "row"))

    def write(batch: Sequence[int]) -> None:
        expect(
            prepared.run([(ids[managers[index]], ids[coming[index]]) for index in batch]),
            len(batch),
        )

    for index, reason in zip(places, isolate(work.connection, places, write), strict=True):
        if reason:
            reasons[index] = reason
            del coming[index]
    _drop_unmanaged(coming, managers, reasons)
    gone = [(ids[name],) for index, name in created.items() if index not in coming]
    if gone:
        _deletion(work, t.users).run(gone)
    work.names.users.update((name, str(ids[name])) for name in coming.values())


def _drop_unmanaged(
    coming: dict[int, str], managers: Mapping[int, str], reasons: list[str]
) -> None:
    """Takes out users whose manager neither exists nor will, and those who count on them."""
    names = set(coming.values())
    while lost := [
        index for index, manager in managers.items() if index in coming and manager not in names
    ]:
        for index in lost:
            reasons[index] = f"the manager {managers[index]!r} does not exist"
            names.discard(coming.pop(index))


def _row(work: w.Work, fields: Fields, manager: int | None) -> tuple[object, ...]:
    """In the order of _COLUMNS."""
    attributes, department = fields.get("attributes"), fields.get("department")
    return (
        work.workspace_id,
        fields.get("username") or "",
        fields.get("first_name") or "",
        fields.get("last_name") or "",
        fields.get("email") or "",
        fields.get("status") or "active",
        fields.get("status_origin") or None,
        fields.get("status_cause") or None,
        fields.get("status_before") or None,
        fields.get("departed") or None,
        work.time(fields),
        work.source(text(fields, "source")),
        fields.get("external_id") or None,
        fields.get("dn") or None,
        int(work.names.department(str(department))) if department else None,
        manager,
        encode(attributes) if attributes else "{}",
    )


def update(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Fields, status, names: whatever the change holds."""
    moves: dict[int, Move] = {}
    renamed: dict[str, str] = {}
    for index, change in enumerate(changes):
        new, row = text(change.fields_after, "username"), work.names.users_before.get(change.key)
        if new and row:
            moves[index] = Move(row, fold_name(change.key), fold_name(new))
            renamed[row] = new
    before = work.names.users
    work.names.rename("user", renamed)  # managers are named as they are called afterwards
    updates: list[w.Update] = []

    def step(index: int, change: Change) -> None:
        updates.append(w.Update(index, int(work.names.row(change)), _columns(work, change)))

    reasons = w.prepare(changes, step)
    work.names.users = before
    # A user whose adoption is undone was not supplied by a source, nor deleted.
    known_persons.forget(
        work, [entry.id for entry in updates if entry.values.get("source_id", entry) is None]
    )
    for index, reason in enumerate(reasons):
        if reason:
            moves.pop(index, None)
    failed = w.update(
        work, t.users, updates, moves, work.names.holders("user") if moves else {}, "username"
    )
    for index, reason in failed.items():
        reasons[index] = reason
    work.names.rename(
        "user", {move.id: renamed[move.id] for index, move in moves.items() if not reasons[index]}
    )
    return reasons


def _columns(work: w.Work, change: Change) -> dict[str, object]:
    columns: dict[str, object] = {}
    gains = change.fields_after.get("source") and not change.fields_before.get("source")
    if change.action == "adopt" or (change.action == "relink" and gains):
        columns["password_hash"] = None  # from now on a login is a bind against the source
    for field, value in change.fields_after.items():
        if field in _AS_TEXT:
            columns[field] = value or ""
        elif field in _OR_NULL:
            columns[field] = value or None
        elif field == "departed_at":
            columns[field] = work.time(change.fields_after)
        elif field == "attributes":
            columns[field] = encode(_patch(change.fields_before.get("attributes"), value))
        else:
            columns[f"{field}_id"] = _reference(work, field, str(value or ""))
    return columns


def _reference(work: w.Work, field: str, name: str) -> int | None:
    """The id in the row for the name of another object."""
    if field == "source":
        return work.source(name)
    if field == "department":
        return int(work.names.department(name)) if name else None
    if field == "manager":
        return int(work.names.user(name)) if name else None
    raise Unknown(f"users have no {field}")


def _patch(before: object, after: object) -> dict[str, str | None]:
    """Null for what goes, whether `after` says null or leaves it out."""
    patch: dict[str, str | None] = dict.fromkeys(before) if isinstance(before, dict) else {}
    return {**patch, **after} if isinstance(after, dict) else patch


def delete(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Users go with their memberships and grants, but not while responsible for anything."""
    rows: list[tuple[int, int]] = []
    owned = _responsibilities(work)

    def step(index: int, change: Change) -> None:
        number = int(work.names.row(change))
        if number in owned:
            raise Unknown(_still_responsible(owned[number]))
        rows.append((index, number))

    reasons = w.prepare(changes, step)
    known_persons.forget(work, [number for _, number in rows])
    remove(work, t.users, rows, reasons)
    work.names.forget({str(number) for index, number in rows if not reasons[index]}, "user")
    return reasons


def remove(
    work: w.Work, table: sa.Table, rows: Sequence[tuple[int, int]], reasons: list[str]
) -> None:
    """Deletes rows (index, id), recording why if it fails."""
    prepared = _deletion(work, table)

    def write(batch: Sequence[tuple[int, int]]) -> None:
        expect(prepared.run([(number,) for _, number in batch]), len(batch))

    for (index, _), reason in zip(rows, isolate(work.connection, rows, write), strict=True):
        reasons[index] = reason


def _deletion(work: w.Work, table: sa.Table) -> bulk.Prepared:
    return bulk.Prepared(
        work.connection, sa.delete(table).where(table.c.id == sa.bindparam("row")), ("row",)
    )


def _responsibilities(work: w.Work) -> dict[int, list[str]]:
    holders: dict[int, list[str]] = {}
    statement = (
        sa.select(
            t.responsibilities.c.user_id, t.responsibilities.c.kind, t.responsibilities.c.reference
        )
        .join(t.users, t.users.c.id == t.responsibilities.c.user_id)
        .where(t.users.c.workspace_id == work.workspace_id)
        .order_by(t.responsibilities.c.kind, t.responsibilities.c.reference)
    )
    for user, kind, reference in work.connection.execute(statement):
        holders.setdefault(user, []).append(f"{kind} {reference!r}")
    return holders


def _still_responsible(things: Sequence[str]) -> str:
    shown = ", ".join(things[:_NAMED_IN_REASON]) + (", …" if len(things) > _NAMED_IN_REASON else "")
    count = f"{len(things)} thing{'s' if len(things) > 1 else ''}"
    return f"still responsible for {count} ({shown}); reassign them first"
