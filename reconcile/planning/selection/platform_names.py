"""How many names on the platform each pattern of `safety` finds, in all workspaces."""

from collections.abc import Iterable, Iterator, Sequence

from reconcile.model.desired import DesiredState, GroupSafety, Protect
from reconcile.model.platform import Group, PlatformState
from reconcile.model.text import dn
from reconcile.model.text.name_patterns import NamePatterns
from reconcile.planning.selection.nearest import nearest
from reconcile.planning.selection.patterns import found_by, plain_name
from reconcile.planning.selection.rule_counts import RuleCount, Suggestions
from reconcile.planning.selection.rule_matches import EntryKind


class PlatformNames:
    """The names that patterns of `safety` are compared with: current and future ones."""

    def __init__(self, desired: DesiredState) -> None:
        """Starts empty; stores nothing if `safety` has no such pattern."""
        protected = list(_protected(desired.safety.protect))
        kinds = {kind for _, _, kind in protected}
        self._protected = protected
        self._kinds = kinds | {"group"} if desired.safety.groups else kinds
        self._names: dict[EntryKind, dict[str, str]] = {"user": {}, "group": {}, "role": {}}
        """Kind → plain name as it is compared → the name."""
        self._add("role", desired.roles_given)
        self._of_groups = GroupPatterns(desired.safety.groups)
        self._read: set[str] = set()
        self._workspaces = set(desired.platform.workspaces)

    def add(self, state: PlatformState) -> None:
        """Adds the names of a workspace, as it is or as the plan makes it."""
        self._read.add(state.workspace)
        self._of_groups.add(state)
        if "user" in self._kinds:
            self._add("user", (user.username for user in state.living()))
        if "group" in self._kinds:
            self._add("group", (group.name for group in state.groups))
        if "role" in self._kinds:
            self._add("role", state.roles)
            self._add("role", {grant.role for grant in state.grants})

    def _add(self, kind: EntryKind, names: Iterable[str]) -> None:
        self._names[kind] |= {plain_name("", name): name for name in names}

    def counts(self) -> list[RuleCount]:
        """The patterns of `safety`, with how many names each finds in all workspaces added."""
        complete = self._workspaces <= self._read
        counts = [*self._of_groups.counts(complete=complete), *self._of_names(complete=complete)]
        missing = {count.what for count in counts if not count.number}
        similar = {kind: self._nearest(kind, counts) for kind in missing}
        return [count.suggesting(similar.get(count.what, {})) for count in counts]

    def _of_names(self, *, complete: bool) -> Iterator[RuleCount]:
        """What is protected is found by its name alone."""
        for path, pattern, kind in self._protected:
            names = self._names[kind]
            number = int(plain_name("", pattern) in names)
            if "*" in pattern:
                number = sum(map(NamePatterns((pattern,)).matches, names))
            yield RuleCount(path, pattern, kind, number, complete=complete)

    def _nearest(self, kind: EntryKind, counts: Iterable[RuleCount]) -> Suggestions:
        """Each pattern that finds nothing → similar names.

        A pattern that is a DN is compared by the value of its RDN.
        """
        names = self._names[kind]
        patterns = [count.pattern for count in counts if count.what == kind and not count.number]
        wanted = [_plain_pattern(pattern) for pattern in patterns]
        folded = list(names)
        return {
            pattern: tuple(names[folded[at]] for at in positions)
            for pattern, positions in zip(patterns, nearest(wanted, folded), strict=True)
        }


def _plain_pattern(pattern: str) -> str:
    """A pattern as plain names are compared with it."""
    return plain_name(dn.key(pattern), None if "=" in pattern else pattern)


def _protected(protect: Protect) -> Iterator[tuple[str, str, EntryKind]]:
    """Path, pattern and kind of what is protected, but for what is protected by default."""
    default = Protect()
    lists: tuple[tuple[str, Sequence[str], Sequence[str], EntryKind], ...] = (
        ("users", protect.users, default.users, "user"),
        ("roles", protect.roles, default.roles, "role"),
        ("groups", protect.groups, default.groups, "group"),
    )
    for key, patterns, built_in, kind in lists:
        for at, pattern in enumerate(patterns):
            if pattern not in built_in:
                yield f"safety.protect.{key}[{at}]", pattern, kind


class GroupPatterns:
    """The patterns of `safety.groups`, and the groups of all workspaces.

    Groups are found by DN, relative to the base of their source, or by name.
    """

    def __init__(self, rules: Sequence[GroupSafety]) -> None:
        self._patterns = list(_patterns_of_groups(rules))
        self._bases: dict[tuple[str, str, str], str] = {}
        """Source, normalized DN and name of a group → the base DN of the source."""

    def add(self, state: PlatformState) -> None:
        """Adds the groups of a workspace."""
        if not self._patterns:
            return
        bases = {source.name: source.base_dn for source in state.sources}
        for group in state.groups:
            self._bases[_known_as(group)] = bases.get(group.source, "")

    def counts(self, *, complete: bool) -> Iterator[RuleCount]:
        """How many groups each pattern finds."""
        numbers = self._numbers([pattern for _, pattern in self._patterns])
        for (path, pattern), number in zip(self._patterns, numbers, strict=True):
            yield RuleCount(path, pattern, "group", number, complete=complete)

    def _numbers(self, patterns: Sequence[str]) -> list[int]:
        """How many groups each pattern finds, whatever the base of their source."""
        by_base: dict[str, list[tuple[str, str]]] = {}
        for (_, key, name), base in self._bases.items():
            by_base.setdefault(base, []).append((key, name))
        numbers = [0] * len(patterns)
        for base, groups in by_base.items():
            keys, names = zip(*groups, strict=True)
            for at, positions in enumerate(found_by(patterns, base, keys, names)):
                numbers[at] += len(positions)
        return numbers


def _patterns_of_groups(rules: Iterable[GroupSafety]) -> Iterator[tuple[str, str]]:
    """The path and the text of each pattern of `safety.groups`."""
    for at, rule in enumerate(rules):
        for place, pattern in enumerate(rule.select):
            yield f"safety.groups[{at}].select[{place}]", pattern


def _known_as(group: Group) -> tuple[str, str, str]:
    """What tells a group from others for a pattern, in whichever workspace it is."""
    return group.source, dn.key(group.dn), group.name
