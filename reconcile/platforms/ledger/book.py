"""The book in its tables `objects` and `links`: read as a whole, and edited."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable
from reconcile.model.book import REMEMBERED, Book, Drop, Edit, Known, Put, PutSource, Tie
from reconcile.model.platform import LinkKind, ObjectKind, Reading, Source
from reconcile.platforms.database import bulk
from reconcile.platforms.ledger import tables as t
from reconcile.platforms.ledger.history import Users

_o, _l = t.objects.c, t.links.c

USERS: Final = Users(_o.id, _o.workspace_id, _o.name, _o.dn, _o.external_id, _o.kind == "user")
"""For the history: which objects are users, and what they are called."""

REMEMBERED_COLUMNS: Final = tuple(name for name in REMEMBERED if name != "source")
"""The columns of an object that hold what is remembered of it, its source apart."""
_WORKSPACE: sa.BindParameter[int] = sa.bindparam("workspace", type_=sa.Integer)

_SOURCES: Final = sa.select(
    *(t.sources.c[name] for name in ("id", "name", "type", "base_dn", "domain", "note"))
).where(t.sources.c.workspace_id == _WORKSPACE)
_OBJECTS: Final = sa.select(
    _o.id,
    _o.kind,
    _o.platform_id,
    *(sa.func.coalesce(_o[name], "") for name in REMEMBERED_COLUMNS),
    _o.source_id,
).where(_o.workspace_id == _WORKSPACE)
_LINKS: Final = sa.select(_l.kind, _l.member_id, _l.holder, _l.origin).where(
    _l.workspace_id == _WORKSPACE
)
_READINGS: Final = (
    sa.select(
        t.sources.c.name,
        *(t.readings.c[part] for part in ("persons", "groups", "units", "members")),
    )
    .join(t.sources, t.sources.c.id == t.readings.c.source_id)
    .where(t.sources.c.workspace_id == _WORKSPACE)
)
_SUPPLIED: Final = (
    sa.select(t.sources.c.name, t.supplied.c.external_id)
    .join(t.sources, t.sources.c.id == t.supplied.c.source_id)
    .where(t.sources.c.workspace_id == _WORKSPACE)
)


def read(connection: sa.Connection, workspace: int) -> Book:
    """The book of a workspace. Raises PlatformUnreadable for rows that no run writes."""

    def rows(statement: "sa.Select[*tuple[Any, ...]]") -> list[tuple[Any, ...]]:
        return bulk.rows(connection, statement, {"workspace": workspace})

    sources = {row[0]: Source(*row[1:]) for row in rows(_SOURCES)}
    objects: dict[tuple[ObjectKind, str], Known] = {}
    for number, kind, platform_id, *values, source in rows(_OBJECTS):
        if source is not None and source not in sources:
            raise PlatformUnreadable(
                f"the ledger is damaged: its {kind} {platform_id!r} comes from a source that it "
                "does not know. Restore it from a backup, or move it away: then every user is "
                "recognised anew"
            )
        known = dict(zip(REMEMBERED_COLUMNS, values, strict=True))
        known["source"] = "" if source is None else sources[source].name
        objects[kind, platform_id] = Known(str(number), kind, platform_id, **known)
    return Book(
        tuple(sources.values()),
        tuple(Reading(*row) for row in rows(_READINGS)),
        objects,
        {(kind, str(member), holder): origin for kind, member, holder, origin in rows(_LINKS)},
        frozenset((source, person) for source, person in rows(_SUPPLIED)),
    )


_MANY: Final = 50
"""Edits for which the numbers of all objects are read at once."""


class Editor:
    """Edits the book of one workspace within a transaction."""

    def __init__(
        self,
        connection: sa.Connection,
        workspace: int,
        numbers: dict[tuple[str, str], int] | None = None,
    ) -> None:
        """Takes the transaction and the number of the workspace.

        `numbers`: our ids by kind and the platform's id, where they have been read.
        """
        self._connection = connection
        self._workspace = workspace
        self.new: dict[tuple[ObjectKind, str], str] = {}
        """Our ids of the objects that were added, by kind and the platform's id."""
        self._numbers = numbers

    def edit(self, edits: Sequence[Edit], created: str = "") -> None:
        """Makes the edits in their order; `created` is the platform's id of what was created."""
        if len(edits) > _MANY and self._numbers is None:
            known = sa.select(_o.kind, _o.platform_id, _o.id)
            rows = self._connection.execute(known.where(_o.workspace_id == self._workspace))
            self._numbers = {(kind, platform_id): number for kind, platform_id, number in rows}
        for edit in edits:
            match edit:
                case Put():
                    self._put(edit, edit.platform_id or created)
                case Drop():
                    self._drop(edit)
                case Tie():
                    self._tie(edit, created)
                case PutSource():
                    self._put_source(edit)

    def _put(self, edit: Put, platform_id: str) -> None:
        values: dict[str, Any] = {name: value or None for name, value in edit.fields.items()}
        if "source" in values:
            values["source_id"] = self._source(str(values.pop("source") or ""))
        if "name" in values:
            values["name"] = values["name"] or ""
        number = self._number(edit.kind, platform_id)
        if edit.forget and number is not None:
            self._forget(number)
        if number is None:
            row = {"workspace_id": self._workspace, "kind": edit.kind, "platform_id": platform_id}
            inserted = self._connection.execute(t.objects.insert(), row | values)
            key = inserted.inserted_primary_key
            self.new[edit.kind, platform_id] = str(key[0]) if key is not None else ""
            if self._numbers is not None and key is not None:
                self._numbers[edit.kind, platform_id] = key[0]
        elif values:
            self._connection.execute(sa.update(t.objects).where(_o.id == number).values(values))

    def _number(self, kind: str, platform_id: str) -> int | None:
        if self._numbers is not None:
            return self._numbers.get((kind, platform_id))
        mine = sa.select(_o.id).where(
            _o.workspace_id == self._workspace, _o.kind == kind, _o.platform_id == platform_id
        )
        return self._connection.execute(mine).scalar()

    def _source(self, name: str) -> int | None:
        mine = sa.select(t.sources.c.id).where(
            t.sources.c.workspace_id == self._workspace, t.sources.c.name == name
        )
        return self._connection.execute(mine).scalar() if name else None

    def _drop(self, edit: Drop) -> None:
        number = self._number(edit.kind, edit.platform_id)
        if number is None:
            return
        if edit.by_run:
            self._forget(number)
        held = _l.kind.in_(("membership", "nesting")) & (_l.holder == str(number))
        member: sa.ColumnElement[bool] = _l.member_id == number
        ended = (held | member) if edit.kind == "group" else member
        self._connection.execute(
            sa.delete(t.links).where(_l.workspace_id == self._workspace, ended)
        )
        self._connection.execute(sa.delete(t.objects).where(_o.id == number))
        if self._numbers is not None:
            del self._numbers[edit.kind, edit.platform_id]

    def _forget(self, number: int) -> None:
        """The person of this user may get another one: a run removed it, and no person did."""
        person = sa.select(_o.source_id, _o.external_id).where(_o.id == number)
        source, external_id = self._connection.execute(person).one()
        theirs = (t.supplied.c.source_id == source) & (t.supplied.c.external_id == external_id)
        self._connection.execute(sa.delete(t.supplied).where(theirs))

    def _tie(self, edit: Tie, created: str) -> None:
        member_kind: ObjectKind = "group" if edit.kind == "nesting" else "user"
        member = self._number(member_kind, edit.pair[0] or created)
        holder: str | int | None = edit.pair[1]
        if edit.kind != "grant":
            holder = self._number("group", edit.pair[1])
        if member is None or holder is None:
            return  # one end is no more, and the link with it
        self._untie(edit.kind, member, str(holder))
        if edit.origin:
            row = {"kind": edit.kind, "member_id": member, "holder": str(holder)}
            row |= {"workspace_id": self._workspace, "origin": edit.origin}
            self._connection.execute(t.links.insert(), row)

    def _untie(self, kind: LinkKind, member: int, holder: str) -> None:
        link = (_l.kind == kind) & (_l.member_id == member) & (_l.holder == holder)
        self._connection.execute(sa.delete(t.links).where(_l.workspace_id == self._workspace, link))

    def _put_source(self, edit: PutSource) -> None:
        number = self._source(edit.name)
        if number is None:
            row = {"workspace_id": self._workspace, "name": edit.name, **edit.fields}
            self._connection.execute(t.sources.insert(), row)
        elif edit.fields:
            mine = t.sources.c.id == number
            self._connection.execute(sa.update(t.sources).where(mine).values(edit.fields))
        if edit.rename and number is not None:
            self._rename_source(number, edit.name, edit.rename)

    def _rename_source(self, number: int, old: str, new: str) -> None:
        """Everything of the source follows; one that has the new name becomes one with it."""
        execute = self._connection.execute
        other = self._source(new)
        if other is not None and other != number:
            execute(sa.update(t.objects).where(_o.source_id == other).values(source_id=number))
            for remembered in (t.supplied, t.readings):
                execute(sa.delete(remembered).where(remembered.c.source_id == other))
            execute(sa.delete(t.sources).where(t.sources.c.id == other))
        execute(sa.update(t.sources).where(t.sources.c.id == number).values(name=new))
        for table, column in ((t.objects, _o.status_origin), (t.links, _l.origin)):
            mine = (table.c.workspace_id == self._workspace) & (column == old)
            execute(sa.update(table).where(mine).values({column.name: new}))


