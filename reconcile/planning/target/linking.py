"""The links of the files: which entry a user, group or department stands for, by a person's word.

A link goes before every other way of matching, but not before the rules: it ties nothing to an
entry that they leave out. Once it is done the directory's id holds, so a link that is true already
does nothing and is reported as a notice, like one that names nothing. A DN or login may be given to
somebody else later, so a link by one is used only once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from reconcile.errors import RulesRefused
from reconcile.model.desired import Link
from reconcile.model.directory import DirectoryGroup, OrganizationalUnit, Person
from reconcile.model.named_state import Names
from reconcile.model.platform import Department, Group, PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.planning.selection.source_rules import SourceRules

Thing = TypeVar("Thing", User, Group, Department)
Entry = TypeVar("Entry", DirectoryGroup, OrganizationalUnit)
_WAS: Final = ": the directory's id was "


class Linked(msgspec.Struct, frozen=True):
    """What the links do in one workspace: source and position (or normalized DN) → what stands for it, and why.

    `idle` are the links that do nothing, each with the reason.
    """

    users: Mapping[str, Mapping[int, tuple[User, str]]]
    groups: Mapping[tuple[str, str], tuple[Group, str]]
    departments: Mapping[tuple[str, str], tuple[Department, str]]
    idle: tuple[tuple[Link, str], ...] = ()


class _Idle(Exception):
    """A link that does nothing; the text says why."""


def linked(
    links: Sequence[Link],
    sources: Sequence[SourceRules],
    current: PlatformState,
    used: Collection[Link] = (),
) -> Linked:
    """Looks up both ends of every link whose source was read; `used` are links that a run has followed already.

    Raises RulesRefused where one link needs an entry that another one has to free first.
    """
    rules = {one.source.name: one for one in sources}
    users: dict[str, dict[int, tuple[User, str]]] = {}
    groups: dict[tuple[str, str], tuple[Group, str]] = {}
    departments: dict[tuple[str, str], tuple[Department, str]] = {}
    idle: list[tuple[Link, str]] = []
    names = Names(current)
    taken: set[tuple[str, str]] = set()
    for link in links:
        if link.source not in rules:
            continue
        here, why = rules[link.source], reason(link)
        try:
            if link.kind == "user":
                user, position = _user(link, here, current, spent=link in used)
                _once(taken, link, user.id, str(position))
                _refuse_true(link, user, here.index.person(position))
                known = f"{_WAS}{user.external_id}" if user.external_id else ""
                users.setdefault(link.source, {})[position] = user, why + known
            elif link.kind == "group":
                group, key = _mirror(link, _groups(here), current.groups, lambda one: one.name)
                _once(taken, link, group.id, key)
                _refuse_true(link, group, here.index.groups[key])
                _refuse_exchanged(link, group, here.index.groups, key, current.groups)
                groups[link.source, key] = group, why
            else:
                department, key = _mirror(
                    link, _units(here), current.departments, lambda one: names.path(one.id)
                )
                _once(taken, link, department.id, key)
                _refuse_true(link, department, here.index.units[key])
                _refuse_exchanged(link, department, here.index.units, key, current.departments)
                departments[link.source, key] = department, why
        except _Idle as why_not:
            idle.append((link, str(why_not)))
    found = Linked(users, groups, departments, tuple(idle))
    _refuse_exchanges(links, rules, found)
    return found


def reason(link: Link) -> str:
    """How the reason of a change that follows the link begins."""
    return f"linked by {link.place} to {link.entry}"


def followed(link: Link, reason: str) -> bool:
    """Whether a change with this reason followed the link, wherever it was written then."""
    entry = f" to {link.entry}"
    return reason.startswith("linked by ") and (
        reason.endswith(entry) or f"{entry}{_WAS}" in reason
    )


def _refuse_exchanges(
    links: Sequence[Link], rules: Mapping[str, SourceRules], found: Linked
) -> None:
    """Raises RulesRefused where what is linked stands at present for an entry that another link wants.

    Each needs what the other one has to free, so no order of the two is right: they have to be two
    runs.
    """
    wanted: dict[tuple[str, str, str], str] = {}
    things: list[tuple[User | Group | Department, str]] = []
    for source, positions in found.users.items():
        for position, (user, why) in positions.items():
            wanted["user", source, _own(rules[source].index.person(position))] = user.id
            things.append((user, why))
    for (source, key), (group, why) in found.groups.items():
        wanted["group", source, _own(rules[source].index.groups[key])] = group.id
        things.append((group, why))
    for (source, key), (department, why) in found.departments.items():
        wanted["department", source, _own(rules[source].index.units[key])] = department.id
        things.append((department, why))
    for thing, why in things:
        kind = type(thing).__name__.lower()
        if wanted.get((kind, thing.source, _own(thing)), thing.id) != thing.id:
            at = next(
                at
                for at, link in enumerate(links)
                if link.kind == kind and why.startswith(reason(link))
            )
            what = f"what the {kind} {links[at].name!r} stands for is wanted by another link"
            raise RulesRefused([(f"links[{at}]", f"{what}: apply one of them, and then the other")])


def _own(one: Person | DirectoryGroup | OrganizationalUnit | User | Group | Department) -> str:
    """What an entry is, and what something on the platform stands for: the id without case, else the DN."""
    return one.external_id.lower() or (dn.key(one.dn) if one.dn else "")


def _groups(rules: SourceRules) -> dict[str, DirectoryGroup]:
    return {key: rules.index.groups[key] for key in rules.groups}


def _units(rules: SourceRules) -> dict[str, OrganizationalUnit]:
    return {one.key: rules.index.units[one.key] for one in rules.departments}


def _once(taken: set[tuple[str, str]], link: Link, thing: str, entry: str) -> None:
    """Raises _Idle where an earlier link is about the same thing or entry."""
    ends = {(link.kind, thing), (f"{link.kind} of {link.source}", entry)}
    if ends & taken:
        raise _Idle(f"an earlier link is about the same {link.kind} or entry")
    taken |= ends


def _user(
    link: Link, rules: SourceRules, current: PlatformState, *, spent: bool
) -> tuple[User, int]:
    """The user and the position of the person that a link names, the latter by id, DN or login."""
    index = rules.index
    user = _there(link, current.users, lambda one: one.username)
    if user.status == "erased":
        raise _Idle(f"the user {link.name!r} is erased")
    persons = index.snapshot.persons
    found = [at for at, one in enumerate(persons) if _is_id(one, link.entry)]
    if not found and (at := index.persons.get(dn.key(link.entry))) is not None:
        found = [at]
    if not found:
        folded = fold_name(link.entry)
        found = [at for at, one in enumerate(persons) if fold_name(one.identifier) == folded]
    if len(found) != 1:
        raise _Idle(_not_one(link, "persons" if found else "", "person"))
    at = found[0]
    if _left_out(rules, at):
        raise _Idle(f"the rules of {link.source} leave the person {link.entry!r} out")
    if spent and not _is_true(link, user, persons[at]):
        _refuse_reuse(link, user, persons[at], current)
    return user, at


def _refuse_reuse(link: Link, user: User, person: Person, current: PlatformState) -> None:
    """Raises _Idle for a link that was followed once, and by which another person or user is meant since then."""
    if not _is_id(person, link.entry):
        raise _Idle(
            "it was used already, and now this is another person: to link the user to that one, name its id"
        )
    holder = next(
        (one for one in current.users if one.source == link.source and _own(one) == _own(person)),
        user,
    )
    if holder is not user:
        raise _Idle(f"it was used already: the person is that of {holder.username!r} now")


def _left_out(rules: SourceRules, position: int) -> bool:
    """Whether a person would be no user even if it had one."""
    if rules.excluded(position) or not rules.wants(position, exists=True, serves=True):
        return True
    return rules.outside_required(position, serves=True)


def _mirror(
    link: Link, entries: Mapping[str, Entry], things: Iterable[Thing], name: Callable[[Thing], str]
) -> tuple[Thing, str]:
    """The group or department and the normalized DN of the entry that a link names, the latter by id or DN."""
    thing = _there(link, things, name)
    found = [key for key, one in entries.items() if _is_id(one, link.entry)]
    found = found or [key for key in (dn.key(link.entry),) if key in entries]
    if len(found) != 1:
        raise _Idle(_not_one(link, "entries" if found else "", "entry"))
    return thing, found[0]


def _there(link: Link, things: Iterable[Thing], name: Callable[[Thing], str]) -> Thing:
    """What the link names on the platform: by its exact name, else by the only one whose case differs."""
    like = [one for one in things if fold_name(name(one)) == fold_name(link.name)]
    found = [one for one in like if name(one) == link.name] or like
    if len(found) != 1:
        raise _Idle(f"the platform has {'several' if found else 'no'} {link.kind} {link.name!r}")
    return found[0]


def _not_one(link: Link, several: str, one: str) -> str:
    what = f"several {several}" if several else f"no {one}"
    return f"the rules of {link.source} find {what} {link.entry!r}"


def _is_id(entry: Person | DirectoryGroup | OrganizationalUnit, text: str) -> bool:
    return bool(entry.external_id) and entry.external_id.lower() == text.lower()


def _refuse_exchanged(
    link: Link,
    thing: Group | Department,
    entries: Mapping[str, Entry],
    key: str,
    things: Iterable[Group | Department],
) -> None:
    """Raises _Idle where the thing stands for an entry that is there, and another thing for this one already.

    That is what a link looks like that was followed once, when another group is given the name of
    before.
    """
    own = {_own(entry) for entry in entries.values()}
    held = any(one.source == link.source and _own(one) == _own(entries[key]) for one in things)
    if held and thing.source == link.source and _own(thing) in own:
        raise _Idle(
            f"the {link.kind} stands for another entry that is there, and this one has its {link.kind}, too"
        )


def _refuse_true(
    link: Link,
    thing: User | Group | Department,
    entry: Person | DirectoryGroup | OrganizationalUnit,
) -> None:
    """Raises _Idle where the thing stands for the entry already."""
    if _is_true(link, thing, entry):
        raise _Idle("it is true already: the link can be removed")


def _is_true(
    link: Link,
    thing: User | Group | Department,
    entry: Person | DirectoryGroup | OrganizationalUnit,
) -> bool:
    by_id = bool(entry.external_id)
    known = thing.external_id.lower() if by_id else dn.key(thing.dn)
    return thing.source == link.source and known == (
        entry.external_id.lower() if by_id else dn.key(entry.dn)
    )
