"""Requests and entries by libldap, which has one end of a socket pair and sees no server.

libldap waits where no signal or deadline ends it, and collects whatever a server announces. So it
only gets whole messages that were already checked, and parses them; they are complete, or libldap
is at fault.
"""

import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from reconcile.directories.connection import messages
from reconcile.directories.connection.messages import Slice
from reconcile.directories.over_python_ldap import library
from reconcile.directories.over_python_ldap.library import LDAPError, Undecodable, ldap
from reconcile.directories.search.search import RawEntry, Search

_SCOPES: Final = {
    "base": ldap.SCOPE_BASE,
    "one": ldap.SCOPE_ONELEVEL,
    "subtree": ldap.SCOPE_SUBTREE,
}
_READ_SIZE: Final = 1 << 20
_IN_VAIN: Final = 100
"""How often libldap is asked for waiting messages while it takes none."""
_KNOWN: Final = 1000
"""How many lists of names are remembered."""


class _LowerCase(dict[tuple[str, ...], tuple[str, ...]]):
    """The names of an entry's attributes → the same in lower case; most entries have the same ones.

    Raises ValueError for a duplicate name: libldap gives the values of the first one to each of
    them.
    """

    def __missing__(self, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(names) > messages.MOST_ATTRIBUTES:
            raise ValueError(
                f"an entry of {len(names)} attributes, more than the {messages.MOST_ATTRIBUTES} "
                "it may have"
            )
        lower = tuple([name.lower() for name in names])
        if len(set(lower)) != len(lower):
            raise ValueError(f"an entry has an attribute twice: {', '.join(names)}")
        if len(self) >= _KNOWN:
            self.clear()
        self[names] = lower
        return lower


class PythonLdap:
    """Writes requests and reads entries."""

    def __init__(self) -> None:
        self._far, near = socket.socketpair()
        self._far.setblocking(False)
        near.setblocking(False)
        self._connection = library.Connection("ldap://nobody", fileno=near.detach())
        self._lower = _LowerCase()
        # With everything set that ldap.conf and the environment might have set otherwise.
        for option, value in (
            (ldap.OPT_REFERRALS, ldap.OPT_OFF),
            (ldap.OPT_DEREF, ldap.DEREF_NEVER),
            (ldap.OPT_SIZELIMIT, 0),
            (ldap.OPT_TIMELIMIT, 0),
            (
                ldap.OPT_URI,
                library.NO_CONNECTION,
            ),  # otherwise it would connect by itself after a fault
        ):
            self._connection.set_option(option, value)

    def request(self, search: Search, page_size: int, cookie: bytes) -> tuple[int, bytes]:
        """Number and bytes of the request for a page. Raises ValueError."""
        try:
            number: int = self._connection.search_ext(
                search.base,
                _SCOPES[search.scope],
                search.filter,
                list(search.attributes),
                serverctrls=[library.page(page_size, cookie)] if page_size else None,
                timeout=search.seconds or -1,
            )
            return number, self._written(number)
        except (LDAPError, TypeError) as error:
            raise ValueError(library.why(error)) from error

    def _written(self, number: int) -> bytes:
        """The whole message that libldap has written, or still writes when asked for an answer."""
        data = bytearray()
        for _ in range(_IN_VAIN):
            with suppress(BlockingIOError):
                while chunk := self._far.recv(_READ_SIZE):
                    data += chunk
            whole = bytes(data)
            if (length := messages.size(whole, 0)) and length == len(whole):
                return whole
            if data and len(data) > length > 0:
                break
            self._connection.next(number, [])
        raise ValueError("libldap does not write the request")

    def entries(self, number: int, slices: Sequence[Slice], done: Slice) -> list[RawEntry]:
        """The entries of a page. Raises ValueError."""
        lower = self._lower
        pieces = [data[begin:end] for data, begin, _, end in (*slices, done)]
        try:
            entries = self._taken_apart(number, b"".join(pieces), len(slices))
        except LDAPError as error:
            raise ValueError(library.why(error)) from error
        return [RawEntry(dn, lower[tuple(some)], tuple(some.values())) for dn, some in entries]

    def _taken_apart(self, number: int, data: bytes, count: int) -> list[library.Entry]:
        entries: list[library.Entry] = []
        rest, idle = memoryview(data), 0
        while idle < _IN_VAIN:
            with suppress(BlockingIOError):
                while rest:
                    rest = rest[self._far.send(rest) :]
                    idle = 0
            before = len(entries)
            if self._connection.next(number, entries) is not None:
                if len(entries) != count or rest:
                    raise Undecodable("libldap does not find all entries of a page")
                return entries
            idle = 0 if len(entries) > before else idle + 1
        raise Undecodable("libldap does not take what came for a message")

    def close(self) -> None:
        """Closes libldap's end, and the other one."""
        with suppress(LDAPError):
            self._connection.unbind_ext()
        self._far.close()
