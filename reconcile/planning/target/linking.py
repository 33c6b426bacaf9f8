"""The links of the files: they say which entry a user, group or department stands for.

A link takes precedence over every other way of matching, but not over the rules: it links nothing
to an entry that they leave out. Afterwards the directory's id counts. So a link that is already
true does nothing and is reported as a notice, like one that names nothing. A DN or login may pass
to another entry later, so a link that names one is used only once.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec

from reconcile.errors import RulesRefused
from reconcile.model.desired import Link
from reconcile.model.directory import DirectoryGroup, OrganizationalUnit, Person
from reconcile.model.named_state import StateNames
from reconcile.model.platform import Department, Group, PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.planning.selection.source_rules import SourceRules

Thing = TypeVar("Thing", User, Group, Department)
Entry = TypeVar("Entry", DirectoryGroup, OrganizationalUnit)
Owner = User | Group | Department
AnyEntry = Person | DirectoryGroup | OrganizationalUnit
_WAS: Final = ": the directory's id was "


class LinkedObjects(msgspec.Struct, frozen=True):
    """What the links do in one workspace.

    `users`: source → position of a person → its user, and why. `groups` and `departments`: source
    and normalized DN of an entry → what stands for it, and why. `idle` are the links that do
    nothing, each with the reason.
    """

    users: Mapping[str, Mapping[int, tuple[User, str]]]
    groups: Mapping[tuple[str, str], tuple[Group, str]]
    departments: Mapping[tuple[str, str], tuple[Department, str]]
    idle: tuple[tuple[Link, str], ...] = ()


class _LinkIdle(Exception):
    """A link that does nothing; the text says why."""


def linked(
    links: Sequence[Link],
    sources: Sequence[SourceRules],
    current: PlatformState,
    used: Collection[Link] = (),
) -> LinkedObjects:
    """Looks up both ends of every link whose source was read; `used` are links a run has followed.

    Raises RulesRefused if a link needs an entry that another link has to free first.
    """
    if not links:
        return LinkedObjects({}, {}, {})
    rules = {of_source.source.name: of_source for of_source in sources}
    linking = _Linking(rules, current, frozenset(used))
    for link in links:
        if link.source in rules:
            linking.follow(link)
    result = LinkedObjects(linking.users, linking.groups, linking.departments, tuple(linking.idle))
    _refuse_exchanges(links, rules, result)
    return result


class _Linking:
    """Follows the links of one workspace, one after another."""

    def __init__(
        self, rules: Mapping[str, SourceRules], current: PlatformState, used: Collection[Link]
    ) -> None:
        self.users: dict[str, dict[int, tuple[User, str]]] = {}
        self.groups: dict[tuple[str, str], tuple[Group, str]] = {}
        self.departments: dict[tuple[str, str], tuple[Department, str]] = {}
        self.idle: list[tuple[Link, str]] = []
        self._rules = rules
        self._current = current
        self._used = used
        self._names = StateNames(current)
        self._taken: set[tuple[str, str]] = set()

    def follow(self, link: Link) -> None:
        """Follows a link, or notes why it does nothing."""
        rules = self._rules[link.source]
        try:
            if link.kind == "user":
                self._link_user(link, rules)
            elif link.kind == "group":
                self._link_group(link, rules)
            else:
                self._link_department(link, rules)
        except _LinkIdle as why:
            self.idle.append((link, str(why)))

    def _link_user(self, link: Link, rules: SourceRules) -> None:
        """Gives a person its user."""
        user, position = _user(link, rules, self._current, spent=link in self._used)
        _once(self._taken, link, user.id, str(position))
        _refuse_true(link, user, rules.index.person(position))
        known = f"{_WAS}{user.external_id}" if user.external_id else ""
        self.users.setdefault(link.source, {})[position] = user, reason(link) + known

    def _link_group(self, link: Link, rules: SourceRules) -> None:
        """Gives an entry its group."""
        entries, selected = rules.index.groups, set(rules.groups)
        groups = self._current.groups
        group, key = _mirror(link, entries, selected, groups, lambda group: group.name)
        self._check_mirror(link, group, entries, key, groups)
        self.groups[link.source, key] = group, reason(link)

    def _link_department(self, link: Link, rules: SourceRules) -> None:
        """Gives an OU its department."""
        entries = rules.index.units
        selected = {chosen.key for chosen in rules.departments}
        departments = self._current.departments
        department, key = _mirror(
            link, entries, selected, departments, lambda unit: self._names.path(unit.id)
        )
        self._check_mirror(link, department, entries, key, departments)
        self.departments[link.source, key] = department, reason(link)

    def _check_mirror(
        self,
        link: Link,
        mirror: Group | Department,
        entries: Mapping[str, Entry],
        key: str,
        mirrors: Iterable[Group | Department],
    ) -> None:
        """Raises _LinkIdle where an earlier link is about the same, or nothing would change."""
        _once(self._taken, link, mirror.id, key)
        _refuse_true(link, mirror, entries[key])
        _refuse_exchanged(link, mirror, entries, key, mirrors)


def reason(link: Link) -> str:
    """The beginning of the reason of a change that follows the link."""
    return f"linked by {link.place} to {link.entry}"


def followed(link: Link, reason: str) -> bool:
    """Whether a change with this reason followed the link, in whichever file it was then."""
    if not reason.startswith("linked by "):
        return False
    entry = f" to {link.entry}"
    return reason.endswith(entry) or f"{entry}{_WAS}" in reason


def _refuse_exchanges(
    links: Sequence[Link], rules: Mapping[str, SourceRules], linked: LinkedObjects
) -> None:
    """Raises RulesRefused where a linked object stands now for an entry that another link wants.

    Each link needs what the other one has to free, so neither can go first: they need two runs.
    """
    ends = list(_ends(rules, linked))
    wanted = {(_kind(end.owner), end.source, _own(end.entry)): end.owner.id for end in ends}
    for end in ends:
        kind, owner = _kind(end.owner), end.owner
        if wanted.get((kind, owner.source, _own(owner)), owner.id) == owner.id:
            continue
        at = _position(links, kind, end.why)
        what = f"what the {kind} {links[at].name!r} stands for is claimed by another link"
        raise RulesRefused([(f"links[{at}]", f"{what}: apply one of them, and then the other")])


def _position(links: Iterable[Link], kind: str, why: str) -> int:
    """The place in the files of the link that gave an object this reason."""
    of_kind = ((at, link) for at, link in enumerate(links) if link.kind == kind)
    return next(at for at, link in of_kind if why.startswith(reason(link)))


class _Ends(NamedTuple):
    """Both ends of a link: what is linked, the source and the entry; with the reason."""

    owner: Owner
    source: str
    entry: AnyEntry
    why: str


def _ends(rules: Mapping[str, SourceRules], linked: LinkedObjects) -> Iterator[_Ends]:
    """Both ends of every link."""
    for source, users in linked.users.items():
        for position, (user, why) in users.items():
            yield _Ends(user, source, rules[source].index.person(position), why)
    for (source, key), (group, why) in linked.groups.items():
        yield _Ends(group, source, rules[source].index.groups[key], why)
    for (source, key), (department, why) in linked.departments.items():
        yield _Ends(department, source, rules[source].index.units[key], why)


def _kind(owner: Owner) -> str:
    """The kind of an object, as links name it."""
    return type(owner).__name__.lower()


def _own(item: AnyEntry | Owner) -> str:
    """What identifies an entry or an object: the id in lower case, or the normalized DN."""
    return item.external_id.lower() or (dn.key(item.dn) if item.dn else "")


def _once(taken: set[tuple[str, str]], link: Link, owner_id: str, entry: str) -> None:
    """Raises _Idle where an earlier link is about the same object or entry."""
    ends = {(link.kind, owner_id), (f"{link.kind} of {link.source}", entry)}
    if ends & taken:
        raise _LinkIdle(f"an earlier link is about the same {link.kind} or entry")
    taken |= ends


def _user(
    link: Link, rules: SourceRules, current: PlatformState, *, spent: bool
) -> tuple[User, int]:
    """The user that a link names, and the position of the person. Raises _Idle.

    `spent`: a run has followed the link already.
    """
    user = _on_platform(link, current.users, lambda user: user.username)
    if user.status == "erased":
        raise _LinkIdle(f"the user {link.name!r} is erased")
    positions = _positions(link, rules)
    if len(positions) != 1:
        raise _LinkIdle(_not_one(link, "persons" if positions else "", "person"))
    position = positions[0]
    person = rules.index.person(position)
    if _left_out(rules, position):
        raise _LinkIdle(f"the rules of {link.source} leave the person {link.entry!r} out")
    if spent and not _is_true(link, user, person):
        _refuse_reuse(link, user, person, current)
    return user, position


def _positions(link: Link, rules: SourceRules) -> list[int]:
    """The persons that a link can mean: by id, otherwise by DN, otherwise by login."""
    index, persons = rules.index, rules.index.snapshot.persons
    by_id = [at for at, person in enumerate(persons) if _is_id(person, link.entry)]
    if by_id:
        return by_id
    by_dn = index.persons.get(dn.key(link.entry))
    if by_dn is not None:
        return [by_dn]
    login = fold_name(link.entry)
    return [at for at, person in enumerate(persons) if fold_name(person.identifier) == login]


def _refuse_reuse(link: Link, user: User, person: Person, current: PlatformState) -> None:
    """Raises _Idle for a link that was followed once and now means another person or user."""
    if not _is_id(person, link.entry):
        raise _LinkIdle(
            "it was already used, and this is another person now: to link the user to that one,"
            " name its id"
        )
    for other in current.users:
        if other.source != link.source or _own(other) != _own(person):
            continue
        if other is not user:
            raise _LinkIdle(f"it was already used: the person now has the user {other.username!r}")
        return


def _left_out(rules: SourceRules, position: int) -> bool:
    """Whether the rules leave a person out even if it had a user."""
    if rules.excluded(position) or not rules.wants(position, exists=True, serves=True):
        return True
    return rules.outside_required(position, serves=True)


def _mirror(
    link: Link,
    entries: Mapping[str, Entry],
    selected: Collection[str],
    mirrors: Iterable[Thing],
    name: Callable[[Thing], str],
) -> tuple[Thing, str]:
    """The group or department of a link, and the normalized DN of its entry. Raises _LinkIdle.

    `selected` are the normalized DNs of the entries that rules select.
    """
    mirror = _on_platform(link, mirrors, name)
    keys = [key for key in selected if _is_id(entries[key], link.entry)]
    own_key = dn.key(link.entry)
    if not keys and own_key in selected:
        keys = [own_key]
    if len(keys) != 1:
        raise _LinkIdle(_not_one(link, "entries" if keys else "", "entry"))
    return mirror, keys[0]


def _on_platform(link: Link, things: Iterable[Thing], name: Callable[[Thing], str]) -> Thing:
    """What a link names on the platform: by its exact name, or the only one in another case."""
    similar = [thing for thing in things if fold_name(name(thing)) == fold_name(link.name)]
    matching = [thing for thing in similar if name(thing) == link.name] or similar
    if len(matching) != 1:
        number = "several" if matching else "no"
        raise _LinkIdle(f"the platform has {number} {link.kind} {link.name!r}")
    return matching[0]


def _not_one(link: Link, several: str, single: str) -> str:
    """Why the entry of a link is not clear."""
    what = f"several {several}" if several else f"no {single}"
    return f"the rules of {link.source} find {what} {link.entry!r}"


def _is_id(entry: AnyEntry, text: str) -> bool:
    """Whether a text is the id of an entry."""
    return bool(entry.external_id) and entry.external_id.lower() == text.lower()


def _refuse_exchanged(
    link: Link,
    thing: Group | Department,
    entries: Mapping[str, Entry],
    key: str,
    things: Iterable[Group | Department],
) -> None:
    """Raises _Idle where the thing stands for another existing entry, and this entry has its thing.

    A link that was followed once looks like this when another group gets the old name.
    """
    if thing.source != link.source:
        return
    own = _own(entries[key])
    is_held = any(other.source == link.source and _own(other) == own for other in things)
    if is_held and _own(thing) in map(_own, entries.values()):
        raise _LinkIdle(
            f"the {link.kind} stands for another existing entry, and this entry has a"
            f" {link.kind} of its own"
        )


def _refuse_true(link: Link, owner: Owner, entry: AnyEntry) -> None:
    """Raises _Idle where the user, group or department already stands for the entry."""
    if _is_true(link, owner, entry):
        raise _LinkIdle("it is already true and can be removed")


def _is_true(link: Link, owner: Owner, entry: AnyEntry) -> bool:
    """Whether the object stands for the entry of a link."""
    if owner.source != link.source:
        return False
    if entry.external_id:
        return owner.external_id.lower() == entry.external_id.lower()
    return dn.key(owner.dn) == dn.key(entry.dn)
