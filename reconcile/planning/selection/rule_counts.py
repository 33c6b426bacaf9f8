"""How many entries of the sources each pattern of the rules finds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final, TypeAlias

import msgspec

from reconcile.model.desired import DesiredState, RoleMapping
from reconcile.planning.selection.rule_matches import EntryKind
from reconcile.planning.selection.source_rules import SourceRules

Suggestions: TypeAlias = Mapping[str, tuple[str, ...]]
"""Pattern → similar names."""
_SHOWN: Final = 3
"""So many similar names are suggested."""


class RuleCount(msgspec.Struct, frozen=True):
    """One pattern and how many entries it finds.

    `sources` are those that were searched, () for a rule on the platform. `complete`: nothing that
    the rule is about was left unread, so that 0 means none at all. `nearest` are similar names,
    only if it finds nothing.
    """

    path: str
    pattern: str
    what: EntryKind
    number: int
    sources: tuple[str, ...] = ()
    complete: bool = True
    nearest: tuple[str, ...] = ()

    def suggesting(self, similar: Suggestions) -> "RuleCount":
        """With similar names, if it finds nothing."""
        if self.number:
            return self
        return msgspec.structs.replace(self, nearest=similar[self.pattern])


def in_sources(desired: DesiredState, rules: Sequence[SourceRules]) -> list[RuleCount]:
    """The patterns of all rules about the sources that were read, in the desired state's order."""
    counts = [*_of_users(rules), *_of_role_mappings(desired, rules), *_of_mirrors(desired, rules)]
    similar = _similar_names(counts, rules)
    return [count.suggesting(_of_all_sources(count, similar)) for count in counts]


def _similar_names(
    counts: Iterable[RuleCount], rules: Iterable[SourceRules]
) -> dict[tuple[str, EntryKind], Suggestions]:
    """Source and kind of entries → each pattern that finds nothing → similar names there."""
    missing: dict[tuple[str, EntryKind], dict[str, None]] = {}
    for count in counts:
        if not count.number:
            for source in count.sources:
                missing.setdefault((source, count.what), {})[count.pattern] = None
    matches = {of_source.source.name: of_source.matches for of_source in rules}
    return {
        (source, kind): matches[source].nearest(kind, list(patterns))
        for (source, kind), patterns in missing.items()
    }


def _of_all_sources(
    count: RuleCount, similar: Mapping[tuple[str, EntryKind], Suggestions]
) -> Suggestions:
    """The similar names of all sources of a pattern that finds nothing, the best of each first."""
    if count.number:
        return {}
    lists = [similar[source, count.what][count.pattern] for source in count.sources]
    names: dict[str, None] = {}
    for rank in zip_longest(*lists, fillvalue=""):
        names |= dict.fromkeys(filter(None, rank))
    return {count.pattern: tuple(names)[:_SHOWN]}


def _of_users(rules: Iterable[SourceRules]) -> Iterator[RuleCount]:
    """The rules of each source on its persons."""
    for of_source in rules:
        users, path = of_source.source.users, of_source.matches.users
        about = [of_source]
        yield from _counted("person", f"{path}.select", users.select, about)
        yield from _counted("person", f"{path}.exclude", users.exclude, about)
        yield from _counted("group", f"{path}.create.groups", users.create_groups, about)
        yield from _counted("group", f"{path}.require_groups", users.require_groups, about)
        yield from _counted("OU", f"{path}.inactive_ous", users.inactive_ous, about)


def _of_role_mappings(desired: DesiredState, rules: Sequence[SourceRules]) -> Iterator[RuleCount]:
    """The role mappings. One about all sources is complete only if all of them were read."""
    for at, mapping in enumerate(desired.role_mappings):
        about = _sources_of(mapping, rules)
        complete = bool(mapping.source) or len(about) == len(desired.sources)
        path = f"role_mappings[{at}].groups"
        yield from _counted("group", path, mapping.groups, about, complete=complete)


def _sources_of(mapping: RoleMapping, rules: Iterable[SourceRules]) -> list[SourceRules]:
    """The sources that were read and that a role mapping is about."""
    return [of_source for of_source in rules if mapping.is_about(of_source.source.name)]


def _of_mirrors(desired: DesiredState, rules: Sequence[SourceRules]) -> Iterator[RuleCount]:
    """The rules on groups and departments, each of one source."""
    by_source = {of_source.source.name: [of_source] for of_source in rules}
    for at, group in enumerate(desired.groups):
        about = by_source.get(group.source, [])
        yield from _counted("group", f"groups[{at}].select", group.select, about)
    for at, department in enumerate(desired.departments):
        about = by_source.get(department.source, [])
        yield from _counted("OU", f"departments[{at}].select", department.select, about)


def _counted(
    what: EntryKind,
    path: str,
    patterns: Sequence[str],
    about: Sequence[SourceRules],
    *,
    complete: bool = True,
) -> Iterator[RuleCount]:
    """The patterns of one list over the sources that it is about."""
    if not about or not patterns:
        return
    sources = tuple(of_source.source.name for of_source in about)
    finds = [of_source.matches.finds(what, path) for of_source in about]
    for at, pattern in enumerate(patterns):
        yield RuleCount(
            path=f"{path}[{at}]",
            pattern=pattern,
            what=what,
            number=sum(len(entries[at]) for entries in finds),
            sources=sources,
            complete=complete,
        )
