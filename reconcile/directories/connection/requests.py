"""One search in progress: what was requested, what arrived, and whether that can be true.

An endless stream looks like an answer at every single moment. It is recognised by what no real
server does: more entries than requested for a page, the same page again, many pages without any
entry.
"""

from collections.abc import Sequence
from typing import Final

from reconcile.directories.connection import messages
from reconcile.directories.connection.messages import Message, Slice
from reconcile.directories.search.search import Search

_LARGEST_COOKIE: Final = 1 << 16
"""Bytes; those of real servers have a few hundred at most."""
_EMPTY_PAGES: Final = 1000
"""How many pages without an entry may follow each other: a server may pause where it looks through
many entries."""
_ASIDES: Final = 10_000
"""How many references, and how many intermediate messages, one page may bring: some servers repeat
them in each."""


class Unbelievable(ValueError):
    """The server sends what was not requested, or what cannot be an answer."""


class Asked:
    """A search, and what has arrived for it over all of its pages."""

    def __init__(self, search: Search, page_size: int) -> None:
        """Page size 0 is without pages."""
        self.search = search
        self.page_size = page_size
        self.found = 0
        """How many entries came."""
        self.left_out: Sequence[str] = ()
        """The URLs of the first reference that may not be left out."""
        self._answered = 0
        """How many references came on earlier pages."""
        self._references = 0
        self._intermediate = 0
        self._empty = 0
        self._first: set[int] = set()

    @property
    def answers(self) -> int:
        """How many messages answered a request; another number means that there are more."""
        return self.found + self._answered + self._references

    def entries(self, more: int, in_page: int) -> None:
        """Counts further entries, and those in the current page. Raises Unbelievable."""
        self.found += more
        most = 1 if self.search.scope == "base" else self.page_size
        if most and in_page > most:
            raise Unbelievable(
                f"the server sends {in_page} entries or more where it was asked for {most}"
            )

    def aside(self, data: bytes, message: Message) -> None:
        """Handles a message that is not an entry. Raises ValueError."""
        if message.operation == messages.REFERENCE:
            self._references += 1
            urls = messages.urls(data, message.start, message.stop)
            if not self.left_out and not all(map(self.search.elsewhere, urls)):
                self.left_out = urls
        elif message.operation == messages.INTERMEDIATE:
            self._intermediate += 1
        else:
            raise messages.Malformed(f"operation {message.operation:#04x} does not answer a search")
        if max(self._references, self._intermediate) > _ASIDES:
            raise Unbelievable(
                f"the server sends more than {_ASIDES} references or intermediate messages"
            )

    def page(self, entries: Sequence[Slice], cookie: bytes) -> None:
        """A page is complete; the next one is requested with `cookie`, if that is not empty.

        Raises Unbelievable.
        """
        self._answered += self._references
        self._references = self._intermediate = 0
        if len(cookie) > _LARGEST_COOKIE:
            raise Unbelievable(
                f"the server wants {len(cookie)} bytes back with the request for the next page "
                "(a cookie)"
            )
        if not entries:
            self._empty += 1
            if cookie and self._empty > _EMPTY_PAGES:
                raise Unbelievable(
                    f"the server sends more than {_EMPTY_PAGES} pages without any entry"
                )
            return
        self._empty = 0
        data, at, end = entries[0]
        first = hash(data[at:end])
        if first in self._first:
            raise Unbelievable("the server sends the same page again")
        self._first.add(first)
