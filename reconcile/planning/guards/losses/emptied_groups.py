"""Sources, groups and roles that are left with no user in service, because users leave.

A loss of users is counted as users, and in no percentage of memberships or grants. But a group or
role that loses at least two at once, and with them all who are in service, is lost as a whole,
however each of them goes.
"""

from collections import defaultdict
from collections.abc import Collection
from functools import cached_property
from typing import Final

from reconcile.model.platform import PlatformState, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.losses.effective_members import EffectiveMembers
from reconcile.planning.guards.losses.link_counts import given_by_sync
from reconcile.planning.guards.losses.loss_summary import LossSummary
from reconcile.planning.guards.losses.user_changes import folded_names, in_service

FEWEST: Final = 2
"""The only member of a group may leave: that is one person leaving, not a group being emptied."""


class EmptiedGroups:
    """What the users who are lost leave empty behind them."""

    def __init__(self, state: PlatformState, summary: LossSummary) -> None:
        """Of one workspace."""
        self._state = state
        self._summary = summary
        self._lost = summary.lost_names

    @cached_property
    def staying(self) -> list[User]:
        """The users of sources who are in service and stay so."""
        return [user for user in self._of_sources if fold_name(user.username) not in self._lost]

    @cached_property
    def _of_sources(self) -> list[User]:
        """The users of sources who are in service before the changes."""
        return [user for user in in_service(self._state) if user.source]

    @cached_property
    def sources(self) -> set[str]:
        """The sources that lose all of their users in service. That is reported once, as users."""
        losing = {change.source for change in self._summary.users}
        serving = {user.source for user in self._of_sources}
        return losing & serving - {user.source for user in self.staying}

    def groups(self) -> dict[str, tuple[str, int]]:
        """Name of each emptied group of a source → its source, and how many users it had.

        Only users in service count, and only memberships that a sync gave.
        """
        if not self._lost:
            return {}
        serving = self._summary.serving
        names = set(folded_names(self._state.users).values())
        out_of_service = names - serving | self._lost
        before = EffectiveMembers(self._state, from_sync=True)
        after = self._summary.members_after(from_sync=True)
        emptied: dict[str, tuple[str, int]] = {}
        for group in self._state.groups:
            if not group.source:
                continue
            had = before.within(group.name) & serving
            if self._loses_enough(had) and after.within(group.name) <= out_of_service:
                emptied[group.name] = group.source, len(had)
        return emptied

    def roles(self) -> dict[tuple[str, str], int]:
        """Source and role of the grants that are emptied → how many users in service had it."""
        if not self._lost:
            return {}
        ended: dict[tuple[str, str], set[str]] = defaultdict(set)
        for link in self._summary.grants:
            ended[link.source, link.target].add(fold_name(link.member))
        emptied: dict[tuple[str, str], int] = {}
        for pair, users in self._holders().items():
            if pair in self._summary.gaining_roles or not self._loses_enough(users):
                continue
            if users <= self._lost | ended[pair]:
                emptied[pair] = len(users)
        return emptied

    def _loses_enough(self, users: Collection[str]) -> bool:
        """Whether one of at least two users is lost."""
        return len(users) >= FEWEST and not self._lost.isdisjoint(users)

    def _holders(self) -> dict[tuple[str, str], set[str]]:
        """Source and role → the users in service to whom the source gave it."""
        names = folded_names(in_service(self._state))
        holders: dict[tuple[str, str], set[str]] = defaultdict(set)
        for grant in given_by_sync(self._state, self._state.grants):
            holders[grant.origin, grant.role].add(names[grant.user])
        return holders

    def members(self, name: str) -> set[str]:
        """The users in service within a group by memberships of a sync."""
        members = EffectiveMembers(self._state, from_sync=True)
        return members.within(name) & self._summary.serving

    def holders(self, source: str, role: str) -> set[str]:
        """The users in service to whom a source gave a role."""
        return self._holders()[source, role]
