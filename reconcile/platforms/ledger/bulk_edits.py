"""Edits of the book for many settled steps at once: new objects and links in bulk.

The rest, which is rare, goes edit by edit (`book.Editor`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

import sqlalchemy as sa

from reconcile.model.book import Edit, Put, Settled, Tie
from reconcile.model.platform import ObjectKind
from reconcile.platforms.database import bulk
from reconcile.platforms.ledger import tables as t
from reconcile.platforms.ledger.book import REMEMBERED_COLUMNS, Editor

_o, _l = t.objects.c, t.links.c
_FEW: Final = 20
"""Edits up to which each is made by itself."""
Numbers: TypeAlias = dict[tuple[str, str], int]
"""Kind and the platform's id of an object → its number in the book."""


def edit_all(
    connection: sa.Connection, workspace: int, settled: Sequence[Settled]
) -> dict[tuple[ObjectKind, str], str]:
    """Makes the edits of steps that do not depend on each other.

    Returns our ids of objects that were added, by kind and the platform's id.
    """
    return BookEdits(connection, workspace).edit_all(settled)


class BookEdits:
    """The edits of one workspace's book within a transaction, in which nothing else edits it."""

    def __init__(
        self, connection: sa.Connection, workspace: int, known: Numbers | None = None
    ) -> None:
        """Reads nothing yet. `known` is that of the transaction before, with no edits since."""
        self._connection = connection
        self._workspace = workspace
        self._mine = t.objects.c.workspace_id == workspace
        self.known = known
        """The number of every object; None until needed. Wrong if the transaction is undone."""

    def edit_all(self, settled: Sequence[Settled]) -> dict[tuple[ObjectKind, str], str]:
        """Makes the edits of steps that do not depend on each other, as the function does."""
        edits = [(edit, step.platform_id) for step in settled for edit in step.edits]
        if len(edits) > _FEW:
            return self.edit(edits)
        editor = Editor(self._connection, self._workspace, self.known)
        for edit, created in edits:
            editor.edit([edit], created)
        return editor.new

    def edit(self, edits: Iterable[tuple[Edit, str]]) -> dict[tuple[ObjectKind, str], str]:
        """New objects first, then all that may refer to them."""
        created: list[tuple[Put, str]] = []
        changed: list[Put] = []
        ties: list[Tie] = []
        rest: list[tuple[Edit, str]] = []
        for edit, platform_id in edits:
            if isinstance(edit, Put) and not edit.platform_id:
                created.append((edit, platform_id))
            elif isinstance(edit, Put) and not edit.forget:
                changed.append(edit)
            elif isinstance(edit, Tie) and all(edit.pair):
                ties.append(edit)
            else:
                rest.append((edit, platform_id))
        new = self._add(created) if created else {}
        if changed or ties or rest:
            numbers = self._numbers()
            self._change(changed, numbers)
            self._tie(ties, numbers)
            editor = Editor(self._connection, self._workspace, numbers)
            for edit, platform_id in rest:
                editor.edit([edit], platform_id)
            new |= editor.new
        return new

    def _numbers(self) -> Numbers:
        if self.known is None:
            known = sa.select(_o.kind, _o.platform_id, _o.id).where(self._mine)
            rows = bulk.rows(self._connection, known, {})
            self.known = {(kind, platform_id): number for kind, platform_id, number in rows}
        return self.known

    def _sources(self) -> dict[str, int]:
        named = sa.select(t.sources.c.name, t.sources.c.id)
        mine = named.where(t.sources.c.workspace_id == self._workspace)
        return dict(self._connection.execute(mine).all())

    def _add(self, created: Sequence[tuple[Put, str]]) -> dict[tuple[ObjectKind, str], str]:
        highest = sa.select(sa.func.coalesce(sa.func.max(_o.id), 0)).where(self._mine)
        before = self._connection.execute(highest).scalar_one()
        sources = self._sources()
        columns = ("workspace_id", "kind", "platform_id", "source_id", *REMEMBERED_COLUMNS)
        rows = [
            (
                *(self._workspace, put.kind, platform_id),
                sources.get(put.fields.get("source", "")),
                *(_value(name, put.fields.get(name)) for name in REMEMBERED_COLUMNS),
            )
            for put, platform_id in created
        ]
        bulk.insert(self._connection, t.objects, columns, rows)
        added = sa.select(_o.kind, _o.platform_id, _o.id).where(self._mine, _o.id > before)
        numbers = {
            (kind, platform_id): number
            for kind, platform_id, number in bulk.rows(self._connection, added, {})
        }
        if self.known is None and not before:
            self.known = {}  # what is added is all there is
        if self.known is not None:
            self.known |= numbers
        return {own: str(number) for own, number in numbers.items()}

    def _change(self, changed: Sequence[Put], numbers: Numbers) -> None:
        """One statement for each set of columns; an object that is no more is left out."""
        sources = self._sources() if changed else {}
        sets: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
        for put in changed:
            number = numbers.get((put.kind, put.platform_id))
            if number is None:
                new = Editor(self._connection, self._workspace, numbers)
                new.edit([put])
                numbers |= {(kind, theirs): int(own) for (kind, theirs), own in new.new.items()}
            elif put.fields:
                values = [
                    sources.get(value) if name == "source" else _value(name, value)
                    for name, value in put.fields.items()
                ]
                sets[tuple(put.fields)].append((number, *values))
        for names, rows in sets.items():
            columns = ["source_id" if name == "source" else name for name in names]
            parameters = ["row", *(f"new_{column}" for column in columns)]
            new_values = {
                column: sa.bindparam(f"new_{column}", type_=t.objects.c[column].type)
                for column in columns
            }
            statement = sa.update(t.objects).where(_o.id == sa.bindparam("row", type_=sa.Integer))
            bulk.Prepared(self._connection, statement.values(new_values), parameters).run(rows)

    def _tie(self, ties: Sequence[Tie], numbers: Numbers) -> None:
        """A link is taken out where the book has it, and put in where a source has made it."""
        rows: dict[tuple[str, int, str], str] = {}
        for tie in ties:
            member = numbers.get(("group" if tie.kind == "nesting" else "user", tie.pair[0]))
            holder: str | int | None = tie.pair[1]
            if tie.kind != "grant":
                holder = numbers.get(("group", tie.pair[1]))
            if member is not None and holder is not None:
                rows[tie.kind, member, str(holder)] = tie.origin
        if not rows:
            return
        known = sa.select(_l.kind, _l.member_id, _l.holder).where(
            _l.workspace_id == self._workspace, _l.kind.in_({kind for kind, *_ in rows})
        )
        execute = self._connection.execute
        old = [(self._workspace, *key) for key in map(tuple, execute(known).all()) if key in rows]
        names = ("workspace_id", "kind", "member_id", "holder")
        if old:
            statement = sa.delete(t.links).where(
                *(
                    t.links.c[name] == sa.bindparam(f"old_{name}", type_=t.links.c[name].type)
                    for name in names
                )
            )
            bulk.Prepared(self._connection, statement, [f"old_{name}" for name in names]).run(old)
        made = [(self._workspace, *key, origin) for key, origin in rows.items() if origin]
        bulk.insert(self._connection, t.links, (*names, "origin"), made)


def _value(name: str, value: str | None) -> str | None:
    """A column of an object: only its name is never null."""
    return (value or "") if name == "name" else (value or None)
