"""Which person is which user: by a link of the files, else by the directory's id, else by two facts that agree.

In a directory without ids the DN is the id. Nobody inherits an account by coincidence: where an id
does not match, two of the facts in `match_by` have to, and they have to mean one person and one
user only. A DN that is made of the username is no second fact. What agrees in its DN or username
alone is a namesake, and a person has to say which it is. A user whose id still exists elsewhere in
the directory is never taken for another person's.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from reconcile.errors import TemplateFailed
from reconcile.model.desired import Fact, Users
from reconcile.model.directory import Person
from reconcile.model.platform import User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.planning.selection.snapshot_index import Index

ENOUGH: Final = 2
"""So many facts have to agree."""
SHARED: Final = 10
"""A value that more users share tells none of them from the others."""
_NAMES: Final[Mapping[Fact, str]] = {"dn": "DN", "email": "e-mail address"}
_WEAK: Final = frozenset({"dn", "username"})
"""What makes a namesake of somebody by itself. E-mail addresses are shared, and given to others,
every day."""

Facts = Mapping[Fact, str]
"""What is known of a person or user, as it is compared; "" where there is nothing."""


class Matches(msgspec.Struct):
    """Position of a person → the user; `unmatched` users are left.

    `ties` says of persons how they were found where the id did not do it; `namesakes` of persons
    without a user whom they may be, and why nobody can tell. `displaced` are users whose person a
    link gave to another user.
    """

    users: dict[int, User]
    unmatched: dict[str, User]
    ties: dict[int, str]
    namesakes: dict[int, tuple[str, tuple[User, ...]]]
    displaced: dict[str, User]

    def copy(self) -> "Matches":
        """Matches of their own, for a trial."""
        return Matches(
            dict(self.users),
            dict(self.unmatched),
            dict(self.ties),
            dict(self.namesakes),
            dict(self.displaced),
        )


def match(index: Index, users: Iterable[User], linked: Mapping[int, tuple[User, str]]) -> Matches:
    """Matches by link, then by id. `users` are those of the index's source, erased ones left out.

    `linked`: position → the user, of whatever source, that a link gives it, and why.
    """
    found = Matches({}, {user.id: user for user in users}, {}, {}, {})
    for position, (user, why) in linked.items():
        found.unmatched.pop(user.id, None)
        found.users[position], found.ties[position] = user, why
    exact, folded = _by_id(found.unmatched.values())
    for position, person in enumerate(index.snapshot.persons) if exact else ():
        own = person.external_id
        known = exact.get(own) or folded.get(own.lower())
        if known is None or known.id not in found.unmatched:
            continue
        if position in found.users:
            found.displaced[known.id] = found.unmatched.pop(known.id)
        else:
            found.users[position] = found.unmatched.pop(known.id)
    for nameless in [one for one in found.unmatched.values() if not one.external_id]:
        at = index.persons.get(dn.key(nameless.dn))
        if at is not None and at not in found.users and may_relink(nameless, index):
            found.users[at] = found.unmatched.pop(nameless.id)
            _tie_by_dn(found, index, at)
    _match_spellings(found, index)
    return found


def _match_spellings(found: Matches, index: Index) -> None:
    """Matches users without an id by another spelling of the DN, where it can be that of no other person or user."""
    places: dict[int, list[User]] = {}
    for user in found.unmatched.values():
        if not user.external_id and user.dn:
            places.setdefault(index.position(user.dn), []).append(user)
    for at, users in places.items():
        if at >= 0 and at not in found.users and len(users) == 1 and may_relink(users[0], index):
            found.users[at] = found.unmatched.pop(users[0].id)
            _tie_by_dn(found, index, at)


def _tie_by_dn(found: Matches, index: Index, at: int) -> None:
    """In a directory without ids the DN is the id; that of one which has them now is a new one."""
    if index.person(at).external_id:
        found.ties[at] = "relinked by DN: the directory's id was unknown"


def _by_id(users: Iterable[User]) -> tuple[dict[str, User], dict[str, User]]:
    """Users by external id as it is, and without case where that means one user only."""
    exact = {user.external_id: user for user in users if user.external_id}
    folded: dict[str, User] = {}
    shared: set[str] = set()
    for stable_id, user in exact.items():
        if folded.setdefault(stable_id.lower(), user) is not user:
            shared.add(stable_id.lower())
    for stable_id in shared:
        del folded[stable_id]
    return exact, folded


def user_facts(user: User, match_by: Sequence[Fact]) -> Facts:
    """What is known of a user."""
    own = {
        "dn": dn.key(user.dn) if user.dn else "",
        "username": fold_name(user.username),
        "email": fold_name(user.email),
    }
    return {fact: own.get(fact, user.attributes.get(fact, "").strip()) for fact in match_by}


def person_facts(settings: Users, person: Person, key: str) -> Facts:
    """What is known of a person of a source, in the same form. `key` is the normalized DN."""
    templates = {attribute.field: attribute.value for attribute in settings.attributes}
    templates |= {
        field: template for field, template in settings.fields.items() if template is not None
    }
    found: dict[Fact, str] = {}
    for fact in settings.match_by:
        text: str | None = key if fact == "dn" else ""
        if fact in templates:
            try:
                text = templates[fact].render(person, person.identifier)
            except TemplateFailed:
                text = ""
        text = text or ""
        found[fact] = fold_name(text) if fact in ("username", "email") else text.strip()
    return found


def agrees(user: User, facts: Facts) -> bool:
    """Whether a user and a person with these facts have one in common."""
    return any(
        value and value == facts.get(fact) for fact, value in user_facts(user, tuple(facts)).items()
    )


def match_facts(
    found: Matches,
    persons: Mapping[int, Facts],
    users: Iterable[User],
    match_by: Sequence[Fact],
    how: str,
) -> list[User]:
    """Matches persons who have no user with users by facts; the users that found their person.

    `how` is how a reason begins. A person and a user who agree in too little, or in as much as
    others do, are noted as namesakes.
    """
    known = {user.id: user for user in users}
    agreeing = _agreeing(persons, known, match_by)
    strong = {
        at: [row for row, facts in rows.items() if independent(facts, persons[at]) >= ENOUGH]
        for at, rows in agreeing.items()
    }
    claims = Counter(row for rows in strong.values() for row in rows)
    linked: list[User] = []
    for at, near in strong.items():
        if len(near) == 1 and claims[near[0]] == 1:
            user = known.pop(near[0])
            found.users[at] = user
            found.unmatched.pop(user.id, None)
            facts = " and ".join(_NAMES.get(fact, fact) for fact in agreeing[at][user.id])
            found.ties[at] = (
                f"{how} by {facts}: the directory's id was {user.external_id or 'unknown'}"
            )
            linked.append(user)
    for at, rows in agreeing.items():
        if at not in found.users:
            left = {row: facts for row, facts in rows.items() if row in known}
            _note_namesakes(found, at, left, strong[at], known)
    return linked


def independent(agreeing: Sequence[Fact], facts: Facts) -> int:
    """How many of the facts say something of their own: one that is made of another one says it once more."""
    counted: list[Fact] = []
    for fact in agreeing:
        if not any(_repeats(fact, other, facts) for other in counted):
            counted.append(fact)
    return len(counted)


def _repeats(one: Fact, other: Fact, facts: Facts) -> bool:
    """Whether two facts are one: the same text, or a DN that begins with the other's."""
    if "dn" not in (one, other):
        return facts[one].casefold() == facts[other].casefold()
    fact = other if one == "dn" else one
    try:
        values = {value.casefold() for _, value in dn.parse(facts["dn"])[0]}
    except (ValueError, IndexError):
        return True  # of a DN that cannot be read nobody knows what it is made of
    text = facts[fact].casefold()
    local = text.partition("@")[0]
    return text in values or (fact == "username" and local in values)


