"""Searches over one open connection: paged, complete, and every page's result looked at.

The next page is asked for before the last one is decoded, so that server and client work at the
same time. Nothing is followed
or left out: whatever is not an entry or a success raises SourceUnreadable. A server is trusted only
as far as it answers what it was asked.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from reconcile.directories import errors
from reconcile.directories.connection import ldapsearch_log, messages, scopes
from reconcile.directories.connection.allowance import UNUSED, Allowance, TooMuch
from reconcile.directories.connection.messages import Message, Slice
from reconcile.directories.connection.requests import Asked, Unbelievable
from reconcile.directories.connection.wire import TooLarge, Wire
from reconcile.directories.deadlines import READ, TOTAL, Deadline, Overdue, after
from reconcile.directories.errors import NoSuchObject, Reader
from reconcile.directories.over_ldap3.search_request import search_request
from reconcile.directories.search.search import RawEntry, Search, question
from reconcile.errors import SourceUnreadable
from reconcile.model.quiet.tally import Tally
from reconcile.model.quiet.trace import Trace

log = logging.getLogger("reconcile.directories")

_GOODBYE: Final = 1.0
"""Seconds that saying goodbye may take."""
_BEFORE_SEARCHES: Final = 100
"""Numbers of messages up to this one are left to the bind."""
_LAST: Final = 2**31 - 1
"""The number of the last message, which no other has."""


class _Page(NamedTuple):
    """The entries of one page, undecoded, and whether there is another."""

    entries: list[Slice]
    cookie: bytes
    """What to ask the next page with; empty after the last."""


class LdapSession:
    """One bound connection. After any error it is of no more use: close it."""

    def __init__(self, wire: Wire, reader: Reader, patience: float) -> None:
        """`patience` is how many seconds each answer may take."""
        self._wire = wire
        self._reader = reader
        self._patience = patience
        self._allowance = UNUSED
        self._number = _BEFORE_SEARCHES
        self.trace: Trace | None = None

    @property
    def place(self) -> str:
        """The server's URL, as the settings spell it."""
        return self._reader.place

    def begin(self, allowance: Allowance) -> None:
        """A read of the source begins, with what it may take."""
        self._allowance = allowance

    def search(self, search: Search) -> Iterator[list[RawEntry]]:
        """The entries found, page by page.

        Raises SourceUnreadable unless there is nothing else to find.
        """
        asked = self._asked(search)
        with self._traced(search) as tally:
            for page in self._pages(asked):
                if tally is not None:
                    tally.add(_pieces(page))
                with self._explained(asked):
                    entries = _decoded(page)
                    scopes.check(search, [entry.dn for entry in entries])
                yield entries

    def count(self, search: Search, tally: Tally) -> None:
        """Adds the entries found, undecoded; as complete as `search`, and raises the same."""
        for page in self._pages(self._asked(search)):
            tally.add(_pieces(page))

    def _asked(self, search: Search) -> Asked:
        return Asked(search, 0 if search.scope == "base" else self._reader.page_size)

    def _pages(self, asked: Asked) -> Iterator[list[Slice]]:
        """The entries of each page, undecoded, once the next page is asked for."""
        rest = ldapsearch_log.rest(asked.search, asked.page_size)
        log.info("%s %s", self._reader.command, rest)
        with self._explained(asked):
            number = self._request(asked, b"")
        while number:
            with self._explained(asked):
                page = self._page(asked, number)
                asked.page(page.entries, page.cookie)
                number = self._request(asked, page.cookie) if page.cookie else 0
            yield page.entries

    @contextmanager
    def _traced(self, search: Search) -> Iterator[Tally | None]:
        """A tally for the answer to a search, if anyone wants it; how it ends is written down."""
        trace = self.trace
        if trace is None:
            yield None
            return
        tally = trace.ask(question(search))
        try:
            yield tally
        except NoSuchObject:
            trace.end(f"{self.place}: no such object")
            raise
        except SourceUnreadable:
            trace.refuse("a search of it was not answered")
            raise

    def close(self) -> None:
        """Says goodbye if the server still listens."""
        try:
            self._wire.deadline = after(_GOODBYE, READ)
            self._wire.send(messages.goodbye(_LAST))
        except OSError as error:
            log.debug("%s: no goodbye: %s", self.place, error)
        self._wire.close()

    @contextmanager
    def _explained(self, asked: Asked) -> Iterator[None]:
        """Turns errors in the block into the SourceUnreadable that describes them."""
        place, search = self.place, asked.search
        try:
            yield
        except Overdue as error:
            if error.deadline.setting == TOTAL:
                raise errors.out_of_time(
                    f"{place}: {search}", error.deadline, asked.found
                ) from error
            raise errors.silent(place, search, str(error), asked.found) from error
        except OSError as error:
            raise errors.broken(place, search, str(error), asked.found) from error
        except TooMuch as error:
            raise errors.too_much(place, search, str(error), asked.found) from error
        except TooLarge as error:
            most = self._allowance.entry_size
            what = f"a message has {error.size} bytes, more than {most} (limits.entry_size)"
            raise errors.too_much(place, search, what, asked.found) from error
        except Unbelievable as error:
            raise errors.unbelievable(place, search, str(error), asked.found) from error
        except ValueError as error:
            raise errors.garbled(place, search, error) from error

    def _request(self, asked: Asked, cookie: bytes) -> int:
        """Sends the request for one page and returns its number."""
        self._number += 1
        try:
            request = search_request(self._number, asked.search, asked.page_size, cookie)
        except ValueError as error:
            raise errors.unaskable(self.place, asked.search, error) from error
        if self._wire.unasked():
            raise self._unasked()
        self._wire.deadline = self._soon()
        self._wire.send(request)
        return self._number

    def _soon(self) -> Deadline:
        """The deadline for the next answer."""
        return after(self._patience, READ, self._allowance.until)

    def _unasked(self) -> Exception:
        """The error for a message before any request: usually the server's goodbye."""
        data = self._wire.rest
        length = messages.size(data, 0)
        if (
            length
            and length <= len(data)
            and (message := messages.message(data, 0, length)).id == 0
        ):
            return _unexpected(data, message)
        return Unbelievable("the server answers before it was asked")

    def _page(self, asked: Asked, number: int) -> _Page:
        """Everything up to the server's "done", which has to be a success."""
        entries: list[Slice] = []
        while True:
            answers, left_over = asked.answers, len(self._wire.rest)
            data = self._wire.receive(self._allowance.entry_size)
            self._allowance.received(len(data) - left_over)
            position, end, before = 0, len(data), len(entries)
            while position < end:
                some, position = messages.entries(data, position, number)
                entries += some
                length = messages.size(data, position)
                if not length or position + length > end:
                    break
                begin, position = position, position + length
                message = messages.message(data, begin, position)
                if message.id != number:
                    raise _unexpected(data, message)
                if message.operation == messages.ENTRY:
                    messages.count(data, message.start, message.stop)
                    entries.append((data, message.at, position))
                elif message.operation == messages.DONE:
                    self._wire.rest = data[position:]
                    self._found(asked, len(entries) - before, len(entries))
                    return _Page(entries, self._done(asked, data, message))
                else:
                    asked.aside(data, message)
            self._wire.rest = data[position:]
            self._found(asked, len(entries) - before, len(entries))
            if asked.answers != answers:  # a byte, or a message that answers nothing, wins no time
                self._wire.deadline = self._soon()

    def _found(self, asked: Asked, more: int, in_page: int) -> None:
        asked.entries(more, in_page)
        self._allowance.found(more)

    def _done(self, asked: Asked, data: bytes, message: Message) -> bytes:
        """The cookie of the next page.

        Raises unless the server says success and shows everything.
        """
        result = messages.result(data, message.start, message.stop)
        if result.code:
            raise errors.refused(self._reader, asked.search, result, asked.found)
        if asked.left_out:  # said at the end, so that the connection serves the next search
            raise errors.referred(self.place, asked.search, asked.left_out)
        if not asked.page_size:
            return b""
        cookie = messages.cookie(data, message)
        if cookie is None:
            raise errors.unpaged(self.place, asked.search, asked.found)
        return cookie


def _decoded(slices: list[Slice]) -> list[RawEntry]:
    """The entries of a page. Raises ValueError."""
    span, entry, kind = messages.span, messages.entry, messages.ENTRY
    return [entry(data, *span(data, at, end, kind)) for data, at, end in slices]


def _pieces(slices: list[Slice]) -> Iterator[bytes]:
    """The bytes of each entry, with its controls and without the number of the message."""
    return (data[at:end] for data, at, end in slices)


def _unexpected(data: bytes, message: Message) -> Exception:
    """The error for a message that answers no request: usually the server's goodbye."""
    if message.id == 0 and message.operation == messages.EXTENDED:
        return ConnectionResetError(
            f"the server ended the connection: {messages.result(data, message.start, message.stop)}"
        )
    return messages.Malformed(f"message {message.id} does not answer any request")
