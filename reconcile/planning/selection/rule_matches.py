"""What each pattern of the rules about one source finds in its snapshot.

A list of patterns is known by its path in the desired state, as in `groups[0].select`. All lists
about one kind of entries are looked up together, in one pass over the entries.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Final, Literal, NamedTuple, TypeAlias

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

Keys: TypeAlias = dict[str, list[list[str]]]
"""Path → for each pattern the normalized DNs of what it finds."""

_LONGEST: Final = 300
"""Characters of a name that is worth suggesting."""


class NamedEntries(NamedTuple):
    """Entries of one kind by what patterns are compared with.

    `keys` are their normalized DNs, `dns` the DNs as they are written, `identifiers` those of
    persons; the plain name of other entries is the value of their RDN.
    """

    keys: Sequence[str]
    dns: Sequence[str]
    identifiers: Sequence[str] | None = None

    def similar_names(self, patterns: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Pattern that is a name → the names most like it."""
        if not patterns:
            return {}
        if self.identifiers is not None:
            names = [plain_name("", identifier) for identifier in self.identifiers]
        else:
            names = [plain_name(key) for key in self.keys]
        wanted = [plain_name("", pattern) for pattern in patterns]
        return {
            pattern: _short_enough(map(self._name, positions))
            for pattern, positions in zip(patterns, nearest(wanted, names), strict=True)
        }

    def _name(self, at: int) -> str:
        """The plain name of an entry, as it is written."""
        if self.identifiers is not None:
            return self.identifiers[at]
        return dn.parse(self.dns[at])[0][0][1]

    def similar_dns(self, patterns: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Pattern that is a DN → DNs with an RDN most like its own; RDNs for a single RDN."""
        if not patterns:
            return {}
        names = [plain_name(key) for key in self.keys]
        wanted = [plain_name(dn.normalize(pattern)) for pattern in patterns]
        similar: dict[str, tuple[str, ...]] = {}
        for pattern, positions in zip(patterns, nearest(wanted, names), strict=True):
            spellings = [self.dns[at] for at in positions]
            if len(dn.parse(pattern)) == 1:
                spellings = [dn.rdn(spelling) for spelling in spellings]
            similar[pattern] = _short_enough(spellings)
        return similar


def _short_enough(names: Iterable[str]) -> tuple[str, ...]:
    """Without names that are too long to be suggested."""
    return tuple(name for name in names if len(name) <= _LONGEST)


class RuleMatches:
    """The entries of one source by the rules that name them."""

    def __init__(self, desired: DesiredState, source: Source, index: Index) -> None:
        """Nothing is looked up before it is asked for."""
        names = [declared.name for declared in desired.sources]
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
    def groups(self) -> Keys:
        """Path of a list → for each pattern the normalized DNs of groups."""
        name = self._source.name
        users = self._source.users
        lists = {
            f"{self.users}.create.groups": users.create_groups,
            f"{self.users}.require_groups": users.require_groups,
        }
        for place, mapping in self._desired.role_mappings_of(name):
            lists[f"{place}.groups"] = mapping.groups
        for place, rule in self._desired.groups_of(name):
            lists[f"{place}.select"] = rule.select
        return self._keys(lists, list(self._index.groups))

    @cached_property
    def units(self) -> Keys:
        """Path of a list → for each pattern the normalized DNs of OUs.

        Those of `inactive_ous` find whatever a person is below, be it an OU or not.
        """
        rules = self._desired.departments_of(self._source.name)
        lists = {f"{place}.select": rule.select for place, rule in rules}
        inactive = {f"{self.users}.inactive_ous": self._source.users.inactive_ous}
        return self._keys(lists, list(self._index.units)) | self._keys(inactive, self._places)

    def finds(self, what: EntryKind, path: str) -> Sequence[Sequence[int | str]]:
        """What each pattern of a list finds."""
        if what == "person":
            return self.persons[path]
        if what == "group":
            return self.groups[path]
        return self.units[path]

    def nearest(self, what: EntryKind, patterns: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Pattern → the names that exist and are most like it, spelt as a rule could name them."""
        named = self._named_persons() if what == "person" else self._named_entries(what)
        by_dn = [pattern for pattern in patterns if "=" in pattern]
        by_name = [pattern for pattern in patterns if "=" not in pattern]
        return named.similar_names(by_name) | named.similar_dns(by_dn)

    def _named_persons(self) -> NamedEntries:
        """All persons, each with its identifier."""
        persons = self._index.snapshot.persons
        identifiers = [person.identifier for person in persons]
        return NamedEntries(self._index.keys, [person.dn for person in persons], identifiers)

    def _named_entries(self, what: EntryKind) -> NamedEntries:
        """All groups, or all OUs and whatever else persons are below."""
        if what == "group":
            groups = self._index.groups
            return NamedEntries(list(groups), [group.dn for group in groups.values()])
        units = self._index.units
        others = [key for key in self._places if key not in units]
        dns = [unit.dn for unit in units.values()]
        return NamedEntries([*units, *others], [*dns, *others])

    @cached_property
    def _places(self) -> list[str]:
        """The normalized DNs of all OUs and of whatever else persons are below, if a rule asks."""
        if not self._source.users.inactive_ous:
            return []
        places = set(self._index.units)
        for parent in {dn.parent(key) for key in self._index.keys}:
            places.update((parent, *ancestors(parent)))
        return sorted(places - {""})

    def _keys(self, lists: Lists, keys: list[str]) -> Keys:
        """Path of a list → for each pattern the normalized DNs of what it finds."""
        return {
            path: [[keys[at] for at in positions] for positions in by_pattern]
            for path, by_pattern in self._looked_up(lists, keys, None).items()
        }

    def _looked_up(
        self, lists: Lists, keys: Sequence[str], names: Sequence[str] | None
    ) -> Positions:
        """Looks up all lists in one pass over entries: their normalized DNs and plain names.

        Without `names` the plain name of an entry is the value of its RDN.
        """
        paths = [f"{path}[{at}]" for path, patterns in lists.items() for at in range(len(patterns))]
        folding = self._index.snapshot.folding
        selection = Selection(chain(*lists.values()), self._source.base_dn, folding)

        def candidates() -> Iterator[tuple[str, str | None, str]]:
            for at, key in enumerate(keys):
                yield key, None if names is None else names[at], self._written(key)

        selection.resolve(paths.__getitem__, self._source.name, candidates)
        positions = iter(selection.finds(keys, names))
        return {path: [next(positions) for _ in patterns] for path, patterns in lists.items()}

    def _written(self, key: str) -> str:
        """An entry's DN as the directory writes it; the normalized DN if the entry was not read."""
        index = self._index
        if key in index.persons:
            return index.person(index.persons[key]).dn
        entry = index.groups.get(key) or index.units.get(key)
        return entry.dn if entry is not None else key
