"""Calls, carried out in an open transaction: those that are alike in one statement.

A run of calls of one kind goes out together, in a savepoint. If the database refuses it, it is
undone and halved until the calls that are refused stand alone, so that none hinders another.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby
from typing import TypeAlias, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reconcile.model.book import Call
from reconcile.model.platform import LinkKind, ObjectKind
from reconcile.platforms.database.row_errors import refusal
from reconcile.platforms.tables.mapping import Mapped
from reconcile.platforms.tables.write import deleting, links, objects
from reconcile.platforms.tables.write.references import Reference
from reconcile.ports import Rejected

Hinders: TypeAlias = Callable[[ObjectKind], list[Reference]]
"""Kind → what keeps an object of it from being deleted."""


def make(
    connection: sa.Connection, mapped: Mapped, hinders: Hinders, calls: Sequence[Call]
) -> list[str | Rejected]:
    """Makes the calls; for each the id of what it created, "", or why it is refused."""
    answers: list[str | Rejected] = []
    for run in _runs(calls):
        answers += _isolated(connection, mapped, hinders, run)
    return answers


def _runs(calls: Sequence[Call]) -> Iterator[list[Call]]:
    """Neighbours of one kind, no two of them about the same object."""
    for _, neighbours in groupby(calls, key=lambda call: (call.operation, call.kind)):
        run: list[Call] = []
        ids: set[str] = set()
        for call in neighbours:
            if call.platform_id in ids:
                yield run
                run, ids = [], set()
            if call.platform_id:
                ids.add(call.platform_id)
            run.append(call)
        yield run


def _isolated(
    connection: sa.Connection, mapped: Mapped, hinders: Hinders, run: Sequence[Call]
) -> list[str | Rejected]:
    """Makes calls in a savepoint; if the database refuses them, each half in one of its own."""
    try:
        with connection.begin_nested():
            return list(_make(connection, mapped, hinders, run))
    except (DBAPIError, UnicodeError, Rejected) as error:
        rejected = as_rejected(error)
        if rejected is None:
            raise
        if len(run) == 1:
            return [rejected]
    middle = len(run) // 2
    return [
        *_isolated(connection, mapped, hinders, run[:middle]),
        *_isolated(connection, mapped, hinders, run[middle:]),
    ]


def as_rejected(error: Exception) -> Rejected | None:
    """What is refused because of a row, as the caller has to see it; None for other errors."""
    if isinstance(error, Rejected):
        return error
    reason = refusal(error)
    return None if reason is None else Rejected(reason)


def _make(
    connection: sa.Connection, mapped: Mapped, hinders: Hinders, run: Sequence[Call]
) -> Sequence[str]:
    """Makes calls of one kind, all of them or raises; returns an id, or "", for each."""
    operation, kind = run[0].operation, run[0].kind
    if operation == "create":
        new = [dict(call.fields) for call in run]
        return objects.create(connection, mapped.of(cast("ObjectKind", kind)), new)
    if operation == "update":
        changed = [(call.platform_id, dict(call.fields)) for call in run]
        objects.update(connection, mapped.of(cast("ObjectKind", kind)), changed)
    elif operation == "delete":
        _delete(connection, mapped, hinders, run)
    else:
        pairs = list(chain.from_iterable(call.pairs for call in run))
        act = links.link if operation == "link" else links.unlink
        act(connection, mapped, cast("LinkKind", kind), pairs)
    return [""] * len(run)


def _delete(
    connection: sa.Connection, mapped: Mapped, hinders: Hinders, run: Sequence[Call]
) -> None:
    """Deletes objects of one kind, one at a time."""
    kind = cast("ObjectKind", run[0].kind)
    of_kind = mapped.of(kind)
    for call in run:
        deleting.delete(connection, mapped, of_kind, call.platform_id, hinders(kind))
