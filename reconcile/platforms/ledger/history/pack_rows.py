"""Packs in `history_packs`: written, read, searched, and cleared of what concerns the erased."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, TypeAlias

import sqlalchemy as sa

from reconcile.model.history import Entry
from reconcile.platforms.ledger import tables as t
from reconcile.platforms.ledger.history import packs
from reconcile.platforms.ledger.history.packs import Head, Pack
from reconcile.platforms.ledger.history.rows import runs

Place: TypeAlias = tuple[int, int]
"""Number of a run in the database, and position of an entry."""
_columns = t.history_packs.c
_PACK: Final = tuple(_columns[name] for name in Pack._fields)
_NOTHING: Final[sa.ColumnElement[bytes]] = sa.literal(b"")
_HEADS: Final = (*_PACK[:3], _NOTHING, _NOTHING)
_PLACES: Final = (*_PACK[:2], _NOTHING, _NOTHING, _NOTHING)
"""The columns of a pack, without what takes long to read."""


def insert(connection: sa.Connection, run: int, entries: Sequence[Entry]) -> None:
    """Adds entries of a run, in as many packs as they need; `run` is its number."""
    for pack in packs.packed(entries):
        connection.execute(t.history_packs.insert(), {"run_id": run, **pack._asdict()})


def of_run(connection: sa.Connection, workspace: int, run: str) -> list[Entry]:
    """Every entry of a run that is in a pack, in its order; `run` is its id."""
    found: list[Entry] = []
    for _, pack in _packs(connection, workspace, runs.run == run):
        try:
            found += packs.entries(pack)
        except ValueError:
            found += packs.damaged(pack)
    return found


def search(
    connection: sa.Connection, workspace: int, fits: Callable[[Place, Head], bool]
) -> Iterator[tuple[Place, Entry]]:
    """The packed entries of a workspace that fit.

    Only of packs with such an entry is more read than the heads.
    """
    for run, pack in _packs(connection, workspace, sa.true(), _HEADS):
        places = [
            place
            for place, head in enumerate(packs.heads(pack))
            if fits((run, pack.first + place), head)
        ]
        if not places:
            continue
        for _, whole in _packs(connection, workspace, _is(run, pack)):
            yield from _readable(run, whole, places)


def _readable(run: int, pack: Pack, places: Collection[int]) -> Iterator[tuple[Place, Entry]]:
    try:
        entries = packs.entries(pack, places)
    except (ValueError, IndexError):
        return
    for entry in entries:
        yield (run, entry.position), entry


def clear(connection: sa.Connection, workspace: int, places: Collection[Place]) -> set[Place]:
    """Takes salt, payload and names out of packed entries; returns which of the places these are.

    Each was found by `search`.
    """
    cleared: set[Place] = set()
    positions: dict[int, list[int]] = defaultdict(list)
    for run, position in places:
        positions[run].append(position)
    for run, pack in _packs(connection, workspace, sa.true(), _PLACES):
        mine = {
            place: position
            for position in positions.get(run, ())
            if (place := pack.place(position)) is not None
        }
        for _, whole in _packs(connection, workspace, _is(run, pack)) if mine else ():
            values = packs.without(whole, mine)._asdict()
            connection.execute(sa.update(t.history_packs).where(_is(run, pack)).values(values))
            cleared.update((run, position) for position in mine.values())
    return cleared


def _is(run: int, pack: Pack) -> sa.ColumnElement[bool]:
    return (_columns.run_id == run) & (_columns.first == pack.first)


def _packs(
    connection: sa.Connection,
    workspace: int,
    which: sa.ColumnElement[bool],
    columns: Collection[sa.ColumnElement[Any]] = _PACK,
) -> list[tuple[int, Pack]]:
    """Packs of a workspace in their order, each with the number of its run."""
    joined = t.history_packs.join(t.history_runs)
    mine = sa.select(_columns.run_id, *columns).select_from(joined)
    ordered = mine.where(runs.workspace_id == workspace, which).order_by(
        _columns.run_id, _columns.first
    )
    return [
        (run, Pack(_number(first), _number(number), *contents))
        for run, first, number, *contents in connection.execute(ordered)
    ]


def _number(value: object) -> int:
    """A number as it is; 0 for anything else, which no run writes."""
    return value if isinstance(value, int) else 0
