"""The groups and departments of a source as trees, with what is selected and counts."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from reconcile.model.desired import DesiredState, Source
from reconcile.model.directory import DirectorySnapshot, Outline, Query
from reconcile.model.overview import Node, Overview
from reconcile.model.text import dn
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
    index = rules.index
    selected = {one.key for one in rules.departments}
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for key in index.keys:
        above = [name for name in index.above(key) if name in index.units]
        own.update(above[:1])
        below.update(above)
    children: dict[str, list[str]] = {}
    for key in index.units:
        parent = next((name for name in index.above(key) if name in index.units), "")
        children.setdefault(parent, []).append(key)

    roots = children.get("", [])

    def node(key: str, depth: int) -> Node:
        name = dn.first_value(index.units[key].dn)
        inner = children.get(key, [])
        continued = bool(inner) and depth == _DEEPEST
        if continued:
            roots.extend(inner)
        within = () if continued else tuple(node(one, depth + 1) for one in inner)
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
    """The groups that are in no other one on top; each is shown in total it once."""

    def __init__(self, rules: SourceRules, desired: DesiredState) -> None:
        self._rules = rules
        self._index: Index = rules.index
        self._roles = self._by_group(desired)
        self._shown: set[str] = set()

    def nodes(self) -> Iterator[Node]:
        inner = {
            below
            for key in self._index.groups
            for below in self._index.direct(key)[1]
            if below != key
        }
        for key in self._index.groups:
            if key not in inner:
                yield self._node(key, 1)
        for (
            key
        ) in self._index.groups:  # what is left are circles, and what would have been too deep
            if key not in self._shown:
                yield self._node(key, 1)

    def _node(self, key: str, depth: int) -> Node:
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
            () if repeated or continued else tuple(self._node(one, depth + 1) for one in inner),
            index.unknown(key),
        )

    def _by_group(self, desired: DesiredState) -> dict[str, tuple[str, ...]]:
        """Normalized DN of a group → the roles it gives, in order of precedence."""
        roles: dict[str, tuple[str, ...]] = {}
        for mapping in desired.role_mappings:
            if mapping.source in ("", self._rules.source.name):
                for key in self._rules.matching(mapping.groups):
                    roles[key] = (*roles.get(key, ()), mapping.role)
        return roles
