"""A workspace as planning sees it: what the platform has, with what the ledger remembers of it.

What people did on the platform shows where the two differ. A status that is not the one reconcile
left is a person's; so is a link that the book does not have. What the platform does not have is
gone, whatever the book says.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from reconcile.errors import PlatformUnreadable
from reconcile.model.book import Book, Drop, Edit, Known, Put, Tie
from reconcile.model.platform import (
    ALL_STATUSES,
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
from reconcile.model.text.printing import quoted

KINDS: Final[tuple[ObjectKind, ...]] = ("department", "group", "user")
NAME_OF: Final[Mapping[ObjectKind, str]] = {
    "department": "title",
    "group": "name",
    "user": "username",
}
"""The field that is an object's name."""
REFERENCES: Final[Mapping[str, ObjectKind]] = {
    "parent": "department",
    "department": "department",
    "manager": "user",
}
UNKNOWN: Final = "?"
"""Before the platform's id of an object that the book does not have. Ours are numbers."""


class Merged(NamedTuple):
    """A workspace, and the ids that belong to it."""

    state: PlatformState
    theirs: dict[tuple[ObjectKind, str], str]
    """Kind and our id → the platform's id."""
    edits: list[Edit]
    """What the book has to learn, before a run writes, to say what the platform has."""


def merge(workspace: str, contents: Contents, book: Book, *, learn: bool = True) -> Merged:
    """Raises PlatformUnreadable where what was read cannot be all, or cannot be true.

    Without `learn` nothing is said of what the book has to learn: for those who only read.
    """
    links = {kind: frozenset(contents.links.get(kind, ())) for kind in ENDS}
    contents = contents._replace(links=links)
    _check(contents)
    known = {key: entry for key, entry in book.objects.items() if key[1] in _rows(contents, key[0])}
    ours = {
        (kind, theirs): known[kind, theirs].id if (kind, theirs) in known else UNKNOWN + theirs
        for kind in KINDS
        for theirs in _rows(contents, kind)
    }
    origins = _origins(contents, book, ours)
    users = tuple(
        _user(row, theirs, ours, known.get(("user", theirs)))
        for theirs, row in _rows(contents, "user").items()
    )
    state = PlatformState(
        workspace,
        book.sources,
        tuple(
            _department(row, theirs, ours, known.get(("department", theirs)))
            for theirs, row in _rows(contents, "department").items()
        ),
        _groups(contents, ours, known, origins),
        users,
        frozenset(contents.roles) | {role for _, role in contents.links.get("grant", ())},
        tuple(
            Membership(ours["user", user], ours["group", group], origins["membership", user, group])
            for user, group in contents.links.get("membership", ())
        ),
        tuple(
            Grant(ours["user", user], role, origins["grant", user, role])
            for user, role in contents.links.get("grant", ())
        ),
        book.supplied - {(user.source, user.external_id) for user in users},
        book.readings,
        keeps_ids=any(user.external_id and not user.source for user in users),
        ledger_lost=bool(users) and not book.sources and not book.objects,
        taken=frozenset(contents.taken),
    )
    theirs = {(kind, own): platform_id for (kind, platform_id), own in ours.items()}
    edits = list(_edits(contents, book, known, users, ours)) if learn else []
    return Merged(state, theirs, edits)


def _rows(contents: Contents, kind: ObjectKind) -> Mapping[str, Row]:
    return contents.rows.get(kind, {})


def _check(contents: Contents) -> None:
    """Every reference has to lead somewhere, and a name may mean one object alone."""
    for kind in KINDS:
        for theirs, row in _rows(contents, kind).items():
            _check_row(contents, kind, theirs, row)
    for link_kind, ends in ENDS.items():
        for pair in contents.links.get(link_kind, ()):
            for end, end_kind in zip(pair, ends, strict=True):
                if end_kind is not None and end not in _rows(contents, end_kind):
                    raise PlatformUnreadable(
                        f"the platform lists a {link_kind} of {end_kind} {quoted(end)}, "
                        f"and no such {end_kind}: what was read is not complete. "
                        "Run again; if it stays so, "
                        "the application has to be repaired"
                    )
    _check_names(contents)


ENDS: Final[Mapping[LinkKind, tuple[ObjectKind, ObjectKind | None]]] = {
    "membership": ("user", "group"),
    "nesting": ("group", "group"),
    "grant": ("user", None),
}


def _check_row(contents: Contents, kind: ObjectKind, theirs: str, row: Row) -> None:
    if not isinstance(row.get(NAME_OF[kind]), str):
        raise PlatformUnreadable(
            f"the platform's {kind} {quoted(theirs)} has no {NAME_OF[kind]}: what was read is not "
            "complete"
        )
    for field, value in row.items():
        text = isinstance(value, str)
        if not text and not (field == "attributes" and isinstance(value, Mapping)):
            raise PlatformUnreadable(
                f"the platform's {kind} {quoted(theirs)} has {field} {quoted(repr(value))}, "
                "which is not text: the adapter has to turn it into text"
            )
        if (
            text
            and field in REFERENCES
            and value
            and value not in _rows(contents, REFERENCES[field])
        ):
            raise PlatformUnreadable(
                f"the platform's {kind} {quoted(theirs)} refers to the {REFERENCES[field]} "
                f"{quoted(value)}, which it does not list: what was read is not complete"
            )
    if kind == "user" and row.get("status", "active") not in ALL_STATUSES:
        raise PlatformUnreadable(
            f"the platform's user {quoted(theirs)} has the status {quoted(row['status'])}, which "
            "the adapter does not translate"
        )


