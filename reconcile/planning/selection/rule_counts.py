"""How much each pattern of the rules finds: entries of the sources, names on the platform."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TypeAlias

import msgspec

from reconcile.model.desired import DesiredState, Protect, Safety
from reconcile.model.platform import PlatformState
from reconcile.model.text import dn
from reconcile.planning.selection.nearest import nearest
from reconcile.planning.selection.patterns import NamePatterns, found_by, plain_name
from reconcile.planning.selection.rule_matches import What
from reconcile.planning.selection.source_rules import SourceRules

Suggestions: TypeAlias = Mapping[str, tuple[str, ...]]
"""Pattern → similar names."""


class RuleCount(msgspec.Struct, frozen=True):
    """One pattern and how many entries it finds.

    `sources` are those that were searched, () for a rule on the platform. `complete`: nothing that
    the rule is about was left unread, so that 0 means none at all. `nearest` are similar names,
    only if it finds nothing.
    """

    path: str
    pattern: str
    what: What
    number: int
    sources: tuple[str, ...] = ()
    complete: bool = True
    nearest: tuple[str, ...] = ()


def in_sources(desired: DesiredState, rules: Sequence[SourceRules]) -> list[RuleCount]:
    """The patterns of all rules about the sources that were read, in the desired state's order."""
    counts = list(_in_sources(desired, rules))
    missing: dict[tuple[str, What], list[str]] = {}
    for count in counts:
        if count.number:
            continue
        for source in count.sources:
            missing.setdefault((source, count.what), []).append(count.pattern)
    by_name = {rule.source.name: rule for rule in rules}
    similar = {
        (source, what): by_name[source].matches.nearest(what, list(dict.fromkeys(patterns)))
        for (source, what), patterns in missing.items()
    }
    return [count if count.number else _suggesting(count, similar) for count in counts]


def _suggesting(count: RuleCount, similar: Mapping[tuple[str, What], Suggestions]) -> RuleCount:
    """Adds the similar names of all of its sources, the best of each first."""
    lists = [similar[source, count.what][count.pattern] for source in count.sources]
    names = (name for rank in zip_longest(*lists) for name in rank if name is not None)
    return msgspec.structs.replace(count, nearest=tuple(dict.fromkeys(names))[:3])


def _in_sources(desired: DesiredState, rules: Sequence[SourceRules]) -> Iterator[RuleCount]:
    for rule in rules:
        users, paths = rule.source.users, rule.matches.users
        yield from _counted("person", f"{paths}.select", users.select, [rule])
        yield from _counted("person", f"{paths}.exclude", users.exclude, [rule])
        yield from _counted("group", f"{paths}.require_groups", users.require_groups, [rule])
        yield from _counted("OU", f"{paths}.inactive_ous", users.inactive_ous, [rule])
    for at, mapping in enumerate(desired.role_mappings):
        about = [one for one in rules if mapping.source in ("", one.source.name)]
        complete = bool(mapping.source) or len(about) == len(desired.sources)
        path = f"role_mappings[{at}].groups"
        yield from _counted("group", path, mapping.groups, about, complete=complete)
    for at, group in enumerate(desired.groups):
        about = [one for one in rules if group.source == one.source.name]
        yield from _counted("group", f"groups[{at}].select", group.select, about)
    for at, department in enumerate(desired.departments):
        about = [one for one in rules if department.source == one.source.name]
        yield from _counted("OU", f"departments[{at}].select", department.select, about)


def _counted(
    what: What,
    path: str,
    patterns: Sequence[str],
    about: Sequence[SourceRules],
    *,
    complete: bool = True,
) -> Iterator[RuleCount]:
    """The patterns of one list over the sources that it is about."""
    if not about or not patterns:
        return
    sources = tuple(rule.source.name for rule in about)
    matches = [rule.matches.found(what, path) for rule in about]
    for at, pattern in enumerate(patterns):
        number = sum(len(entries[at]) for entries in matches)
        yield RuleCount(f"{path}[{at}]", pattern, what, number, sources, complete)


