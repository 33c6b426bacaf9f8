"""By which way a person is in a group: every step of the nesting, the shortest way first."""

from reconcile.model.directory import DirectoryGroup, Person
from reconcile.model.text import dn
from reconcile.model.transitive import reachable
from reconcile.planning.selection.snapshot_index import Index


class MembershipPaths:
    """The ways of one person into all the groups that the person is in."""

    def __init__(self, index: Index, position: int) -> None:
        """Goes up from the person, breadth first; groups may contain each other."""
        self._index = index
        self._position = position
        own: list[str] = []
        outer_groups: dict[str, list[str]] = {}
        for key in index.groups:
            people, groups, _ = index.direct(key)
            if position in people or position in index.beyond(key):
                own.append(key)
            for inner in groups:
                outer_groups.setdefault(inner, []).append(key)
        self._next = reachable(own, lambda inner: outer_groups.get(inner, ()))
        """Normalized DN of a group the person is in → that of the group within it, None where that
        is the person."""

    def __contains__(self, key: str) -> bool:
        """Whether the person is in a group, by any way."""
        return key in self._next

    @property
    def keys(self) -> tuple[str, ...]:
        """All groups the person is in, nearest first."""
        return tuple(self._next)

    def to(self, key: str) -> tuple[str, ...]:
        """The DNs of the groups from this one to the one that the person is a member of itself.

        Empty for a group that the person is not in.
        """
        way: list[str] = []
        at = key if key in self._next else None
        while at is not None:
            way.append(self._index.groups[at].dn)
            at = self._next[at]
        return tuple(way)

    def how(self, key: str) -> str:
        """What makes the person a member at the end of the way to a group, in words."""
        while inner := self._next[key]:
            key = inner
        index, group = self._index, self._index.groups[key]
        if any(index.position(member) == self._position for member in group.members):
            return "it is the primary group" if self._is_primary(group) else "listed as a member"
        if dn.parent(index.keys[self._position]) == key:
            return "the entry is directly below that of the group"
        if any(index.logins.find(login) == (self._position,) for login in group.member_logins):
            return "listed by login"
        return "through groups that the group rules do not find"

    def _is_primary(self, group: DirectoryGroup) -> bool:
        """Whether a group of Active Directory is the primary one of the person.

        The person has the last part of the group's SID as a number; the domain's part is the same.
        """
        person = self._index.person(self._position)
        domain_sid = _first(person, "objectsid").rpartition("-")[0]
        number = _first(person, "primarygroupid")
        return bool(number) and _first(group, "objectsid") == f"{domain_sid}-{number}"


def _first(entry: Person | DirectoryGroup, attribute: str) -> str:
    """The first value of an attribute; "" for none."""
    return entry.attributes.get(attribute, ("",))[0]