def _check_names(contents: Contents) -> None:
    """Changes speak in names, so two users of one name could be taken for each other."""
    for kind in KINDS:
        counted = Counter(
            (row.get("parent", "") if kind == "department" else "", row[NAME_OF[kind]])
            for row in _rows(contents, kind).values()
        )
        (name, number), *_ = counted.most_common(1) or [(("", ""), 0)]
        if number > 1:
            raise PlatformUnreadable(
                f"the platform has {number} {kind}s called {quoted(name[1])}, which reconcile "
                "cannot tell apart: rename all but one of them"
            )


def _origins(
    contents: Contents, book: Book, ours: Mapping[tuple[ObjectKind, str], str]
) -> dict[tuple[LinkKind, str, str], str]:
    """Who put each link of the platform there; "" for a person."""
    found: dict[tuple[LinkKind, str, str], str] = {}
    for kind, (member_kind, holder_kind) in ENDS.items():
        for member, holder in contents.links.get(kind, ()):
            end = holder if holder_kind is None else ours[holder_kind, holder]
            found[kind, member, holder] = book.links.get((kind, ours[member_kind, member], end), "")
    return found


def _reference(row: Row, field: str, ours: Mapping[tuple[ObjectKind, str], str]) -> str:
    value = row.get(field, "")
    return ours[REFERENCES[field], value] if value else ""


def _mirrored(row: Row, known: Known | None) -> dict[str, str]:
    """Which entry an object stands for: by the book, otherwise by what the platform says."""
    kept = {"external_id": row.get("external_id", ""), "dn": row.get("dn", "")}
    if known is None:
        return kept
    if not known.source:
        return {
            "external_id": known.external_id or kept["external_id"],
            "dn": known.dn or kept["dn"],
        }
    return {"source": known.source, "external_id": known.external_id, "dn": known.dn}


def _department(
    row: Row, theirs: str, ours: Mapping[tuple[ObjectKind, str], str], known: Known | None
) -> Department:
    parent = _reference(row, "parent", ours)
    return Department(ours["department", theirs], row["title"], parent, **_mirrored(row, known))


def _groups(
    contents: Contents,
    ours: Mapping[tuple[ObjectKind, str], str],
    known: Mapping[tuple[ObjectKind, str], Known],
    origins: Mapping[tuple[LinkKind, str, str], str],
) -> tuple[Group, ...]:
    nested: dict[str, dict[str, str]] = {}
    for member, above in contents.links.get("nesting", ()):
        origin = origins["nesting", member, above]
        nested.setdefault(member, {})[ours["group", above]] = origin
    return tuple(
        Group(
            ours["group", theirs],
            row["name"],
            **_mirrored(row, known.get(("group", theirs))),
            groups=nested.get(theirs, {}),
        )
        for theirs, row in _rows(contents, "group").items()
    )


_TEXTS: Final = ("username", "first_name", "last_name", "email")
_SERVICE: Final = ("status_origin", "status_cause", "status_before", "departed", "departed_at")


def _user(
    row: Row, theirs: str, ours: Mapping[tuple[ObjectKind, str], str], known: Known | None
) -> User:
    fields: dict[str, Any] = {name: row.get(name, "") for name in _TEXTS}
    fields |= _mirrored(row, known)
    fields["status"] = row.get("status") or (known.status if known else "") or "active"
    if known is not None and fields["status"] == (known.status or fields["status"]):
        fields |= {name: getattr(known, name) for name in _SERVICE}
    elif known is not None:  # a person changed the status; what the directory does is still so
        fields |= {"departed": known.departed, "departed_at": known.departed_at}
    return User(
        ours["user", theirs],
        **fields,
        department=_reference(row, "department", ours),
        manager=_reference(row, "manager", ours),
        attributes=dict(row.get("attributes") or {}),
    )


def _edits(
    contents: Contents,
    book: Book,
    known: Mapping[tuple[ObjectKind, str], Known],
    users: Iterable[User],
    ours: Mapping[tuple[ObjectKind, str], str],
) -> Iterable[Edit]:
    """Objects that are new to the book or gone, what people did to users, and lost links."""
    for kind, theirs in book.objects.keys() - known.keys():
        yield Drop(kind, theirs)
    now = {user.id: user for user in users}
    for (kind, theirs), own in ours.items():
        name = _rows(contents, kind)[theirs][NAME_OF[kind]]
        entry = known.get((kind, theirs))
        fields = {"name": name}
        if kind == "user":
            fields |= {field: getattr(now[own], field) for field in ("status", *_SERVICE)}
        if entry is None:
            yield Put(kind, theirs, fields)
        elif changed := {f: value for f, value in fields.items() if getattr(entry, f) != value}:
            yield Put(kind, theirs, changed)
    yield from _lost_links(contents, book, known)


def _lost_links(
    contents: Contents, book: Book, known: Mapping[tuple[ObjectKind, str], Known]
) -> Iterable[Edit]:
    """Links of the book that a person removed on the platform.

    Those of lost objects go with them.
    """
    theirs = {(entry.kind, entry.id): entry.platform_id for entry in known.values()}
    for kind, member, holder in book.links:
        member_kind, holder_kind = ENDS[kind]
        first = theirs.get((member_kind, member))
        second = holder if holder_kind is None else theirs.get((holder_kind, holder))
        if first is None or second is None:
            continue
        if (first, second) not in contents.links.get(kind, ()):
            yield Tie(kind, (first, second))
