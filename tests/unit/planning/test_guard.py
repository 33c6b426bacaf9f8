"""The guards over states and changes made up: what they count, and how fast."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.errors import UsageError
from reconcile.model.change import (
    Action,
    Change,
    Digests,
    Fields,
    Kind,
    Plan,
    Scope,
    Violation,
    refused,
)
from reconcile.model.desired import GroupSafety, Limit, LossLimits, Protect, Safety
from reconcile.model.platform import Grant, Group, Membership, PlatformState, Reading, Source, User
from reconcile.planning import accepted, login_violations, violations
from reconcile.planning.guards.limits.thresholds import exceeds

SOURCE = Source("corp", "ldif", "dc=example,dc=com")


def company(size: int) -> PlatformState:
    """Users u0, u1 …, each with a role and in one of ten groups."""
    return PlatformState(
        "main",
        (SOURCE,),
        groups=tuple(
            Group(f"g{one}", f"team {one}", "corp", dn=f"cn=team {one}") for one in range(10)
        ),
        users=tuple(User(str(one), f"u{one}", source="corp") for one in range(size)),
        memberships=tuple(Membership(str(one), f"g{one % 10}", "corp") for one in range(size)),
        grants=tuple(Grant(str(one), "operator", "corp") for one in range(size)),
    )


STATUS: dict[Action, str] = {"deactivate": "inactive", "block": "blocked", "erase": "erased"}


def of_user(action: Action, name: str, **after: str) -> Change:
    if action in STATUS:
        after = {"status": STATUS[action]} | after
    before = None if action == "create" else dict.fromkeys(after, "")
    return Change(
        "user",
        action,
        name,
        before,
        None if action == "delete" else dict(after),
        "",
        "corp",
        "main",
    )


def link(kind: Kind, action: Action, user: str, target: str) -> Change:
    fields: Fields = {
        "user": user,
        "role" if kind == "grant" else "group": target,
        "origin": "corp",
    }
    before, after = (None, fields) if action == "create" else (fields, None)
    return Change(kind, action, f"{user}/{target}", before, after, "", "corp", "main")


def codes(
    *changes: Change, state: PlatformState | None = None, safety: Safety | None = None
) -> list[str]:
    found = violations(changes, company(100) if state is None else state, safety or Safety())
    return [one.code for one in found]


@pytest.mark.parametrize(
    ("limit", "number", "base", "at_least", "too_many"),
    [
        (None, 100, 100, 0, False),
        (Limit(0), 0, 0, 0, False),
        (Limit(0), 1, 100, 5, True),
        (Limit(3), 3, 3, 0, False),
        (Limit(3), 4, 1000, 5, True),
        (Limit(10, percent=True), 10, 100, 5, False),
        (Limit(10, percent=True), 11, 100, 5, True),
        (Limit(10, percent=True), 4, 5, 5, False),
        (Limit(10, percent=True), 5, 5, 5, True),
        (Limit(10, percent=True), 9, 0, 0, False),
        (Limit(0.1, percent=True), 3, 3000, 0, False),
        (Limit(0, percent=True), 1, 100, 0, True),
    ],
)
def test_what_a_limit_allows(
    limit: Limit | None, number: int, base: int, at_least: int, too_many: bool
) -> None:
    assert exceeds(limit, number, base, at_least) is too_many


@pytest.mark.parametrize("action", ["deactivate", "block", "erase", "delete"])
def test_whatever_takes_a_user_away_is_a_loss(action: Action) -> None:
    assert codes(*(of_user(action, f"u{one}") for one in range(10))) == []
    assert codes(*(of_user(action, f"u{one}") for one in range(11))) == ["users_lost:main/corp:11"]


def test_those_who_were_erased_count_no_more() -> None:
    users = tuple(
        User(str(one), f"u{one}", status="erased" if one > 50 else "active", source="corp")
        for one in range(100)
    )
    state = PlatformState("main", (SOURCE,), users=users)
    assert codes(*(of_user("block", f"u{one}") for one in range(6)), state=state) == [
        "users_lost:main/corp:6"
    ]


def test_some_that_were_accepted_are_never_all() -> None:
    blocks = [of_user("block", f"u{one}") for one in range(12)]
    assert codes(*blocks) == ["users_lost:main/corp:12"]
    assert codes(*blocks, state=company(12)) == ["users_lost:main/corp:12:all"]


def test_a_percentage_of_users_is_one_of_those_in_service() -> None:
    users = tuple(
        User(str(one), f"u{one}", status="blocked" if one >= 50 else "active", source="corp")
        for one in range(100)
    )
    state = PlatformState("main", (SOURCE,), users=users)
    (found,) = violations([of_user("block", f"u{one}") for one in range(6)], state, Safety())
    assert found.detail.startswith("6 of 50 users of corp would be lost")
    (found,) = violations([of_user("erase", f"u{one}") for one in range(49, 55)], state, Safety())
    assert found.detail.startswith("6 of 55 users of corp would be lost"), (
        "five of them were out of service"
    )


def test_two_changes_of_one_user_are_one_update() -> None:
    changes = [
        of_user(action, f"u{one}", email="x")
        for one in range(50)
        for action in ("update", "activate")
    ]  # type: ignore[arg-type] # both are actions
    assert codes(*changes) == []
    assert codes(*changes, of_user("adopt", "u60")) == ["updates:main/corp:51"]


def test_a_rename_on_purpose_is_no_update() -> None:
    changes = [of_user("update", f"u{one}", username=f"u{one}@example.com") for one in range(100)]
    assert codes(*changes) == ["updates:main/corp:100"]
    assert violations(changes, company(100), Safety(), renaming=True) == ()


def test_groups_within_groups_count_as_members() -> None:
    teams = [Group(f"g{one}", f"team {one}", "corp", groups={"all": "corp"}) for one in range(6)]
    state = PlatformState("main", (SOURCE,), groups=(Group("all", "all", "corp"), *teams))

    def out(one: int) -> Change:
        return Change(
            "group",
            "update",
            f"team {one}",
            {"groups": {"all": "corp"}},
            {"groups": {"all": None}},
            "",
            "corp",
            "main",
        )

    assert codes(*(out(one) for one in range(4)), state=state) == []
    found = codes(*(out(one) for one in range(5)), state=state)
    assert found == ["memberships_lost:main/corp:5", "memberships_lost:main/corp/all:5"]
    assert codes(*(out(one) for one in range(6)), state=state) == [
        "memberships_lost:main/corp:6:all"
    ]
    free = Safety(groups=(GroupSafety(("al*",), None),))
    assert codes(*(out(one) for one in range(5)), state=state, safety=free) == []
    assert codes(*(out(one) for one in range(6)), state=state, safety=free) == [
        "memberships_lost:main/corp/all:6:all"
    ]


def test_a_group_taken_out_of_another_is_as_many_as_leave_by_it() -> None:
    company_ = company(100)
    groups = (
        Group("all", "all", "corp"),
        *(Group(one.id, one.name, "corp", groups={"all": "corp"}) for one in company_.groups),
    )
    state = PlatformState(
        "main",
        (SOURCE,),
        groups=groups,
        users=company_.users,
        memberships=(*company_.memberships, Membership("1", "all")),
    )
    out = [
        Change(
            "group",
            "update",
            f"team {one}",
            {"groups": {"all": "corp"}},
            {"groups": {"all": None}},
            "",
            "corp",
            "main",
        )
        for one in range(4)
    ]
    assert codes(*out[:3], state=state) == [], "29 of 201 memberships, and 29 of 101 of the group"
    assert codes(*out, state=state) == ["memberships_lost:main/corp/all:39"], "u1 stays by hand"
    stay = [link("membership", "create", f"u{one}", "all") for one in range(0, 100, 10)]
    assert codes(*out, *stay, state=state) == [], "ten of them come in by themselves"
    kept = Safety(protect=Protect(groups=("all",)))
    assert codes(out[0], state=state, safety=kept) == ["protected_group:main/all:10"]


def test_members_that_a_person_put_there_do_not_make_up_for_those_of_a_sync() -> None:
    users = (User("1", "ann", source="corp"), User("2", "bob"))
    state = PlatformState(
        "main",
        (SOURCE,),
        groups=(Group("g", "team", "corp"),),
        users=users,
        memberships=(Membership("1", "g", "corp"), Membership("2", "g")),
    )
    assert codes(link("membership", "delete", "ann", "team"), state=state) == [
        "memberships_lost:main/corp:1:all"
    ]


def test_a_group_that_is_renamed_is_the_same() -> None:
    state = PlatformState(
        "main",
        (SOURCE,),
        groups=(Group("g", "old", "corp"),),
        users=(User("1", "ann", source="corp"), User("2", "bob", source="corp")),
        memberships=(Membership("1", "g", "corp"),),
    )
    renamed = Change("group", "update", "old", {"name": "old"}, {"name": "new"}, "", "corp", "main")
    gone, come = (
        link("membership", "delete", "ann", "old"),
        link("membership", "create", "bob", "new"),
    )
    assert codes(renamed, gone, come, state=state) == []
    assert codes(renamed, gone, state=state) == ["memberships_lost:main/corp:1:all"]


def test_a_protected_group_is_not_deleted() -> None:
    delete = Change("group", "delete", "team 1", {"name": "team 1"}, None, "", "corp", "main")
    kept = Safety(protect=Protect(groups=("Team *",)))
    empty = msgspec.structs.replace(company(10), memberships=())
    (found,) = violations([delete], empty, kept)
    assert (found.code, found.acceptable) == ("protected_group:main/team 1:deleted", False)
    assert violations([delete], empty, Safety()) == ()


def test_a_group_that_is_deleted_loses_its_members_though_no_change_says_so() -> None:
    delete = Change("group", "delete", "team 1", {"name": "team 1"}, None, "", "corp", "main")
    assert codes(delete, state=company(10)) == ["memberships_lost:main/corp/team 1:1:all"]
    ended = link("membership", "delete", "u1", "team 1")
    assert codes(delete, ended, state=company(10)) == ["memberships_lost:main/corp/team 1:1:all"]


def test_a_user_who_goes_takes_everything_along() -> None:
    changes = [link("grant", "delete", f"u{one}", "operator") for one in range(90)]
    changes += [link("membership", "delete", f"u{one}", f"team {one % 10}") for one in range(90)]
    changes += [of_user("erase" if one % 2 else "delete", f"U{one}") for one in range(90)]
    assert codes(*changes) == ["users_lost:main/corp:90"]


@pytest.mark.parametrize("action", ["deactivate", "block", "erase", "delete"])
def test_who_goes_out_of_service_empties_groups_and_roles(action: Action) -> None:
    state = company(20)  # u3 and u13 are team 3
    lead = tuple(Grant(one, "lead", "corp") for one in ("3", "13"))
    state = msgspec.structs.replace(state, grants=(*state.grants, *lead))
    both = [of_user(action, "u3"), of_user(action, "u13")]
    whole = ["memberships_lost:main/corp/team 3:2:all", "grants_lost:main/corp/lead:2:all"]
    assert codes(both[0], state=state) == []
    assert codes(*both, state=state) == whole
    along = [link("membership", "delete", "u3", "team 3"), link("grant", "delete", "u3", "lead")]
    assert codes(*both, *along, state=state) == whole
    come = [link("membership", "create", "u4", "team 3"), link("grant", "create", "u4", "lead")]
    assert codes(*both, *come, state=state) == []
    assert (
        codes(both[0], link("membership", "delete", "u13", "team 3"), state=state) == whole[:1]
    ), "two ways to go"
    free = Safety(limits=LossLimits(None, None, None), groups=(GroupSafety(("team *",), None),))
    assert codes(*both, state=state, safety=free) == whole, (
        "no limit is none on how many, and all is all"
    )
    free = Safety(groups=(GroupSafety(("team *",), None, may_empty=True),))
    assert codes(*both, state=state, safety=free) == whole[1:]
    everybody = [of_user(action, f"u{one}") for one in range(20)]
    assert codes(*everybody, state=state) == ["users_lost:main/corp:20:all"], "told once"


def test_the_account_of_reconcile_itself_cannot_be_lost() -> None:
    for change in (
        of_user("block", "u7"),
        of_user("update", "u7", username="root"),
        of_user("adopt", "u7"),
    ):
        (found,) = violations([change], company(100), Safety(), "U7")
        assert (found.code, found.acceptable) == ("own_account:main/u7:1", False)
        assert login_violations([change], company(100), Safety(), "u7") == (found,)
    assert violations([of_user("update", "u7", email="x")], company(100), Safety(), "u7") == ()


@pytest.mark.parametrize("pattern", ["jos\u00e9", "JOSE\u0301", "jo*\u00e9", "\uff4aos\u00e9"])
@pytest.mark.parametrize("username", ["Jos\u00e9", "Jose\u0301"])
def test_a_protected_name_is_the_same_however_its_letters_are_encoded(
    pattern: str, username: str
) -> None:
    state = PlatformState(
        "main", (SOURCE,), users=(User("1", username, source="corp"), User("2", "b", source="corp"))
    )
    safety = Safety(protect=Protect(users=(pattern,)))
    assert codes(of_user("block", username), state=state, safety=safety) == [
        f"protected_user:main/{username}:1"
    ]
    assert violations([of_user("block", username)], state, Safety(), pattern.replace("*", "s"))


def test_administrators_of_a_source_do_not_count() -> None:
    users = (
        User("1", "root"),
        User("2", "toor", status="vacation"),
        User("3", "ann", source="corp"),
    )
    grants = tuple(Grant(one.id, "administrator") for one in users)
    state = PlatformState("main", (SOURCE,), users=users, grants=grants)
    adopt = [of_user("adopt", "root"), of_user("adopt", "toor")]
    free = Safety(protect=Protect(users=()))
    assert codes(adopt[0], state=state, safety=free) == []
    assert codes(*adopt, state=state, safety=free) == ["min_admins:main:2"]
    otherwise = Safety(protect=Protect(users=(), admin_role="ADMINistrator"))
    assert codes(*adopt, state=state, safety=otherwise) == ["min_admins:main:2"], (
        "case is no way around it"
    )
    three = Safety(protect=Protect(users=(), min_admins=3))
    assert codes(of_user("update", "ann", email="x"), state=state, safety=three) == [], (
        "they were too few before"
    )
    assert codes(adopt[0], state=state, safety=three) == ["min_admins:main:1"]


def test_what_was_not_asked_for_is_not_compared() -> None:
    state = PlatformState(
        "main", readings=(Reading("corp", 100, None, 10, 50), Reading("other", 7))
    )
    now = (Reading("corp", 100, 5, None, 50), Reading("new", 0))
    assert violations((), state, Safety(), readings=now) == ()
    found = violations((), state, Safety(), readings=[Reading("corp", 100, 5, 5, 0)])
    assert [one.code for one in found] == [
        "shrink:main/corp/units:5",
        "shrink:main/corp/members:50:all",
    ]


def test_only_what_can_be_accepted_and_is_there_is_accepted() -> None:
    soft = Violation("main", "creates", "corp", "", 1, "")
    hard = Violation("main", "min_admins", "", "", 1, "", acceptable=False)
    plan = Plan("1", "now", (), (), Scope(), Digests("", {}, {}), violations=(soft, hard))
    taken = accepted(plan, ["creates:main/corp:1"] * 2, "anna")
    assert taken.refused == (hard,)
    assert [one.by for one in taken.accepted] == ["anna"]
    assert [(one.guard, one.source) for one in taken.accepted] == [("creates", "corp")]
    for code in (hard.code, "CREATES:main/corp:1", "creates:main/corp:2", ""):
        with pytest.raises(UsageError):
            accepted(plan, [code], "anna")
    assert refused([hard], [*taken.accepted, *taken.accepted]) == (hard,)


@st.composite
def harmless(draw: st.DrawFn) -> list[Change]:
    """Creations, and updates of few."""
    names = st.integers(0, 99).map("u{}".format)
    changes = [
        of_user("create", name, username=name) for name in draw(st.lists(names, max_size=30))
    ]
    changes += [
        of_user("update", name, email="x")
        for name in draw(st.lists(names, max_size=50, unique=True))
    ]
    changes += [link("grant", "create", name, "lead") for name in draw(st.lists(names, max_size=9))]
    changes += [
        link("membership", "create", name, "team 1") for name in draw(st.lists(names, max_size=9))
    ]
    return changes


@settings(deadline=None)
@given(harmless(), st.integers(0, 200))
def test_who_loses_nothing_is_never_refused(changes: list[Change], read: int) -> None:
    state = company(100)
    assert violations(changes, state, Safety(), readings=[Reading("corp", read)]) == ()


@settings(deadline=None)
@given(st.sets(st.integers(0, 29)), st.integers(0, 30), st.integers(0, 10))
def test_more_losses_are_never_better(lost: set[int], number: int, at_least: int) -> None:
    safety = Safety(limits=LossLimits(users_lost=Limit(number)), at_least=at_least)
    changes = [of_user("block", f"u{one}") for one in lost]
    found = [
        one
        for one in codes(*changes, state=company(30), safety=safety)
        if one.startswith("users_lost:")
    ]
    assert bool(found) == (len(lost) > number or len(lost) == 30)


@pytest.mark.parametrize(
    ("violation", "code"),
    [
        (Violation("main", "users_lost", "corp", "", 12, ""), "users_lost:main/corp:12"),
        (
            Violation("main", "users_lost", "corp", "", 2, "", entire=True),
            "users_lost:main/corp:2:all",
        ),
        (Violation("main", "users_lost", "", "", 12, ""), "users_lost:main:12"),
        (
            Violation("main", "grants_lost", "corp", "", 8, "", earlier=9),
            "grants_lost:main/corp:8+9",
        ),
        (
            Violation("main", "memberships_lost", "corp", "a/b", 6, ""),
            "memberships_lost:main/corp/a/b:6",
        ),
        (
            Violation("main", "protected_group", "", "eng", 1, "", becomes="deleted"),
            "protected_group:main/eng:deleted",
        ),
    ],
)
def test_a_code_is_made_of_the_values_of_a_violation(violation: Violation, code: str) -> None:
    assert violation.code == code
