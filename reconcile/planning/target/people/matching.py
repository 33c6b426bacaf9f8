"""Which person is which user: by a link of the files, by id, or by two facts that agree.

In a directory without ids the DN is the id. No person inherits an account by coincidence. If an id
does not match, two of the facts in `match_by` have to agree, and they have to mean exactly one
person and one user. A DN that contains the username is not a second fact. A user who agrees in DN
or username alone is a namesake, and an administrator has to decide. A user whose id still exists
elsewhere in the directory is never matched with another person.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

import msgspec

from reconcile.model.desired import Fact
from reconcile.model.identity import by_id, entry_id
from reconcile.model.platform import User
from reconcile.model.text import dn
from reconcile.planning.selection.snapshot_index import Index
from reconcile.planning.target.people.facts import ENOUGH, Facts, independent, user_facts

SHARED: Final = 10
"""A value that more users share identifies none of them."""
_NAMES: Final[Mapping[Fact, str]] = {"dn": "DN", "email": "e-mail address"}
_WEAK: Final = frozenset({"dn", "username"})
"""Each of these alone makes a namesake. E-mail addresses do not: they are shared and reassigned."""


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
    matches = Matches({}, by_id(users), {}, {}, {})
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
    by_external_id = _ByExternalId(matches.unmatched.values())
    if not by_external_id.exact:
        return
    for position, person in enumerate(index.snapshot.persons):
        user = by_external_id.find(person.external_id)
        if user is None or user.id not in matches.unmatched:
            continue
        if position in matches.users:
            matches.displaced[user.id] = matches.unmatched.pop(user.id)
        else:
            matches.users[position] = matches.unmatched.pop(user.id)


def _match_dns(matches: Matches, index: Index) -> None:
    """Matches users without an id by their DN."""
    for user in list(matches.unmatched.values()):
        if not user.external_id:
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


class _ByExternalId:
    """Users by external id: as written, and without case if that means only one user."""

    def __init__(self, users: Iterable[User]) -> None:
        self.exact = {user.external_id: user for user in users if user.external_id}

    @cached_property
    def _folded(self) -> dict[str, User]:
        folded: dict[str, User] = {}
        shared: set[str] = set()
        for external_id, user in self.exact.items():
            if folded.setdefault(external_id.lower(), user) is not user:
                shared.add(external_id.lower())
        for external_id in shared:
            del folded[external_id]
        return folded

    def find(self, external_id: str) -> User | None:
        """The user of an id of the directory; None for none."""
        return self.exact.get(external_id) or self._folded.get(external_id.lower())


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
    free = by_id(users)
    agreeing = _agreeing(persons, free, match_by)
    strong = _agreeing_enough(agreeing, persons)
    claims = Counter(user_id for user_ids in strong.values() for user_id in user_ids)
    matched: list[User] = []
    # Two facts have to agree, and to mean this one person and this one user only.
    for position, user_ids in strong.items():
        if len(user_ids) != 1 or claims[user_ids[0]] != 1:
            continue
        user = free.pop(user_ids[0])
        matches.users[position] = user
        matches.unmatched.pop(user.id, None)
        matches.ties[position] = _tie(how, agreeing[position][user.id], user)
        matched.append(user)
    # Whatever else agrees is not decided here: the users still free are namesakes.
    for position, near in agreeing.items():
        if position not in matches.users:
            left = {user_id: near[user_id] for user_id in near if user_id in free}
            _note_namesakes(matches, position, left, strong[position], free)
    return matched


def _tie(how: str, facts: Iterable[Fact], user: User) -> str:
    """The reason of a match by facts; `how` is how it begins."""
    named = " and ".join(map(_name, facts))
    return f"{how} by {named}: the directory's id was {user.external_id or 'unknown'}"


def _name(fact: Fact) -> str:
    """A fact in a message."""
    return _NAMES.get(fact, fact)


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
        facts = dict.fromkeys(_name(fact) for user_id in weak for fact in near[user_id])
        agree = "agrees" if len(facts) == 1 else "agree, which say the same"
        why = f"only the {' and '.join(facts)} {agree}, and the directory's id is different"
    users = sorted((free[user_id] for user_id in user_ids), key=lambda user: user.username)
    matches.namesakes[position] = why, tuple(users)


KEPT_ID: Final = "recognised by the external id that the platform keeps"


def by_kept_ids(positions: Iterable[int], index: Index, users: Iterable[User]) -> dict[int, User]:
    """Position → the one local user that has the external id of the person."""
    by_external_id = _ByExternalId(users)
    matched: dict[int, User] = {}
    if not by_external_id.exact:
        return matched
    for position in positions:
        external_id = index.person(position).external_id
        user = by_external_id.find(external_id) if external_id else None
        if user is not None:
            matched[position] = user
    return matched


def may_relink(user: User, index: Index) -> bool:
    """Whether the user's own entry is gone. While it exists, the user is not for another person."""
    return entry_id(user) not in index.snapshot.strays
