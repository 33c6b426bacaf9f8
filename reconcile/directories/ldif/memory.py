"""A directory held in memory: what every adapter does, without a server.

Tests use it, and LDIF files fill it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from reconcile.directories.ldap import hints, login, validate
from reconcile.directories.ldif import filter_match
from reconcile.directories.ldif.tree import Tree
from reconcile.directories.search import attribute_options
from reconcile.directories.search.search import RawEntry
from reconcile.directories.snapshot import check as checking
from reconcile.directories.snapshot import snapshot, visibility
from reconcile.directories.snapshot.entries import external_id
from reconcile.directories.vendors.table import vendor
from reconcile.errors import SourceUnreadable, UsageError
from reconcile.model import desired
from reconcile.model.directory import DirectorySnapshot, Query
from reconcile.model.login import LoginNames
from reconcile.model.quiet.trace import Trace
from reconcile.model.text import dn
from reconcile.ports import Check, Fault, Outlined, Progress, no_progress, outlined_to_nobody

Entries: TypeAlias = Mapping[str, Mapping[str, Sequence[str | bytes]]]
"""DN → attribute name → values."""

_NONE: Final[Entries] = MappingProxyType({})


class MemoryDirectory:
    """One source with given entries.

    The stable id is the attribute entryUUID, if an entry has it.
    """

    def __init__(
        self, source: desired.Source, progress: Progress = no_progress, entries: Entries = _NONE
    ) -> None:
        """`entries` are used as they are at the first read."""
        self._source = source
        self._vendor = vendor(source.type)
        self._progress = progress
        self._given = entries
        self._loaded: Tree | None = None
        self.trace: Trace | None = None

    @staticmethod
    def problems(source: desired.Source) -> Iterable[Fault]:
        """DNs and filters."""
        yield from validate.rules(source)
        yield from _unsupported(source)

    def read(self, query: Query, outlined: Outlined = outlined_to_nobody) -> DirectorySnapshot:
        """Everything the source's rules find. Raises SourceUnreadable."""
        tree = self._tree()
        return snapshot.everybody(
            self._source,
            self._vendor,
            query,
            tree,
            self._progress,
            outlined,
            lookalikes=tree.lookalikes,
        )

    def find(self, external_ids: Collection[str], dns: Collection[str]) -> frozenset[str]:
        """The given ids and DNs that exist below the base DN. Raises SourceUnreadable."""
        tree, base = self._tree(), dn.key(self._source.base_dn)
        visibility.look_at(self._source.base_dn, tree)
        entries = [
            entry for entry in tree.below(base) if not snapshot.is_removed(entry.dn, self._vendor)
        ]
        ids = {
            external_id(attribute_options.merged(entry), self._vendor).lower() for entry in entries
        } - {""}
        known = {asked for asked in external_ids if asked.lower() in ids}
        present = _present(tree, base, dns)
        return frozenset(
            known.union(name for name in present if not snapshot.is_removed(name, self._vendor))
        )

    def read_person(self, names: LoginNames, query: Query) -> DirectorySnapshot:
        """The persons with one of the names, and everything else that `read` finds.

        Raises SourceUnreadable.
        """
        tree = self._tree()
        return login.read(
            self._source,
            self._vendor,
            names,
            query,
            tree,
            self._progress,
            lookalikes=tree.lookalikes,
        )

    def refusal(self, dn: str, password: str) -> str:
        """Nobody logs in here. Raises UsageError."""
        del dn, password
        raise UsageError(
            f"no one can log in by the source {self._source.name}: it has no server that could "
            "check a password"
        )

    def check(self) -> Iterable[Check]:
        """The entries, the base DN, and what each rule finds."""
        try:
            tree = self._tree()
        except SourceUnreadable as error:
            yield Check("read entries", ok=False, detail=str(error), path="files")
            return
        yield Check("read entries", ok=True, detail=f"{len(tree)} in {tree.place}")
        for check in checking.checks(self._source, self._vendor, tree):
            yield hints.of_entries(self._source, check, tree)

    def close(self) -> None:
        """Forgets what was loaded."""
        self._loaded = None

    def _tree(self) -> Tree:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def _load(self) -> Tree:
        return Tree(
            "memory", (("memory", _raw(name, values)) for name, values in self._given.items())
        )


def _raw(name: str, attributes: Mapping[str, Sequence[str | bytes]]) -> RawEntry:
    return RawEntry.of(
        name,
        {
            key.lower(): [value.encode() if isinstance(value, str) else value for value in values]
            for key, values in attributes.items()
        },
    )


def _present(tree: Tree, base: str, dns: Collection[str]) -> Iterator[str]:
    for asked in dns:
        if tree.holds(dn.key(asked), below=base):
            yield asked


def _unsupported(source: desired.Source) -> Iterator[Fault]:
    for key, part in (
        ("users", source.users),
        ("groups", source.groups),
        ("departments", source.departments),
    ):
        if part.filter is None or any(validate.malformed((key, "filter"), part.filter)):
            continue
        try:
            filter_match.compiled(part.filter)
        except ValueError as error:
            yield (key, "filter"), f"{part.filter!r} {error}"
