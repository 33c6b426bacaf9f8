"""Groups and roles that nobody in service would have, because users go out of service or are no more.

A loss of users is counted as users, and in no percentage of memberships or grants. But a group or
role that loses at least two at once, and with them all who are in service, is lost as a whole,
whichever way each of them goes.
"""

from collections import defaultdict
from functools import cached_property
from typing import Final

from reconcile.model.platform import PlatformState, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.effective_members import Crowds
from reconcile.planning.guards.losses import IN_SERVICE, Losses

FEWEST: Final = 2
"""Who is alone in a group or role may leave the company: that is one person who goes, and no group
that is emptied."""


class Gone:
    """What the users who are lost leave empty behind them."""

    def __init__(self, state: PlatformState, losses: Losses) -> None:
        """Of one workspace."""
        self._state = state
        self._losses = losses
        self._lost = {fold_name(change.key) for change in losses.users}

    @cached_property
    def staying(self) -> list[User]:
        """The users of sources who are in service and stay so."""
        return [
            user
            for user in self._state.users
            if user.source
            and user.status in IN_SERVICE
            and fold_name(user.username) not in self._lost
        ]

    def groups(self) -> dict[str, tuple[str, int]]:
        """Name of each mirrored group that is emptied → its source and how many in service it had of a sync."""
        if not self._lost:
            return {}
        serving = self._serving()
        out = {fold_name(user.username) for user in self._state.users} - serving | self._lost
        before, after = Crowds(self._state, given=True), self._losses.after(self._state, given=True)
        found: dict[str, tuple[str, int]] = {}
        for group in self._state.groups:
            if group.source:
                had = before.within(group.name) & serving
                if len(had) >= FEWEST and had & self._lost and not after.within(group.name) - out:
                    found[group.name] = group.source, len(had)
        return found

    def roles(self) -> dict[tuple[str, str], int]:
        """Source and role of the grants that are emptied → how many in service had it of that source."""
        if not self._lost:
            return {}
        serving = self._serving()
        names = {user.id: fold_name(user.username) for user in self._state.users}
        had: dict[tuple[str, str], set[str]] = defaultdict(set)
        for grant in self._state.grants:
            if grant.origin and names[grant.user] in serving:
                had[grant.origin, grant.role].add(names[grant.user])
        ended: dict[tuple[str, str], set[str]] = defaultdict(set)
        for link in self._losses.grants:
            ended[link.source, link.target].add(fold_name(link.member))
        return {
            pair: len(users)
            for pair, users in had.items()
            if len(users) >= FEWEST
            and users & self._lost
            and pair not in self._losses.granted
            and not users - self._lost - ended[pair]
        }

    def members(self, name: str) -> set[str]:
        """The users in service within a group, by a sync."""
        return Crowds(self._state, given=True).within(name) & self._serving()

    def holders(self, source: str, role: str) -> set[str]:
        """The users in service who have a role of a source."""
        names = {
            user.id: fold_name(user.username)
            for user in self._state.users
            if user.status in IN_SERVICE
        }
        pair = (source, role)
        return {
            names[one.user]
            for one in self._state.grants
            if one.user in names and (one.origin, one.role) == pair
        }

    def _serving(self) -> set[str]:
        return set(self._losses.serving)
