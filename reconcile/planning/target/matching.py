"""Which person is which user: by a link of the files, by id, or by two facts that agree.

In a directory without ids the DN is the id. No person inherits an account by coincidence. If an id
does not match, two of the facts in `match_by` have to agree, and they have to mean exactly one
person and one user. A DN that contains the username is not a second fact. A user who agrees in DN
or username alone is a namesake, and an administrator has to decide. A user whose id still exists
elsewhere in the directory is never matched with another person.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from reconcile.errors import TemplateFailed
from reconcile.model.desired import Fact, Template, Users
from reconcile.model.directory import Person
from reconcile.model.platform import User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.planning.selection.snapshot_index import Index

ENOUGH: Final = 2
"""How many facts have to agree."""
SHARED: Final = 10
"""A value that more users share identifies none of them."""
_NAMES: Final[Mapping[Fact, str]] = {"dn": "DN", "email": "e-mail address"}
_WEAK: Final = frozenset({"dn", "username"})
"""Each of these alone makes a namesake. E-mail addresses do not: they are shared and reassigned."""

Facts = Mapping[Fact, str]
"""What is known of a person or user, in the form that is compared; "" for nothing."""


class Matches(msgspec.Struct):
    """`users`: position of a person → its user; `unmatched`: user id → a user without a person.

    `ties`: position → how the user was found, if not by id. `namesakes`: position of a person
    without a user → why it is unclear which user it is, and the users it may be. `displaced` are
    users whose person a link gave to another user.
    """

    users: dict[int, User]
    unmatched: dict[str, User]
    ties: dict[int, str]
    namesakes: dict[int, tuple[str, tuple[User, ...]]]
    displaced: dict[str, User]

    def copy(self) -> "Matches":
        """A copy that a trial may change."""
        return Matches(
            dict(self.users),
            dict(self.unmatched),
            dict(self.ties),
            dict(self.namesakes),
            dict(self.displaced),
        )


def match(index: Index, users: Iterable[User], linked: Mapping[int, tuple[User, str]]) -> Matches:
    """Matches by link, then by id. `users` are those of the index's source, without erased ones.

    `linked`: position → the user, of any source, that a link gives it, and why.
    """
    matches = Matches({}, {user.id: user for user in users}, {}, {}, {})
    # A link goes before the id.
    for position, (user, why) in linked.items():
        matches.unmatched.pop(user.id, None)
        matches.users[position], matches.ties[position] = user, why
    _match_ids(matches, index)
    _match_dns(matches, index)
    _match_spellings(matches, index)
    return matches


def _match_ids(matches: Matches, index: Index) -> None:
    """Matches users with an id. A user whose person has another user by a link is displaced."""
    exact, folded = _by_id(matches.unmatched.values())
    if not exact:
        return
    for position, person in enumerate(index.snapshot.persons):
        stable_id = person.external_id
        user = exact.get(stable_id) or folded.get(stable_id.lower())
        if user is None or user.id not in matches.unmatched:
            continue
        if position in matches.users:
            matches.displaced[user.id] = matches.unmatched.pop(user.id)
        else:
            matches.users[position] = matches.unmatched.pop(user.id)


def _match_dns(matches: Matches, index: Index) -> None:
    """Matches users without an id by their DN."""
    for user in [user for user in matches.unmatched.values() if not user.external_id]:
        _tie_by_dn(matches, index, index.persons.get(dn.key(user.dn), -1), user)


def _match_spellings(matches: Matches, index: Index) -> None:
    """Matches users without an id by another spelling of the DN, if that is clear on both sides."""
    by_position: dict[int, list[User]] = {}
    for user in matches.unmatched.values():
        if not user.external_id and user.dn:
            by_position.setdefault(index.position(user.dn), []).append(user)
    for position, users in by_position.items():
        if len(users) == 1:
            _tie_by_dn(matches, index, position, users[0])


def _tie_by_dn(matches: Matches, index: Index, position: int, user: User) -> None:
    """Matches a user with the person at a position (-1: no person), if both are free.

    In a directory without ids the DN is the id. If it has ids now, this one is new to the user.
    """
    if position < 0 or position in matches.users or not may_relink(user, index):
        return
    matches.users[position] = matches.unmatched.pop(user.id)
    if index.person(position).external_id:
        matches.ties[position] = "relinked by DN: the directory's id was unknown"


def _by_id(users: Iterable[User]) -> tuple[dict[str, User], dict[str, User]]:
    """Users by external id: as written, and without case if that means only one user."""
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
    fields = {
        "dn": dn.key(user.dn) if user.dn else "",
        "username": fold_name(user.username),
        "email": fold_name(user.email),
    }
    return {fact: fields.get(fact, user.attributes.get(fact, "").strip()) for fact in match_by}


def person_facts(settings: Users, person: Person, key: str) -> Facts:
    """What is known of a person of a source, in the same form. `key` is the normalized DN."""
    templates = {attribute.field: attribute.value for attribute in settings.attributes}
    templates |= {field: text for field, text in settings.fields.items() if text is not None}
    facts: dict[Fact, str] = {}
    for fact in settings.match_by:
        text = key if fact == "dn" else ""
        if fact in templates:
            text = _rendered(templates[fact], person)
        facts[fact] = fold_name(text) if fact in ("username", "email") else text.strip()
    return facts


def _rendered(template: Template, person: Person) -> str:
    """What a template gives for a person; "" if it fails or gives nothing."""
    try:
        return template.render(person, person.identifier) or ""
    except TemplateFailed:
        return ""


def agrees(user: User, facts: Facts) -> bool:
    """Whether a user and a person with these facts have one in common."""
    known = user_facts(user, tuple(facts))
    return any(value and value == facts.get(fact) for fact, value in known.items())


def match_facts(
    matches: Matches,
    persons: Mapping[int, Facts],
    users: Iterable[User],
    match_by: Sequence[Fact],
    how: str,
) -> list[User]:
    """Matches persons without a user with `users` by facts. Returns the users that were matched.

    `how` is how a reason begins. A person and a user who agree in too little, or in as much as
    others do, are noted as namesakes.
    """
    free = {user.id: user for user in users}
    agreeing = _agreeing(persons, free, match_by)
    strong = _agreeing_enough(agreeing, persons)
    claims = Counter(user_id for user_ids in strong.values() for user_id in user_ids)
    linked: list[User] = []
    # Two facts have to agree, and to mean this one person and this one user only.
    for position, user_ids in strong.items():
        if len(user_ids) != 1 or claims[user_ids[0]] != 1:
            continue
        user = free.pop(user_ids[0])
        matches.users[position] = user
        matches.unmatched.pop(user.id, None)
        facts = " and ".join(_NAMES.get(fact, fact) for fact in agreeing[position][user.id])
        known_id = user.external_id or "unknown"
        matches.ties[position] = f"{how} by {facts}: the directory's id was {known_id}"
        linked.append(user)
    # Other matches are not decided here: the users that are still free are namesakes.
    for position, near in agreeing.items():
        if position not in matches.users:
            left = {user_id: facts for user_id, facts in near.items() if user_id in free}
            _note_namesakes(matches, position, left, strong[position], free)
    return linked


def _agreeing_enough(
    agreeing: Mapping[int, Mapping[str, Sequence[Fact]]], persons: Mapping[int, Facts]
) -> dict[int, list[str]]:
    """Position → ids of the users who agree with the person in enough independent facts."""
    strong: dict[int, list[str]] = {}
    for position, near in agreeing.items():
        own = persons[position]
        strong[position] = [
            user_id for user_id, facts in near.items() if independent(facts, own) >= ENOUGH
        ]
    return strong


def independent(agreeing: Sequence[Fact], facts: Facts) -> int:
    """How many of the facts are independent: a fact made of another one adds nothing."""
    counted: list[Fact] = []
    for fact in agreeing:
        if not any(_repeats(fact, other, facts) for other in counted):
            counted.append(fact)
    return len(counted)


def _repeats(fact: Fact, other: Fact, facts: Facts) -> bool:
    """Whether two facts say the same: an equal text, or a DN that begins with the other's text."""
    if "dn" not in (fact, other):
        return facts[fact].casefold() == facts[other].casefold()
    beside_dn = other if fact == "dn" else fact
    try:
        values = {value.casefold() for _, value in dn.parse(facts["dn"])[0]}
    except (ValueError, IndexError):
        return True  # a DN that cannot be parsed may be made of anything
    text = facts[beside_dn].casefold()
    local = text.partition("@")[0]
    return text in values or (beside_dn == "username" and local in values)


