"""Who is meant by a login, an e-mail address, a DN, a stable id or a username."""

import difflib
from collections.abc import Collection, Iterable, Iterator

import msgspec

from reconcile.model.desired import DesiredState, Source
from reconcile.model.directory import DirectorySnapshot, Person, Query
from reconcile.model.explanation import Stray
from reconcile.model.login import Names
from reconcile.model.platform import PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.planning import login as logins
from reconcile.planning.explain.rule_results import Background
from reconcile.planning.target import profiles
from reconcile.planning.target.profiles import Refused
from reconcile.planning.views.search import search_query

MAILS = {"mail": "e-mail address", "userprincipalname": "userPrincipalName"}
"""Attributes that identify a person in a question, and what they are called."""
_SIMILAR = 5


def asking_query(desired: DesiredState, source: Source) -> Query:
    """What the rules need, and the attributes that identify a person in a question."""
    asked = search_query(desired, source)
    return msgspec.structs.replace(
        asked, person_attributes=asked.person_attributes | frozenset(MAILS)
    )


def names(source: Source, typed: str, current: Iterable[PlatformState]) -> Names:
    """The names by which the directory may know a person, including the ids of matching users."""
    found: set[str] = {typed}
    identifiers: tuple[str, ...] = (typed,)
    for state in current:
        known = logins.names(source, typed, state)
        identifiers = known.identifiers
        found.update(known.external_ids)
        users = (
            user for user in state.users if user.source == source.name and user_matches(user, typed)
        )
        found.update(user.external_id for user in users)
    return Names(typed, identifiers, tuple(sorted(found - {""})), (typed,) if "@" in typed else ())


def matches(person: Person, asked: Names, source: Source | None = None) -> tuple[str, ...]:
    """By which names a person is meant; with `source` also by the username of its template."""
    typed = fold_name(asked.typed)
    found = []
    logins = {login.casefold() for login in (person.identifier, *person.logins)} - {""}
    if not logins.isdisjoint(name.casefold() for name in asked.identifiers):
        found.append("login")
    if source is not None and fold_name(_username(person, source)) == typed:
        found.append("username")
    for name, told in MAILS.items():
        if any(fold_name(value) == typed for value in person.attributes.get(name, ())):
            found.append(told)
    if "=" in asked.typed and dn.key(asked.typed) == dn.key(person.dn):
        found.append("DN")
    elif "=" in asked.typed and _wide(asked.typed) == _wide(person.dn):
        found.append("DN that some servers treat as equal")
    if person.external_id and person.external_id == asked.typed:
        found.append("id")
    return tuple(found)


def user_matches(user: User, typed: str) -> tuple[str, ...]:
    """By which of its names a user on the platform is meant."""
    folded, key = fold_name(typed), dn.key(typed)
    named = (
        (fold_name(user.username) == folded, "username on the platform"),
        (bool(user.email) and fold_name(user.email) == folded, "e-mail address on the platform"),
        (bool(key) and bool(user.dn) and dn.key(user.dn) == key, "DN on the platform"),
        (bool(user.external_id) and user.external_id == typed, "id on the platform"),
    )
    return tuple(name for holds, name in named if holds)


def _wide(name: str) -> str:
    return dn.wide(dn.key(name), "compatibility")


def _username(person: Person, source: Source) -> str:
    try:
        return profiles.username(source.users, person)
    except Refused:
        return ""


def is_found(snapshot: DirectorySnapshot, asked: Names, source: Source) -> bool:
    """Whether the snapshot has a person that is meant; if so, strays are not looked for."""
    ids = set(asked.external_ids)
    return any(
        person.external_id in ids or matches(person, asked, source) for person in snapshot.persons
    )


def widened(source: Source) -> Source:
    """The source as if its rules on persons found every entry below its base DN."""
    users = msgspec.structs.replace(
        source.users, base=source.base_dn, scope="subtree", filter="(objectClass=*)"
    )
    return msgspec.structs.replace(source, users=users)


STRAY_QUERY = Query(person_attributes=frozenset(MAILS))
"""What is asked of entries that the rules do not find."""


def strays(
    source: Source, asked: Names, entries: Iterable[Person], place: str, background: Background
) -> Iterator[Stray]:
    """The entries that are meant, and the rule that misses them. `place`: that of the source."""
    search = background.searches[source.name]
    for entry in entries:
        by = matches(entry, asked)
        if not by and entry.external_id not in asked.external_ids:
            continue
        key, base = _wide(entry.dn), _wide(search.base)
        rule, why = "filter", f"{search.filter or 'the filter of the source'} does not match it"
        if not dn.is_below(key, base):
            rule, why = "base", f"it is not below {search.base}"
        elif search.scope == "one" and dn.parent(key) != base:
            rule, why = "scope", f"it is not directly below {search.base}"
        at = f"{place}.users.{rule}"
        yield Stray(entry.dn, entry.external_id, by or ("id",), at, why, background.origin(at))


def similar(typed: str, known: Collection[str]) -> tuple[str, ...]:
    """Names similar to the one that matches nobody."""
    folded = {name.casefold(): name for name in sorted(known) if name}
    asked = typed.casefold().partition("@")[0] or typed.casefold()
    close = difflib.get_close_matches(asked, folded, _SIMILAR, 0.7)
    within = [name for name in folded if len(asked) > 2 and asked in name and name not in close]
    return tuple(folded[name] for name in [*close, *within][:_SIMILAR])
