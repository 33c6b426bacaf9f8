"""Entries in memory that can be searched as on a server: base, scope, filter, attributes."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from reconcile.directories import matching
from reconcile.directories.failures import NoSuchObject
from reconcile.directories.searching import NO_ATTRIBUTES, RawEntry, Search
from reconcile.errors import SourceUnreadable
from reconcile.model import dn

_PAGE: Final = 1000


class Tree:
    """All entries of a directory, each DN once."""

    def __init__(self, place: str, found: Iterable[tuple[str, RawEntry]]) -> None:
        """`found` are entries, each with where it stands. Raises SourceUnreadable for a DN that is there twice."""
        self.place = place
        self._entries: dict[str, RawEntry] = {}
        self._attributes: dict[str, dict[str, list[bytes]]] = {}
        seen: dict[str, str] = {}
        for where, entry in found:
            try:
                name = dn.normalize(entry.dn)
            except ValueError as error:
                raise SourceUnreadable(f"{where}: {error}") from error
            if name in seen:
                raise SourceUnreadable(f"{where}: the entry {entry.dn} stands there twice, first at {seen[name]}")
            seen[name] = where
            self._entries[name] = entry
            self._attributes[name] = entry.attributes

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: str) -> bool:
        """Whether an entry of this normalized DN is there."""
        return name in self._entries

    def below(self, base: str) -> Iterator[RawEntry]:
        """The base itself and what is below it; normalized."""
        return (entry for name, entry in self._entries.items() if dn.is_below(name, base))

    def search(self, search: Search) -> Iterator[list[RawEntry]]:
        """The entries found, page by page, in the order they came in."""
        base = dn.normalize(search.base)
        if base not in self._entries:
            raise NoSuchObject(f"{self.place}: the base DN {search.base} is not there.\n{search} cannot be answered.")
        try:
            matches = matching.compiled(search.filter)
        except ValueError as error:
            raise SourceUnreadable(f"{self.place}: the filter {search.filter!r} {error}") from error
        within = _SCOPES[search.scope]
        found = [
            _selected(self._entries[name].dn, attributes, search.attributes)
            for name, attributes in self._attributes.items()
            if within(name, base) and matches(attributes)
        ]
        return (found[start : start + _PAGE] for start in range(0, len(found), _PAGE))


_SCOPES: Final[dict[str, Callable[[str, str], bool]]] = {
    "base": lambda name, base: name == base,
    "one": lambda name, base: name != base and dn.parent(name) == base,
    "subtree": dn.is_below,
}


def _selected(dn: str, attributes: dict[str, list[bytes]], asked: tuple[str, ...]) -> RawEntry:
    if asked == NO_ATTRIBUTES:
        return RawEntry.of(dn, {})
    some = {name: values for name, values in attributes.items() if name in asked or name.partition(";")[0] in asked}
    return RawEntry.of(dn, some)
