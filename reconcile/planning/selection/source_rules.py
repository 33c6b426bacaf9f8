"""The rules about one source, evaluated over its snapshot.

The result is the same for every workspace, so it is computed once per plan.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from reconcile.model.desired import DesiredState, GroupRule, Source
from reconcile.model.directory import DirectorySnapshot, Person
from reconcile.model.text import dn
from reconcile.planning.selection import department_selection, mapped_roles
from reconcile.planning.selection.mapped_roles import MappedRole
from reconcile.planning.selection.patterns import Selection
from reconcile.planning.selection.query import query
from reconcile.planning.selection.rule_matches import RuleMatches
from reconcile.planning.selection.snapshot_index import Index, ancestors

_FALSE = frozenset({"", "false", "no", "0", "none"})
"""The results of `disabled_when` that do not disable a person."""


class SourceRules:
    """One source's rules over its snapshot: selected persons, groups, departments and roles."""

    def __init__(
        self,
        desired: DesiredState,
        source: Source,
        snapshot: DirectorySnapshot,
        *,
        login: bool = False,
    ) -> None:
        """`login`: the snapshot holds only the person who logs in; it says nothing about others.

        Raises UsageError when a department is selected without its parent.
        """
        self.source = source
        self.login = login
        self.declared = desired.source_names
        self.asked = query(desired, source)
        self.index = Index(snapshot)
        self.matches = RuleMatches(desired, source, self.index)
        self._inactive = self._inactive_ous()
        self._below_inactive: dict[str, bool] = {}
        self.unknown: dict[str, str] = {}
        """Normalized DN of each group that a rule is about and whose members are not known → why.

        Such a group has no effect: no user gains or loses anything by it.
        """
        self._chosen, self._chosen_unsure = self._members_of("create.groups")
        self._required, self._required_unsure = self._members_of("require_groups")
        self.groups = self._mirrored(desired)
        self.frozen = self._frozen()
        self.departments, self.orphans = self._select_departments(desired)
        self._department_keys = {selected.key for selected in self.departments}
        self._department_of: dict[str, str] = {}
        self.mappings = [
            *mapped_roles.of_departments(desired, self.departments, self.index, self.department),
            *self._group_mappings(desired),
        ]
        self.default_role = mapped_roles.default_role(desired, source.name)
        self._mapped = frozenset().union(
            *(mapping.members for mapping in self.mappings),
            *(members for _, members in self._known_groups()),
        )
        self._mapped_unsure = bool(self.frozen) or self.keeps_unsure_roles

    def _inactive_ous(self) -> Selection:
        """What disables the persons below it."""
        path = f"{self.matches.users}.inactive_ous"
        selection = self._selection(self.source.users.inactive_ous)
        return selection.resolve(lambda at: f"{path}[{at}]", self.source.name, self._places)

    def _members_of(self, key: str) -> tuple[frozenset[int], bool]:
        """The members of the groups that a list of `users` names, and whether some are unknown."""
        groups = self._found(f"{self.matches.users}.{key}")
        members = self._members(groups)
        return members, not self.unknown.keys().isdisjoint(groups)

    def _select_departments(
        self, desired: DesiredState
    ) -> tuple[list[department_selection.SelectedDepartment], list[str]]:
        """The OUs that become departments, and those left out for want of a parent."""
        rules = desired.departments_of(self.source.name)
        return department_selection.select(rules, self.source, self.index)

    def _known_groups(self) -> Iterator[tuple[str, frozenset[int]]]:
        """The selected groups whose members are known, with these."""
        for key, rule in self.groups.items():
            if key not in self.frozen:
                yield key, self.index.members(key, nested=rule.nested != "ignore")

    def _above(self, position: int) -> tuple[str, ...]:
        """The places that the person is below, nearest first; those of OUs as the OUs are named."""
        return self.index.above(self.index.keys[position])

    def _selection(self, patterns: Iterable[str]) -> Selection:
        """Patterns of this source."""
        return Selection(patterns, self.source.base_dn, self.index.snapshot.folding)

    def _groups(self) -> Iterator[tuple[str, None, str]]:
        """All groups, as patterns are resolved among them."""
        return ((key, None, group.dn) for key, group in self.index.groups.items())

    def _places(self) -> Iterator[tuple[str, None, str]]:
        """Everything that persons are below of, and all OUs."""
        above = {dn.parent(key) for key in self.index.keys}
        names = above.union(self.index.units, *map(ancestors, above))
        for key in names - {""}:
            unit = self.index.units.get(key)
            yield key, None, key if unit is None else unit.dn

    @property
    def groups_of_users(self) -> dict[str, tuple[str, ...]]:
        """The lists of `users` that name groups, by which persons get users or none."""
        users = self.source.users
        return {"create.groups": users.create_groups, "require_groups": users.require_groups}

    def is_empty(self, key: str) -> bool:
        """Whether the groups of such a list exist, and are certain to have no members."""
        members, unsure = {
            "create.groups": (self._chosen, self._chosen_unsure),
            "require_groups": (self._required, self._required_unsure),
        }[key]
        return not members and not unsure and bool(self._found(f"{self.matches.users}.{key}"))

    def excluded(self, position: int) -> bool:
        """Whether the person is on the `exclude` list."""
        return position in self._excluded

    def excluded_by(self, position: int) -> int | None:
        """The place in `exclude` of the pattern that leaves the person out; None for none."""
        return self._pattern("exclude", position)

    def outside_required(self, position: int, *, serves: bool = False) -> bool:
        """Whether there are required groups and the person is in none of them.

        `serves`: the person's user is not departed. Such a user stays if the members of a required
        group are not known.
        """
        if not self.source.users.require_groups or position in self._required:
            return False
        return not (serves and self._required_unsure)

    def wants(self, position: int, *, exists: bool, serves: bool = False) -> bool:
        """Whether `create` and `select` want the person as a user.

        `exists`: the person already has a user. `serves`: that user is not departed, and so stays
        if the members of a group are not known.
        """
        create = self.source.users.create
        if create == "all" or (create == "never" and exists):
            return True
        # With register_on_login the first login creates the user, who then stays.
        if self.source.register_on_login and (exists or self.login):
            return True
        if create == "groups":
            is_chosen = position in self._chosen or (serves and self._chosen_unsure)
            return is_chosen or self.named(position)
        if create == "mapped":
            if position in self._mapped or self.department(position):
                return True
            if serves and self._mapped_unsure:
                return True
        return self.named(position)

    def named(self, position: int) -> bool:
        """Whether the person is named in `select`."""
        return position in self._selected

    def named_by(self, position: int) -> int | None:
        """The place in `select` of the pattern that names the person; None for none."""
        return self._pattern("select", position)

    def why(self, position: int) -> str:
        """Which rule wants the person, in words."""
        if self.named(position):
            return f"named in select of {self.source.name}"
        if self.login and self.source.users.create != "all":
            return f"logged in by {self.source.name} for the first time"
        if self.source.users.create == "mapped":
            return self._why_mapped(position)
        if self.source.users.create == "groups":
            return f"member of {self._first_chosen[position]}"
        return f"found in {self.source.name}"

    def _why_mapped(self, position: int) -> str:
        """The role, group or department because of which `create: mapped` wants the person."""
        for mapping in self.mappings:
            if position in mapping.members:
                return f"role {mapping.role}: {mapping.reason}"
        if position in self._first_group:
            return f"member of selected group {self._first_group[position]}"
        return f"in selected department {self.index.units[self.department(position)].dn}"

    def department(self, position: int) -> str:
        """The normalized DN of the nearest selected OU above the person; "" without one."""
        above = dn.parent(self.index.keys[position])
        nearest = self._department_of.get(above)
        if nearest is None:
            selected = (key for key in self._above(position) if key in self._department_keys)
            nearest = next(selected, "")
            self._department_of[above] = nearest
        return nearest

    @property
    def keeps_unsure_roles(self) -> bool:
        """Whether a role may come from a group whose members are not known."""
        return any(mapping.unsure for mapping in self.mappings)

    def roles(
        self, position: int, *, multiple: bool, has: Collection[str] = ()
    ) -> tuple[MappedRole, ...]:
        """The mappings that reach the person: the first one, or all of them.

        `has`: the roles that a sync gave the person. A role stays if it may come from a group whose
        members are not known.
        """
        # Without a call for each mapping: every person comes by here.
        reaching = tuple(
            mapping
            for mapping in self.mappings
            if position in mapping.members or (mapping.unsure and mapping.role in has)
        )
        return reaching if multiple else reaching[:1]

    @cached_property
    def _first_chosen(self) -> dict[int, str]:
        """Position → DN of the first group of `create` that the person is in."""
        first: dict[int, str] = {}
        for key in self._found(f"{self.matches.users}.create.groups"):
            if not self.index.unknown(key):
                for position in self.index.members(key):
                    first.setdefault(position, self.index.groups[key].dn)
        return first

    @cached_property
    def _first_group(self) -> dict[int, str]:
        """Position → DN of the first selected group the person is in."""
        first: dict[int, str] = {}
        for key, members in self._known_groups():
            for position in members:
                first.setdefault(position, self.index.groups[key].dn)
        return first

    def role_reason(self, position: int, role: str) -> str:
        """The first rule that gives the person the role, in words; "" for none."""
        for mapping in self.mappings:
            if mapping.role == role and position in mapping.members:
                return mapping.reason
        return mapped_roles.DEFAULT_ROLE if role == self.default_role else ""

    def disabled(self, position: int) -> bool:
        """Whether the directory or a rule disables the person. Raises TemplateFailed."""
        person = self._person(position)
        if person.disabled:
            return True
        if self._inactive and self._is_below_inactive(position):
            return True
        template = self.source.users.disabled_when
        if template is None:
            return False
        return self.is_disabling(template.render(person, person.identifier))

    def _is_below_inactive(self, position: int) -> bool:
        """Whether the person is below an OU of `inactive_ous`; looked up once for each OU."""
        above = dn.parent(self.index.keys[position])
        below = self._below_inactive.get(above)
        if below is None:
            below = any(map(self._inactive.matches, self._above(position)))
            self._below_inactive[above] = below
        return below

    @staticmethod
    def is_disabling(text: str | None) -> bool:
        """Whether what `disabled_when` gives disables a person."""
        return (text or "").casefold() not in _FALSE

    def inactive_by(self, position: int) -> tuple[int, str] | None:
        """The position in `inactive_ous` of the pattern that disables the person, and the OU.

        None if no pattern does.
        """
        for key in self._above(position):
            at = self._inactive.pattern(key)
            if at is not None:
                return at, key
        return None

    def matching(self, patterns: Iterable[str]) -> list[str]:
        """The normalized DNs of the groups that patterns name."""
        selection = self.group_selection(patterns)
        return [key for key in self.index.groups if selection.matches(key)]

    @cached_property
    def _excluded(self) -> frozenset[int]:
        """The persons that `exclude` leaves out."""
        return frozenset().union(*self.matches.persons[f"{self.matches.users}.exclude"])

    @cached_property
    def _selected(self) -> frozenset[int]:
        """The persons that `select` names."""
        return frozenset().union(*self.matches.persons[f"{self.matches.users}.select"])

    def _pattern(self, key: str, position: int) -> int | None:
        """The place of the first pattern of a list of `users` that finds the person, or None."""
        by_pattern = self.matches.persons[f"{self.matches.users}.{key}"]
        for at, positions in enumerate(by_pattern):
            if position in positions:
                return at
        return None

    def group_selection(self, patterns: Iterable[str], path: str = "groups") -> Selection:
        """Patterns of groups of this source; `path` is that of their list in the desired state.

        Raises RulesRefused for a pattern that can mean several groups.
        """
        return self._selection(patterns).resolve(
            lambda at: f"{path}[{at}]", self.source.name, self._groups
        )

    def _person(self, position: int) -> Person:
        return self.index.snapshot.persons[position]

    def _mirrored(self, desired: DesiredState) -> dict[str, GroupRule]:
        """Normalized DN of each selected group → the first rule that selects it."""
        mirrored: dict[str, GroupRule] = {}
        for place, rule in desired.groups_of(self.source.name):
            for key in self._found(f"{place}.select"):
                mirrored.setdefault(key, rule)
        return mirrored

    def _group_mappings(self, desired: DesiredState) -> Iterator[MappedRole]:
        """The role mappings of groups that are about this source."""
        for place, mapping in desired.role_mappings_of(self.source.name):
            if not mapping.groups:
                continue
            keys = self._found(f"{place}.groups")
            members = self._members(keys)
            unsure = not self.unknown.keys().isdisjoint(keys)
            yield mapped_roles.of_groups(mapping, place, keys, members, unsure=unsure)

    def _members(self, keys: Iterable[str]) -> frozenset[int]:
        """All members, with nested ones. A group with unknown members is noted and adds none."""
        known: list[str] = []
        for key in keys:
            if why := self.index.unknown(key):
                self.unknown[key] = why
            else:
                known.append(key)
        return frozenset().union(*map(self.index.members, known))

    def _frozen(self) -> frozenset[str]:
        """The selected groups whose members are not known: they stay as they are."""
        frozen: dict[str, str] = {}
        for key, rule in self.groups.items():
            if why := self.index.unknown(key, nested=rule.nested != "ignore"):
                frozen[key] = why
        self.unknown |= frozen
        return frozenset(frozen)

    def _found(self, path: str) -> list[str]:
        """The normalized DNs of the groups that the patterns of a list find."""
        return [key for keys in self.matches.groups[path] for key in keys]
