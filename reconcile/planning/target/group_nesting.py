"""What each mirrored group holds: the people who are its members, and the groups nested in it.

Under `nested: keep` a group within the group is nested in it if it is mirrored, too. If it is not
mirrored, its people become members. Either way, everyone the directory counts among the members
gets what members get.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from reconcile.model.desired import GroupRule
from reconcile.model.directory import reachable
from reconcile.model.platform import BY_HAND, Group
from reconcile.planning.selection.source_rules import SourceRules

GroupIds = Mapping[tuple[str, str], str]
"""Source and normalized DN → id of the groups that are mirrored."""


class Content(msgspec.Struct, frozen=True):
    """`people` by their position in the snapshot, `groups` by normalized DN."""

    people: frozenset[int]
    groups: frozenset[str] = frozenset()


def content(rules: SourceRules, key: str, mirrored: GroupIds) -> Content:
    """What the directory and the group's rule put into a selected group."""
    nested = rules.groups[key].nested
    if nested == "keep":
        return _nested_content(rules, key, mirrored)
    return Content(rules.index.members(key, nested=nested == "flatten"))


def _nested_content(rules: SourceRules, key: str, mirrored: GroupIds) -> Content:
    """The content of a group with `nested: keep`."""
    index, source = rules.index, rules.source.name

    def is_mirrored(group: str) -> bool:
        return (source, group) in mirrored

    def groups_to_look_into(group: str) -> Iterable[str]:
        # A mirrored group brings what is nested in it itself, unless its own rule ignores that.
        if group != key and is_mirrored(group) and rules.groups[group].nested != "ignore":
            return ()
        return index.direct(group)[1]

    walked = reachable([key], groups_to_look_into)
    nested = {group for group in walked if group != key and is_mirrored(group)}
    looked_into = [
        group for group in walked if group not in nested or rules.groups[group].nested == "ignore"
    ]
    members = (index.direct(group)[0] for group in walked if group not in nested)
    people = frozenset[int]().union(*members)
    beyond = set[int]().union(*map(index.beyond, looked_into))
    if beyond:
        # A server that was asked for members of members also lists those of the nested groups.
        below = set[str]().union(*map(index.within, nested))
        beyond -= people.union(*(index.direct(group)[0] for group in below))
    return Content(people | beyond, frozenset(nested))


class _Nesting:
    """What the directories say about the groups of one workspace."""

    def __init__(self, sources: Sequence[SourceRules], ids: GroupIds) -> None:
        self.containers: dict[str, dict[str, str]] = {}
        """Id of a group → ids of the groups it is in → the source that says so."""
        self.rules: dict[str, GroupRule] = {}
        """Id of a selected group with known members → its rule."""
        self.frozen: set[str] = set()
        """Ids of groups whose members are not known: what is nested in them stays."""
        for rules in sources:
            for key, rule in rules.groups.items():
                group_id = ids.get((rules.source.name, key))
                if group_id is not None:
                    self._add(rules, key, rule, group_id, ids)

    def _add(
        self, rules: SourceRules, key: str, rule: GroupRule, group_id: str, ids: GroupIds
    ) -> None:
        if key in rules.frozen:
            self.frozen.add(group_id)
            return
        self.rules[group_id] = rule
        if rule.nested != "keep":
            return
        source = rules.source.name
        for inner in content(rules, key, ids).groups:
            self.containers.setdefault(ids[source, inner], {})[group_id] = source

    def keeps(self, container: str, origin: str) -> bool:
        """Whether a managed group keeps a group that the directory does not list in it."""
        if container in self.frozen:
            return True
        by_hand = origin == BY_HAND
        rule = self.rules.get(container)
        if rule is None:
            return by_hand
        return rule.members == "additive" or (by_hand and rule.members == "owned")


def nested(
    sources: Sequence[SourceRules],
    groups: Iterable[Group],
    ids: GroupIds,
    held: Collection[str] = (),
) -> tuple[Group, ...]:
    """The wanted groups, each nested as it should be. `held` groups enter none and take none.

    As with members, the rule of the outer group decides what is taken out of it. From a group that
    is not selected, only what a sync nested in it is taken out.
    """
    declared = {rules.source.name for rules in sources}
    groups = tuple(groups)
    # As the groups are wanted: one that was taken over belongs to its new source.
    managed = {group.id for group in groups if group.source in declared}
    nesting = _Nesting(sources, ids)

    def with_nesting(group: Group) -> Group:
        listed: Mapping[str, str] = nesting.containers.get(group.id, {})
        if not group.groups and not listed:
            return group
        after: dict[str, str] = {}
        # A held group gives nothing and gains nothing.
        if group.id not in held:
            after = {outer: source for outer, source in listed.items() if outer not in held}
        for outer, origin in group.groups.items():
            if outer in listed or outer not in managed or nesting.keeps(outer, origin):
                after[outer] = origin
        return group if after == group.groups else msgspec.structs.replace(group, groups=after)

    return tuple(map(with_nesting, groups))
