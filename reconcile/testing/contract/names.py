"""Names on every adapter of the ManagedPlatform port: swapped, moved, taken, and very long."""

from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import (
    CORP,
    Case,
    change,
    department,
    grant,
    group,
    ids,
    member,
    ok,
    user,
    users,
    view,
    write,
)


def test_ids_stay_and_are_never_given_again(platform: ManagedPlatform) -> None:
    ok(platform, [user("anna"), user("ben")])
    before = ids(platform)
    ok(platform, change("user", "update", "anna", {"username": "Anna Maria"}))
    assert ids(platform) == {"Anna Maria": before["anna"], "ben": before["ben"]}


def test_names_may_be_swapped_and_handed_on(platform: ManagedPlatform) -> None:
    ok(platform, [user(name) for name in ("a", "b", "c", "d", "e")], [group("g"), group("h")])
    before = ids(platform)
    ok(
        platform,
        [
            change("group", "update", "g", {"name": "h"}),
            change("group", "update", "h", {"name": "g"}),
        ],
        [
            change("user", "update", "a", {"username": "b", "email": "was a"}),
            change("user", "update", "b", {"username": "a"}),
            change("user", "update", "c", {"username": "d"}),
            change(
                "user", "update", "d", {"username": "D2", "manager": "d"}
            ),  # that is who is called d afterwards
            change("user", "update", "e", {"username": "E"}),
        ],
        [user("c"), user("e2", manager="b")],
        [member("a", "g"), member("c", "h")],
    )
    after = ids(platform)
    assert after["b"] == before["a"]
    assert after["a"] == before["b"]
    assert after["d"] == before["c"]
    assert after["D2"] == before["d"]
    assert after["E"] == before["e"]
    assert users(platform)["b"]["email"] == "was a"
    assert users(platform)["D2"]["manager"] == "d"
    assert users(platform)["e2"]["manager"] == "b"
    assert set(view(platform.read("main"))["memberships"]) == {("a", "g"), ("c", "h")}


def test_losses_mean_the_names_of_before(platform: ManagedPlatform) -> None:
    ok(platform, [user("a"), user("b")], group("g"), [member("a", "g"), member("b", "g")])
    before = ids(platform)
    reasons = write(
        platform,
        [
            change("user", "update", "a", {"username": "b"}),
            change("user", "update", "b", {"username": "a"}),
        ],
        change("membership", "delete", "a/g", None, {"user": "a", "group": "g", "origin": "corp"}),
        change("user", "delete", "a"),
    )
    assert reasons == [""] * 4
    assert ids(platform) == {"a": before["b"]}


def test_departments_trade_places_between_levels(platform: ManagedPlatform) -> None:
    ok(platform, [department("A"), department("B"), department("X", "A")])
    before = {place.title: place.id for place in platform.read("main").departments}
    ok(
        platform,
        [
            change("department", "update", "B", {"title": "X", "parent": "A"}),
            change("department", "update", "A/X", {"title": "B", "parent": None}),
        ],
    )
    assert set(view(platform.read("main"))["departments"]) == {"A", "B", "A/X"}
    after = {place.title: place.id for place in platform.read("main").departments}
    assert (after["X"], after["B"]) == (before["B"], before["X"])


def test_departments_move_and_swap(platform: ManagedPlatform) -> None:
    ok(
        platform,
        [
            department("A"),
            department("B"),
            department("S", "A"),
            department("S", "B"),
            department("T", "A"),
        ],
    )
    before = {place.id: place for place in platform.read("main").departments}
    ok(
        platform,
        [
            change("department", "update", "A", {"title": "B"}),
            change("department", "update", "B", {"title": "A"}),
        ],
        [
            change("department", "update", "A/S", {"parent": "A"}),
            change("department", "update", "B/S", {"parent": "B"}),
            change("department", "update", "A/T", {"title": "U", "parent": "A/S"}),
        ],
    )
    seen = view(platform.read("main"))["departments"]
    assert set(seen) == {"A", "B", "A/S", "B/S", "A/S/U"}
    after = {place.id: place for place in platform.read("main").departments}
    assert after.keys() == before.keys()


def test_a_rename_that_fails_keeps_its_name_from_those_who_want_it(case: Case) -> None:
    ok(case.platform, [user("a"), user("b"), user("c"), user("x")])
    case.hinder("bad")
    reasons = write(
        case.platform,
        [
            change("user", "update", "a", {"username": "bad"}),
            change("user", "update", "b", {"username": "a"}),
            change("user", "update", "c", {"username": "b"}),
            change("user", "update", "x", {"email": "x@example.com"}),
        ],
    )
    assert reasons[0] == "the application says no"
    assert reasons[1]
    assert reasons[2]
    assert reasons[3] == ""
    assert set(users(case.platform)) == {"a", "b", "c", "x"}
    assert users(case.platform)["x"]["email"] == "x@example.com"


def test_what_was_deleted_in_this_plan_is_not_there(platform: ManagedPlatform) -> None:
    ok(platform, user("anna"))
    assert write(
        platform, change("user", "delete", "anna"), change("user", "update", "anna", {"email": "x"})
    ) == [
        "",
        "it no longer exists",
    ]


def test_names_are_unique_whatever_their_case(platform: ManagedPlatform) -> None:
    ok(platform, user("Änna"), group("Staff"))
    reasons = write(
        platform, [user("ÄNNA"), user("ben"), user("Ben")], [group("STAFF"), group("x"), group("X")]
    )
    assert [bool(reason) for reason in reasons] == [True, False, True, True, False, True]
    assert set(users(platform)) == {"Änna", "ben"}
    assert write(platform, change("user", "update", "ben", {"username": "äNNa"})) != [""]
    ok(platform, change("user", "update", "Änna", {"username": "änna"}))
    assert set(users(platform)) == {"änna", "ben"}


def test_what_is_there_cannot_be_created_again(platform: ManagedPlatform) -> None:
    everything = [CORP, department("Sales"), group("g"), user("a", source="corp", external_id="1")]
    ok(platform, *everything, grant("a", "r"), member("a", "g"))
    again = [
        *everything,
        grant("a", "r"),
        member("a", "g"),
        user("b", source="corp", external_id="1"),
    ]
    assert all(write(platform, *again))


def test_a_name_may_hold_the_slash_of_the_key(platform: ManagedPlatform) -> None:
    ok(
        platform,
        [user("a/b"), user("a")],
        [group("c"), group("b/c")],
        member("a/b", "c"),
        grant("a", "x/y"),
    )
    ok(
        platform,
        change("membership", "update", "a/b/c", {"origin": "other"}),
        change("grant", "update", "a/x/y", {"origin": "other"}),
    )
    assert view(platform.read("main"))["memberships"] == {("a/b", "c"): "other"}
    assert view(platform.read("main"))["grants"] == {("a", "x/y"): "other"}


def test_values_as_long_as_the_limits_say(platform: ManagedPlatform) -> None:
    limit = platform.abilities.lengths
    long = {
        field: "ä" * (limit.get(field) or 300) for field in ("first_name", "last_name", "email")
    }
    name = "ü" * (limit.get("username") or 255)
    entry = "cn=" + "y" * ((limit.get("dn") or 10_003) - 3)
    ok(platform, user(name, attributes={"a": "x" * 100_000}, dn=entry, **long))
    assert users(platform)[name]["attributes"] == {"a": "x" * 100_000}
    for field, length in limit.items():
        if field in long and length:
            assert write(platform, user("longer", **{field: "x" * (length + 1)})) == [
                f"the {field} is too long"
            ]
