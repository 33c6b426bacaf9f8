"""Groups within groups on every adapter of the ManagedPlatform port."""

from typing import Any

from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import change, group, nested, ok, view, write


def nestings(platform: ManagedPlatform) -> Any:
    return view(platform.read("main"))["nested"]


def test_groups_are_created_within_each_other_and_in_a_circle(platform: ManagedPlatform) -> None:
    assert platform.abilities.nested_groups
    ok(platform, group("there"))
    ok(
        platform,
        [
            group("a", groups={"b": "corp", "there": ""}),
            group("b", groups={"c": "corp"}),
            group("c", groups={"a": "corp"}),
        ],
    )
    circle = {("a", "b"): "corp", ("b", "c"): "corp", ("c", "a"): "corp"}
    assert nestings(platform) == {**circle, ("a", "there"): ""}


def test_nestings_come_go_and_change_hands(platform: ManagedPlatform) -> None:
    ok(platform, [group("in", groups={"a": "corp", "b": ""}), group("a"), group("b"), group("c")])
    ok(
        platform,
        nested("in", {"c": None}, {"c": "other"}),
        nested("in", {"a": "corp"}, {"a": None}),
    )
    assert nestings(platform) == {("in", "b"): "", ("in", "c"): "other"}
    ok(
        platform,
        [nested("in", {"b": ""}, {"b": "corp"}), nested("in", {"c": "other"}, {"c": None})],
    )
    assert nestings(platform) == {("in", "b"): "corp"}


def test_a_nesting_names_groups_as_they_were_and_as_they_will_be(platform: ManagedPlatform) -> None:
    ok(platform, [group("a"), group("b"), group("in", groups={"a": "corp"})])
    ok(
        platform,
        [
            change("group", "update", "a", {"name": "b"}),
            change("group", "update", "b", {"name": "a"}),
        ],
        group("new"),
        [
            nested("in", {"b": None}, {"a": "corp"}),  # that which was b
            nested("in", {"a": "corp"}, {"b": None}),
            nested("in", {}, {"new": "corp"}),
            nested("a", {"in": None}, {"in": "corp"}),
        ],
    )
    assert nestings(platform) == {("in", "a"): "corp", ("in", "new"): "corp", ("b", "in"): "corp"}


def test_nestings_go_with_either_group(platform: ManagedPlatform) -> None:
    ok(platform, [group("a", groups={"b": "corp"}), group("b", groups={"c": "corp"}), group("c")])
    ok(platform, change("group", "delete", "b"))
    assert nestings(platform) == {}
    assert set(view(platform.read("main"))["groups"]) == {"a", "c"}


def test_a_nesting_that_cannot_be_fails_alone_and_leaves_no_trace(
    platform: ManagedPlatform,
) -> None:
    ok(platform, [group("old"), group("taken")])
    reasons = write(
        platform,
        [
            group("lost", groups={"nowhere": "corp"}),
            group("follows", groups={"lost": "corp", "old": "corp"}),
            group("follows too", groups={"follows": "corp"}),
            group("itself", groups={"itself": "corp"}),
            group("fine", groups={"old": "corp"}),
            group("TAKEN", groups={"old": "corp"}),
        ],
        [
            nested("old", {}, {"nowhere": "corp"}),
            nested("nowhere", {}, {"old": "corp"}),
            nested("old", {}, {"old": "corp"}),
            nested("old", {}, {"follows": "corp"}),
            nested("old", {"taken": None}, {"taken": "corp"}),
        ],
    )
    assert [bool(reason) for reason in reasons] == [
        True,
        True,
        True,
        True,
        False,
        True,
        True,
        True,
        True,
        True,
        False,
    ]
    assert reasons[0] == "the group 'nowhere' does not exist"
    assert reasons[3] == reasons[8] == "a group cannot be in itself"
    assert set(view(platform.read("main"))["groups"]) == {"old", "taken", "fine"}
    assert nestings(platform) == {("fine", "old"): "corp", ("old", "taken"): "corp"}
    ok(platform, group("lost"), group("follows"))
