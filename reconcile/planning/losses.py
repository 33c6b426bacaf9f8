"""The changes of one workspace, sorted by what they take away.

What goes with a user who is erased or deleted counts as that user and as nothing else.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

from reconcile.model import dn
from reconcile.model.change import ENDS, LOSSES, Change
from reconcile.model.desired import GroupSafety, Limit
from reconcile.model.platform import Group, PlatformState
from reconcile.planning.patterns import Selection

IN_SERVICE: Final = frozenset({"active", "vacation"})


class Link(NamedTuple):
    """A membership, nesting or grant that ends: whose it is, by user or group, and of which group or role.

    `given` is whether a sync gave it; `along` whether it goes with a user who is erased or deleted.
    """

    source: str
    member: str
    target: str
    given: bool
    along: bool


class Losses:
    """What the changes take away, and what they put in its place."""

    def __init__(self, changes: Iterable[Change], *, renaming: bool = False) -> None:
        """`renaming`: users are renamed on purpose, and that is no update of them."""
        self.users: list[Change] = []
        self.taken: list[Change] = []
        """Users who are renamed, or local accounts that are adopted."""
        self.groups: list[Change] = []
        """Groups that are renamed or deleted."""
        self.created: Counter[str] = Counter()
        self.grants: list[Link] = []
        self.memberships: list[Link] = []
        """Nestings too; the target is the name of the group."""
        self.granted: set[tuple[str, str]] = set()
        """Source and role of what somebody gets."""
        self.joined: set[tuple[str, str]] = set()
        """Source and case-folded name of groups that somebody or something comes into."""
        self._updated: dict[str, set[str]] = defaultdict(set)
        self._renaming = renaming
        links: list[Change] = []
        renamed: dict[str, str] = {}
        for change in changes:
            if change.kind == "user":
                self._user(change)
            elif change.kind in ("grant", "membership") and change.action != "update":
                links.append(change)
            elif change.kind == "group" and change.before is not None:
                if change.after is None:
                    self.groups.append(change)
                    continue
                links.append(change)
                if "name" in change.after:
                    self.groups.append(change)
                    renamed[str(change.after["name"]).casefold()] = change.key.casefold()
        ended = {one.key.casefold() for one in self.users if one.action in ENDS}
        for change in links:
            self._link(change, ended, renamed)

    @property
    def updated(self) -> Counter[str]:
        """Source → users changed, adopted or activated."""
        return Counter({source: len(keys) for source, keys in self._updated.items()})

    def _user(self, change: Change) -> None:
        if change.action == "create":
            self.created[change.source] += 1
        elif change.action in LOSSES:
            self.users.append(change)
        else:
            renames = "username" in (change.after or {})
            if renames or change.action == "adopt":
                self.taken.append(change)
            if not (self._renaming and renames):
                self._updated[change.source].add(change.key)

    def _link(self, change: Change, ended: Collection[str], renamed: dict[str, str]) -> None:
        before, after = change.before or {}, change.after or {}
        if change.kind == "group":
            was, will = before.get("groups"), after.get("groups")
            for outer, origin in was.items() if isinstance(was, dict) else ():
                if origin is not None and isinstance(will, dict) and will.get(outer) is None:
                    self.memberships.append(Link(change.source, change.key, outer, bool(origin), along=False))
            for outer, origin in will.items() if isinstance(will, dict) else ():
                if origin is not None:
                    self.joined.add((change.source, renamed.get(outer.casefold(), outer.casefold())))
            return
        what = "role" if change.kind == "grant" else "group"
        if change.action == "delete":
            user = str(before["user"])
            link = Link(
                change.source, user, str(before[what]), bool(before.get("origin")), along=user.casefold() in ended
            )
            (self.grants if what == "role" else self.memberships).append(link)
        elif what == "role":
            self.granted.add((change.source, str(after[what])))
        else:
            group = str(after[what]).casefold()
            self.joined.add((change.source, renamed.get(group, group)))


class Links(NamedTuple):
    """How many memberships (or grants) there are now, and of these how many a sync gave."""

    all: Counter[tuple[str, str]]
    given: Counter[tuple[str, str]]

    def of(self, source: str) -> int:
        """All of a source."""
        return sum(number for (owner, _), number in self.all.items() if owner == source)

    def left(self, ends: Iterable[Link]) -> Counter[tuple[str, str]]:
        """Of what a sync gave, what is left by source and target."""
        left = Counter(self.given)
        left.subtract((end.source, end.target) for end in ends if end.given)
        return left


def grants(state: PlatformState) -> Links:
    """The grants by source and role; one given by hand is that of the user's source."""
    sources = {user.id: user.source for user in state.users}
    found = Counter((one.origin or sources[one.user], one.role) for one in state.grants)
    return Links(found, Counter((one.origin, one.role) for one in state.grants if one.origin))


def memberships(state: PlatformState) -> Links:
    """The memberships, and the nestings, by source and name of the group; one by hand is that of the group's source."""
    groups = {group.id: group for group in state.groups}
    ends = Counter((one.origin, one.group) for one in state.memberships)
    ends.update((origin, above) for group in state.groups for above, origin in group.groups.items())
    found: Counter[tuple[str, str]] = Counter()
    given: Counter[tuple[str, str]] = Counter()
    for (origin, number), count in ends.items():
        group = groups[number]
        found[origin or group.source, group.name] += count
        if origin:
            given[origin, group.name] += count
    return Links(found, given)


class GroupLimits:
    """Which limit holds for the memberships of which group."""

    def __init__(self, rules: Collection[GroupSafety], default: Limit | None, state: PlatformState) -> None:
        """Patterns that are relative DNs are relative to the base DN of the group's source."""
        self._default = default
        self._groups = {group.name: group for group in state.groups}
        bases = {source.name: source.base_dn for source in state.sources}
        self._rules = {
            source: [(Selection(rule.select, bases.get(source, "")), rule) for rule in rules]
            for source in {group.source for group in state.groups if rules}
        }

    def mirrored(self, name: str) -> bool:
        """Whether the group of that name comes from a source."""
        return name in self._groups and bool(self._groups[name].source)

    def free(self, name: str) -> bool:
        """Whether what the group loses is counted nowhere."""
        rule = self._rule(name)
        return rule is not None and rule.memberships_lost is None

    def of(self, name: str) -> Limit | None:
        """The limit of a group."""
        rule = self._rule(name)
        return self._default if rule is None else rule.memberships_lost

    def _rule(self, name: str) -> GroupSafety | None:
        group = self._groups.get(name)
        if group is None or not self._rules:
            return None
        key = _key(group)
        return next((rule for selection, rule in self._rules[group.source] if selection.matches(key, name)), None)


def _key(group: Group) -> str:
    return dn.key(group.dn) if group.dn else ""


def in_service(state: PlatformState) -> Iterator[str]:
    """The source of each user of a source who is in service."""
    return (user.source for user in state.users if user.source and user.status in IN_SERVICE)
