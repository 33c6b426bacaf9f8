"""`memberships_lost`: memberships of a source, and of each of its groups.

A group is lost as a whole if no user in service is left whom a sync put there.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from itertools import filterfalse
from typing import Final

from reconcile.model.change import GuardName, Violation
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.limits.group_limits import GroupLimits
from reconcile.planning.guards.limits.limit_check import LimitCheck, Loss, of_source
from reconcile.planning.guards.limits.phrases import sample
from reconcile.planning.guards.losses.emptied_groups import EmptiedGroups
from reconcile.planning.guards.losses.link_counts import (
    LinkCounts,
    by_source,
    by_target,
    count_memberships,
    sources_left_with_nothing,
    sums,
)
from reconcile.planning.guards.losses.loss_summary import LostLink

_GUARD: Final[GuardName] = "memberships_lost"


class LostMemberships:
    """The memberships that one workspace loses. Those it has are counted only if some are lost."""

    def __init__(self, check: LimitCheck, emptied: EmptiedGroups) -> None:
        """`emptied`: what lost users leave empty behind them."""
        self._check = check
        self._summary = check.summary
        self._emptied = emptied
        self._default = check.safety.limits.memberships_lost
        self._limits = GroupLimits(check.safety.groups, self._default, check.state)
        self._ended = [link for link in self._summary.memberships if not link.with_user]
        """What ends while its user stays: what goes with a user counts as that user."""
        self._counted = [link for link in self._ended if not self._limits.free(link.target)]

    def violations(self) -> Iterator[Violation]:
        """Of each source and all together, of groups that users leave empty, and of each group."""
        if not self._ended and not self._emptied_groups:
            return
        yield from self._of_sources()
        yield from self._of_emptied_groups()
        yield from self._of_groups()

    @cached_property
    def _emptied_groups(self) -> dict[str, int]:
        """Name of each group that lost users leave empty → how many it had.

        A source that loses all of its users is reported as such, without its groups.
        """
        return {
            name: number
            for name, (source, number) in self._emptied.groups().items()
            if not self._limits.may_empty(name) and source not in self._emptied.sources
        }

    @cached_property
    def _counts(self) -> LinkCounts:
        """How many memberships there are."""
        return count_memberships(self._check.state)

    @cached_property
    def _left(self) -> Counter[tuple[str, str]]:
        """What is left of the memberships that a sync gave to users in service."""
        return self._counts.left(self._summary.from_sync_in_service(self._summary.memberships))

    @cached_property
    def _bare_sources(self) -> set[str]:
        """The sources that keep no membership. What people gave is theirs, and does not count."""
        lost = self._summary.from_sync_in_service(self._counted)
        return sources_left_with_nothing(lost, self._left, self._summary.gaining_groups)

    def _of_sources(self) -> Iterator[Violation]:
        """Each source, and all together."""
        counts = self._counts.all
        counted = Counter({pair: counts[pair] for pair in counts if not self._limits.free(pair[1])})
        yield from self._check.judge_sources(
            _GUARD,
            sums((link.source, link.number) for link in self._counted),
            by_source(counted),
            self._default,
            "membership",
            self._describe_source,
            self._bare_sources,
        )

    def _describe_source(self, source: str) -> str:
        """What a source loses, and some of the losers where it keeps nothing."""
        losers = losers_of(self._counted, source, self._bare_sources)
        return f"{of_source(source)} would be lost{losers}"

    def _of_emptied_groups(self) -> Iterator[Violation]:
        """A group that users leave empty, unless it is part of a source that keeps nothing."""
        for name, number in sorted(self._emptied_groups.items()):
            source = self._limits.source(name)
            if self._is_reported(name, source):
                continue
            names = sample(self._emptied.members(name))
            what = f" of the group {name} in service would be lost{names}"
            loss = Loss(
                guard=_GUARD,
                source=source,
                subject=name,
                number=number,
                base=number,
                noun="member",
                what=what,
            )
            yield from self._check.judge(loss, self._default, entirely=True)

    def _is_reported(self, name: str, source: str) -> bool:
        """Whether a group is part of a source that is reported as a whole."""
        return source in self._bare_sources and not self._limits.free(name)

    def _of_groups(self) -> Iterator[Violation]:
        """Each group of a source by itself, unless it was reported above."""
        numbers = sums((link.target, link.number) for link in self._ended)
        bases = by_target(self._counts.all)
        bare = self._bare_groups()
        sources = {link.target: link.source for link in self._ended}
        for name, number in sorted(numbers.items()):
            if name in self._emptied_groups or not self._limits.mirrored(name):
                continue
            source, entirely = sources[name], name in bare
            if entirely and self._is_reported(name, source):
                continue
            what = f" of the group {name} would be lost"
            if entirely:
                what += sample(link.member for link in self._ended if link.target == name)
            loss = Loss(
                guard=_GUARD,
                source=source,
                subject=name,
                number=number,
                base=bases[name],
                noun="member",
                what=what,
            )
            yield from self._check.judge(loss, self._limits.of(name), entirely=entirely)

    def _bare_groups(self) -> set[str]:
        """The groups that keep nothing of what a sync put there, and gain nothing."""
        losing = {link.target for link in self._summary.from_sync_in_service(self._ended)}
        left = by_target(self._left)
        gaining = {name for _, name in self._summary.gaining_groups}
        bare = {name for name in losing if left[name] <= 0 and fold_name(name) not in gaining}
        return set(filterfalse(self._limits.may_empty, bare))


def losers_of(lost: Iterable[LostLink], source: str, bare: Collection[str]) -> str:
    """Some of those who lose what a source gave, if it is one of the `bare` ones; "" otherwise."""
    if source not in bare:
        return ""
    return sample(link.member for link in lost if link.source == source)
