"""Whether what was read of a platform can be all there is, and can be true."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from reconcile.errors import PlatformUnreadable
from reconcile.model.book import Book
from reconcile.model.platform import ALL_STATUSES, Contents, LinkKind, ObjectKind, Row
from reconcile.model.text.printing import quoted
from reconcile.platforms.driver.vocabulary import ENDS, KINDS, NAME_OF, REFERENCES


def check(contents: Contents) -> None:
    """Every reference has to lead somewhere, and a name may mean one object alone.

    Raises PlatformUnreadable.
    """
    for kind in KINDS:
        rows = _rows(contents, kind)
        for theirs, row in rows.items():
            _check_texts(kind, theirs, row)
            _check_references(contents, kind, theirs, row)
        _check_names(kind, rows)
    for user, row in _rows(contents, "user").items():
        _check_status(user, row)
    for link_kind in ENDS:
        _check_links(contents, link_kind)


def refuse_incomplete(contents: Contents, book: Book) -> None:
    """Raises PlatformUnreadable for contents that cannot be all, or cannot be true."""
    check(contents)
    if not contents.proved:
        compare(contents, book)


FEW: Final = 10
"""Fewer objects than these in the book say nothing of how many there should be."""


def compare(contents: Contents, book: Book) -> None:
    """Raises PlatformUnreadable if not even half of what was known has come.

    This is for a platform that does not say itself how much there is.
    """
    known = Counter(kind for kind, _ in book.objects)
    for kind in KINDS:
        now = len(_rows(contents, kind))
        if known[kind] >= FEW and now < known[kind] / 2:
            raise PlatformUnreadable(
                f"the platform lists {now} {kind}s, and there were {known[kind]}. It does not say "
                "how many there are, so this may be a part of them. Run again; if so many were "
                "deleted there, begin with a new ledger (the key state): it recognises the others"
            )


def _rows(contents: Contents, kind: ObjectKind) -> Mapping[str, Row]:
    return contents.rows.get(kind, {})


def _check_texts(kind: ObjectKind, theirs: str, row: Row) -> None:
    """An object has a name, and its fields are text."""
    if not isinstance(row.get(NAME_OF[kind]), str):
        raise PlatformUnreadable(
            f"the platform's {kind} {quoted(theirs)} has no {NAME_OF[kind]}: what was read is not "
            "complete"
        )
    for field, value in row.items():
        if isinstance(value, str) or (field == "attributes" and isinstance(value, Mapping)):
            continue
        raise PlatformUnreadable(
            f"the platform's {kind} {quoted(theirs)} has {field} {quoted(repr(value))}, "
            "which is not text: the adapter has to turn it into text"
        )


def _check_references(contents: Contents, kind: ObjectKind, theirs: str, row: Row) -> None:
    """What an object refers to was read, too."""
    for field, target_kind in REFERENCES.items():
        target = row.get(field, "")
        if target and target not in _rows(contents, target_kind):
            raise PlatformUnreadable(
                f"the platform's {kind} {quoted(theirs)} refers to the {target_kind} "
                f"{quoted(target)}, which it does not list: what was read is not complete"
            )


def _check_status(user: str, row: Row) -> None:
    if row.get("status", "active") not in ALL_STATUSES:
        raise PlatformUnreadable(
            f"the platform's user {quoted(user)} has the status {quoted(row['status'])}, which "
            "the adapter does not translate"
        )


def _check_links(contents: Contents, kind: LinkKind) -> None:
    """What is linked was read, too."""
    for pair in contents.links.get(kind, ()):
        for end, end_kind in zip(pair, ENDS[kind], strict=True):
            if end_kind is not None and end not in _rows(contents, end_kind):
                raise PlatformUnreadable(
                    f"the platform lists a {kind} of {end_kind} {quoted(end)}, "
                    f"and no such {end_kind}: what was read is not complete. "
                    "Run again; if that does not help, "
                    "the application has to be repaired"
                )


def _check_names(kind: ObjectKind, rows: Mapping[str, Row]) -> None:
    """Changes speak in names, so two users of one name could be taken for each other."""
    field = NAME_OF[kind]
    if kind == "department":
        counted = Counter((row.get("parent", ""), row[field]) for row in rows.values())
    else:
        counted = Counter(("", row[field]) for row in rows.values())
    for (_, name), number in counted.most_common(1):
        if number > 1:
            raise PlatformUnreadable(
                f"the platform has {number} {kind}s called {quoted(name)}, which reconcile "
                "cannot distinguish: rename all but one of them"
            )
