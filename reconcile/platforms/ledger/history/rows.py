"""Rows of `history_runs` and `history_changes` to values, and entries to rows."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from reconcile.model.change import Acceptance
from reconcile.model.history import Entry, Link, Losses, Run, removed_places
from reconcile.model.signature import Signature
from reconcile.platforms.database.json_values import brief, quoted
from reconcile.platforms.ledger import tables as t

runs, changes = t.history_runs.c, t.history_changes.c
COLUMNS: Final = (
    *("run_id", "position", "kind", "action", "result", "user_id", "object_id"),
    *("manager_before_id", "manager_after_id", "unresolved", "salt", "payload", "commitment"),
)
"""Those of `history_changes`, in the order of `row`."""
ENTRY: Final = tuple(
    changes[name]
    for name in (
        *COLUMNS[1:7],
        *("salt", "payload", "commitment", "manager_before_id", "manager_after_id", "unresolved"),
    )
)
"""The columns of an entry, in the order of `entry`."""


class Users(NamedTuple):
    """The columns by which today's users are known, and which rows of their table are users."""

    id: sa.ColumnElement[int]
    workspace: sa.ColumnElement[int]
    username: sa.ColumnElement[Any]
    dn: sa.ColumnElement[Any]
    external_id: sa.ColumnElement[Any]
    only: sa.ColumnElement[bool]


def of_workspace(workspace: int, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """From all changes of a workspace."""
    joined = t.history_changes.join(t.history_runs)
    return sa.select(*columns).select_from(joined).where(runs.workspace_id == workspace)


def row(run: int, entry: Entry) -> tuple[Any, ...]:
    """The row of an entry; `run` is the number of its run."""
    return (
        run,
        entry.position,
        entry.kind,
        entry.action,
        entry.result,
        _number(entry.user),
        _number(entry.object),
        _number(entry.managers[0]),
        _number(entry.managers[1]),
        entry.unresolved,
        entry.salt or None,
        entry.payload or None,
        entry.commitment,
    )


def entry(row: Sequence[Any]) -> Entry:
    """The entry of a row of the columns `ENTRY`."""
    position, kind, action, result, user, thing, *rest = row
    salt, payload, commitment, before, after, unresolved = rest
    return Entry(
        position,
        text(kind),  # type: ignore[arg-type] # checked by the chain
        text(action),  # type: ignore[arg-type] # checked by the chain
        text(result),  # type: ignore[arg-type] # checked by the chain
        _id(user),
        _id(thing),
        text(salt),
        text(payload),
        text(commitment),
        (_id(before), _id(after)),
        unresolved,
    )


def _number(own: str) -> int | None:
    return int(own) if own else None


def _id(number: object) -> str:
    return "" if number is None else str(number)


def text(value: object) -> str:
    """Text as it is; anything that no run writes becomes different, so that no hash matches it."""
    if isinstance(value, str):
        return value
    return "" if value is None else repr(value)


_NUMBERS: Final = ("dirty", "applied", "failed", "skipped")
_NAMED_OTHERWISE: Final = ("run", "git_commit", "previous_hash", "hash", "removed")
_JSON: Final[dict[str, tuple[str, Any]]] = {
    "accepted": ("[]", tuple[Acceptance, ...]),
    "lost": ("{}", Losses),
    "files": ("[]", tuple[str, ...]),
    "signatures": ("[]", tuple[Signature, ...]),
}
"""Column of JSON → what stands for nothing, and the type."""


def link(row: sa.RowMapping, workspace: str) -> Link:
    """What the row of a run says.

    What no run writes is listed in `altered`, because no hash would show it.
    """
    values, altered = _plain_values(row)
    if values["dirty"] not in (0, 1):
        altered.append(f"dirty is {values['dirty']}")
    for name in _JSON:
        written = values[name]
        values[name], fits = _read_json(name, written, old=not values["removed"])
        if not fits:
            altered.append(f"{name} is {brief(written)}")
    if not _is_removal(values["removed"]):
        altered.append(f"removed is {brief(values['removed'])}")
        values["removed"] = "{}"
    chain = (values.pop("previous_hash"), values.pop("hash"), values.pop("removed"))
    values["id"], values["commit"] = values.pop("run"), values.pop("git_commit")
    values["dirty"] = bool(values["dirty"])
    return Link(Run(**values, workspace=workspace), *chain, ", ".join(altered))


def _plain_values(row: sa.RowMapping) -> tuple[dict[str, Any], list[str]]:
    """Numbers and texts of the row by column; and what is neither, in words."""
    values: dict[str, Any] = {}
    altered: list[str] = []
    for name in _columns(row):
        value = row[name]
        is_number = name in _NUMBERS
        values[name] = value
        if not isinstance(value, int if is_number else str):
            values[name] = -1 if is_number else text(value)
            altered.append(f"{name} is {quoted(value)}")
    return values, altered


def _columns(row: sa.RowMapping) -> Iterator[str]:
    """The columns that a run is made of. Its `id` there is a number of the database."""
    for name in (*Run.__struct_fields__, *_NAMED_OTHERWISE):
        if name in row and name != "id":
            yield name


def _read_json(name: str, written: str, *, old: bool) -> tuple[Any, bool]:
    """The value of a column of JSON, and whether a run wrote it so.

    `old`: the run is of a version that left some of these columns empty.
    """
    empty, kind = _JSON[name]
    try:
        value = msgspec.json.decode(written or empty, type=kind)
    except ValueError:
        return msgspec.json.decode(empty, type=kind), False
    as_written = written == msgspec.json.encode(value).decode()
    return value, as_written or (old and not written)


def _is_removal(written: str) -> bool:
    """Whether a run writes such a list of removed payloads."""
    try:
        removed_places(written)
    except (ValueError, OverflowError, MemoryError):
        return False
    return True
