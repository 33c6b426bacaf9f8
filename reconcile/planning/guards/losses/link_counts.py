"""How many memberships and grants there are before the changes: what losses are measured by."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from reconcile.model.identity import by_id, ids
from reconcile.model.platform import Grant, Group, Membership, PlatformState
from reconcile.planning.guards.losses.effective_members import EffectiveMembers
from reconcile.planning.guards.losses.loss_summary import LostLink
from reconcile.planning.guards.losses.user_changes import in_service

Link = TypeVar("Link", Membership, Grant)


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
    counts = Counter((grant.origin or sources[grant.user], grant.role) for grant in state.grants)
    from_sync = given_by_sync(state, state.grants)
    return LinkCounts(counts, Counter((grant.origin, grant.role) for grant in from_sync))


def count_memberships(state: PlatformState) -> LinkCounts:
    """The memberships and nestings by source and group.

    One that a person gave counts for the group's source.
    """
    groups = by_id(state.groups)
    numbers = Counter((membership.origin, membership.group) for membership in state.memberships)
    from_sync = Counter(
        (membership.origin, groups[membership.group].name)
        for membership in given_by_sync(state, state.memberships)
    )
    _count_nestings(state, groups, numbers, from_sync)
    # A group's name stands for its id only now: there are fewer groups than memberships.
    counts: Counter[tuple[str, str]] = Counter()
    for (origin, group_id), number in numbers.items():
        group = groups[group_id]
        counts[origin or group.source, group.name] += number
    return LinkCounts(counts, from_sync)


def given_by_sync(state: PlatformState, links: Iterable[Link]) -> Iterator[Link]:
    """The links that a sync gave to users in service."""
    serving = ids(in_service(state))
    for link in links:
        if link.origin and link.user in serving:
            yield link


def _count_nestings(
    state: PlatformState,
    groups: Mapping[str, Group],
    numbers: Counter[tuple[str, str]],
    from_sync: Counter[tuple[str, str]],
) -> None:
    """Adds each nesting to the counts of the outer group: with the users it brings, and as one.

    `numbers` are by the id of the group, `from_sync` by its name.
    """
    nested = [group for group in state.groups if group.groups]
    if not nested:
        return
    members = EffectiveMembers(state)
    for inner in nested:
        brought = max(1, len(members.within(inner.name)))
        for outer, origin in inner.groups.items():
            numbers[origin, outer] += brought
            if origin:
                from_sync[origin, groups[outer].name] += 1


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