def remember_supplied(connection: sa.Connection, workspace: int) -> None:
    """Adds all persons who now have a user of a source to those whom it ever supplied."""
    known = sa.and_(
        t.supplied.c.source_id == _o.source_id, t.supplied.c.external_id == _o.external_id
    )
    new = (
        sa.select(_o.source_id, _o.external_id)
        .distinct()
        .outerjoin(t.supplied, known)
        .where(
            _o.workspace_id == workspace,
            _o.kind == "user",
            _o.source_id.is_not(None),
            _o.external_id.is_not(None),
            t.supplied.c.source_id.is_(None),
        )
    )
    connection.execute(t.supplied.insert().from_select(["source_id", "external_id"], new))


def remember_readings(
    connection: sa.Connection, workspace: int, readings: Iterable[Reading]
) -> None:
    """Keeps how much sources held, each in the place of the former.

    Unknown sources are left out.
    """
    named = sa.select(t.sources.c.name, t.sources.c.id).where(t.sources.c.workspace_id == workspace)
    numbers = dict(connection.execute(named).all())
    rows = [
        {
            "source_id": numbers[reading.source],
            "persons": reading.persons,
            "groups": reading.groups,
            "units": reading.units,
            "members": reading.members,
        }
        for reading in readings
        if reading.source in numbers
    ]
    if rows:
        former = t.readings.c.source_id.in_([row["source_id"] for row in rows])
        connection.execute(sa.delete(t.readings).where(former))
        connection.execute(t.readings.insert(), rows)
