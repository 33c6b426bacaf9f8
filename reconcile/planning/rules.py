"""The rules about one source, worked out over its snapshot. The same for every workspace, so done once a plan."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from reconcile.model import dn
from reconcile.model.desired import DesiredState, GroupRule, Source
from reconcile.model.directory import DirectorySnapshot, Person
from reconcile.planning import departments
from reconcile.planning.index import Index, ancestors
from reconcile.planning.patterns import Selection

_FALSE = frozenset({"", "false", "no", "0", "none"})
"""What `disabled_when` may render to without disabling anybody."""


class Mapping(NamedTuple):
    """One role mapping and whom it reaches, by position; `reason` names the rule.

    `keys`: the normalized DNs of the groups it is about, or of the OU whose people get the role.
    """

    role: str
    members: frozenset[int]
    reason: str
    place: str
    keys: tuple[str, ...]


class SourceRules:
    """One source's rules over its snapshot: who is selected, in which groups and departments, with which roles."""

    def __init__(
        self, desired: DesiredState, source: Source, snapshot: DirectorySnapshot, *, login: bool = False
    ) -> None:
        """`login`: the snapshot holds nobody but the person who logs in, so that it tells nothing about anybody else.

        Raises UsageError when a department is selected without its parent.
        """
        self.source = source
        self.login = login
        self.index = Index(snapshot)
        self.notices: list[str] = []
        users = source.users
        name, at = (
            source.name,
            f"sources[{desired.sources.index(source)}].users" if source in desired.sources else "users",
        )
        self._select = self._selection(users.select).resolve(f"{at}.select", name, self._persons)
        self._exclude = self._selection(users.exclude).resolve(f"{at}.exclude", name, self._persons)
        self._inactive = self._selection(users.inactive_ous).resolve(f"{at}.inactive_ous", name, self._places)
        self._below_inactive: dict[str, bool] = {}
        self._required = self._reach(users.require_groups, "require_groups") if users.require_groups else None
        self.groups = self._mirrored(desired.groups)
        self.departments, self.orphans = departments.select(
            ((f"departments[{at}]", rule) for at, rule in enumerate(desired.departments) if rule.source == source.name),
            source,
            self.index,
        )
        self._department_keys = {selected.key for selected in self.departments}
        self._department_of: dict[str, str] = {}
        self.mappings, self.default_role = self._roles(desired)
        self._note_unmapped(desired)
        self._mapped = frozenset().union(
            *(mapping.members for mapping in self.mappings),
            *(self.index.members(key, nested=rule.nested != "ignore") for key, rule in self.groups.items()),
        )

    def _above(self, position: int) -> tuple[str, ...]:
        """The places that the person is below, nearest first; those of OUs as the OUs are named."""
        return self.index.above(self.index.keys[position])

    def _selection(self, patterns: Iterable[str]) -> Selection:
        return Selection(patterns, self.source.base_dn, self.index.snapshot.folding)

    def _persons(self) -> Iterator[tuple[str, str, str]]:
        for key, person in zip(self.index.keys, self.index.snapshot.persons, strict=True):
            yield key, person.identifier, person.dn

    def _groups(self) -> Iterator[tuple[str, None, str]]:
        return ((key, None, group.dn) for key, group in self.index.groups.items())

    def _places(self) -> Iterator[tuple[str, None, str]]:
        """Everything that persons are below of, and all OUs."""
        above = {dn.parent(key) for key in self.index.keys}
        names = above.union(self.index.units, *map(ancestors, above))
        return ((key, None, self.index.units[key].dn if key in self.index.units else key) for key in names - {""})

    def excluded(self, position: int) -> bool:
        """Whether the person is on the `exclude` list."""
        return bool(self._exclude) and self._exclude.matches(
            self.index.keys[position], self._person(position).identifier
        )

    def excluded_by(self, position: int) -> int | None:
        """The place in `exclude` of the pattern that leaves the person out; None for none."""
        return self._exclude.pattern(self.index.keys[position], self._person(position).identifier)

    def outside_required(self, position: int) -> bool:
        """Whether there are required groups and the person is in none of them."""
        return self._required is not None and position not in self._required

    def wants(self, position: int, *, exists: bool) -> bool:
        """Whether `create` and `select` want the person as a user; `exists` says that the person is one already."""
        create, registers = self.source.users.create, self.source.register_on_login
        if create == "all" or (create == "never" and exists) or (registers and (exists or self.login)):
            return True
        if create == "mapped" and (position in self._mapped or self.department(position)):
            return True
        return self.named(position)

    def named(self, position: int) -> bool:
        """Whether the person is named in `select`."""
        return bool(self._select) and self._matches(self._select, position)

    def named_by(self, position: int) -> int | None:
        """The place in `select` of the pattern that names the person; None for none."""
        return self._select.pattern(self.index.keys[position], self._person(position).identifier)

    def why(self, position: int) -> str:
        """Which rule wants the person, in words."""
        if self.named(position):
            return f"named in select of {self.source.name}"
        if self.login and self.source.users.create != "all":
            return f"logged in by {self.source.name} for the first time"
        if self.source.users.create == "mapped":
            for mapping in self.mappings:
                if position in mapping.members:
                    return f"role {mapping.role}: {mapping.reason}"
            if position in self._first_group:
                return f"member of selected group {self._first_group[position]}"
            return f"in selected department {self.index.units[self.department(position)].dn}"
        return f"found in {self.source.name}"

    def department(self, position: int) -> str:
        """The normalized DN of the nearest selected OU above the person; "" without one."""
        above = dn.parent(self.index.keys[position])
        found = self._department_of.get(above)
        if found is None:
            found = next((key for key in self._above(position) if key in self._department_keys), "")
            self._department_of[above] = found
        return found

    def roles(self, position: int, *, multiple: bool) -> tuple[Mapping, ...]:
        """The mappings that reach the person: the first one, or all of them."""
        found = tuple(mapping for mapping in self.mappings if position in mapping.members)
        return found if multiple else found[:1]

    @cached_property
    def _first_group(self) -> dict[int, str]:
        """Position → DN of the first selected group the person is in."""
        found: dict[int, str] = {}
        for key, rule in self.groups.items():
            for position in self.index.members(key, nested=rule.nested != "ignore"):
                found.setdefault(position, self.index.groups[key].dn)
        return found

    def role_reason(self, position: int, role: str) -> str:
        """The first rule that gives the person the role, in words; "" for none."""
        given = (mapping.reason for mapping in self.mappings if mapping.role == role and position in mapping.members)
        return next(given, "the default role" if role == self.default_role else "")

    def disabled(self, position: int) -> bool:
        """Whether the directory or a rule takes the person out of service. Raises TemplateFailed."""
        person = self._person(position)
        if person.disabled:
            return True
        if self._inactive:
            above = dn.parent(self.index.keys[position])
            if above not in self._below_inactive:
                self._below_inactive[above] = any(map(self._inactive.matches, self._above(position)))
            if self._below_inactive[above]:
                return True
        template = self.source.users.disabled_when
        if template is None:
            return False
        return self.is_disabling(template.render(person, person.identifier))

    @staticmethod
    def is_disabling(text: str | None) -> bool:
        """Whether what `disabled_when` gives disables a person."""
        return (text or "").casefold() not in _FALSE

    def inactive_by(self, position: int) -> tuple[int, str] | None:
        """The place in `inactive_ous` of the pattern that disables the person, and the OU it means; None for none."""
        found = ((self._inactive.pattern(key), key) for key in self._above(position))
        return next(((at, key) for at, key in found if at is not None), None)

    def matching(self, patterns: Iterable[str]) -> list[str]:
        """The normalized DNs of the groups that patterns name."""
        selection = self.group_selection(patterns)
        return [key for key in self.index.groups if selection.matches(key)]

    def group_selection(self, patterns: Iterable[str], place: str = "groups", first: int = 0) -> Selection:
        """Patterns that name groups of this source; they stand at `place`, the first one at number `first`.

        Raises UsageError for one that can mean several.
        """
        return self._selection(patterns).resolve(place, self.source.name, self._groups, first)

    def _matches(self, selection: Selection, position: int) -> bool:
        return selection.matches(self.index.keys[position], self._person(position).identifier)

    def _person(self, position: int) -> Person:
        return self.index.snapshot.persons[position]

    def _mirrored(self, rules: Iterable[GroupRule]) -> dict[str, GroupRule]:
        """Normalized DN of each selected group → the first rule that selects it."""
        mirrored: dict[str, GroupRule] = {}
        for at, rule in enumerate(rules):
            if rule.source == self.source.name:
                for key in self._found(rule.select, f"groups[{at}].select"):
                    mirrored.setdefault(key, rule)
        return mirrored

    def _note_unmapped(self, desired: DesiredState) -> None:
        """Whoever leaves the default as it is, and maps nothing, would wait for users in vain."""
        name, users = self.source.name, self.source.users
        if users.create != "mapped" or users.select or self.source.register_on_login:
            return
        selecting = {rule.source for rule in desired.groups} | {rule.source for rule in desired.departments}
        mapping = {mapping.source for mapping in desired.role_mappings if mapping.groups}
        if name not in selecting | mapping and "" not in mapping:
            self.notices.append(
                f"nobody of source {name} becomes a user: its users.create is mapped, the default, and no group, "
                "department or role mapping is about it; select some, or write create: all"
            )

    def _roles(self, desired: DesiredState) -> tuple[list[Mapping], str | None]:
        mappings = self._department_roles(desired)
        default: str | None = None
        for at, mapping in enumerate(desired.role_mappings):
            if mapping.source not in ("", self.source.name):
                continue
            if mapping.groups:
                place = f"role_mappings[{at}]"
                keys = self._found(mapping.groups, f"{place}.groups")
                reason = f"member of {', '.join(mapping.groups)}"
                mappings.append(Mapping(mapping.role, self._members(keys), reason, place, tuple(dict.fromkeys(keys))))
            if mapping.default and default is None:
                default = mapping.role
        return mappings, default

    def _department_roles(self, desired: DesiredState) -> list[Mapping]:
        """The roles of departments, which go before the role mappings: the nearest selected OU decides."""
        given = {selected.key: selected.rule.role for selected in self.departments if selected.rule.role}
        members: dict[str, list[int]] = {key: [] for key in given}
        for position in range(len(self.index.keys)) if given else ():
            key = self.department(position)
            if key in given:
                members[key].append(position)
        places = {id(rule): f"departments[{at}]" for at, rule in enumerate(desired.departments)}
        rules = {selected.key: places[id(selected.rule)] for selected in self.departments}
        return [
            Mapping(role, frozenset(members[key]), f"in department {self.index.units[key].dn}", rules[key], (key,))
            for key, role in given.items()
        ]

    def _reach(self, patterns: Iterable[str], place: str) -> frozenset[int]:
        """All members, nested ones too, of the groups that patterns name."""
        return self._members(self._found(patterns, place))

    def _members(self, keys: Iterable[str]) -> frozenset[int]:
        return frozenset().union(*(self.index.members(key) for key in keys))

    def _found(self, patterns: Iterable[str], place: str) -> list[str]:
        """The normalized DNs of the groups that patterns name; one that names none is worth a notice."""
        found: list[str] = []
        for at, pattern in enumerate(patterns):
            selection = self.group_selection((pattern,), place, at)
            keys = [key for key in self.index.groups if selection.matches(key)]
            if not keys and "*" not in pattern:
                self.notices.append(f"{place}[{at}]: source {self.source.name} has no group {pattern!r}")
            found += keys
        return found
