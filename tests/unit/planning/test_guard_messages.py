"""The messages of the guards: true and readable for none, one, few and all, and each limit."""

import pytest

from reconcile.model.change import Acceptance, Change, Digests, Plan, Scope, Violation
from reconcile.model.desired import GroupSafety, Limit, LossLimits, Protect, Safety
from reconcile.model.history import Losses
from reconcile.model.platform import Grant, Group, Membership, PlatformState, Reading, User
from reconcile.planning import violations
from reconcile.planning.guards.checks import NOTHING
from reconcile.planning.guards.limits.phrases import counted, part_of
from reconcile.render import wording
from tests.unit.planning.test_guard import SOURCE, company, link, of_user

PERCENT = Safety()
NONE = Safety(at_least=0, limits=LossLimits(None, None, None, None, None, None))


def details(
    *changes: Change,
    state: PlatformState | None = None,
    safety: Safety = PERCENT,
    readings: tuple[Reading, ...] = (),
    recent: Losses = NOTHING,
) -> list[str]:
    state = company(100) if state is None else state
    found = violations(changes, state, safety, readings=readings, recent=recent)
    return [violation.detail for violation in found]


@pytest.mark.parametrize(
    ("number", "base", "words"),
    [
        (0, 0, "no user of x"),
        (1, 1, "the only user of x"),
        (2, 2, "all 2 users of x"),
        (1, 40, "1 of 40 users of x"),
        (12, 40, "12 of 40 users of x"),
        (20, 0, "20 users of x"),
        (20, 5, "20 users of x"),
        (1, 0, "1 user of x"),
    ],
)
def test_a_part_of_a_whole(number: int, base: int, words: str) -> None:
    if number == base == 0:
        assert counted(0, "user of x") == words
    else:
        assert part_of(number, base, "user of x") == words


def limits(**more: Limit | None) -> Safety:
    return Safety(at_least=0, limits=LossLimits(**more))


def test_users_by_a_percentage_and_by_a_number() -> None:
    blocks = [of_user("block", f"u{at}") for at in range(12)]
    message = "12 of 100 users of corp would be lost (12 to block): the limit users_lost is 10%"
    assert details(*blocks) == [message]
    by_number = limits(users_lost=Limit(11))
    assert details(*blocks, safety=by_number) == [message.replace("10%", "11")]
    zero = limits(users_lost=Limit(0))
    assert details(blocks[0], safety=zero) == [
        "1 of 100 users of corp would be lost (1 to block): the limit users_lost is 0"
    ]
    mixed = [*blocks, of_user("erase", "u50"), of_user("delete", "u51")]
    assert (
        "14 of 100 users of corp would be lost (12 to block, 1 to delete, 1 to erase)"
        in (details(*mixed)[0])
    )


def test_all_users_whatever_the_limit() -> None:
    blocks = [of_user("block", f"u{at}") for at in range(7)]
    assert details(*blocks, state=company(7), safety=NONE) == [
        (
            "all 7 users of corp would be lost (7 to block: u0, u1, u2, u3, u4 and 2 more):"
            " none would be left"
        )
    ]
    assert details(blocks[0], state=company(1), safety=NONE) == [
        "the only user of corp would be lost (1 to block: u0): none would be left"
    ]


def test_a_loss_together_with_earlier_ones() -> None:
    blocks = [of_user("block", f"u{at}") for at in range(8)]
    assert details(*blocks, recent={"users_lost": {"corp": 9}}) == [
        (
            "8 of 100 users of corp would be lost (8 to block), after 9 within 7 days:"
            " 17 of 109 together, the limit users_lost is 10%"
        )
    ]


def test_new_users_are_no_part_of_those_who_exist() -> None:
    state = company(5)
    creations = [of_user("create", f"n{at}", username=f"n{at}") for at in range(20)]
    safety = limits(creates=Limit(10))
    assert details(*creations, state=state, safety=safety) == [
        "20 users of corp would be created, beside 5 now: the limit creates is 10"
    ]
    assert details(creations[0], state=state, safety=limits(creates=Limit(0))) == [
        "1 user of corp would be created, beside 5 now: the limit creates is 0"
    ]


def test_what_people_gave_is_no_part_of_all() -> None:
    """Two of five members are by hand: all that the directory put there go, and two stay."""
    state = PlatformState(
        "main",
        (SOURCE,),
        groups=(Group("g", "team", "corp", dn="cn=team"),),
        users=tuple(User(str(at), f"u{at}", source="corp") for at in range(5)),
        memberships=tuple(Membership(str(at), "g", "corp" if at < 3 else "") for at in range(5)),
    )
    losses = [link("membership", "delete", f"u{at}", "team") for at in range(3)]
    rules = Safety(groups=(GroupSafety(("team",), None),))
    assert details(*losses, state=state, safety=rules) == [
        (
            "3 of 5 members of the group team would be lost (u0, u1, u2):"
            " no user in service would keep any that corp gave"
        )
    ]


