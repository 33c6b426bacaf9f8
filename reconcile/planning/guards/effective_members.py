"""Who is in a group, directly or by groups nested in it, by case-folded names; before the changes and after them."""

from collections import defaultdict
from collections.abc import Iterable

from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name

Pairs = Iterable[tuple[str, str]]
"""Member (the name of a user or an inner group) and group."""


class Crowds:
    """The users within each group."""

    def __init__(self, state: PlatformState, *, given: bool = False) -> None:
        """`given`: only what a sync put there."""
        names = {user.id: fold_name(user.username) for user in state.users}
        groups = {group.id: fold_name(group.name) for group in state.groups}
        self._users: dict[str, set[str]] = defaultdict(set)
        self._inner: dict[str, set[str]] = defaultdict(set)
        for one in state.memberships:
            if one.origin or not given:
                self._users[groups[one.group]].add(names[one.user])
        for group in state.groups:
            for above, origin in group.groups.items():
                if origin or not given:
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

    def within(self, name: str) -> set[str]:
        """The users in a group, whichever way."""
        name = fold_name(name)
        found = set(self._users.get(name, ()))
        seen, waiting = {name}, [name]
        while waiting:
            for inner in self._inner.get(waiting.pop(), ()):
                if inner not in seen:
                    seen.add(inner)
                    waiting.append(inner)
                    found |= self._users.get(inner, set())
        return found
