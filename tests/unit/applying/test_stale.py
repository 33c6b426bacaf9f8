"""What has moved is told field by field; what nobody planned to touch may move."""

from reconcile.applying.stale import differences
from reconcile.model.change import Change, Fields
from reconcile.model.platform import Department, Grant, Group, Membership, PlatformState, User

STATE = PlatformState(
    "main",
    departments=(Department("d1", "Sales"), Department("d2", "North", "d1")),
    groups=(Group("g1", "Team"), Group("g2", "Crew", groups={"g1": "corp"})),
    users=(
        User("u1", "ann", email="a@x", department="d2", attributes={"phone": "1", "badge": "7"}),
        User("u2", "bob"),
    ),
    memberships=(Membership("u1", "g1", "corp"),),
    grants=(Grant("u1", "operator"),),
)


def moved(changes: list[Change], current: PlatformState) -> list[str]:
    return [difference.line for difference in differences(changes, current)]


def change(kind: str, action: str, key: str, before: Fields | None, after: Fields | None) -> Change:
    return Change(kind, action, key, before, after, "", "corp", "main")  # type: ignore[arg-type] # checked by the tests


def test_what_is_as_expected_has_not_moved() -> None:
    changes = [
        change(
            "user",
            "update",
            "ann",
            {"email": "a@x", "department": "Sales/North"},
            {"email": "b@x", "department": None},
        ),
        change(
            "user",
            "update",
            "ann",
            {"attributes": {"phone": "1", "fax": None}},
            {"attributes": {"phone": "2", "fax": "3"}},
        ),
        change("user", "create", "cid", None, {"username": "cid"}),
        change(
            "membership",
            "delete",
            "ann/Team",
            {"user": "ann", "group": "Team", "origin": "corp"},
            None,
        ),
        change(
            "grant",
            "delete",
            "ann/operator",
            {"user": "ann", "role": "operator", "origin": None},
            None,
        ),
        change(
            "grant",
            "create",
            "bob/operator",
            None,
            {"user": "bob", "role": "operator", "origin": "corp"},
        ),
    ]
    changes += [
        change("group", "update", "crew", {"groups": {"Team": "corp"}}, {"groups": {"Team": None}}),
        change("group", "update", "Team", {"groups": {"Crew": None}}, {"groups": {"Crew": "corp"}}),
        change("group", "update", "Team", {"groups": {}}, {"groups": {"New": "corp"}}),
    ]
    assert moved(changes, STATE) == []
    assert moved([change("user", "create", "ann", None, {})], PlatformState("other")) == [], (
        "another workspace"
    )


def test_every_difference_is_told() -> None:
    changes = [
        change(
            "user",
            "update",
            "ann",
            {"email": "old", "manager": "bob"},
            {"email": "b@x", "manager": None},
        ),
        change(
            "user",
            "update",
            "ANN",
            {"attributes": {"phone": "0", "badge": "7", "fax": "9"}},
            {"attributes": {}},
        ),
        change("user", "delete", "gone", {"username": "gone"}, None),
        change("user", "create", "BOB", None, {"username": "BOB"}),
        change("group", "create", "team", None, {"name": "team"}),
        change("department", "create", "Sales/North", None, {"title": "North", "parent": "Sales"}),
        change(
            "membership",
            "delete",
            "bob/Team",
            {"user": "bob", "group": "Team", "origin": "corp"},
            None,
        ),
        change(
            "membership",
            "delete",
            "ann/Team",
            {"user": "ann", "group": "Team", "origin": None},
            None,
        ),
        change(
            "grant",
            "create",
            "ann/operator",
            None,
            {"user": "ann", "role": "operator", "origin": "corp"},
        ),
    ]
    assert moved(changes, STATE) == [
        "user ann: email was 'old', is 'a@x'",
        "user ann: manager was 'bob', is nothing",
        "user ANN: attributes.fax was '9', is nothing",
        "user ANN: attributes.phone was '0', is '1'",
        "user gone no longer exists",
        "user BOB already exists",
        "group team already exists",
        "department Sales/North already exists",
        "membership bob/Team no longer exists",
        "membership ann/Team: origin was nothing, is 'corp'",
        "grant ann/operator already exists",
    ]


def test_a_name_given_up_in_the_same_plan_may_be_taken() -> None:
    changes = [
        change("user", "update", "ann", {"username": "ann"}, {"username": "annold"}),
        change("user", "create", "ann", None, {"username": "ann"}),
        change("user", "delete", "bob", {"username": "bob"}, None),
        change("user", "create", "Bob", None, {"username": "Bob"}),
    ]
    assert moved(changes, STATE) == []


def test_pairs_are_looked_up_under_the_names_of_now() -> None:
    changes = [
        change("user", "update", "ann", {"username": "ann"}, {"username": "annold"}),
        change("group", "update", "Team", {"name": "Team"}, {"name": "Crew"}),
        change("user", "create", "ann", None, {"username": "ann"}),
        change(
            "grant",
            "create",
            "ann/operator",
            None,
            {"user": "ann", "role": "operator", "origin": "corp"},
        ),
    ]
    assert moved(changes, STATE) == [], "the new ann has no grant, whatever the old one has"
    late = [
        change(
            "grant",
            "create",
            "annold/operator",
            None,
            {"user": "annold", "role": "operator", "origin": "corp"},
        ),
        change(
            "membership",
            "create",
            "annold/Crew",
            None,
            {"user": "annold", "group": "Crew", "origin": "corp"},
        ),
    ]
    assert moved([*changes, *late], STATE) == [
        "grant annold/operator already exists",
        "membership annold/Crew already exists",
    ]


def test_a_nesting_that_moved_is_told() -> None:
    changes = [
        change("group", "update", "Crew", {"groups": {"Team": None}}, {"groups": {"Team": "corp"}}),
        change("group", "update", "Team", {"groups": {"Crew": "corp"}}, {"groups": {"Crew": None}}),
    ]
    assert moved(changes, STATE) == [
        "group Crew: groups.Team was nothing, is 'corp'",
        "group Team: groups.Crew was 'corp', is nothing",
    ]
