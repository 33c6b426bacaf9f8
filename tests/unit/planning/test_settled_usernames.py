"""Names that nobody else wants or has are not settled; the result is that of settling all names."""

from types import SimpleNamespace
from typing import Any, cast

from hypothesis import example, given
from hypothesis import strategies as st

from reconcile.model.change import Skip
from reconcile.model.directory import Person
from reconcile.model.platform import PlatformState, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.target.name_claims import NameHolder, settle, slots
from reconcile.planning.target.people.candidates import (
    NO_ATTRIBUTES,
    NO_TEXTS,
    Candidate,
    SourcePeople,
)
from reconcile.planning.target.people.gathering import _claim, settle_usernames

_NAMES = st.sampled_from(["a", "A", "b", "c", "ä", "Ä", "d", "e"])


@example(names=["a", "a"], wanted=[("a", 0, False)], deleted={0})
@given(
    names=st.lists(_NAMES, max_size=6),
    wanted=st.lists(
        st.tuples(_NAMES, st.integers(0, 8), st.booleans()), max_size=8, unique_by=lambda w: w[1]
    ),
    deleted=st.sets(st.integers(0, 5)),
)
def test_who_gets_a_name_is_as_if_all_names_were_settled(
    names: list[str], wanted: list[tuple[str, int, bool]], deleted: set[int]
) -> None:
    """`wanted`: a name, the user who wants it (a new one if there is none), and who is held."""
    users = tuple(User(f"u{at}", name, source="corp") for at, name in enumerate(names))
    current = PlatformState("main", users=users)
    gone = {f"u{at}" for at in deleted}
    candidates = _candidates(wanted, users)

    claims = [_claim(candidate) for candidate in candidates if not candidate.held]
    holders = slots(
        (("", fold_name(user.username)), NameHolder(user.id, user.username, "corp", ""))
        for user in users
        if user.id not in gone
    )
    granted, refused = settle(claims, holders, "duplicate_username")
    serving = {claim.item.position for claim in granted}
    serving |= {candidate.position for candidate in candidates if candidate.held}
    serving |= {claim.claim.item.position for claim in refused if claim.claim.id}
    whys = {(refusal.claim.dn, refusal.code) for refusal in refused}

    skips: list[Skip] = []
    matched = {each.position: each.user for each in candidates if each.user is not None}
    people = {"corp": SourcePeople(candidates, [], matched, {}, frozenset())}
    settled = settle_usernames(people, current, gone, skips)
    assert [each.position for each in settled] == sorted(serving)
    assert {(skip.dn, skip.code) for skip in skips} == whys


def _candidates(wanted: list[tuple[str, int, bool]], users: tuple[User, ...]) -> list[Candidate]:
    """A candidate of each wish; one without a user is never held."""
    persons = [Person(f"uid=p{at}", "", name, {}) for at, (name, _, _) in enumerate(wanted)]
    snapshot = SimpleNamespace(persons=persons)
    rules = SimpleNamespace(
        source=SimpleNamespace(name="corp"), index=SimpleNamespace(snapshot=snapshot)
    )
    candidates: list[Candidate] = []
    for position, (name, number, held) in enumerate(wanted):
        user = users[number] if number < len(users) else None
        candidate = Candidate(
            cast("Any", rules),
            position,
            user,
            "",
            name,
            NO_TEXTS,
            NO_ATTRIBUTES,
            (),
            False,
            False,
        )
        if user is not None and held:
            candidate.hold()
        candidates.append(candidate)
    return candidates