def _agreeing(
    persons: Mapping[int, Facts], users: Mapping[str, User], match_by: Sequence[Fact]
) -> dict[int, dict[str, list[Fact]]]:
    """Position → user id → the facts in which they agree, in the order of `match_by`."""
    having = _users_by_fact(users.values(), match_by)
    agreeing: dict[int, dict[str, list[Fact]]] = {}
    for position, facts in persons.items():
        for fact in match_by:
            user_ids = having.get((fact, facts.get(fact, "")), ())
            if len(user_ids) > SHARED:
                continue
            for user_id in user_ids:
                agreeing.setdefault(position, {}).setdefault(user_id, []).append(fact)
    return agreeing


def _users_by_fact(
    users: Iterable[User], match_by: Sequence[Fact]
) -> dict[tuple[Fact, str], list[str]]:
    """A fact and its value → the ids of the users that have it."""
    having: dict[tuple[Fact, str], list[str]] = {}
    for user in users:
        for fact, value in user_facts(user, match_by).items():
            if value:
                having.setdefault((fact, value), []).append(user.id)
    return having


def _note_namesakes(
    matches: Matches,
    position: int,
    near: Mapping[str, Sequence[Fact]],
    strong: Sequence[str],
    free: Mapping[str, User],
) -> None:
    """Notes the free users a person may be. An e-mail address alone makes no namesake."""
    several = [user_id for user_id in strong if user_id in near]
    weak = [user_id for user_id, facts in near.items() if not _WEAK.isdisjoint(facts)]
    user_ids = several or weak
    if not user_ids:
        return
    why = "the facts that agree mean several persons or users"
    if not several:
        shared = (_NAMES.get(fact, fact) for user_id in weak for fact in near[user_id])
        facts = list(dict.fromkeys(shared))
        agree = "agrees" if len(facts) == 1 else "agree, which say the same"
        why = f"only the {' and '.join(facts)} {agree}, and the directory's id is different"
    users = sorted((free[user_id] for user_id in user_ids), key=lambda user: user.username)
    matches.namesakes[position] = why, tuple(users)


KEPT_ID: Final = "recognised by the external id that the platform keeps"


def by_kept_ids(positions: Iterable[int], index: Index, users: Iterable[User]) -> dict[int, User]:
    """Position → the one local user that has the external id of the person."""
    exact, folded = _by_id(users)
    if not exact and not folded:
        return {}
    found: dict[int, User] = {}
    for position in positions:
        external_id = index.person(position).external_id
        user = exact.get(external_id) or folded.get(external_id.lower())
        if external_id and user is not None:
            found[position] = user
    return found


def may_relink(user: User, index: Index) -> bool:
    """Whether the user's own entry is gone. While it exists, the user is not for another person."""
    return (user.external_id or user.dn) not in index.snapshot.strays
