"""The links of the files: which entry a user, group or department stands for, by a person's word.

A link goes before every other way of matching. Once it is done the directory's id holds, so a link that is true
already does nothing and is reported as a notice, like one that names nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from reconcile.model import dn
from reconcile.model.desired import Link
from reconcile.model.directory import DirectoryGroup, OrganizationalUnit, Person
from reconcile.model.folding import fold_name
from reconcile.model.names import Names
from reconcile.model.platform import Department, Group, PlatformState, User
from reconcile.planning.index import Index
from reconcile.planning.rules import SourceRules

Thing = TypeVar("Thing", User, Group, Department)
Entry = TypeVar("Entry", DirectoryGroup, OrganizationalUnit)


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


def linked(links: Iterable[Link], sources: Sequence[SourceRules], current: PlatformState) -> Linked:
    """Looks up both ends of every link whose source was read."""
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
        index, why = rules[link.source].index, f"linked by {link.place}"
        try:
            if link.kind == "user":
                user, position = _user(link, index, current)
                _once(taken, link, user.id, str(position))
                known = f": the directory's id was {user.external_id}" if user.external_id else ""
                users.setdefault(link.source, {})[position] = user, why + known
            elif link.kind == "group":
                group, key = _mirror(link, index.groups, current.groups, lambda one: one.name)
                _once(taken, link, group.id, key)
                groups[link.source, key] = group, why
            else:
                department, key = _mirror(link, index.units, current.departments, lambda one: names.path(one.id))
                _once(taken, link, department.id, key)
                departments[link.source, key] = department, why
        except _Idle as reason:
            idle.append((link, str(reason)))
    return Linked(users, groups, departments, tuple(idle))


def _once(taken: set[tuple[str, str]], link: Link, thing: str, entry: str) -> None:
    """Raises _Idle where an earlier link is about the same thing or entry."""
    ends = {(link.kind, thing), (f"{link.kind} of {link.source}", entry)}
    if ends & taken:
        raise _Idle(f"an earlier link is about the same {link.kind} or entry")
    taken |= ends


def _user(link: Link, index: Index, current: PlatformState) -> tuple[User, int]:
    """The user and the position of the person that a link names, the latter by id, DN or login."""
    user = _there(link, current.users, lambda one: one.username)
    if user.status == "erased":
        raise _Idle(f"the user {link.name!r} is erased")
    persons = index.snapshot.persons
    found = [at for at, one in enumerate(persons) if _is_id(one, link.entry)]
    if not found and (at := index.persons.get(dn.key(link.entry))) is not None:
        found = [at]
    if not found:
        folded = link.entry.casefold()
        found = [at for at, one in enumerate(persons) if one.identifier.casefold() == folded]
    if len(found) != 1:
        raise _Idle(_not_one(link, "persons" if found else "", "person"))
    _refuse_true(link, user, persons[found[0]])
    return user, found[0]


def _mirror(
    link: Link, entries: Mapping[str, Entry], things: Iterable[Thing], name: Callable[[Thing], str]
) -> tuple[Thing, str]:
    """The group or department and the normalized DN of the entry that a link names, the latter by id or DN."""
    thing = _there(link, things, name)
    found = [key for key, one in entries.items() if _is_id(one, link.entry)]
    found = found or [key for key in (dn.key(link.entry),) if key in entries]
    if len(found) != 1:
        raise _Idle(_not_one(link, "entries" if found else "", "entry"))
    _refuse_true(link, thing, entries[found[0]])
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


def _refuse_true(
    link: Link, thing: User | Group | Department, entry: Person | DirectoryGroup | OrganizationalUnit
) -> None:
    """Raises _Idle where the thing stands for the entry already."""
    by_id = bool(entry.external_id)
    known = thing.external_id.lower() if by_id else dn.key(thing.dn)
    if thing.source == link.source and known == (entry.external_id.lower() if by_id else dn.key(entry.dn)):
        raise _Idle("it is true already: the link can be removed")
