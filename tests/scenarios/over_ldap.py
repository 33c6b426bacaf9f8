"""A server of LDAP in this process: entries in memory, sent as real bytes, in another order each time."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from reconcile.directories.connection.messages import Slice
from reconcile.directories.connection.requests import Asked
from reconcile.directories.connection.session import LdapSession
from reconcile.directories.errors import Reader
from reconcile.directories.ldif.memory import _raw
from reconcile.directories.ldif.tree import Tree
from tests.servers import ber

Entries = Mapping[str, Mapping[str, Sequence[str | bytes]]]


class Server:
    """Answers searches from `entries`, which tests change."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Sequence[str | bytes]]] = {}
        self.asked: list[str] = []
        self.also: Callable[[Asked], Sequence[Slice]] = lambda _: ()
        """What a hostile server sends beside."""

    def pages(self, asked: Asked) -> Iterator[list[Slice]]:
        """The entries that a search finds, in pages of two."""
        self.asked.append(str(asked.search))
        if ":=" in asked.search.filter:  # as from a server that does not know the rule
            return
        tree = Tree("memory", (("memory", _raw(dn, some)) for dn, some in self.entries.items()))
        found = [entry for page in tree.search(asked.search) for entry in page]
        random.shuffle(found)
        sent = [ber.entry(entry.dn, entry.attributes) for entry in found]
        slices: list[Slice] = [(data, 0, len(data)) for data in sent]
        slices += self.also(asked)
        for start in range(0, len(slices), 2):
            yield slices[start : start + 2]

    def closed(self) -> None:
        """Nothing is open."""


class _Session(LdapSession):
    def __init__(self, server: Server) -> None:
        super().__init__(None, Reader("ldap://x", "joe", 500, ""), 1.0)  # type: ignore[arg-type]
        self._server = server

    def _pages(self, asked: Asked) -> Iterator[list[Slice]]:
        yield from self._server.pages(asked)

    def close(self) -> None:
        self._server.closed()


def serve(monkeypatch: pytest.MonkeyPatch) -> Server:
    """Every LDAP source reads from the server that is returned."""
    server = Server()

    def connect(*_: Any, **__: Any) -> _Session:
        return _Session(server)

    monkeypatch.setattr("reconcile.directories.ldap.adapter.connect", connect)
    return server