def test_roles() -> None:
    state = PlatformState(
        "main",
        (SOURCE,),
        users=tuple(User(str(at), f"u{at}", source="corp") for at in range(3)),
        grants=(Grant("0", "a", "corp"), Grant("1", "b", "corp"), Grant("2", "b", "corp")),
    )
    (message,) = details(link("grant", "delete", "u0", "a"), state=state)
    assert message == (
        "the only grant of the role a by corp would be lost (u0): none would be left"
    )


def test_a_field_of_those_who_have_it() -> None:
    users = tuple(
        User(str(at), f"u{at}", source="corp", email="x" if at < 3 else "") for at in range(40)
    )
    state = PlatformState("main", (SOURCE,), users=users)
    losses = [
        Change("user", "update", f"u{at}", {"email": "x"}, {"email": ""}, "", "corp", "main")
        for at in range(3)
    ]
    assert details(*losses, state=state) == [
        (
            "all 3 users of corp who have the field email would lose it (u0, u1, u2):"
            " no user would have it"
        )
    ]
    assert details(*losses[:2], state=state, safety=limits(emptied=Limit(0))) == [
        "2 of 3 users of corp who have the field email would lose it: the limit emptied is 0"
    ]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "corp has no person, 100 at its last good read: none are left"),
        (1, "corp has 1 person, 100 at its last good read: the limit shrink is 20%"),
        (79, "corp has 79 persons, 100 at its last good read: the limit shrink is 20%"),
    ],
)
def test_a_source_that_shrank(count: int, words: str) -> None:
    state = PlatformState("main", (SOURCE,), readings=(Reading("corp", 100, 0, 0, 0),))
    assert details(state=state, readings=(Reading("corp", count, 0, 0, 0),)) == [words]


def test_administrators_and_protected_names() -> None:
    def local(number: int) -> PlatformState:
        return PlatformState(
            "main",
            users=tuple(User(str(at), f"u{at}") for at in range(number)),
            grants=tuple(Grant(str(at), "administrator") for at in range(number)),
        )

    only = details(of_user("block", "u0"), state=local(1), safety=NONE)
    assert (
        "the only administrator who depends on no source would be lost, and there must be at least"
        " 1. If this is intended, change `safety.protect.min_admins`"
    ) in only
    both = Safety(limits=NONE.limits, protect=Protect(min_admins=2))
    (message,) = (
        detail
        for detail in details(
            of_user("block", "u0"),
            state=local(3),
            safety=Safety(limits=NONE.limits, protect=Protect(min_admins=3)),
        )
        if "administrators" in detail
    )
    assert message.startswith(
        "2 of 3 administrators who depend on no source would be left, and there must be at least 3"
    )
    none = details(of_user("block", "u0"), of_user("block", "u1"), state=local(2), safety=both)
    assert any(detail.startswith("none of 2 administrators") for detail in none)
    roles = Safety(limits=NONE.limits, protect=Protect(roles=("operator",)))
    losses = [link("grant", "delete", "u0", "operator")]
    assert any(
        detail.startswith("1 user would lose the role operator, which is protected.")
        for detail in details(*losses, safety=roles)
    )
    groups = Safety(limits=NONE.limits, protect=Protect(groups=("team 0",)))
    leaving = [link("membership", "delete", f"u{at}", "team 0") for at in (0, 10)]
    assert any(
        detail.startswith("2 members would leave the group team 0, which is protected.")
        for detail in details(*leaving, safety=groups)
    )


def test_the_way_out_fits_what_was_found() -> None:
    loss = Violation("main", "users_lost", "corp", "", 12, "")
    kept = Violation("main", "min_admins", "", "", 1, "", acceptable=False)
    assert "reconcile plan --accept CODE" in wording.way_out([loss])
    assert "accept CODE" not in wording.way_out([kept])
    assert wording.way_out([kept]).startswith("This cannot be accepted")
    both = wording.way_out([loss, kept])
    assert both.startswith("Some of this cannot be accepted")
    assert "--accept CODE" in both
    assert "none" not in both


def test_who_accepted_is_named_once() -> None:
    loss = Violation("main", "users_lost", "corp", "", 12, "12 of 40")
    plan = Plan(
        tool="1",
        created="2026-01-01T00:00:00Z",
        files=(),
        variables=(),
        scope=Scope(),
        digests=Digests("", {}, {}),
        violations=(loss,),
        accepted=(Acceptance(loss.code, "anna", "2026-01-01T00:00:00Z"),),
    )
    ((title, shown),) = wording.violations_by_verdict(plan)
    assert (title, shown) == ("Accepted by anna, 2026-01-01T00:00:00Z", (loss,))
