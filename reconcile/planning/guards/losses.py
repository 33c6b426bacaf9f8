"""The changes of one workspace, sorted by what they take away.

What goes with a user who is erased or deleted counts as that user, and in no percentage of anything
else.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property
from typing import Final, NamedTuple

from reconcile.model.change import Change
from reconcile.model.desired import GroupSafety, Limit
from reconcile.model.platform import Group, PlatformState
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.effective_members import Crowds
from reconcile.planning.selection.patterns import Selection

IN_SERVICE: Final = frozenset({"active", "vacation"})


class Link(NamedTuple):
    """A membership, nesting or grant that ends: whose it is, by user or group, and of which group or role.

    `given` is whether a sync gave it; `along` whether it goes with a user who is erased or deleted.
    `number` is 1, for a nesting the users who leave the outer group by it, at least 1.
    """

    source: str
    member: str
    target: str
    given: bool
    along: bool
    number: int = 1
    nesting: bool = False


class Losses:
    """What the changes take away, and what they put in its place."""

    def __init__(
        self, changes: Iterable[Change], state: PlatformState, *, renaming: bool = False
    ) -> None:
        """`renaming`: users are renamed on purpose, and that is no update of them."""
        self._state = state
        self.users: list[Change] = []
        self.taken: list[Change] = []
        """Users who are renamed, or change hands: local accounts adopted, users taken over from
        another source."""
        self.relinked: list[Change] = []
        """Users of the same source who stand for another entry of it."""
        self.changed: list[Change] = []
        """Users whose fields change."""
        self.groups: list[Change] = []
        """Groups that are renamed or deleted."""
        self.created: Counter[str] = Counter()
        self.grants: list[Link] = []
        self.memberships: list[Link] = []
        """Nestings too; the target is the name of the group."""
        self._granting: list[tuple[str, str, str]] = []
        """Source, user by its wanted name, and role of each new grant."""
        self._joining: list[tuple[str, str, str]] = []
        """Source, user by its wanted name, and group by its name of now of each new membership."""
        self._nesting: list[tuple[str, str, str]] = []
        """Source, inner and outer group of each new nesting, by their names of now."""
        self._status: dict[str, bool] = {}
        """Case-folded name of now of each user that is new or whose status changes → whether it is
        in service then."""
        self._updated: dict[str, set[str]] = defaultdict(set)
        self._renaming = renaming
        links: list[Change] = []
        renamed: dict[str, str] = {}
        for change in changes:
            if change.kind == "user":
                self._user(change)
            elif change.kind in ("grant", "membership"):
                links.append(change)
            elif change.kind == "group" and change.before is not None:
                if change.after is None:
                    self.groups.append(change)
                    continue
                links.append(change)
                if "name" in change.after:
                    self.groups.append(change)
                    renamed[fold_name(str(change.after["name"]))] = fold_name(change.key)
        ended = {fold_name(one.key) for one in self.users if ends(one)}
        for change in links:
            self._link(change, ended, renamed)
        if any(change.after is None for change in self.groups):
            self._empty(state, ended)
        if any(link.nesting for link in self.memberships):
            self._weigh(state)

    def _empty(self, state: PlatformState, ended: Collection[str]) -> None:
        """Who is in a group that is deleted is in it no longer, whether or not the changes say so."""
        deleted = {fold_name(change.key) for change in self.groups if change.after is None}
        groups = {one.id: one for one in state.groups if fold_name(one.name) in deleted}
        users = {user.id: user.username for user in state.users}
        said = {(fold_name(link.member), fold_name(link.target)) for link in self.memberships}
        for one in state.memberships:
            if one.group in groups:
                group, user = groups[one.group], users[one.user]
                if (fold_name(user), fold_name(group.name)) not in said:
                    source, along = one.origin or group.source, fold_name(user) in ended
                    self.memberships.append(
                        Link(source, user, group.name, bool(one.origin), along=along)
                    )

    @cached_property
    def serving(self) -> frozenset[str]:
        """The case-folded names of the users who are in service before the changes."""
        return frozenset(
            fold_name(user.username) for user in self._state.users if user.status in IN_SERVICE
        )

    @cached_property
    def joined(self) -> set[tuple[str, str]]:
        """Source and case-folded name of groups that a user in service, or a group, comes into."""
        direct = {(source, group) for source, user, group in self._joining if self._serves(user)}
        return direct | {(source, outer) for source, _, outer in self._nesting}

    @cached_property
    def granted(self) -> set[tuple[str, str]]:
        """Source and role of what users in service get."""
        return {(source, role) for source, user, role in self._granting if self._serves(user)}

    @cached_property
    def _names_before(self) -> dict[str, str]:
        """Case-folded new name → name of now, of users who are renamed."""
        renamed = (one for one in self.taken if "username" in (one.after or {}))
        return {
            fold_name(str((one.after or {})["username"])): fold_name(one.key) for one in renamed
        }

    def _serves(self, user: str) -> bool:
        """Whether a user, by its wanted name, is in service after the changes."""
        name = self._names_before.get(user, user)
        return self._status.get(name, name in self.serving)

    def after(self, state: PlatformState, *, given: bool = False) -> Crowds:
        """Who is in which group once the memberships and nestings have changed, by the names of the current state."""
        crowds = Crowds(state, given=given)
        pairs = [
            (link.nesting, (fold_name(link.member), fold_name(link.target)))
            for link in self.memberships
        ]
        ended = [pair for nesting, pair in pairs if not nesting]
        unnested = [pair for nesting, pair in pairs if nesting]
        joined = [(self._names_before.get(user, user), group) for _, user, group in self._joining]
        crowds.change(
            ended, unnested, joined, [(inner, outer) for _, inner, outer in self._nesting]
        )
        return crowds

    def _weigh(self, state: PlatformState) -> None:
        """A group that is taken out of another takes along whoever is in it, unless they stay by another way."""
        before, after = Crowds(state), self.after(state)
        self.memberships = [
            link._replace(
                number=max(1, len(before.within(link.member) - after.within(link.target)))
            )
            if link.nesting
            else link
            for link in self.memberships
        ]

    @property
    def updated(self) -> Counter[str]:
        """Source → users changed, adopted or activated."""
        return Counter({source: len(keys) for source, keys in self._updated.items()})

    def _user(self, change: Change) -> None:
        after = change.after or {}
        if "status" in after or change.after is None:
            self._status[fold_name(change.key)] = after.get("status") in IN_SERVICE
        if change.before is None:
            self.created[change.source] += 1
        elif takes_out(change):
            self.users.append(change)
        else:
            self.changed.append(change)
            renames = "username" in after
            if renames or changes_hands(change):
                self.taken.append(change)
            elif stands_for_another(change):
                self.relinked.append(change)
            if not (self._renaming and renames):
                self._updated[change.source].add(change.key)

    def _link(self, change: Change, ended: Collection[str], renamed: dict[str, str]) -> None:
        before, after = change.before or {}, change.after or {}
        if change.kind == "group":
            was, will = before.get("groups"), after.get("groups")
            for outer, origin in was.items() if isinstance(was, dict) else ():
                if origin is not None and isinstance(will, dict) and will.get(outer) is None:
                    self.memberships.append(
                        Link(
                            change.source,
                            change.key,
                            outer,
                            bool(origin),
                            along=False,
                            nesting=True,
                        )
                    )
            for outer, origin in will.items() if isinstance(will, dict) else ():
                if origin is not None:
                    group = renamed.get(fold_name(outer), fold_name(outer))
                    self._nesting.append((change.source, fold_name(change.key), group))
            return
        what = "role" if change.kind == "grant" else "group"
        if change.after is None:
            user = str(before["user"])
            link = Link(
                change.source,
                user,
                str(before[what]),
                bool(before.get("origin")),
                along=fold_name(user) in ended,
            )
            (self.grants if what == "role" else self.memberships).append(link)
        elif what == "role":
            self._granting.append((change.source, fold_name(str(after["user"])), str(after[what])))
        else:
            group = fold_name(str(after[what]))
            group = renamed.get(group, group)
            self._joining.append((change.source, fold_name(str(after["user"])), group))


def takes_out(change: Change) -> bool:
    """Whether a user is out of service, or no more, once the change is done: whatever it is called."""
    status = (change.after or {}).get("status")
    return change.after is None or (status is not None and status not in IN_SERVICE)


def ends(change: Change) -> bool:
    """Whether a user is deleted or erased."""
    return change.after is None or change.after.get("status") == "erased"


def stands_for_another(change: Change) -> bool:
    """Whether a user that is there loses the id of its entry, or gets that of another one."""
    before, after = (
        (change.before or {}).get("external_id"),
        (change.after or {}).get("external_id"),
    )
    return bool(before) and str(before).lower() != str(after or "").lower()


def changes_hands(change: Change) -> bool:
    """Whether a user that is there goes from one source, or from none, to another: whatever the change is called."""
    if change.before is None or change.after is None:
        return False
    return change.action == "adopt" or "source" in change.after


class Links(NamedTuple):
    """How many memberships (or grants) there are now, and of these how many a sync gave to users in service.

    In `all` a nesting counts as the users within the inner group, at least as one; in `given` it is
    one.
    """

    all: Counter[tuple[str, str]]
    given: Counter[tuple[str, str]]

    def of(self, source: str) -> int:
        """All of a source."""
        return sum(number for (owner, _), number in self.all.items() if owner == source)

    def left(self, ends: Iterable[Link]) -> Counter[tuple[str, str]]:
        """Of what a sync gave to users in service, what is left by source and target. `ends` are such links."""
        left = Counter(self.given)
        left.subtract((end.source, end.target) for end in ends)
        return left


def grants(state: PlatformState) -> Links:
    """The grants by source and role; one given by hand is that of the user's source."""
    users = {user.id: user for user in state.users}
    found = Counter((one.origin or users[one.user].source, one.role) for one in state.grants)
    given = (one for one in state.grants if one.origin and users[one.user].status in IN_SERVICE)
    return Links(found, Counter((one.origin, one.role) for one in given))


