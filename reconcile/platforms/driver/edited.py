"""The book as edits would leave it, computed: for a plan, which must not write it."""

from collections.abc import Iterable

import msgspec

from reconcile.model.book import Book, Drop, Edit, Known, Put, PutSource, Tie
from reconcile.model.platform import ObjectKind, Source
from reconcile.platforms.driver.merge import UNKNOWN
from reconcile.platforms.driver.vocabulary import ENDS

replace = msgspec.structs.replace


def edited(book: Book, edits: Iterable[tuple[Edit, str]]) -> Book:
    """The book after the edits, each with the platform's id of what its step created.

    An object that is new has the id that `merge` gives to those the book does not have.
    """
    copy = _Copy(book)
    for edit, created in edits:
        match edit:
            case Put():
                copy.put(edit, edit.platform_id or created)
            case Drop():
                copy.drop(edit)
            case Tie():
                copy.tie(edit, created)
            case PutSource():
                copy.put_source(edit)
    return replace(
        book,
        sources=tuple(copy.sources.values()),
        objects=copy.objects,
        links=copy.links,
        supplied=frozenset(copy.supplied),
    )


class _Copy:
    """A book that is edited; the ledger's own `Editor` does the same to its tables."""

    def __init__(self, book: Book) -> None:
        self.sources = {source.name: source for source in book.sources}
        self.objects = dict(book.objects)
        self.links = dict(book.links)
        self.supplied = set(book.supplied)

    def put(self, edit: Put, platform_id: str) -> None:
        """An object as it is to be remembered."""
        key = (edit.kind, platform_id)
        old = self.objects.get(key) or Known(UNKNOWN + platform_id, edit.kind, platform_id)
        if edit.forget:
            self.supplied.discard((old.source, old.external_id))
        self.objects[key] = replace(old, **edit.fields)

    def drop(self, edit: Drop) -> None:
        """An object goes, and its links with it."""
        old = self.objects.pop((edit.kind, edit.platform_id), None)
        if old is None:
            return
        if edit.by_run:
            self.supplied.discard((old.source, old.external_id))
        for link in list(self.links):
            if (edit.kind, old.id) in zip(ENDS[link[0]], link[1:], strict=True):
                del self.links[link]

    def tie(self, edit: Tie, created: str) -> None:
        """A link gets another origin, or none; one of which an end is not known is left out."""
        member_kind, holder_kind = ENDS[edit.kind]
        member = self._id(member_kind, edit.pair[0] or created)
        # A role is known by its name.
        holder = self._id(holder_kind, edit.pair[1]) if holder_kind else edit.pair[1]
        if not member or not holder:
            return
        self.links.pop((edit.kind, member, holder), None)
        if edit.origin:
            self.links[edit.kind, member, holder] = edit.origin

    def _id(self, kind: ObjectKind, platform_id: str) -> str:
        """Our id of an object; "" where the book does not have it."""
        known = self.objects.get((kind, platform_id))
        return known.id if known is not None else ""

    def put_source(self, edit: PutSource) -> None:
        """A source as it is to be remembered, under its new name if it gets one."""
        source = self.sources.pop(edit.name, None) or Source(edit.name, "")
        name = edit.rename or edit.name
        self.sources[name] = replace(source, **edit.fields, name=name)
