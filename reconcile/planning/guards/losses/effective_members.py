"""The users of each group, also by groups nested in it, before the changes and after them."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TypeAlias

from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name
from reconcile.model.transitive import reachable
from reconcile.planning.guards.losses.user_changes import folded_names

Pairs: TypeAlias = Iterable[tuple[str, str]]
"""Member (the name of a user or an inner group) and group, case-folded."""


class EffectiveMembers:
    """Who is in which group, by case-folded names."""

    def __init__(self, state: PlatformState, *, from_sync: bool = False) -> None:
        """`from_sync`: only memberships and nestings that a sync made."""
        users = folded_names(state.users)
        groups = {group.id: fold_name(group.name) for group in state.groups}
        self._users: dict[str, set[str]] = defaultdict(set)
        self._inner: dict[str, set[str]] = defaultdict(set)
        for membership in state.memberships:
            if membership.origin or not from_sync:
                self._users[groups[membership.group]].add(users[membership.user])
        for group in state.groups:
            for above, origin in group.groups.items():
                if origin or not from_sync:
                    self._inner[groups[above]].add(groups[group.id])

    def change(self, ended: Pairs, unnested: Pairs, joined: Pairs, nested: Pairs) -> None:
        """Takes users and groups out of groups, and puts others in."""
        for user, group in ended:
            self._users[group].discard(user)
        for inner, group in unnested:
            self._inner[group].discard(inner)
        for user, group in joined:
            self._users[group].add(user)
        for inner, group in nested:
            self._inner[group].add(inner)

    def within(self, group: str) -> set[str]:
        """The users of a group, direct and by nested groups; a circle of groups does no harm."""
        walked = reachable([fold_name(group)], self._groups_in)
        return set[str]().union(*(self._users.get(inner, ()) for inner in walked))

    def _groups_in(self, group: str) -> Iterable[str]:
        """The groups that are nested in a group itself."""
        return self._inner.get(group, ())
