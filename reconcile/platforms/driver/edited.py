"""The book as edits would leave it, computed: for a plan, which must not write it."""

from collections.abc import Iterable

import msgspec

from reconcile.model.book import Book, Drop, Edit, Known, Put, PutSource, Tie
from reconcile.model.platform import LinkKind, ObjectKind, Source
from reconcile.platforms.driver.merge import ENDS, UNKNOWN

replace = msgspec.structs.replace


def edited(book: Book, edits: Iterable[tuple[Edit, str]]) -> Book:
    """The book after the edits, each with the platform's id of what its step created.

    An object that is new has the id that `merge` gives to those the book does not have.
    """
    for edit, created in edits:
        match edit:
            case Put():
                book = _put(book, edit, edit.platform_id or created)
            case Drop():
                book = _drop(book, edit)
            case Tie():
                book = _tie(book, edit, created)
            case PutSource():
                book = _put_source(book, edit)
    return book


def _put(book: Book, edit: Put, platform_id: str) -> Book:
    key = (edit.kind, platform_id)
    old = book.objects.get(key) or Known(UNKNOWN + platform_id, edit.kind, platform_id)
    supplied = book.supplied
    if edit.forget:
        supplied -= {(old.source, old.external_id)}
    new = replace(old, **edit.fields)
    return replace(book, objects={**book.objects, key: new}, supplied=supplied)


def _drop(book: Book, edit: Drop) -> Book:
    key = (edit.kind, edit.platform_id)
    old = book.objects.get(key)
    if old is None:
        return book
    objects = {other: entry for other, entry in book.objects.items() if other != key}
    links = {
        link: origin
        for link, origin in book.links.items()
        if not _ends_with(link, edit.kind, old.id)
    }
    gone = {(old.source, old.external_id)} if edit.by_run else set()
    return replace(book, objects=objects, links=links, supplied=book.supplied - gone)


def _ends_with(link: tuple[LinkKind, str, str], kind: ObjectKind, own: str) -> bool:
    member_kind, holder_kind = ENDS[link[0]]
    return (member_kind == kind and link[1] == own) or (holder_kind == kind and link[2] == own)


def _tie(book: Book, edit: Tie, created: str) -> Book:
    member_kind, holder_kind = ENDS[edit.kind]
    member = book.objects.get((member_kind, edit.pair[0] or created))
    holder: str | None = edit.pair[1]
    if holder_kind is not None:
        group = book.objects.get((holder_kind, edit.pair[1]))
        holder = group.id if group is not None else None
    if member is None or holder is None:
        return book
    link = (edit.kind, member.id, holder)
    links = {other: origin for other, origin in book.links.items() if other != link}
    if edit.origin:
        links[link] = edit.origin
    return replace(book, links=links)


def _put_source(book: Book, edit: PutSource) -> Book:
    sources = {source.name: source for source in book.sources}
    source = sources.pop(edit.name, None) or Source(edit.name, "")
    sources[edit.rename or edit.name] = replace(
        source, **edit.fields, name=edit.rename or edit.name
    )
    return replace(book, sources=tuple(sources.values()))
