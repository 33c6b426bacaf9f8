"""Writes what has little more than a name: sources and groups (nested groups: `nested_groups`)."""

from collections.abc import Sequence

import sqlalchemy as sa

from reconcile.model.change import Change, nested_in
from reconcile.model.text.folding import fold_name
from reconcile.platforms.database.savepoints import isolate
from reconcile.platforms.resolve import Move, Unknown, text
from reconcile.platforms.sql import context as w
from reconcile.platforms.sql.tables import tables as t
from reconcile.platforms.sql.write import nested_groups, rename_source
from reconcile.platforms.sql.write.users import remove

_SOURCE_FIELDS = ("type", "base_dn", "domain", "note")


def create_sources(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Directories the platform is to know of."""
    rows = [
        {
            "workspace_id": work.workspace_id,
            "name": text(change.fields_after, "name"),
            **{field: text(change.fields_after, field) for field in _SOURCE_FIELDS},
        }
        for change in changes
    ]
    reasons = _insert(work, t.sources, rows)
    work.sources.update(_ids(work, t.sources))
    return reasons


def update_sources(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """What is known of a directory, and what it is called."""
    updates: list[w.Update] = []
    renames: list[tuple[int, str, str]] = []

    def step(index: int, change: Change) -> None:
        fields = change.fields_after
        row = work.source(change.key)
        if row is None:
            raise Unknown("it has no name")
        new = text(fields, "name") if "name" in fields else change.key
        if not new:
            raise Unknown("a source has a name")
        if new != change.key:
            renames.append((index, change.key, new))
        values: dict[str, object] = {
            field: text(fields, field) for field in fields if field in _SOURCE_FIELDS
        }
        if values:
            updates.append(w.Update(index, row, values))

    reasons = w.prepare(changes, step)
    for index, reason in w.update(work, t.sources, updates, {}, {}).items():
        reasons[index] = reason
    _rename_sources(work, renames, reasons)
    return reasons


def _rename_sources(
    work: w.Work, renames: Sequence[tuple[int, str, str]], reasons: list[str]
) -> None:
    """Renames (index, old, new) one by one, recording why if it fails."""

    def rename(batch: Sequence[tuple[int, str, str]]) -> None:
        for _, old, new in batch:
            rename_source.rename(work, old, new)

    for renaming in renames:
        index = renaming[0]
        if not reasons[index]:
            (reasons[index],) = isolate(work.connection, [renaming], rename)


def create_groups(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Groups without members, nested in each other and in existing ones."""
    folded = work.names.holders("group")
    rows: list[tuple[int, dict[str, object]]] = []

    def step(index: int, change: Change) -> None:
        fields = change.fields_after
        name = text(fields, "name")
        if fold_name(name) in folded:
            raise Unknown("another group of the workspace has this name")
        folded[fold_name(name)] = ""
        rows.append(
            (index, {"workspace_id": work.workspace_id, "name": name, **work.mirrored(fields)})
        )

    reasons = w.prepare(changes, step)
    for (index, _), reason in zip(
        rows, _insert(work, t.groups, [row for _, row in rows]), strict=True
    ):
        reasons[index] = reason
    ids = _ids(work, t.groups)
    work.names.groups.update((name, str(number)) for name, number in ids.items())
    made = {
        index: ids[text(changes[index].fields_after, "name")]
        for index, _ in rows
        if not reasons[index]
    }
    if any(nested_in(change) for change in changes):
        nested_groups.create(work, changes, made, reasons)
    return reasons


def update_groups(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Names, where in the directory they come from, and what they are nested in."""
    updates: list[w.Update] = []
    moves: dict[int, Move] = {}
    nestings: dict[int, Change] = {}

    def step(index: int, change: Change) -> None:
        row, fields = work.names.row(change), change.fields_after
        if fields.keys() == {"groups"}:
            nestings[index] = change
            return
        updates.append(w.Update(index, int(row), _group_columns(work, change)))
        if "name" in fields:
            moves[index] = Move(row, fold_name(change.key), fold_name(text(fields, "name")))

    reasons = w.prepare(changes, step)
    for index, reason in w.update(
        work, t.groups, updates, moves, work.names.holders("group"), "name"
    ).items():
        reasons[index] = reason
    renamed = {
        move.id: text(changes[i].fields_after, "name")
        for i, move in moves.items()
        if not reasons[i]
    }
    work.names.rename("group", renamed)
    if nestings:
        nested_groups.update(work, nestings, reasons)
    return reasons


def delete_groups(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Groups go with their memberships."""
    rows: list[tuple[int, int]] = []

    def step(index: int, change: Change) -> None:
        rows.append((index, int(work.names.row(change))))

    reasons = w.prepare(changes, step)
    remove(work, t.groups, rows, reasons)
    work.names.forget({str(number) for index, number in rows if not reasons[index]}, "group")
    return reasons


def _group_columns(work: w.Work, change: Change) -> dict[str, object]:
    columns: dict[str, object] = {}
    for field, value in change.fields_after.items():
        if field == "name":
            columns["name"] = value
        elif field == "source":
            columns["source_id"] = work.source(str(value or ""))
        elif field in {"external_id", "dn"}:
            columns[field] = value or None
        elif field == "groups":
            raise Unknown("what a group is nested in is changed by itself")
        else:
            raise Unknown(f"groups have no {field}")
    return columns


def _insert(work: w.Work, table: sa.Table, rows: Sequence[dict[str, object]]) -> list[str]:
    def write(batch: Sequence[dict[str, object]]) -> None:
        work.connection.execute(table.insert(), batch)

    return isolate(work.connection, rows, write)


def _ids(work: w.Work, table: sa.Table) -> dict[str, int]:
    named = sa.select(table.c.name, table.c.id).where(table.c.workspace_id == work.workspace_id)
    return dict(work.connection.execute(named).all())
