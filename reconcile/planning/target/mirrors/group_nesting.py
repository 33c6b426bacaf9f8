"""What each mirrored group holds: the people who are its members, and the groups nested in it.

Under `nested: keep` a group within the group is nested in it if it is mirrored, too. If it is not
mirrored, its people become members. Either way, everyone the directory counts among the members
gets what members get.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from reconcile.model.desired import GroupRule
from reconcile.model.platform import BY_HAND, Group
from reconcile.model.transitive import reachable
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
    index = rules.index
    walk = _Walk(rules, key, mirrored)
    walked = reachable([key], walk.groups_to_look_into)
    nested = {group for group in walked if walk.is_nested(group)}
    members = (index.direct(group)[0] for group in walked if group not in nested)
    people = frozenset[int]().union(*members)
    beyond = set[int]().union(*map(index.beyond, filter(walk.is_looked_into, walked)))
    if beyond:
        # A server that was asked for members of members also lists those of the nested groups.
        below = set[str]().union(*map(index.within, nested))
        beyond -= people.union(*(index.direct(group)[0] for group in below))
    return Content(people | beyond, frozenset(nested))


class _Walk(NamedTuple):
    """Through the groups within a group with `nested: keep`."""

    rules: SourceRules
    key: str
    mirrored: GroupIds

    def is_nested(self, group: str) -> bool:
        """Whether a group is nested on the platform, too, so that its people are not members."""
        return group != self.key and (self.rules.source.name, group) in self.mirrored

    def is_looked_into(self, group: str) -> bool:
        """Whether what is nested in a group belongs to this one.

        A nested group brings what is nested in it itself, unless its own rule ignores that.
        """
        return not self.is_nested(group) or self.rules.groups[group].nested == "ignore"

    def groups_to_look_into(self, group: str) -> Iterable[str]:
        """The groups one level below."""
        return self.rules.index.direct(group)[1] if self.is_looked_into(group) else ()


class _Nesting:
    """What the directories say about the groups of one workspace."""

    def __init__(
        self, sources: Sequence[SourceRules], ids: GroupIds, held: Collection[str]
    ) -> None:
        self._held = held
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
        """Notes what a group contains; of a frozen one that is not known."""
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
        return rule.keeps_unlisted(by_hand=by_hand)

    def nested_in(self, group: Group, managed: Collection[str]) -> dict[str, str]:
        """The groups that a group is to be in → who says so; `held` groups enter and take none.

        `managed` are the ids of groups of declared sources.
        """
        listed = self.containers.get(group.id, {})
        wanted: dict[str, str] = {}
        if group.id not in self._held:
            wanted = {outer: listed[outer] for outer in listed if outer not in self._held}
        for outer, origin in group.groups.items():
            if outer in listed or outer not in managed or self.keeps(outer, origin):
                wanted[outer] = origin
        return wanted


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
    groups = list(groups)
    # As the groups are wanted: one that was taken over belongs to its new source.
    managed = {group.id for group in groups if group.source in declared}
    nesting = _Nesting(sources, ids, held)
    for at, group in enumerate(groups):
        wanted = nesting.nested_in(group, managed)
        if wanted != group.groups:
            groups[at] = msgspec.structs.replace(group, groups=wanted)
    return tuple(groups)
