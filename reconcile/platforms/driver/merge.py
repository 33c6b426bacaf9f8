"""A workspace as planning sees it: what the platform has, and what the ledger remembers about it.

What people did on the platform shows where the two differ. A status that differs from the one
reconcile left was set by a person; so was a link that the book does not have. What the platform
does not have is gone, whatever the book says.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from reconcile.model.book import Book, Drop, Edit, Known, Put, Tie
from reconcile.model.platform import (
    Contents,
    Department,
    Grant,
    Group,
    LinkKind,
    Membership,
    ObjectKind,
    PlatformState,
    Row,
    User,
)
from reconcile.platforms.driver.completeness import check, compare
from reconcile.platforms.driver.vocabulary import ENDS, KINDS, NAME_OF, REFERENCES

UNKNOWN: Final = "?"
"""Before the platform's id of an object that the book does not have. Ours are numbers."""


Object: TypeAlias = tuple[ObjectKind, str]
"""Kind and the platform's id."""


class Merged(NamedTuple):
    """A workspace, and the ids that belong to it."""

    state: PlatformState
    theirs: dict[tuple[ObjectKind, str], str]
    """Kind and our id → the platform's id."""
    edits: list[Edit]
    """What the book has to learn, before a run writes, to say what the platform has."""


def merge(workspace: str, contents: Contents, book: Book, *, learn: bool = True) -> Merged:
    """Raises PlatformUnreadable if what was read cannot be all, or cannot be true.

    Without `learn` nothing is said of what the book has to learn: for those who only read.
    """
    links = {kind: frozenset(contents.links.get(kind, ())) for kind in ENDS}
    contents = contents._replace(links=links)
    check(contents)
    if not contents.proved:
        compare(contents, book)
    both = _Both(contents, book)
    users = both.users()
    state = PlatformState(
        workspace,
        book.sources,
        both.departments(),
        both.groups(),
        users,
        frozenset(contents.roles) | {role for _, role in links["grant"]},
        both.memberships(),
        both.grants(),
        book.supplied - {(user.source, user.external_id) for user in users},
        book.readings,
        keeps_ids=any(user.external_id and not user.source for user in users),
        ledger_lost=bool(users) and not (book.sources or book.objects),
        taken=frozenset(contents.taken),
        unsettled=contents.unsettled,
        in_use=both.in_use(),
    )
    theirs = {(kind, own): platform_id for (kind, platform_id), own in both.ours.items()}
    edits = [*both.edits(users), *both.lost_links()] if learn else []
    return Merged(state, theirs, edits)


_TEXTS: Final = ("username", "first_name", "last_name", "email")
_SERVICE: Final = ("status_origin", "status_cause", "status_before", "departed", "departed_at")
_KEPT_BY_USERS: Final = ("status", *_SERVICE)


