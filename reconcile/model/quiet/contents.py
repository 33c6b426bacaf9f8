"""What was read of a platform that is not read as rows, and the book about it, as one digest."""

from collections.abc import Iterable, Iterator

import msgspec

from reconcile.model.book import Book
from reconcile.model.platform import Contents
from reconcile.model.quiet.tally import Tally, combined, digest, encoded


def of_contents(contents: Contents, key: bytes) -> bytes:
    """64 bytes: the same for the same contents in any order."""
    rest = {
        name: value
        for name, value in zip(contents._fields, contents, strict=True)
        if name not in ("rows", "links")
    }
    parts = [
        ("rows", _tally(_rows(contents), key)),
        ("links", _tally(_links(contents), key)),
        ("rest", digest({name: _plain(value) for name, value in rest.items()}, key)),
    ]
    return combined(parts, key)


def of_book(book: Book, key: bytes) -> bytes:
    """64 bytes: the same for the same book in any order."""
    parts = [
        ("sources", _tally(map(encoded, book.sources), key)),
        ("readings", _tally(map(encoded, book.readings), key)),
        ("objects", _tally(map(encoded, book.objects.items()), key)),
        ("links", _tally(map(encoded, book.links.items()), key)),
        ("supplied", _tally(map(encoded, book.supplied), key)),
    ]
    if len(parts) != len(msgspec.structs.fields(Book)):
        raise TypeError("a part of the book is missing from its digest")
    return combined(parts, key)


def _tally(pieces: Iterable[bytes], key: bytes) -> bytes:
    tally = Tally(key)
    tally.add(pieces)
    return tally.digest()


def _rows(contents: Contents) -> Iterator[bytes]:
    for kind, rows in contents.rows.items():
        for theirs, row in rows.items():
            yield encoded((kind, theirs, row))


def _links(contents: Contents) -> Iterator[bytes]:
    for kind, pairs in contents.links.items():
        # A link that is listed twice is one link.
        for pair in set(pairs):
            yield encoded((kind, pair))


def _plain(value: object) -> object:
    """A value whose order says nothing, in an order."""
    if isinstance(value, str) or not isinstance(value, Iterable) or isinstance(value, dict):
        return value
    return sorted(value)
