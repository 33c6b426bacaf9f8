"""Searches over one open connection by python-ldap: paged, complete, and every page's result looked at.

Messages are taken one at a time, so that a large page may take as long as it needs while something comes. The next page
is asked for before the last one is handed on, so that server and client work at the same time.
"""

import logging
from collections.abc import Iterator
from typing import Final, NamedTuple

from reconcile.directories import failures, ldapsearch
from reconcile.directories.failures import Reader
from reconcile.directories.over_python_ldap import library
from reconcile.directories.over_python_ldap.library import Connection, Entry, LDAPError, failure, ldap
from reconcile.directories.searching import RawEntry, Search
from reconcile.errors import SourceUnreadable

log = logging.getLogger("reconcile.directories")

_SCOPES: Final = {"base": ldap.SCOPE_BASE, "one": ldap.SCOPE_ONELEVEL, "subtree": ldap.SCOPE_SUBTREE}
_DONE, _REFERENCE = ldap.RES_SEARCH_RESULT, ldap.RES_SEARCH_REFERENCE


class _LowerCase(dict[tuple[str, ...], tuple[str, ...]]):
    """The names of an entry's attributes → the same in lower case; most entries have the same ones.

    Raises ValueError for a name that is there twice: libldap has given the values of the first one to each of them.
    """

    def __missing__(self, names: tuple[str, ...]) -> tuple[str, ...]:
        lower = tuple([name.lower() for name in names])
        if len(set(lower)) != len(lower):
            raise ValueError(f"an entry has an attribute twice: {', '.join(names)}")
        self[names] = lower
        return lower


class _Page(NamedTuple):
    """The entries of one page as python-ldap gives them, and what to ask the next one with; None where unasked."""

    entries: list[Entry]
    cookie: bytes | None


class PythonLdapSession:
    """One bound connection. After any error it is of no more use: close it."""

    def __init__(self, connection: Connection, reader: Reader, patience: float, command: str) -> None:
        """`patience` is how many seconds nothing may come, `command` the start of an equal `ldapsearch`."""
        self._connection = connection
        self._reader = reader
        self._patience = patience
        self._command = command
        self._lower = _LowerCase()

    @property
    def place(self) -> str:
        """The server's URL, as the settings spell it."""
        return self._reader.place

    def search(self, search: Search) -> Iterator[list[RawEntry]]:
        """The entries found, page by page. Raises SourceUnreadable unless there is nothing else to find."""
        page_size = 0 if search.scope == "base" else self._reader.page_size
        log.info("%s %s", self._command, ldapsearch.rest(search, page_size))
        total, lower = 0, self._lower
        number: int | None = self._request(search, page_size, b"")
        while number is not None:
            entries, cookie = self._page(search, number, total)
            total += len(entries)
            if page_size and cookie is None:
                raise failures.unpaged(self.place, search, total)
            number = self._request(search, page_size, cookie) if page_size and cookie else None
            try:
                made = [RawEntry(dn, lower[tuple(some)], tuple(some.values())) for dn, some in entries]
            except ValueError as error:
                raise failures.garbled(self.place, search, error) from error
            yield made

    def close(self) -> None:
        """Says goodbye if the server still listens."""
        try:
            self._connection.unbind_ext()
        except LDAPError as error:
            log.debug("%s: no goodbye: %s", self.place, failure(error).why)

    def _request(self, search: Search, page_size: int, cookie: bytes) -> int:
        """Sends the request for one page and returns its number; page size 0 asks without paging."""
        controls = [library.page(page_size, cookie)] if page_size else None
        try:
            number: int = self._connection.search_ext(
                search.base,
                _SCOPES[search.scope],
                search.filter,
                list(search.attributes),
                serverctrls=controls,
                timeout=search.seconds or -1,
            )
        except LDAPError as error:
            if library.unaskable(error):
                raise failures.unaskable(self.place, search, failure(error).why) from error
            raise failures.broken(self.place, search, failure(error).why, 0) from error
        except (TypeError, ValueError) as error:
            raise failures.unaskable(self.place, search, error) from error
        return number

    def _page(self, search: Search, number: int, before: int) -> _Page:
        """Everything up to the server's "done", which has to be a success."""
        entries: list[Entry] = []
        try:
            while True:
                kind, found, controls = self._connection.message(number, self._patience, entries)
                if kind == _DONE:
                    return _Page(entries, library.cookie(controls))
                if kind == _REFERENCE:
                    urls = [url for _, some, *_ in found for url in some]
                    if not all(map(search.elsewhere, urls)):
                        raise failures.referred(self.place, search, urls)
                elif kind != ldap.RES_INTERMEDIATE:
                    raise failures.garbled(self.place, search, f"operation {kind:#04x} does not answer a search")
        except LDAPError as error:
            raise self._failed(search, error, before + len(entries)) from error
        except ValueError as error:
            raise failures.garbled(self.place, search, error) from error

    def _failed(self, search: Search, error: Exception, entries: int) -> SourceUnreadable:
        answer, why = failure(error)
        if answer is not None:
            return failures.refused(self._reader, search, answer, entries)
        if library.malformed(error):
            return failures.garbled(self.place, search, why)
        return failures.broken(
            self.place, search, failures.silent(self._patience) if library.timed_out(error) else why, entries
        )
