"""What every part of the writer works with: a workspace in a transaction, and shared steps."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from reconcile.model.change import Change, Fields
from reconcile.model.platform import NOW
from reconcile.platforms.database import bulk
from reconcile.platforms.database.json_merge import merged
from reconcile.platforms.database.savepoints import expect, isolate
from reconcile.platforms.resolve import Move, Names, Unknown, blocked, text
from reconcile.platforms.sql.settings import SqlSettings
from reconcile.platforms.sql.tables.limits import LIMITS
from reconcile.platforms.sql.tables.tables import utc_now

_LENGTHS = {
    "user": tuple(
        (field, LIMITS.lengths[field]) for field in ("username", "first_name", "last_name", "email")
    ),
    "group": (("name", LIMITS.lengths["group"]),),
    "department": (("title", LIMITS.lengths["department"]),),
}
"""Checked here, because not every database says which value is too long."""


class Work(NamedTuple):
    """One workspace inside its transaction. The dictionaries grow with what is written."""

    connection: sa.Connection
    workspace_id: int
    names: Names
    sources: dict[str, int]
    """Name → id."""
    roles: dict[str, int]
    """Name → id."""
    settings: SqlSettings
    now: str
    """When the run began, RFC 3339, UTC."""

    def time(self, fields: Fields) -> str | None:
        """The column `departed_at`."""
        moment = text(fields, "departed_at")
        return self.now if moment == NOW else moment or None

    def source(self, name: str) -> int | None:
        """The id of a source; None for none. Raises Unknown."""
        if not name:
            return None
        if name not in self.sources:
            raise Unknown(f"the source {name!r} does not exist")
        return self.sources[name]

    def highest(self, table: sa.Table) -> int:
        """The highest id in use; whatever is inserted next has a higher one."""
        return int(
            self.connection.execute(
                sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0))
            ).scalar_one()
        )

    def mirrored(self, fields: Fields) -> dict[str, object]:
        """The columns that say where in which directory an object comes from."""
        return {
            "source_id": self.source(text(fields, "source")),
            "external_id": fields.get("external_id") or None,
            "dn": fields.get("dn") or None,
        }


class Update(NamedTuple):
    """New values for one row."""

    place: int
    """Which of the batch's changes this is."""
    id: int
    values: dict[str, object]


def prepare(changes: Sequence[Change], step: Callable[[int, Change], None]) -> list[str]:
    """Runs a step for each change; returns for each "" or why it failed.

    A change fails that names what does not exist, or whose text is too long.
    """
    reasons = [""] * len(changes)
    lengths = _LENGTHS.get(changes[0].kind, ()) if changes else ()
    for index, change in enumerate(changes):
        fields = change.fields_after
        for field, longest in lengths:
            if len(fields.get(field) or "") > longest:
                reasons[index] = f"the {field} is too long"
        if reasons[index]:
            continue
        try:
            step(index, change)
        except Unknown as unknown:
            reasons[index] = str(unknown)
    return reasons


def update(
    work: Work,
    table: sa.Table,
    updates: Sequence[Update],
    moves: Mapping[int, Move],
    holders: Mapping[object, str],
    name: str = "",
) -> dict[int, str]:
    """Writes updates, some of which may swap unique names; returns place → why it failed.

    A row whose name another one takes is parked first: its column `name` gets a text of its own. If
    it then cannot have its new name, everything is undone and tried again without it and those who
    count on it.
    """
    failed = blocked(moves, holders)
    while True:
        left = [entry for entry in updates if entry.place not in failed]
        taken = {moves[entry.place].new for entry in left if entry.place in moves}
        parked = [
            entry for entry in left if entry.place in moves and _gives_up(moves[entry.place], taken)
        ]
        with work.connection.begin_nested() as savepoint:
            if parked:
                _park(work, table, parked, name)
            failures = _write(work, table, left)
            if not any(entry.place in failures for entry in parked):
                return {**failed, **failures}
            savepoint.rollback()
        failed = {
            **blocked(moves, holders, {*failed, *failures}),
            **failures,
            **{k: v for k, v in failed.items() if v},
        }


def _gives_up(move: Move, taken: Collection[object]) -> bool:
    return move.old != move.new and move.old in taken


def _park(work: Work, table: sa.Table, parked: Sequence[Update], name: str) -> None:
    statement = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("row"))
        .values({name: sa.bindparam("parked")})
    )
    work.connection.execute(
        statement, [{"row": entry.id, "parked": f"~being renamed~{entry.id}"} for entry in parked]
    )


def _write(work: Work, table: sa.Table, updates: Sequence[Update]) -> dict[int, str]:
    """One statement for each set of columns."""
    sets: dict[tuple[str, ...], list[Update]] = defaultdict(list)
    for entry in updates:
        sets[tuple(entry.values)].append(entry)
    failed: dict[int, str] = {}
    for columns, rows in sets.items():
        names = ["row", *(f"new_{column}" for column in columns)]
        prepared = bulk.Prepared(work.connection, _statement(table, columns), names)

        def write(batch: Sequence[Update], prepared: bulk.Prepared = prepared) -> None:
            expect(
                prepared.run([(entry.id, *entry.values.values()) for entry in batch]), len(batch)
            )

        reasons = isolate(work.connection, rows, write)
        failed.update(
            (entry.place, reason) for entry, reason in zip(rows, reasons, strict=True) if reason
        )
    return failed


def _statement(table: sa.Table, columns: tuple[str, ...]) -> sa.Update:
    values: dict[str, Any] = {
        column: sa.bindparam(f"new_{column}", type_=table.c[column].type) for column in columns
    }
    if "attributes" in values:  # changes are merged into the old value; null removes (RFC 7396)
        values["attributes"] = merged(table.c.attributes, values["attributes"])
    if "updated_at" in table.c:
        values["updated_at"] = utc_now()
    return sa.update(table).where(table.c.id == sa.bindparam("row")).values(values)