def memberships(state: PlatformState) -> Links:
    """The memberships, and the nestings, by source and name of the group; one by hand is that of the group's source."""
    groups = {group.id: group for group in state.groups}
    serving = {user.id for user in state.users if user.status in IN_SERVICE}
    ends = Counter((one.origin, one.group) for one in state.memberships)
    given = Counter(
        (one.origin, groups[one.group].name)
        for one in state.memberships
        if one.origin and one.user in serving
    )
    crowds = Crowds(state) if any(group.groups for group in state.groups) else None
    more: Counter[tuple[str, str]] = Counter()
    for inner in state.groups if crowds is not None else ():
        if inner.groups and crowds is not None:
            carried = max(1, len(crowds.within(inner.name)))
            for above, origin in inner.groups.items():
                ends[origin, above] += 1
                more[origin, above] += carried - 1
                if origin:
                    given[origin, groups[above].name] += 1
    found: Counter[tuple[str, str]] = Counter()
    for (origin, number), count in ends.items():
        group = groups[number]
        found[origin or group.source, group.name] += count + more[origin, number]
    return Links(found, given)


class GroupLimits:
    """Which limit holds for the memberships of which group."""

    def __init__(
        self, rules: Collection[GroupSafety], default: Limit | None, state: PlatformState
    ) -> None:
        """Patterns that are relative DNs are relative to the base DN of the group's source."""
        self._default = default
        self._groups = {group.name: group for group in state.groups}
        bases = {source.name: source.base_dn for source in state.sources}
        names: dict[str, list[tuple[str, str, str]]] = {}
        for group in state.groups if rules else ():
            names.setdefault(group.source, []).append(
                (_key(group), group.name, group.dn or group.name)
            )
        self._rules = {
            source: [
                (
                    Selection(rule.select, bases.get(source, "")).resolve(
                        _path(at), source, own.__iter__
                    ),
                    rule,
                )
                for at, rule in enumerate(rules)
            ]
            for source, own in names.items()
        }

    def mirrored(self, name: str) -> bool:
        """Whether the group of that name comes from a source."""
        return name in self._groups and bool(self._groups[name].source)

    def source(self, name: str) -> str:
        """The source of the group of that name, "" for one by hand or unknown."""
        return self._groups[name].source if name in self._groups else ""

    def free(self, name: str) -> bool:
        """Whether what the group loses is counted nowhere."""
        rule = self._rule(name)
        return rule is not None and rule.memberships_lost is None

    def may_empty(self, name: str) -> bool:
        """Whether the group may lose all of its members."""
        rule = self._rule(name)
        return rule is not None and rule.may_empty

    def of(self, name: str) -> Limit | None:
        """The limit of a group."""
        rule = self._rule(name)
        return self._default if rule is None else rule.memberships_lost

    def _rule(self, name: str) -> GroupSafety | None:
        group = self._groups.get(name)
        if group is None or not self._rules:
            return None
        key = _key(group)
        return next(
            (rule for selection, rule in self._rules[group.source] if selection.matches(key, name)),
            None,
        )


def _path(at: int) -> Callable[[int], str]:
    return lambda pattern: f"safety.groups[{at}].select[{pattern}]"


def _key(group: Group) -> str:
    return dn.key(group.dn) if group.dn else ""


def in_service(state: PlatformState) -> Iterator[str]:
    """The source of each user of a source who is in service."""
    return (user.source for user in state.users if user.source and user.status in IN_SERVICE)
