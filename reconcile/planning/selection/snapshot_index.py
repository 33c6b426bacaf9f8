"""An index of a directory snapshot: persons and groups by DN, members with nesting resolved."""

from collections.abc import Iterable
from functools import cached_property

from reconcile.model.directory import DirectoryGroup, DirectorySnapshot, Person, reachable
from reconcile.model.member_uid import Logins
from reconcile.model.text import dn
from reconcile.model.text.references import References


class Index:
    """Look-ups in one snapshot. A person is identified by the position in the snapshot."""

    def __init__(self, snapshot: DirectorySnapshot) -> None:
        """Normalizes every DN once.

        The adapter guarantees that no two entries of a kind share a normalized DN.
        """
        self.snapshot = snapshot
        self.keys = [dn.key(person.dn) for person in snapshot.persons]
        self.persons = {key: position for position, key in enumerate(self.keys)}
        self.groups = {dn.key(group.dn): group for group in snapshot.groups}
        self.units = {dn.key(unit.dn): unit for unit in snapshot.units}
        self._members = References(
            (self.persons, self.groups), snapshot.folding, snapshot.lookalikes
        )
        self._persons = References((self.persons,), snapshot.folding, snapshot.lookalikes)
        self._units = References((self.units,), snapshot.folding, snapshot.lookalikes)
        self._above: dict[str, tuple[str, ...]] = {}
        self._unknown = {
            key: group.members_unknown
            for key, group in self.groups.items()
            if group.members_unknown
        }
        self._below: dict[str, list[int]] | None = None
        self._direct: dict[str, tuple[frozenset[int], tuple[str, ...], tuple[str, ...]]] = {}
        self._flat: dict[str, frozenset[int]] = {}

    def person(self, position: int) -> Person:
        """The person at a position."""
        return self.snapshot.persons[position]

    def position(self, written: str) -> int:
        """The position of the only person that a DN can mean; -1 if there is none or several."""
        key = dn.key(written)
        if key in self.persons:
            return self.persons[key]
        return self.persons.get(self._persons.only(key), -1)

    def unit(self, key: str) -> str:
        """The key of the only OU that a normalized DN can mean; "" if there is none or several."""
        return key if key in self.units else self._units.only(key)

    def above(self, key: str) -> tuple[str, ...]:
        """The normalized DNs above a name, nearest first; those of OUs as the OUs are named."""
        parent = dn.parent(key)
        if parent not in self._above:
            self._above[parent] = tuple(self.unit(place) or place for place in ancestors(key))
        return self._above[parent]

    def several(self, written: str) -> tuple[str, ...]:
        """The DNs, as written, of the entries that a member can mean if it is ambiguous."""
        found = self._members.meant(dn.key(written))
        return tuple(map(self._written, found)) if len(found) > 1 else ()

    def several_persons(self, written: str) -> tuple[str, ...]:
        """Like `several`, for a DN that names a person, such as a manager."""
        found = self._persons.meant(dn.key(written))
        return tuple(map(self._written, found)) if len(found) > 1 else ()

    def _written(self, key: str) -> str:
        if key in self.persons:
            return self.person(self.persons[key]).dn
        return self.groups[key].dn if key in self.groups else key

    def direct(self, key: str) -> tuple[frozenset[int], tuple[str, ...], tuple[str, ...]]:
        """A group's own members: persons by position, groups by normalized DN, and the rest.

        The rest are values that match no entry or several.
        """
        if key not in self._direct:
            self._direct[key] = self._read_members(self.groups[key])
        return self._direct[key]

    def members(self, key: str, *, nested: bool = True) -> frozenset[int]:
        """A group's members by position, with those of nested groups.

        Groups may contain each other.
        """
        if not nested:
            return self.direct(key)[0]
        if key not in self._flat:
            within = self.within(key)
            self._flat[key] = frozenset().union(
                *(self.direct(inner)[0] for inner in within),
                *(self.beyond(inner) for inner in within),
            )
        return self._flat[key]

    def unknown(self, key: str, *, nested: bool = True) -> str:
        """Why not all members of a group are known; "" where they are."""
        if not self._unknown:
            return ""
        if own := self._unknown.get(key):
            return own
        inner = sorted(self._unknown.keys() & self.within(key)) if nested else ()
        return next((f"{self.groups[one].dn} within it: {self._unknown[one]}" for one in inner), "")

    def within(self, key: str) -> set[str]:
        """The group itself and every group below it, however deep; a cycle ends where it began."""
        return set(reachable([key], lambda group: self.direct(group)[1]))

    def _read_members(
        self, group: DirectoryGroup
    ) -> tuple[frozenset[int], tuple[str, ...], tuple[str, ...]]:
        persons: set[int] = set(self._by_place().get(dn.key(group.dn), ()))
        groups: list[str] = []
        dangling: list[str] = []
        for member in group.members:
            key = dn.key(member)
            if key not in self.persons and key not in self.groups:
                key = self._members.only(key)
            if key in self.persons:
                persons.add(self.persons[key])
            elif key in self.groups:
                groups.append(key)
            else:
                dangling.append(member)
        for login in group.member_logins:
            found = self.logins.find(login)
            if len(found) == 1:
                persons.update(found)
            else:
                dangling.append(login)
        return frozenset(persons), tuple(groups), tuple(dangling)

    def beyond(self, key: str) -> set[int]:
        """The members, by position, by way of groups that the snapshot does not have."""
        nested = self.groups[key].nested_members
        return {at for at in map(self.position, nested) if at >= 0} if nested else set()

    def _by_place(self) -> dict[str, list[int]]:
        """Normalized DN of a group → the persons whose entries are directly below it.

        Their place alone makes them members.
        """
        if self._below is None:
            self._below = {}
            groups = References((self.groups,), self.snapshot.folding, self.snapshot.lookalikes)
            meant: dict[str, str] = {}
            for position, key in enumerate(self.keys):
                above = dn.parent(key)
                if above not in meant:
                    meant[above] = groups.only(above)
                if meant[above]:
                    self._below.setdefault(meant[above], []).append(position)
        return self._below

    @cached_property
    def logins(self) -> Logins:
        """The persons by their logins."""
        return Logins(self.snapshot.persons)


def ancestors(key: str) -> Iterable[str]:
    """The normalized DNs above a name, nearest first."""
    while key := dn.parent(key):
        yield key
