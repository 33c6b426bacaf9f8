"""Writing departments: a tree, named by paths."""

from collections.abc import Sequence

import sqlalchemy as sa

from reconcile.model.change import Change
from reconcile.model.text.department_path import titles
from reconcile.platforms.database.savepoints import isolate
from reconcile.platforms.resolve import Move, Unknown, paths, text
from reconcile.platforms.sql import context as w
from reconcile.platforms.sql.tables import tables as t
from reconcile.platforms.sql.write.users import remove


def create(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Inserts level by level, so that parents in the same batch have their ids."""
    levels: dict[int, list[int]] = {}
    for index, change in enumerate(changes):
        levels.setdefault(len(titles(text(change.fields_after, "parent"))), []).append(index)
    reasons = [""] * len(changes)
    for _, level in sorted(levels.items()):
        failed = _create_level(work, [changes[index] for index in level])
        for index, reason in zip(level, failed, strict=True):
            reasons[index] = reason
    return reasons


def _create_level(work: w.Work, changes: Sequence[Change]) -> list[str]:
    rows: list[tuple[int, dict[str, object]]] = []

    def step(index: int, change: Change) -> None:
        fields = change.fields_after
        above = text(fields, "parent")
        row: dict[str, object] = {
            "workspace_id": work.workspace_id,
            "title": text(fields, "title"),
            "parent_id": int(work.names.department(above)) if above else None,
            **work.mirrored(fields),
        }
        rows.append((index, row))

    reasons = w.prepare(changes, step)
    highest = work.highest(t.departments)

    def insert(batch: Sequence[tuple[int, dict[str, object]]]) -> None:
        work.connection.execute(t.departments.insert(), [row for _, row in batch])

    for (index, _), reason in zip(rows, isolate(work.connection, rows, insert), strict=True):
        reasons[index] = reason
    columns = t.departments.c
    inserted = sa.select(columns.id, columns.parent_id, columns.title).where(
        columns.workspace_id == work.workspace_id, columns.id > highest
    )
    for number, above, title in work.connection.execute(inserted):
        work.names.tree[str(number)] = (str(above or ""), title)
    work.names.settle()
    return reasons


def update(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """Titles, places in the tree and where in the directory they come from."""
    names = work.names
    tree, wanted = _tree_after(work, changes)
    updates: list[w.Update] = []
    moves: dict[int, Move] = {}
    nodes: dict[int, tuple[str, str]] = {}

    def step(index: int, change: Change) -> None:
        row, fields = names.row(change), change.fields_after
        above, title = tree[row]
        if "parent" in fields:
            above = _find(wanted, text(fields, "parent"))
        columns = _columns(work, change)
        if "parent" in fields or "title" in fields:
            columns |= {"parent_id": int(above) if above else None, "title": title}
            nodes[index] = (above, title)
            moves[index] = Move(row, names.tree[row], nodes[index])
        updates.append(w.Update(index, int(row), columns))

    reasons = w.prepare(changes, step)
    holders: dict[object, str] = {node: row for row, node in names.tree.items()}
    failed = w.update(work, t.departments, updates, moves, holders, "title")
    for index, reason in failed.items():
        reasons[index] = reason
    for index, move in moves.items():
        if not reasons[index]:
            names.tree[move.id] = nodes[index]
    names.settle()
    return reasons


def _tree_after(
    work: w.Work, changes: Sequence[Change]
) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """The tree with the new titles, and path → id as all will be: changes name parents by those."""
    tree, parents = dict(work.names.tree), {}
    for change in changes:
        row, after = work.names.departments_before.get(change.key), change.fields_after
        if row in tree:
            above, title = tree[row]
            tree[row] = (above, text(after, "title") or title)
            if "parent" in after:
                parents[row] = text(after, "parent")
    return tree, paths(tree, parents)


def _find(wanted: dict[str, str], above: str) -> str:
    if above and above not in wanted:
        raise Unknown(f"the department {above!r} does not exist")
    return wanted[above] if above else ""


def _columns(work: w.Work, change: Change) -> dict[str, object]:
    """All but the place in the tree."""
    columns: dict[str, object] = {}
    for field, value in change.fields_after.items():
        if field == "source":
            columns["source_id"] = work.source(str(value or ""))
        elif field in {"external_id", "dn"}:
            columns[field] = value or None
        elif field not in {"title", "parent"}:
            raise Unknown(f"departments have no {field}")
    return columns


def delete(work: w.Work, changes: Sequence[Change]) -> list[str]:
    """The lowest first. Users in them stay, without a department."""
    rows: list[tuple[int, int]] = []
    depth = {index: len(titles(change.key)) for index, change in enumerate(changes)}

    def step(index: int, change: Change) -> None:
        rows.append((index, int(work.names.row(change))))

    reasons = w.prepare(changes, step)
    rows.sort(key=lambda row: -depth[row[0]])
    remove(work, t.departments, rows, reasons)
    work.names.forget({str(number) for index, number in rows if not reasons[index]}, "department")
    return reasons
