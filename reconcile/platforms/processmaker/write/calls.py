"""Calls, carried out in an open transaction: those that are alike in a few statements.

A run of calls of one kind goes out together, in a savepoint. If the database or the product's rules
refuse it, it is undone and halved until the calls that are refused stand alone, so that none
hinders another.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from typing import cast

from sqlalchemy.exc import DBAPIError

from reconcile.model.book import Call
from reconcile.platforms.database.row_errors import refusal
from reconcile.platforms.processmaker.write import (
    created_users,
    departments,
    groups,
    links,
    removed_users,
    updated_users,
)
from reconcile.platforms.processmaker.write.work import Work
from reconcile.ports import Rejected


def make(work: Work, calls: Sequence[Call]) -> list[str | Rejected]:
    """Makes the calls; for each the id of what it created, "", or why it is refused."""
    answers: list[str | Rejected] = []
    for run in _runs(calls):
        answers += _isolated(work, run)
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


def _isolated(work: Work, run: Sequence[Call]) -> list[str | Rejected]:
    """Makes calls in a savepoint; if they are refused, each half in one of its own."""
    try:
        with work.connection.begin_nested():
            return list(_make(work, run))
    except (DBAPIError, UnicodeError, Rejected) as error:
        rejected = error if isinstance(error, Rejected) else _rejected(error)
        if rejected is None:
            raise
        if len(run) == 1:
            return [rejected]
    middle = len(run) // 2
    return [*_isolated(work, run[:middle]), *_isolated(work, run[middle:])]


def _rejected(error: Exception) -> Rejected | None:
    """What is refused because of a row; None for an error that is about more than a row."""
    reason = refusal(error)
    return None if reason is None else Rejected(reason)


def _make(work: Work, run: Sequence[Call]) -> Sequence[str]:
    """Makes calls of one kind, all of them or raises; returns an id, or "", for each."""
    operation, kind = run[0].operation, run[0].kind
    if operation == "create":
        creates = {
            "user": created_users.create,
            "group": groups.create,
            "department": departments.create,
        }
        return creates[kind](work, [dict(call.fields) for call in run])
    if operation == "update":
        updates = {
            "user": updated_users.update,
            "group": groups.update,
            "department": departments.update,
        }
        updates[kind](work, {call.platform_id: dict(call.fields) for call in run})
    elif operation == "delete":
        deletes = {
            "user": removed_users.delete,
            "group": groups.delete,
            "department": departments.delete,
        }
        deletes[kind](work, [call.platform_id for call in run])
    else:
        pairs = list(chain.from_iterable(call.pairs for call in run))
        act = links.link if operation == "link" else links.unlink
        act(work, cast("links.Kind", kind), pairs)
    return [""] * len(run)
