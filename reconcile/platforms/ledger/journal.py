"""The journal in its table: the run under way, and each step before and after it is made."""

from collections.abc import Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable
from reconcile.model.book import Logged, Settled, Step
from reconcile.model.history import Run
from reconcile.platforms.database import bulk
from reconcile.platforms.ledger import tables as t

_RUN: Final = "run"
_j = t.journal.c


def begin(connection: sa.Connection, workspace: int, run: Run) -> None:
    """Writes down which run begins."""
    row = {"workspace_id": workspace, "state": _RUN, "body": _text(run)}
    connection.execute(t.journal.insert(), row)


def open_steps(connection: sa.Connection, workspace: int, steps: Sequence[Step]) -> list[int]:
    """Writes down steps that are about to be made, and returns their numbers."""
    numbers = []
    for step in steps:
        row = {"workspace_id": workspace, "state": "open", "body": _text(step)}
        key = connection.execute(t.journal.insert(), row).inserted_primary_key
        numbers.append(key[0] if key is not None else 0)
    return numbers


def add_settled(
    connection: sa.Connection, workspace: int, steps: Sequence[Step], settled: Sequence[Settled]
) -> int:
    """Writes down steps of which it is known what became of them; returns the last one's number."""
    # What the book says is edited already: a later run looks at calls and changes alone.
    rows = [
        (
            *(workspace, outcome.state, _text(Step(step.call, (), step.changes))),
            *(outcome.platform_id, outcome.detail),
        )
        for step, outcome in zip(steps, settled, strict=True)
    ]
    columns = ("workspace_id", "state", "body", "platform_id", "detail")
    bulk.insert(connection, t.journal, columns, rows)
    last = sa.select(sa.func.max(_j.id)).where(_j.workspace_id == workspace)
    return int(connection.execute(last).scalar_one() or 0)


def has(connection: sa.Connection, number: int) -> bool:
    """Whether the journal has a step."""
    return connection.execute(sa.select(_j.id).where(_j.id == number)).first() is not None


_SETTLE: Final = (
    sa.update(t.journal)
    .where(_j.id == sa.bindparam("step"))
    .values(
        state=sa.bindparam("outcome"),
        detail=sa.bindparam("why"),
        platform_id=sa.bindparam("theirs"),
    )
)


def settle(connection: sa.Connection, settled: Sequence[Settled]) -> None:
    """Writes down what became of steps."""
    rows = [
        {
            "step": outcome.step,
            "outcome": outcome.state,
            "why": outcome.detail,
            "theirs": outcome.platform_id,
        }
        for outcome in settled
    ]
    if rows:
        connection.execute(_SETTLE, rows)


def read(connection: sa.Connection, workspace: int) -> tuple[Run | None, list[Logged]]:
    """The run whose journal was not closed, and its steps in order; None if there is none."""
    mine = (
        sa.select(_j.id, _j.state, _j.body, _j.detail)
        .where(_j.workspace_id == workspace)
        .order_by(_j.id)
    )
    run: Run | None = None
    steps: list[Logged] = []
    try:
        for number, state, body, detail in connection.execute(mine):
            if state == _RUN:
                run = msgspec.json.decode(body, type=Run)
            else:
                steps.append(Logged(number, msgspec.json.decode(body, type=Step), state, detail))
    except msgspec.DecodeError as error:
        raise PlatformUnreadable(
            f"the journal of the ledger is damaged ({error}): restore the ledger from a backup, "
            "or delete the rows of its table `journal`"
        ) from error
    return run, steps


def close(connection: sa.Connection, workspace: int) -> None:
    """Empties the journal but for the steps whose outcome is not known, or still not clear.

    What became of those is looked up by the next run; without that, what they did would pass for
    the work of a person.
    """
    done = (_j.workspace_id == workspace) & _j.state.not_in(("open", "unclear"))
    connection.execute(sa.delete(t.journal).where(done))


def remove(connection: sa.Connection, number: int) -> None:
    """Takes a step out that has become clear, or that has been looked for long enough."""
    connection.execute(sa.delete(t.journal).where(_j.id == number))


def _text(value: Run | Step) -> str:
    return msgspec.json.encode(value).decode()
