"""`grants_lost`: roles that a source gave, each by itself, and roles of adopted local accounts."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from reconcile.model.change import GuardName, Violation
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.limits.limit_check import LimitCheck, Loss, of_source
from reconcile.planning.guards.limits.lost_memberships import losers_of
from reconcile.planning.guards.limits.phrases import sample
from reconcile.planning.guards.losses.emptied_groups import EmptiedGroups
from reconcile.planning.guards.losses.link_counts import (
    LinkCounts,
    by_source,
    count_grants,
    sources_left_with_nothing,
)
from reconcile.planning.guards.losses.loss_summary import LostLink
from reconcile.planning.guards.losses.user_changes import changes_hands, folded_names

_GUARD: Final[GuardName] = "grants_lost"


class LostGrants:
    """The grants that one workspace loses. Those it has are counted only if some are lost."""

    def __init__(self, check: LimitCheck, emptied: EmptiedGroups) -> None:
        """`emptied`: what lost users leave empty behind them."""
        self._check = check
        self._summary = check.summary
        self._emptied = emptied
        self._limit = check.safety.limits.grants_lost
        self._lost = [link for link in self._summary.grants if not link.with_user]
        """What ends while its user stays: what goes with a user counts as that user."""

    def violations(self) -> Iterator[Violation]:
        """Of each source and all together, of roles that users leave empty, and of each role."""
        if not self._lost and not self._emptied_roles:
            return
        yield from self._of_sources()
        yield from self._of_emptied_roles()
        yield from self._of_roles()

    @cached_property
    def _emptied_roles(self) -> dict[tuple[str, str], int]:
        """Source and role of what lost users leave empty → how many had it."""
        emptied = self._emptied.roles()
        return {pair: emptied[pair] for pair in emptied if pair[0] not in self._emptied.sources}

    @cached_property
    def _counts(self) -> LinkCounts:
        """How many grants there are."""
        return count_grants(self._check.state)

    @cached_property
    def _left(self) -> Counter[tuple[str, str]]:
        """What is left of the grants that a sync gave to users in service."""
        return self._counts.left(self._summary.from_sync_in_service(self._summary.grants))

    @cached_property
    def _lost_from_sync(self) -> list[LostLink]:
        """The lost grants that a sync gave to users in service."""
        return list(self._summary.from_sync_in_service(self._lost))

    @cached_property
    def _bare_sources(self) -> set[str]:
        """The sources that keep none of the grants they gave."""
        gaining = self._summary.gaining_roles
        return sources_left_with_nothing(self._lost_from_sync, self._left, gaining)

    def _of_sources(self) -> Iterator[Violation]:
        """Each source, and all together."""
        yield from self._check.judge_sources(
            _GUARD,
            Counter(link.source for link in self._lost),
            by_source(self._counts.all),
            self._limit,
            "grant",
            self._describe_source,
            self._bare_sources,
        )

    def _describe_source(self, source: str) -> str:
        """What a source loses, and some of the losers where it keeps nothing."""
        losers = losers_of(self._lost, source, self._bare_sources)
        return f"{of_source(source)} would be lost{losers}"

    def _of_emptied_roles(self) -> Iterator[Violation]:
        """A role that users leave empty, unless it is part of a source that keeps nothing."""
        for (source, role), number in sorted(self._emptied_roles.items()):
            if source in self._bare_sources:
                continue
            names = sample(self._emptied.holders(source, role))
            what = f" of the role {role} by {source} to users in service would be lost{names}"
            loss = Loss(
                guard=_GUARD,
                source=source,
                subject=role,
                number=number,
                base=number,
                noun="grant",
                what=what,
            )
            yield from self._check.judge(loss, self._limit, entirely=True)

    def _of_roles(self) -> Iterator[Violation]:
        """Each role of a source that nobody in service keeps, unless it was reported above."""
        numbers = Counter((link.source, link.target) for link in self._lost_from_sync)
        for pair, number in sorted(numbers.items()):
            source, role = pair
            reported = pair in self._emptied_roles or source in self._bare_sources
            if reported or self._left[pair] > 0 or pair in self._summary.gaining_roles:
                continue
            names = sample(link.member for link in self._lost if (link.source, link.target) == pair)
            what = f" of the role {role} by {source} would be lost{names}"
            loss = Loss(
                guard=_GUARD,
                source=source,
                subject=role,
                number=number,
                base=self._counts.all[pair],
                noun="grant",
                what=what,
            )
            yield from self._check.judge(loss, self._limit, entirely=True)


def stripped_accounts(check: LimitCheck) -> Iterator[Violation]:
    """Local accounts that change hands and lose a role a person gave them, if no other has it."""
    summary, state = check.summary, check.state
    handed = {
        fold_name(change.key) for change in summary.renamed_or_adopted if changes_hands(change)
    }
    if not handed:
        return
    local = folded_names(user for user in state.users if not user.source)
    for role, links in sorted(_roles_by_hand(summary.grants, handed).items()):
        grants = (grant for grant in state.grants if grant.role == role and grant.user in local)
        holders = {local[grant.user] for grant in grants} & summary.serving
        if not holders or not holders <= handed:
            continue
        names = sample(link.member for link in links.values())
        what = f" of no source with the role {role} would become a source's and lose it{names}"
        source = next(iter(links.values())).source
        loss = Loss(
            guard=_GUARD,
            source=source,
            subject=role,
            number=len(links),
            base=len(holders),
            noun="account",
            what=what,
        )
        yield from check.judge(loss, check.safety.limits.grants_lost, entirely=True)


def _roles_by_hand(grants: list[LostLink], handed: set[str]) -> dict[str, dict[str, LostLink]]:
    """Role → each of these accounts that loses it, if a person had given it."""
    roles: dict[str, dict[str, LostLink]] = defaultdict(dict)
    for link in grants:
        if not link.from_sync and fold_name(link.member) in handed:
            roles[link.target][fold_name(link.member)] = link
    return roles
