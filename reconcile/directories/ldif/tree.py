"""Entries in memory that can be searched as on a server: base, scope, filter, attributes."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Final

from reconcile.directories.errors import NoSuchObject
from reconcile.directories.ldif import filter_match
from reconcile.directories.search.search import NO_ATTRIBUTES, RawEntry, Search
from reconcile.errors import SourceUnreadable
from reconcile.model.quiet.said import OF_ANSWERS
from reconcile.model.text import attribute_types, dn
from reconcile.model.text.dn import Folding
from reconcile.model.text.printing import quoted
from reconcile.model.text.references import References, lookalikes

log = logging.getLogger("reconcile.directories")

_PAGE: Final = 1000
_FOLDING: Final[Folding] = "compatibility"
"""No server decides which names are the same, but all entries are known: the widest folding."""


class Tree:
    """All entries of a directory, each DN once.

    An entry whose DN cannot be understood is known by it to the letter (`dn.key`).
    """

    def __init__(self, place: str, placed: Iterable[tuple[str, RawEntry]]) -> None:
        """`placed` are entries, each with its place in a file.

        Raises SourceUnreadable for a DN that comes twice. Warns of entries whose DN cannot be
        understood.
        """
        self.place = place
        self._entries: dict[str, RawEntry] = {}
        self._attributes: dict[str, dict[str, list[bytes]]] = {}
        seen: dict[str, str] = {}
        odd: list[str] = []
        for where, entry in placed:
            try:
                name = dn.normalize(entry.dn)
            except ValueError:
                name = dn.key(entry.dn)
                odd.append(f"{where}: {quoted(entry.dn)!r}")
            if name in seen:
                raise SourceUnreadable(
                    f"{where}: the entry {quoted(entry.dn)} occurs twice, first at {seen[name]}"
                )
            seen[name] = where
            self._entries[name] = entry
            self._attributes[name] = _by_main_name(entry)
        if odd:
            log.warning(
                "entries whose DN cannot be understood: %d, compared to the letter; first %s",
                len(odd),
                odd[0],
                extra=OF_ANSWERS,
            )
        self._references = References((self._entries,), _FOLDING)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: str) -> bool:
        """Whether a normalized DN means an entry, and no other."""
        return bool(self._references.only(name))

    @property
    def tops(self) -> list[str]:
        """The DNs, as they are written, above which no entry is; the shortest first."""
        names = [name for name in self._entries if dn.parent(name) not in self._entries]
        return [
            self._entries[name].dn for name in sorted(names, key=lambda name: (len(name), name))
        ]

    def holds(self, name: str, *, below: str) -> bool:
        """Whether a normalized DN means one entry alone, which is the base `below` or below it."""
        key = self._references.only(name)
        return bool(key) and self._within("subtree", self._references.only(below) or below)(key)

    @cached_property
    def lookalikes(self) -> frozenset[str]:
        """Normalized DNs of entries that some servers do not distinguish strictly enough."""
        return lookalikes(self._entries.keys(), _FOLDING)

    def below(self, base: str) -> Iterator[RawEntry]:
        """The base itself and everything below it; normalized."""
        base = self._references.only(base) or base
        within = self._within("subtree", base)
        return (entry for name, entry in self._entries.items() if within(name))

    def search(self, search: Search) -> Iterator[list[RawEntry]]:
        """The entries found, page by page, in the order they came in."""
        base = self._references.only(dn.key(search.base))
        if not base:
            raise NoSuchObject(
                f"{self.place}: the base DN {search.base} does not exist.\n{search} cannot be "
                "answered."
            )
        try:
            matches = filter_match.compiled(search.filter)
        except ValueError as error:
            raise SourceUnreadable(f"{self.place}: the filter {search.filter!r} {error}") from error
        within = self._within(search.scope, base)
        entries = [
            _selected(self._entries[name].dn, attributes, search.attributes)
            for name, attributes in self._attributes.items()
            if within(name) and matches(attributes)
        ]
        return (entries[start : start + _PAGE] for start in range(0, len(entries), _PAGE))

    def _within(self, scope: str, base: str) -> Callable[[str], bool]:
        """Whether a normalized DN is in scope.

        One below the base may spell the base differently if only that can be meant.
        """
        inside = _SCOPES[scope]
        if base in self.lookalikes or not self._wide:
            return lambda name: inside(name, base)
        wide, wide_base = self._wide, dn.wide(base, _FOLDING)
        return lambda name: inside(name, base) or (name in wide and inside(wide[name], wide_base))

    @cached_property
    def _wide(self) -> dict[str, str]:
        """Normalized DN → the wide one, of those that are not plain."""
        return {name: dn.wide(name, _FOLDING) for name in self._entries if not dn.is_plain(name)}


_SCOPES: Final[dict[str, Callable[[str, str], bool]]] = {
    "base": lambda name, base: name == base,
    "one": lambda name, base: name != base and dn.parent(name) == base,
    "subtree": dn.is_below,
}


def _by_main_name(entry: RawEntry) -> dict[str, list[bytes]]:
    """The entry's attributes, each under the main name of its type."""
    names = _main_names(entry.names)
    if names == entry.names:
        return entry.attributes
    attributes: dict[str, list[bytes]] = {}
    for name, values in zip(names, entry.values, strict=True):
        attributes[name] = [*attributes.get(name, ()), *values]
    return attributes


@lru_cache(maxsize=1000)
def _main_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Most entries of a directory have the same attributes, in the same order."""
    return tuple(map(attribute_types.main, names))


def _selected(dn: str, attributes: dict[str, list[bytes]], asked: tuple[str, ...]) -> RawEntry:
    if asked == NO_ATTRIBUTES:
        return RawEntry.of(dn, {})
    some = {
        name: values
        for name, values in attributes.items()
        if name in asked or name.partition(";")[0] in asked
    }
    return RawEntry.of(dn, some)