class _Both:
    """What the platform has, beside what the book says of it."""

    def __init__(self, contents: Contents, book: Book) -> None:
        self._contents = contents
        self._book = book
        self._known: dict[Object, Known] = {}
        """What the book says of the objects that the platform has."""
        self.ours: dict[Object, str] = {}
        """Our id of each object of the platform."""
        for kind in KINDS:
            for theirs in contents.rows.get(kind, {}):
                known = book.objects.get((kind, theirs))
                if known is None:
                    self.ours[kind, theirs] = UNKNOWN + theirs
                else:
                    self._known[kind, theirs] = known
                    self.ours[kind, theirs] = known.id

    def _rows(self, kind: ObjectKind) -> Mapping[str, Row]:
        return self._contents.rows.get(kind, {})

    def _links(self, kind: LinkKind) -> Iterator[tuple[str, str, str]]:
        """The links of a kind, in our ids, each with who put it there; "" for a person."""
        member_kind, holder_kind = ENDS[kind]
        for member, holder in self._contents.links[kind]:
            own = self.ours[member_kind, member]
            end = self.ours[holder_kind, holder] if holder_kind else holder
            yield own, end, self._book.links.get((kind, own, end), "")

    def in_use(self) -> dict[str, str]:
        """Our id of what the application uses → what uses it."""
        return {
            self.ours[kind, theirs]: what
            for kind, used in self._contents.in_use.items()
            for theirs, what in used.items()
        }

    def _reference(self, row: Row, field: str) -> str:
        """Our id of what a field of a row refers to; "" for nothing."""
        value = row.get(field, "")
        return self.ours[REFERENCES[field], value] if value else ""

    def departments(self) -> tuple[Department, ...]:
        return tuple(
            Department(
                self.ours["department", theirs],
                row["title"],
                self._reference(row, "parent"),
                **_entry(row, self._known.get(("department", theirs))),
            )
            for theirs, row in self._rows("department").items()
        )

    def groups(self) -> tuple[Group, ...]:
        nested: dict[str, dict[str, str]] = {}
        for member, above, origin in self._links("nesting"):
            nested.setdefault(member, {})[above] = origin
        return tuple(
            Group(
                self.ours["group", theirs],
                row["name"],
                **_entry(row, self._known.get(("group", theirs))),
                groups=nested.get(self.ours["group", theirs], {}),
            )
            for theirs, row in self._rows("group").items()
        )

    def users(self) -> tuple[User, ...]:
        return tuple(self._user(row, theirs) for theirs, row in self._rows("user").items())

    def _user(self, row: Row, theirs: str) -> User:
        known = self._known.get(("user", theirs))
        fields: dict[str, Any] = {name: row.get(name, "") for name in _TEXTS}
        return User(
            self.ours["user", theirs],
            **fields,
            **_entry(row, known),
            **_service(row, known),
            department=self._reference(row, "department"),
            manager=self._reference(row, "manager"),
            attributes=dict(row.get("attributes") or {}),
        )

    def memberships(self) -> tuple[Membership, ...]:
        return tuple(Membership(*link) for link in self._links("membership"))

    def grants(self) -> tuple[Grant, ...]:
        return tuple(Grant(*link) for link in self._links("grant"))

    def edits(self, users: Iterable[User]) -> Iterator[Edit]:
        """Objects that are new to the book or gone, and what people did to users."""
        for kind, theirs in self._book.objects.keys() - self._known.keys():
            yield Drop(kind, theirs)
        by_id = {user.id: user for user in users}
        for (kind, theirs), own in self.ours.items():
            fields = {"name": self._rows(kind)[theirs][NAME_OF[kind]]}
            if kind == "user":
                fields |= {field: getattr(by_id[own], field) for field in _KEPT_BY_USERS}
            fields = _news(fields, self._known.get((kind, theirs)))
            if fields:
                yield Put(kind, theirs, fields)

    def lost_links(self) -> Iterator[Edit]:
        """Links of the book that a person removed on the platform.

        Those of lost objects go with them.
        """
        theirs = {(known.kind, known.id): known.platform_id for known in self._known.values()}
        for kind, member, holder in self._book.links:
            member_kind, holder_kind = ENDS[kind]
            first = theirs.get((member_kind, member), "")
            second = theirs.get((holder_kind, holder), "") if holder_kind else holder
            if first and second and (first, second) not in self._contents.links[kind]:
                yield Tie(kind, (first, second))


def _news(fields: dict[str, str], known: Known | None) -> dict[str, str]:
    """The fields of an object that the book does not have so."""
    if known is None:
        return fields
    return {field: value for field, value in fields.items() if getattr(known, field) != value}


def _entry(row: Row, known: Known | None) -> dict[str, Any]:
    """Which entry an object stands for: according to the book, otherwise to the platform."""
    kept = {field: row.get(field, "") for field in ("source", "external_id", "dn")}
    if known is None:
        return kept
    if known.source:
        return {field: getattr(known, field) for field in kept}
    return {field: getattr(known, field) or kept[field] for field in kept}


def _service(row: Row, known: Known | None) -> dict[str, Any]:
    """A user's status, and why it is out of service."""
    status = row.get("status", "")
    if known is None:
        return {"status": status or "active"}
    left = known.status
    status = status or left or "active"
    if status == (left or status):
        return {"status": status, **{name: getattr(known, name) for name in _SERVICE}}
    # A person changed the status. What the directory does is still so.
    return {"status": status, "departed": known.departed, "departed_at": known.departed_at}
