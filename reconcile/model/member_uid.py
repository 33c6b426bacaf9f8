"""The person that a `memberUid` names by the `uid` (RFC 2307), as servers compare a `uid`."""

from collections.abc import Iterable

from reconcile.model.directory import Person
from reconcile.model.text.folding import folded, widely_folded


class Logins:
    """The persons of a snapshot by each of their logins; a person is a position in the snapshot."""

    def __init__(self, persons: Iterable[Person]) -> None:
        """Reads every login once."""
        self._owner: dict[str, int] = {}
        self._shared: dict[str, set[int]] = {}
        """The logins that several persons have, with all of them."""
        self._widely: dict[str, set[int]] = {}
        """The logins that are not ASCII alone, in the folding that not every server knows."""
        for position, person in enumerate(persons):
            for login in person.logins:
                key = folded(login)
                owner = self._owner.setdefault(key, position)
                if owner != position:
                    self._shared.setdefault(key, {owner}).add(position)
                if not key.isascii():
                    self._widely.setdefault(widely_folded(login), set()).add(position)

    def find(self, login: str) -> tuple[int, ...]:
        """All persons that the login can mean, ascending; if there are several, it means none.

        The wider folding, which not every server uses, counts only if no login matches without it.
        """
        key = folded(login)
        if key in self._shared:
            return tuple(sorted(self._shared[key]))
        if key in self._owner:
            return (self._owner[key],) if key else ()
        if key.isascii():
            return ()
        return tuple(sorted(self._widely.get(widely_folded(login), ())))