def _agreeing(
    persons: Mapping[int, Facts], users: Mapping[str, User], match_by: Sequence[Fact]
) -> dict[int, dict[str, list[Fact]]]:
    """Position → user id → the facts in which they agree, in the order of `match_by`."""
    by_fact: dict[tuple[Fact, str], list[str]] = {}
    for user in users.values():
        for fact, value in user_facts(user, match_by).items():
            if value:
                by_fact.setdefault((fact, value), []).append(user.id)
    agreeing: dict[int, dict[str, list[Fact]]] = {}
    for at, facts in persons.items():
        for fact in match_by:
            rows = by_fact.get((fact, facts.get(fact, "")), ())
            for row in rows if len(rows) <= SHARED else ():
                agreeing.setdefault(at, {}).setdefault(row, []).append(fact)
    return agreeing


def _note_namesakes(
    found: Matches,
    at: int,
    rows: Mapping[str, Sequence[Fact]],
    agreeing: Sequence[str],
    known: Mapping[str, User],
) -> None:
    """What a person shares with users whom nobody else is: by an e-mail address alone nobody is taken for another."""
    strong = [row for row in agreeing if row in rows]
    near = strong or [row for row, facts in rows.items() if not _WEAK.isdisjoint(facts)]
    if not near:
        return
    users = tuple(sorted((known[row] for row in near), key=lambda user: user.username))
    if strong:
        why = "the facts that agree mean several persons or users"
    else:
        facts = list(dict.fromkeys(_NAMES.get(fact, fact) for row in near for fact in rows[row]))
        same = "agrees" if len(facts) == 1 else "agree, which say the same"
        why = f"only the {' and '.join(facts)} {same}, and the directory's id is another one"
    found.namesakes[at] = why, users


def may_relink(user: User, index: Index) -> bool:
    """Whether the user's own entry is gone: else it is not for anybody else."""
    return (user.external_id or user.dn) not in index.snapshot.strays
