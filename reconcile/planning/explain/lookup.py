"""Who is meant by a login, an e-mail address, a DN, a stable id or a username."""

import difflib
from collections.abc import Collection, Iterable, Iterator

import msgspec

from reconcile.model.desired import DesiredState, Source
from reconcile.model.directory import DirectorySnapshot, Person, Query
from reconcile.model.login import LoginNames
from reconcile.model.platform import PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.model.views.explanation import PersonSearch, Stray
from reconcile.planning import login as logins
from reconcile.planning.explain.background import Background
from reconcile.planning.target import profiles
from reconcile.planning.target.profiles import Refused
from reconcile.planning.views.search import search_query

MAILS = {"mail": "e-mail address", "userprincipalname": "userPrincipalName"}
"""Attributes by which people ask for a user, and what they call them."""
_SIMILAR = 5
_SHORTEST_PART = 3
"""Fewer letters than these are part of many names."""


def asking_query(desired: DesiredState, source: Source) -> Query:
    """What the rules need, and the attributes by which people ask for a user."""
    query = search_query(desired, source)
    return msgspec.structs.replace(
        query, person_attributes=query.person_attributes | frozenset(MAILS)
    )


def names(source: Source, typed: str, current: Iterable[PlatformState]) -> LoginNames:
    """What the directory may know a person by, the ids of users who are asked for included."""
    external_ids: set[str] = {typed}
    identifiers: tuple[str, ...] = (typed,)
    for state in current:
        login_names = logins.names(source, typed, state)
        identifiers = login_names.identifiers
        external_ids.update(login_names.external_ids)
        for user in state.users:
            if user.source == source.name and user_matches(user, typed):
                external_ids.add(user.external_id)
    return LoginNames(
        typed=typed,
        identifiers=identifiers,
        external_ids=tuple(sorted(external_ids - {""})),
        mails=(typed,) if "@" in typed else (),
    )


def matches(person: Person, asked: LoginNames, source: Source | None = None) -> tuple[str, ...]:
    """By which names a person is meant; with `source` also by the username of its template."""
    typed = fold_name(asked.typed)
    by: list[str] = []
    if _has_login(person, asked.identifiers):
        by.append("login")
    if source is not None and fold_name(_username(person, source)) == typed:
        by.append("username")
    for attribute, mail in MAILS.items():
        if typed in map(fold_name, person.attributes.get(attribute, ())):
            by.append(mail)
    if "=" in asked.typed:
        by += _by_dn(person, asked.typed)
    if person.external_id and person.external_id == asked.typed:
        by.append("id")
    return tuple(by)


def _has_login(person: Person, identifiers: Iterable[str]) -> bool:
    """Whether one of the names is a login of the person."""
    own = {login.casefold() for login in (person.identifier, *person.logins)}
    return not (own - {""}).isdisjoint(name.casefold() for name in identifiers)


def _by_dn(person: Person, typed: str) -> list[str]:
    """Whether the text is the DN of the person."""
    if dn.key(typed) == dn.key(person.dn):
        return ["DN"]
    return ["DN that some servers treat as equal"] if _wide(typed) == _wide(person.dn) else []


def user_matches(user: User, typed: str) -> tuple[str, ...]:
    """By which of its names a user on the platform is meant."""
    folded, key = fold_name(typed), dn.key(typed)
    by: list[str] = []
    if fold_name(user.username) == folded:
        by.append("username on the platform")
    if user.email and fold_name(user.email) == folded:
        by.append("e-mail address on the platform")
    if user.dn and dn.key(user.dn) == key:
        by.append("DN on the platform")
    if user.external_id and user.external_id == typed:
        by.append("id on the platform")
    return tuple(by)


def _wide(name: str) -> str:
    """A DN as the most lenient server compares it."""
    return dn.wide(dn.key(name), "compatibility")


def _username(person: Person, source: Source) -> str:
    """The username that the template gives; "" where it fails."""
    try:
        return profiles.username(source.users, person)
    except Refused:
        return ""


def is_found(snapshot: DirectorySnapshot, asked: LoginNames, source: Source) -> bool:
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
    source: Source, asked: LoginNames, entries: Iterable[Person], place: str, background: Background
) -> Iterator[Stray]:
    """The entries that are meant, and the rule that misses them. `place`: that of the source."""
    search = background.searches[source.name]
    for entry in entries:
        by = matches(entry, asked)
        if not by and entry.external_id not in asked.external_ids:
            continue
        rule, why = _missing_rule(entry, search)
        rule_place = f"{place}.users.{rule}"
        yield Stray(
            dn=entry.dn,
            external_id=entry.external_id,
            matched=by or ("id",),
            rule=rule_place,
            why=why,
            origin=background.origin(rule_place),
        )


def _missing_rule(entry: Person, search: PersonSearch) -> tuple[str, str]:
    """The part of a search that does not find an entry, and why."""
    key, base = _wide(entry.dn), _wide(search.base)
    if not dn.is_below(key, base):
        return "base", f"it is not below {search.base}"
    if search.scope == "one" and dn.parent(key) != base:
        return "scope", f"it is not directly below {search.base}"
    return "filter", f"{search.filter or 'the filter of the source'} does not match it"


def similar(typed: str, known: Collection[str]) -> tuple[str, ...]:
    """Up to five names much like the one that means nobody: the closest, then those it is part of.

    The domain of an e-mail address does not count.
    """
    by_folded = {name.casefold(): name for name in sorted(known) if name}
    text = typed.casefold().partition("@")[0] or typed.casefold()
    close = difflib.get_close_matches(text, by_folded, _SIMILAR, 0.7)
    if len(text) >= _SHORTEST_PART:
        close += [name for name in by_folded if text in name and name not in close]
    return tuple(by_folded[name] for name in close[:_SIMILAR])
