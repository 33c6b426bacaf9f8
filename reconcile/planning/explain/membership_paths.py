"""By which way a person is in a group: every step of the nesting, the shortest way first."""

from reconcile.model.directory import reachable
from reconcile.model.text import dn
from reconcile.planning.selection.snapshot_index import Index


class Paths:
    """The ways of one person into all the groups that the person is in."""

    def __init__(self, index: Index, position: int) -> None:
        """Goes up from the person, breadth first; groups may contain each other."""
        self._index = index
        self._position = position
        self._next: dict[str, str] = {}
        """Normalized DN of a group the person is in → that of the group within it, "" where that is
        the person."""
        holders: dict[str, list[str]] = {}
        for key in index.groups:
            people, groups, _ = index.direct(key)
            if position in people or position in index.beyond(key):
                self._next[key] = ""
            for inner in groups:
                holders.setdefault(inner, []).append(key)
        self._next = reachable(self._next, lambda inner: holders.get(inner, ()))

    def __contains__(self, key: str) -> bool:
        """Whether the person is in a group, by any way."""
        return key in self._next

    @property
    def keys(self) -> tuple[str, ...]:
        """All groups the person is in, nearest first."""
        return tuple(self._next)

    def to(self, key: str) -> tuple[str, ...]:
        """The DNs of the groups from this one to the one that the person is a member of itself."""
        found: list[str] = []
        while key:
            found.append(self._index.groups[key].dn)
            key = self._next[key]
        return tuple(found)

    def how(self, key: str) -> str:
        """What makes the person a member at the end of the way to a group, in words."""
        while self._next[key]:
            key = self._next[key]
        index, group, person = (
            self._index,
            self._index.groups[key],
            self._index.person(self._position),
        )
        own = index.keys[self._position]
        if any(index.position(member) == self._position for member in group.members):
            sid, number = (
                person.attributes.get("objectsid", ("",))[0],
                person.attributes.get("primarygroupid", ("",))[0],
            )
            primary = (
                number
                and group.attributes.get("objectsid", ("",))[0]
                == f"{sid.rpartition('-')[0]}-{number}"
            )
            return "it is the primary group" if primary else "listed as a member"
        if dn.parent(own) == key:
            return "the entry is directly below that of the group"
        if any(index.logins.find(login) == (self._position,) for login in group.member_logins):
            return "listed by login"
        return "through groups that the group rules do not find"
