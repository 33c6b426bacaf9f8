"""How many memberships and grants there are before the changes: what losses are measured by."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from reconcile.model.platform import PlatformState
from reconcile.planning.guards.losses.effective_members import EffectiveMembers
from reconcile.planning.guards.losses.loss_summary import LostLink
from reconcile.planning.guards.losses.user_changes import in_service


class LinkCounts(NamedTuple):
    """By source, and name of the group or role: all memberships or grants, and those of a sync.

    In `all` a nesting counts as the users within the inner group, at least as one; in `from_sync`,
    which holds what a sync gave to users in service, it is one.
    """

    all: Counter[tuple[str, str]]
    from_sync: Counter[tuple[str, str]]

    def left(self, lost: Iterable[LostLink]) -> Counter[tuple[str, str]]:
        """What is left of `from_sync` without these links, which have to be part of it."""
        left = Counter(self.from_sync)
        left.subtract((link.source, link.target) for link in lost)
        return left


def count_grants(state: PlatformState) -> LinkCounts:
    """The grants by source and role. One that a person gave counts for the user's source."""
    sources = {user.id: user.source for user in state.users}
    serving = {user.id for user in in_service(state)}
    counts = Counter((grant.origin or sources[grant.user], grant.role) for grant in state.grants)
    from_sync = Counter(
        (grant.origin, grant.role)
        for grant in state.grants
        if grant.origin and grant.user in serving
    )
    return LinkCounts(counts, from_sync)


def count_memberships(state: PlatformState) -> LinkCounts:
    """The memberships and nestings by source and group.

    One that a person gave counts for the group's source.
    """
    groups = {group.id: group for group in state.groups}
    serving = {user.id for user in in_service(state)}
    by_id = Counter((membership.origin, membership.group) for membership in state.memberships)
    from_sync = Counter(
        (membership.origin, groups[membership.group].name)
        for membership in state.memberships
        if membership.origin and membership.user in serving
    )
    _count_nestings(state, by_id, from_sync)
    counts: Counter[tuple[str, str]] = Counter()
    for (origin, row), number in by_id.items():
        group = groups[row]
        counts[origin or group.source, group.name] += number
    return LinkCounts(counts, from_sync)


def _count_nestings(
    state: PlatformState, by_id: Counter[tuple[str, str]], from_sync: Counter[tuple[str, str]]
) -> None:
    """Adds each nesting to the counts of the outer group: with the users it brings, and as one."""
    nested = [group for group in state.groups if group.groups]
    if not nested:
        return
    names = {group.id: group.name for group in state.groups}
    members = EffectiveMembers(state)
    for inner in nested:
        brought = max(1, len(members.within(inner.name)))
        for above, origin in inner.groups.items():
            by_id[origin, above] += brought
            if origin:
                from_sync[origin, names[above]] += 1


def by_source(counts: Counter[tuple[str, str]]) -> Counter[str]:
    """The numbers of each source."""
    return sums((source, number) for (source, _), number in counts.items())


def by_target(counts: Counter[tuple[str, str]]) -> Counter[str]:
    """The numbers of each group or role."""
    return sums((target, number) for (_, target), number in counts.items())


def sums(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    """The numbers of each name, added up."""
    totals: Counter[str] = Counter()
    for name, number in pairs:
        totals[name] += number
    return totals


def sources_left_with_nothing(
    lost: Iterable[LostLink], left: Counter[tuple[str, str]], gaining: Iterable[tuple[str, str]]
) -> set[str]:
    """The sources that keep nothing of what they gave, and give nothing new."""
    keeping = {source for (source, _), number in left.items() if number > 0}
    return {link.source for link in lost} - keeping - {source for source, _ in gaining}