class PlatformNames:
    """The names that patterns of `safety` are compared with: current and future ones."""

    def __init__(self, desired: DesiredState) -> None:
        """Starts empty; stores nothing if `safety` has no such pattern."""
        self._safety = desired.safety
        self._patterns = list(_protected(desired.safety))
        self._names: dict[What, dict[str, str]] = {"user": {}, "group": {}, "role": {}}
        roles = [rule.role for rule in desired.role_mappings]
        roles += [rule.role for rule in desired.departments if rule.role]
        self._add("role", roles)
        self._groups: dict[tuple[str, str, str], str] = {}
        self._read: set[str] = set()
        self._workspaces = set(desired.platform.workspaces)

    def add(self, state: PlatformState) -> None:
        """Adds the names of a workspace, as it is or as the plan makes it."""
        self._read.add(state.workspace)
        kinds = {what for _, _, what in self._patterns}
        if "user" in kinds:
            self._add("user", (user.username for user in state.users if user.status != "erased"))
        if "group" in kinds or self._safety.groups:
            self._add("group", (group.name for group in state.groups))
        if "role" in kinds:
            self._add("role", (*state.roles, *{grant.role for grant in state.grants}))
        if not self._safety.groups:
            return
        bases = {source.name: source.base_dn for source in state.sources}
        for group in state.groups:
            key = dn.key(group.dn) if group.dn else ""
            self._groups[group.source, key, group.name] = bases.get(group.source, "")

    def counts(self) -> list[RuleCount]:
        """The patterns of `safety`, with how many names each finds in all workspaces added."""
        counts = [*self._of_groups(), *self._of_names()]
        kinds = {one.what for one in counts if not one.number}
        similar = {what: self._nearest(what, counts) for what in kinds}
        return [one if one.number else _with(one, similar[one.what]) for one in counts]

    def _of_groups(self) -> Iterator[RuleCount]:
        """Groups are found by DN, relative to the base of their source, or by name."""
        patterns = [pattern for rule in self._safety.groups for pattern in rule.select]
        numbers = [0] * len(patterns)
        by_base: dict[str, list[tuple[str, str]]] = {}
        for (_, key, name), base in self._groups.items():
            by_base.setdefault(base, []).append((key, name))
        for base, groups in by_base.items():
            keys, names = zip(*groups, strict=True)
            found = found_by(patterns, base, keys, names)
            numbers = [number + len(one) for number, one in zip(numbers, found, strict=True)]
        left = iter(numbers)
        for at, rule in enumerate(self._safety.groups):
            for place, pattern in enumerate(rule.select):
                path = f"safety.groups[{at}].select[{place}]"
                yield self._count(path, pattern, "group", next(left))

    def _of_names(self) -> Iterator[RuleCount]:
        for path, pattern, what in self._patterns:
            names = self._names[what]
            number = int(plain_name("", pattern) in names)
            if "*" in pattern:
                number = sum(map(NamePatterns((pattern,)).matches, names))
            yield self._count(path, pattern, what, number)

    def _count(self, path: str, pattern: str, what: What, number: int) -> RuleCount:
        return RuleCount(path, pattern, what, number, complete=self._workspaces <= self._read)

    def _add(self, what: What, names: Iterable[str]) -> None:
        self._names[what] |= {plain_name("", name): name for name in names}

    def _nearest(self, what: What, counts: Iterable[RuleCount]) -> Suggestions:
        """A pattern that is a DN is compared by the value of its RDN."""
        names = list(self._names[what])
        patterns = [one.pattern for one in counts if one.what == what and not one.number]
        wanted = [plain_name(dn.key(one), None if "=" in one else one) for one in patterns]
        return {
            pattern: tuple(self._names[what][names[at]] for at in positions)
            for pattern, positions in zip(patterns, nearest(wanted, names), strict=True)
        }


def _with(one: RuleCount, similar: Suggestions) -> RuleCount:
    return msgspec.structs.replace(one, nearest=similar[one.pattern])


def _protected(safety: Safety) -> Iterator[tuple[str, str, What]]:
    """Path, pattern and kind of what is protected, but for what is protected by default."""
    protect, default = safety.protect, Protect()
    lists: tuple[tuple[str, Sequence[str], Sequence[str], What], ...] = (
        ("users", protect.users, default.users, "user"),
        ("roles", protect.roles, default.roles, "role"),
        ("groups", protect.groups, default.groups, "group"),
    )
    for key, patterns, built_in, what in lists:
        for at, pattern in enumerate(patterns):
            if pattern not in built_in:
                yield f"safety.protect.{key}[{at}]", pattern, what
