"""Writing groups within groups."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from reconcile.model.change import Change
from reconcile.platforms.database import bulk
from reconcile.platforms.database.savepoints import isolate
from reconcile.platforms.resolve import Unknown
from reconcile.platforms.sql import context as w
from reconcile.platforms.sql.tables import tables as t
from reconcile.platforms.sql.write.users import remove


def create(
    work: w.Work, changes: Sequence[Change], made: Mapping[int, int], reasons: list[str]
) -> None:
    """Nests the groups just inserted; removes those that cannot be where they are to be.

    `made`: which of the changes → the new group's id. Records why if it fails.
    """
    into: dict[int, dict[str, str]] = {}
    for index, number in made.items():
        try:
            into[index] = _resolved(work, changes[index], number)[1]
        except Unknown as unknown:
            reasons[index] = str(unknown)
    _drop_followers(work, made, into, reasons)
    places = [index for index in made if not reasons[index] and into[index]]
    rows = {
        index: [(int(above), made[index], origin or None) for above, origin in into[index].items()]
        for index in places
    }
    inserting = bulk.Prepared(
        work.connection, t.nested_groups.insert(), ("group_id", "member_group_id", "origin")
    )

    def insert(batch: Sequence[int]) -> None:
        inserting.run([row for index in batch for row in rows[index]])

    for index, reason in zip(places, isolate(work.connection, places, insert), strict=True):
        reasons[index] = reason
    _drop_followers(work, made, into, reasons)
    gone = [(index, number) for index, number in made.items() if reasons[index]]
    why = {index: reasons[index] for index, _ in gone}
    remove(work, t.groups, gone, reasons)
    for index, reason in why.items():
        reasons[index] = reason
    work.names.forget({str(number) for _, number in gone}, "group")


def _drop_followers(
    work: w.Work, made: Mapping[int, int], into: Mapping[int, Mapping[str, str]], reasons: list[str]
) -> None:
    """Those that are to be in a group that is not to be, and those that count on them in turn."""
    names = {own: name for name, own in work.names.groups.items()}
    gone = {str(number) for index, number in made.items() if reasons[index]}
    while lost := {
        index: above
        for index, number in made.items()
        if not reasons[index] and (above := next((own for own in into[index] if own in gone), ""))
    }:
        for index, above in lost.items():
            reasons[index] = f"the group {names[above]!r} does not exist"
            gone.add(str(made[index]))


def update(work: w.Work, changes: Mapping[int, Change], reasons: list[str]) -> None:
    """Takes groups out of groups and nests them in others.

    `changes`, and where to record why, by position.
    """
    out: dict[int, list[tuple[int, int]]] = {}
    into: dict[int, list[tuple[int, int, str | None]]] = {}
    for index, change in changes.items():
        try:
            number = int(work.names.row(change))
            left, entered = _resolved(work, change, number)
        except Unknown as unknown:
            reasons[index] = str(unknown)
            continue
        out[index] = [(int(above), number) for above in left]
        into[index] = [(int(above), number, origin or None) for above, origin in entered.items()]
    pair = (
        t.nested_groups.c.group_id == sa.bindparam("outer"),
        t.nested_groups.c.member_group_id == sa.bindparam("inner"),
    )
    deleting = bulk.Prepared(
        work.connection, sa.delete(t.nested_groups).where(*pair), ("outer", "inner")
    )
    inserting = bulk.Prepared(
        work.connection, t.nested_groups.insert(), ("group_id", "member_group_id", "origin")
    )

    def write(batch: Sequence[int]) -> None:
        for statement, rows in ((deleting, out), (inserting, into)):
            if batch_rows := [row for index in batch for row in rows[index]]:
                statement.run(batch_rows)

    places = list(out)
    for index, reason in zip(places, isolate(work.connection, places, write), strict=True):
        reasons[index] = reason


def _resolved(work: w.Work, change: Change, number: int) -> tuple[set[str], dict[str, str]]:
    """What a group comes out of, and what it goes into. Raises Unknown."""
    out, into = work.names.nesting(change)
    if str(number) in into:
        raise Unknown("a group cannot be in itself")
    return out, into
