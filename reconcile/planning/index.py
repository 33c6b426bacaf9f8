"""A directory snapshot made fast to look things up in: persons and groups by DN, members with nesting resolved."""

from collections.abc import Iterable
from functools import cached_property

from reconcile.model import dn
from reconcile.model.directory import DirectoryGroup, DirectorySnapshot, Person
from reconcile.model.memberuid import Logins


class Index:
    """One snapshot, looked at from all sides. Persons are known by their position in the snapshot."""

    def __init__(self, snapshot: DirectorySnapshot) -> None:
        """Normalizes every DN once; the adapter has made sure that each of them is one."""
        self.snapshot = snapshot
        self.keys = [dn.normalize(person.dn) for person in snapshot.persons]
        self.persons = {key: position for position, key in enumerate(self.keys)}
        self.groups = {dn.normalize(group.dn): group for group in snapshot.groups}
        self.units = {dn.normalize(unit.dn): unit for unit in snapshot.units}
        self._unknown = {key: group.members_unknown for key, group in self.groups.items() if group.members_unknown}
        self._below: dict[str, list[int]] | None = None
        self._direct: dict[str, tuple[frozenset[int], tuple[str, ...], tuple[str, ...]]] = {}
        self._flat: dict[str, frozenset[int]] = {}

    def person(self, position: int) -> Person:
        """The person at a position."""
        return self.snapshot.persons[position]

    def direct(self, key: str) -> tuple[frozenset[int], tuple[str, ...], tuple[str, ...]]:
        """A group's own members: persons by position, groups by normalized DN, and members that are neither."""
        if key not in self._direct:
            self._direct[key] = self._read_members(self.groups[key])
        return self._direct[key]

    def members(self, key: str, *, nested: bool = True) -> frozenset[int]:
        """A group's members by position, those of groups within it included; groups may contain each other."""
        if not nested:
            return self.direct(key)[0]
        if key not in self._flat:
            within = self.within(key)
            self._flat[key] = frozenset().union(
                *(self.direct(inner)[0] for inner in within), *(self.beyond(inner) for inner in within)
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
        seen = {key}
        waiting = [key]
        while waiting:
            for inner in self.direct(waiting.pop())[1]:
                if inner not in seen:
                    seen.add(inner)
                    waiting.append(inner)
        return seen

    def _read_members(self, group: DirectoryGroup) -> tuple[frozenset[int], tuple[str, ...], tuple[str, ...]]:
        persons: set[int] = set(self._by_place().get(dn.normalize(group.dn), ()))
        groups: list[str] = []
        dangling: list[str] = []
        for member in group.members:
            key = dn.key(member)
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
        return {self.persons[key] for key in map(dn.key, nested) if key in self.persons} if nested else set()

    def _by_place(self) -> dict[str, list[int]]:
        """The persons whose entries stand directly below a group's: they are members of it by that alone."""
        if self._below is None:
            self._below = {}
            for position, key in enumerate(self.keys):
                above = dn.parent(key)
                if above in self.groups:
                    self._below.setdefault(above, []).append(position)
        return self._below

    @cached_property
    def logins(self) -> Logins:
        """The persons by their logins."""
        return Logins(self.snapshot.persons)


def ancestors(key: str) -> Iterable[str]:
    """The normalized DNs above a name, nearest first."""
    while key := dn.parent(key):
        yield key
