"""Searches over one open connection: paged, complete, and every page's result looked at.

ldap3 writes the requests; the answers are read here (why: see `messages`). The next page is asked for before the last
one is decoded, so that server and client work at the same time. Nothing is followed or left out: whatever is not an
entry or a success raises SourceUnreadable.
"""

import logging
from collections.abc import Iterator
from typing import Final, NamedTuple

from reconcile.directories import failures, ldapsearch
from reconcile.directories.failures import ConnectionBroken, Reader
from reconcile.directories.library import LDAPException, ldap3, paged_search_control, search_operation
from reconcile.directories.over_ldap3 import messages
from reconcile.directories.searching import RawEntry, Search
from reconcile.errors import SourceUnreadable

log = logging.getLogger("reconcile.directories")

_SCOPES: Final = {"base": ldap3.BASE, "one": ldap3.LEVEL, "subtree": ldap3.SUBTREE}
_READ_SIZE: Final = 1 << 20
_LARGEST: Final = 1 << 28
"""No message is larger than 256 MiB: a group of two million members is not."""


class _Page(NamedTuple):
    """The entries of one page, undecoded, each with the bytes it stands in."""

    entries: list[tuple[bytes, messages.Message]]
    done: messages.Message
    data: bytes
    """The bytes that `done` stands in."""


class LdapThreeSession:
    """One bound connection. After any error it is of no more use: close it."""

    def __init__(self, connection: ldap3.Connection, reader: Reader, command: str) -> None:
        """`command` is the start of an equal `ldapsearch`."""
        self._connection = connection
        self._reader = reader
        self._command = command
        self._rest = b""

    @property
    def place(self) -> str:
        """The server's URL, as the settings spell it."""
        return self._reader.place

    def search(self, search: Search) -> Iterator[list[RawEntry]]:
        """The entries found, page by page. Raises SourceUnreadable unless there is nothing else to find."""
        page_size = 0 if search.scope == "base" else self._reader.page_size
        log.info("%s %s", self._command, ldapsearch.rest(search, page_size))
        total = 0
        number = self._request(search, page_size, b"")
        while number:
            page = self._page(search, number, total)
            total += len(page.entries)
            self._succeeded(search, page, total)
            cookie = self._cookie(search, page, total) if page_size else b""
            number = self._request(search, page_size, cookie) if cookie else 0
            try:
                entries = [messages.entry(data, found.start, found.stop) for data, found in page.entries]
            except ValueError as error:
                raise self._garbled(search, error) from error
            yield entries

    def close(self) -> None:
        """Says goodbye if the server still listens."""
        try:
            self._connection.unbind()
        except (LDAPException, OSError) as error:
            log.debug("%s: no goodbye: %s", self.place, error)
            self._connection.strategy.close()

    def _request(self, search: Search, page_size: int, cookie: bytes) -> int:
        """Sends the request for one page and returns its number; page size 0 asks without paging."""
        # Critical: a server that cannot page has to say so instead of sending what it likes.
        controls = [paged_search_control(True, page_size, cookie)] if page_size else None
        try:
            request = search_operation(
                search.base,
                search.filter,
                _SCOPES[search.scope],
                ldap3.DEREF_NEVER,
                list(search.attributes),
                size_limit=0,
                time_limit=search.seconds,
                types_only=False,
                auto_escape=False,
                auto_encode=False,
            )
        except (LDAPException, ValueError) as error:
            raise failures.unaskable(self.place, search, error) from error
        try:
            number: int = self._connection.strategy.send("searchRequest", request, controls)
        except (LDAPException, OSError) as error:
            raise self._broken(search, str(error), 0) from error
        return number

    def _page(self, search: Search, number: int, before: int) -> _Page:
        """Everything up to the server's "done"."""
        entries: list[tuple[bytes, messages.Message]] = []
        left_out: tuple[str, ...] = ()
        try:
            while True:
                whole = self._complete(self._rest, 0)
                data = self._rest if whole else self._receive(search, before + len(entries))
                position = 0
                while length := self._complete(data, position):
                    found = messages.message(data, position, position + length)
                    position += length
                    if found.id != number:
                        raise self._unexpected(search, data, found, before + len(entries))
                    if found.operation == messages.ENTRY:
                        entries.append((data, found))
                    elif found.operation == messages.DONE:
                        self._rest = data[position:]
                        if left_out:  # said at the end, so that the connection serves the next search
                            raise failures.referred(self.place, search, left_out)
                        return _Page(entries, found, data)
                    elif found.operation == messages.REFERENCE:
                        urls = messages.urls(data, found.start, found.stop)
                        if not left_out and not all(map(search.elsewhere, urls)):
                            left_out = urls
                    elif found.operation != messages.INTERMEDIATE:
                        raise messages.Malformed(f"operation {found.operation:#04x} does not answer a search")
                self._rest = data[position:]
        except ValueError as error:
            raise self._garbled(search, error) from error

    @staticmethod
    def _complete(data: bytes, position: int) -> int:
        """The length of the message at `position` if all of it is there, else 0."""
        length = messages.size(data, position)
        return length if position + length <= len(data) else 0

    def _receive(self, search: Search, entries: int) -> bytes:
        """What was left over, and as much more as makes at least one whole message."""
        chunks = [self._rest]
        have = len(self._rest)
        needed = messages.size(self._rest, 0)
        while have < needed or not needed:
            chunk = self._chunk(search, entries)
            chunks.append(chunk)
            have += len(chunk)
            if not needed:  # Known as soon as the first few bytes are there; from then on chunks are only collected.
                chunks = [b"".join(chunks), b""]
                needed = messages.size(chunks[0], 0)
            if needed > _LARGEST:
                raise messages.Malformed(f"a message of {needed} bytes")
        return b"".join(chunks)

    def _chunk(self, search: Search, entries: int) -> bytes:
        """What the server has sent meanwhile; waits for something."""
        try:
            chunk: bytes = self._connection.socket.recv(_READ_SIZE)
        except TimeoutError as error:
            raise self._broken(search, failures.silent(self._connection.socket.gettimeout()), entries) from error
        except OSError as error:
            raise self._broken(search, str(error), entries) from error
        if not chunk:
            raise self._broken(search, "the server closed the connection", entries)
        return chunk

    def _cookie(self, search: Search, page: _Page, entries: int) -> bytes:
        """What to ask the next page with; empty after the last."""
        try:
            cookie = messages.cookie(page.data, page.done)
        except ValueError as error:
            raise self._garbled(search, error) from error
        if cookie is None:
            raise failures.unpaged(self.place, search, entries)
        return cookie

    def _succeeded(self, search: Search, page: _Page, entries: int) -> None:
        """Raises unless the server says success; ldap3 would let "size limit exceeded" pass."""
        try:
            result = messages.result(page.data, page.done.start, page.done.stop)
        except ValueError as error:
            raise self._garbled(search, error) from error
        if result.code:
            raise failures.refused(self._reader, search, result, entries)

    def _unexpected(self, search: Search, data: bytes, found: messages.Message, entries: int) -> Exception:
        """The error for a message that belongs to no request of ours: usually the server's goodbye."""
        if found.id == 0 and found.operation == messages.EXTENDED:
            result = messages.result(data, found.start, found.stop)
            return self._broken(search, f"the server ended the connection: {result}", entries)
        return messages.Malformed(f"message {found.id} answers nothing that was asked")

    def _broken(self, search: Search, why: str, entries: int) -> ConnectionBroken:
        return failures.broken(self.place, search, why, entries)

    def _garbled(self, search: Search, error: ValueError) -> SourceUnreadable:
        return failures.garbled(self.place, search, error)
