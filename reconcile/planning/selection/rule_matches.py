"""What each pattern of the rules about one source finds in its snapshot.

A list of patterns is known by its path in the desired state, as in `groups[0].select`. All lists
about one kind of entries are looked up together, in one pass over the entries.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final, Literal, TypeAlias

from reconcile.model.desired import DesiredState, Source
from reconcile.model.text import dn
from reconcile.planning.selection.nearest import nearest
from reconcile.planning.selection.patterns import Selection, plain_name
from reconcile.planning.selection.snapshot_index import Index, ancestors

EntryKind: TypeAlias = Literal["person", "group", "OU", "user", "role"]
"""What a pattern is about; the last two are on the platform."""

Lists: TypeAlias = Mapping[str, Sequence[str]]
"""Path → patterns."""

Positions: TypeAlias = dict[str, list[list[int]]]
"""Path → for each pattern the positions of what it finds."""

_LONGEST: Final = 300
"""Characters of a name that is worth suggesting."""


class RuleMatches:
    """The entries of one source by the rules that name them."""

    def __init__(self, desired: DesiredState, source: Source, index: Index) -> None:
        """Nothing is looked up before it is asked for."""
        names = [one.name for one in desired.sources]
        at = names.index(source.name) if source.name in names else 0
        self.path = f"sources[{at}]"
        """The path of the source."""
        self.users = f"{self.path}.users"
        """The path of the rules on persons."""
        self._desired = desired
        self._source = source
        self._index = index

    @cached_property
    def persons(self) -> Positions:
        """Path of a list → for each pattern the positions of persons."""
        users = self._source.users
        lists = {f"{self.users}.select": users.select, f"{self.users}.exclude": users.exclude}
        if not any(lists.values()):
            return {path: [] for path in lists}
        identifiers = [person.identifier for person in self._index.snapshot.persons]
        return self._looked_up(lists, self._index.keys, identifiers)

    @cached_property
    def groups(self) -> dict[str, list[list[str]]]:
        """Path of a list → for each pattern the normalized DNs of groups."""
        name = self._source.name
        lists = {f"{self.users}.require_groups": self._source.users.require_groups}
        for at, mapping in enumerate(self._desired.role_mappings):
            if mapping.is_about(name):
                lists[f"role_mappings[{at}].groups"] = mapping.groups
        for at, rule in enumerate(self._desired.groups):
            if rule.source == name:
                lists[f"groups[{at}].select"] = rule.select
        return self._keys(lists, list(self._index.groups))

    @cached_property
    def units(self) -> dict[str, list[list[str]]]:
        """Path of a list → for each pattern the normalized DNs of OUs.

        Those of `inactive_ous` find whatever a person is below, be it an OU or not.
        """
        lists = {
            f"departments[{at}].select": rule.select
            for at, rule in enumerate(self._desired.departments)
            if rule.source == self._source.name
        }
        inactive = {f"{self.users}.inactive_ous": self._source.users.inactive_ous}
        return self._keys(lists, list(self._index.units)) | self._keys(inactive, self._places)

    def found(self, what: EntryKind, path: str) -> Sequence[Sequence[int | str]]:
        """What each pattern of a list finds."""
        if what == "person":
            return self.persons[path]
        if what == "group":
            return self.groups[path]
        return self.units[path]

    def nearest(self, what: EntryKind, patterns: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Pattern → the names that exist and are most like it, spelt as a rule could name them."""
        keys, dns, identifiers = self._named(what)
        by_name = [pattern for pattern in patterns if "=" not in pattern]
        by_dn = [pattern for pattern in patterns if "=" in pattern]
        values = [plain_name(key) for key in keys] if by_dn or identifiers is None else []
        names = values if identifiers is None else [plain_name("", one) for one in identifiers]
        similar = nearest([plain_name("", one) for one in by_name], names)
        similar += nearest([plain_name(dn.normalize(one)) for one in by_dn], values)

        def spelt(pattern: str, at: int) -> str:
            if "=" not in pattern:
                return _value(dns[at]) if identifiers is None else identifiers[at]
            return dn.rdn(dns[at]) if len(dn.parse(pattern)) == 1 else dns[at]

        return {
            pattern: tuple(name for at in positions if len(name := spelt(pattern, at)) <= _LONGEST)
            for pattern, positions in zip([*by_name, *by_dn], similar, strict=True)
        }

    def _named(self, what: EntryKind) -> tuple[list[str], list[str], list[str] | None]:
        """The normalized and the written DNs of a kind of entries, and of persons identifiers."""
        if what == "person":
            persons = self._index.snapshot.persons
            identifiers = [one.identifier for one in persons]
            return self._index.keys, [one.dn for one in persons], identifiers
        entries = self._index.groups if what == "group" else self._index.units
        more = [key for key in self._places if key not in entries] if what == "OU" else []
        return [*entries, *more], [*(one.dn for one in entries.values()), *more], None

    @cached_property
    def _places(self) -> list[str]:
        """The normalized DNs of all OUs and of whatever else persons are below, if a rule asks."""
        if not self._source.users.inactive_ous:
            return []
        parents = {dn.parent(key) for key in self._index.keys}
        above = {name for key in parents for name in (key, *ancestors(key)) if name}
        return sorted(above | self._index.units.keys())

    def _keys(self, lists: Lists, keys: list[str]) -> dict[str, list[list[str]]]:
        found = self._looked_up(lists, keys, None)
        return {path: [[keys[at] for at in some] for some in one] for path, one in found.items()}

    def _looked_up(
        self,
        lists: Lists,
        keys: Sequence[str],
        names: Sequence[str] | None,
    ) -> Positions:
        paths = [f"{path}[{at}]" for path, patterns in lists.items() for at in range(len(patterns))]
        folding = self._index.snapshot.folding
        selection = Selection(_joined(lists.values()), self._source.base_dn, folding)
        candidates = zip(keys, keys if names is None else names, strict=True)
        selection.resolve(
            paths.__getitem__,
            self._source.name,
            lambda: (
                (key, None if names is None else name, self._written(key))
                for key, name in candidates
            ),
        )
        found = iter(selection.found(keys, names))
        return {path: [next(found) for _ in patterns] for path, patterns in lists.items()}

    def _written(self, key: str) -> str:
        """An entry's DN as the directory writes it; the normalized DN if the entry was not read."""
        index = self._index
        if key in index.persons:
            return index.person(index.persons[key]).dn
        entry = index.groups.get(key) or index.units.get(key)
        return entry.dn if entry is not None else key


def _joined(lists: Iterable[Sequence[str]]) -> list[str]:
    return [pattern for patterns in lists for pattern in patterns]


def _value(name: str) -> str:
    return dn.parse(name)[0][0][1]
