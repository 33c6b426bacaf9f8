"""What each mirrored group holds: the people who are its members, and the groups that are nested in it.

Under `nested: keep` a group within the group is nested in it if it is mirrored too. The people of
one that is not become members, so that whoever the directory counts among the members gets what
members get, one way or the other.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from reconcile.model.desired import GroupRule
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
    index = rules.index
    how = rules.groups[key].nested
    if how != "keep":
        return Content(index.members(key, nested=how == "flatten"))
    people = set(index.direct(key)[0])
    beyond: set[int] = set()
    nested: set[str] = set()
    seen = {key}
    waiting = [key]
    while waiting:
        at = waiting.pop()
        beyond |= index.beyond(at)
        for inner in index.direct(at)[1]:
            if inner in seen:
                continue
            seen.add(inner)
            kept = (rules.source.name, inner) in mirrored
            if kept:
                nested.add(inner)
            else:
                people |= index.direct(inner)[0]
            if (
                not kept or rules.groups[inner].nested == "ignore"
            ):  # it does not hold what is nested in it itself
                waiting.append(inner)
    # A server that was asked for members of members names those of the nested groups too.
    below = {inner for one in nested for inner in index.within(one)} if beyond else ()
    beyond -= people.union(*(index.direct(inner)[0] for inner in below)) if beyond else set()
    return Content(frozenset(people | beyond), frozenset(nested))


def nested(
    sources: Sequence[SourceRules],
    groups: Iterable[Group],
    ids: GroupIds,
    held: Collection[str] = (),
) -> tuple[Group, ...]:
    """The wanted groups, each nested in what it is to be nested in. Those `held` come into nothing, nothing into them.

    As with members, the rule of the outer group says what is taken out of it; of one that is not
    selected, only what a sync nested in it.
    """
    declared = {rules.source.name for rules in sources}
    listed: dict[str, dict[str, str]] = {}
    """Id of a group → ids of those it is in by the directory → the source that says so."""
    outer: dict[str, GroupRule] = {}
    frozen: set[str] = set()
    """Ids of the groups whose members are not known: what is nested in them stays."""
    for rules in sources:
        source = rules.source.name
        for key, rule in rules.groups.items():
            own = ids.get((source, key))
            if own is None:
                continue
            if key in rules.frozen:
                frozen.add(own)
                continue
            outer[own] = rule
            for inner in content(rules, key, ids).groups if rule.nested == "keep" else ():
                listed.setdefault(ids[source, inner], {})[own] = source
    groups = tuple(groups)
    managed = {
        group.id for group in groups if group.source in declared
    }  # as they are wanted, taken over ones included

    def stays(above: str, origin: str) -> bool:
        if above not in managed or above in frozen:
            return True
        by_hand, rule = origin == BY_HAND, outer.get(above)
        if rule is None:
            return by_hand
        return rule.members == "additive" or (by_hand and rule.members == "owned")

    def wanted(group: Group) -> Group:
        by_directory: Mapping[str, str] = listed.get(group.id, {})
        if not group.groups and not by_directory:
            return group
        kept = {
            above: origin
            for above, origin in group.groups.items()
            if above in by_directory or stays(above, origin)
        }
        new = (
            {}
            if group.id in held
            else {above: one for above, one in by_directory.items() if above not in held}
        )
        after = {**new, **kept}
        return group if after == group.groups else msgspec.structs.replace(group, groups=after)

    return tuple(map(wanted, groups))
