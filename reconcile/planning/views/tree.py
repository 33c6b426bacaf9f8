"""The groups and departments of a source as trees, with what is selected and counts."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from reconcile.model.desired import DesiredState, Source
from reconcile.model.directory import DirectorySnapshot, Outline, Query
from reconcile.model.text import dn
from reconcile.model.views.overview import Node, Overview
from reconcile.planning.selection.query import query
from reconcile.planning.selection.snapshot_index import Index
from reconcile.planning.selection.source_rules import SourceRules

_DEEPEST = 100
"""Levels of a tree: enough for any directory that people made, and far from what a program cannot
descend."""


def tree_query(desired: DesiredState, source: Source) -> Query:
    """All groups and OUs, whatever the rules ask for."""
    return msgspec.structs.replace(query(desired, source), groups=True, units=True)


def overview(desired: DesiredState, source: Source, snapshot: DirectorySnapshot) -> Overview:
    """Both trees. Raises UsageError when a department is selected without its parent."""
    rules = SourceRules(desired, source, snapshot)
    return Overview(
        source.name,
        source.base_dn,
        tuple(_departments(rules)),
        tuple(_Groups(rules, desired).nodes()),
    )


def outlined(desired: DesiredState, source: Source, outline: Outline) -> Overview:
    """The trees while the persons are still being read, without any counts."""
    nobody = DirectorySnapshot(
        source.name, source.base_dn, groups=outline.groups or (), units=outline.units
    )
    return overview(desired, source, nobody)


def _departments(rules: SourceRules) -> Iterator[Node]:
    """The OUs as trees, with how many persons are in and below each."""
    index = rules.index
    selected = {chosen.key for chosen in rules.departments}
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for key in index.keys:
        above = index.units_above(key)
        own.update(above[:1])
        below.update(above)
    children: dict[str, list[str]] = {}
    for key in index.units:
        parents = index.units_above(key)
        children.setdefault(parents[0] if parents else "", []).append(key)

    roots = children.get("", [])

    def node(key: str, depth: int) -> Node:
        name = dn.first_value(index.units[key].dn)
        inner = children.get(key, [])
        continued = bool(inner) and depth == _DEEPEST
        if continued:
            roots.extend(inner)
        within = () if continued else tuple(node(below_it, depth + 1) for below_it in inner)
        return Node(
            name,
            index.units[key].dn,
            key in selected,
            own[key],
            below[key],
            continued=continued,
            within=within,
        )

    for key in roots:  # grows while it is gone through
        yield node(key, 1)


class _Groups:
    """The groups that are in no other one on top; each is shown in full once."""

    def __init__(self, rules: SourceRules, desired: DesiredState) -> None:
        self._rules = rules
        self._index: Index = rules.index
        self._roles = self._by_group(desired)
        self._shown: set[str] = set()

    def nodes(self) -> Iterator[Node]:
        """The groups as trees; groups in a circle are shown, too."""
        inner = {
            below
            for key in self._index.groups
            for below in self._index.direct(key)[1]
            if below != key
        }
        for key in self._index.groups:
            if key not in inner:
                yield self._node(key, 1)
        # What is left are circles, and what would have been too deep.
        for key in self._index.groups:
            if key not in self._shown:
                yield self._node(key, 1)

    def _node(self, key: str, depth: int) -> Node:
        """A group with what is nested in it."""
        group, index = self._index.groups[key], self._index
        inner = index.direct(key)[1]
        repeated = key in self._shown
        continued = bool(inner) and not repeated and depth == _DEEPEST
        self._shown.add(key)
        return Node(
            dn.first_value(group.dn),
            group.dn,
            key in self._rules.groups,
            len(index.direct(key)[0]),
            len(index.members(key)),
            self._roles.get(key, ()),
            repeated,
            continued,
            () if repeated or continued else tuple(self._node(below, depth + 1) for below in inner),
            index.unknown(key),
        )

    def _by_group(self, desired: DesiredState) -> dict[str, tuple[str, ...]]:
        """Normalized DN of a group → the roles it gives, in order of precedence."""
        roles: dict[str, tuple[str, ...]] = {}
        for _, mapping in desired.role_mappings_of(self._rules.source.name):
            for key in self._rules.matching(mapping.groups):
                roles[key] = (*roles.get(key, ()), mapping.role)
        return roles
