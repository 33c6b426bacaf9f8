"""What `plan --undo` makes of a run that somebody has worked on since, on platforms of two kinds."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from reconcile.applying import apply
from reconcile.model.change import Change, Digests, Fields, Plan, Scope
from reconcile.planning.undo.plan import Undo, undo
from reconcile.ports import ManagedPlatform
from reconcile.render.wording import differences, sign
from reconcile.testing.builders import (
    CORP,
    HOLDER,
    change,
    department,
    grant,
    group,
    member,
    nested,
    ok,
    user,
)
from tests.contract.platforms import CASES

LATER = "2026-03-02T08:00:00Z"


class Story(NamedTuple):
    """What was there, what a run did, what people did since; what the undo does then, and what it cannot do."""

    before: Sequence[Change]
    run: Sequence[Change]
    since: Sequence[Change]
    undone: Sequence[str]
    left: Sequence[str] = ()


def update(kind: str, key: str, before: Fields, after: Fields) -> Change:
    return change(kind, "update", key, after, before)  # type: ignore[arg-type] # the tables below name kinds


def gone(kind: str, key: str, before: Fields | None = None) -> Change:
    return change(kind, "delete", key, None, before or {})  # type: ignore[arg-type] # the same


def out(name: str, other: str, what: str = "group") -> Change:
    kind = "membership" if what == "group" else "grant"
    return gone(kind, f"{name}/{other}", {"user": name, what: other, "origin": "corp"})


def erased(name: str) -> Change:
    before = {"username": name, "status": "active", "source": None}
    return change(
        "user", "erase", name, {"username": "erased", "status": "erased", "source": None}, before
    )


SALES, EMEA = department("Sales"), department("EMEA", "Sales")

STORIES = {
    "a source is called as before": Story(
        [CORP],
        [update("source", "corp", {"note": "Head office"}, {"note": "All"})],
        [],
        ["~ source corp note All -> Head office"],
    ),
    "the source was described otherwise since": Story(
        [CORP],
        [update("source", "corp", {"note": "Head office"}, {"note": "All"})],
        [update("source", "corp", {"note": "All"}, {"note": "Ours"})],
        [],
        ["source: corp: changed since: note"],
    ),
    "a department gets its title back": Story(
        [SALES],
        [update("department", "Sales", {"title": "Sales"}, {"title": "Trade"})],
        [],
        ["~ department Trade title Trade -> Sales"],
    ),
    "a department was called otherwise since": Story(
        [SALES],
        [update("department", "Sales", {"title": "Sales"}, {"title": "Trade"})],
        [update("department", "Trade", {"title": "Trade"}, {"title": "Commerce"})],
        [],
        ["department: Sales: changed since: title"],
    ),
    "a department that was renamed is gone": Story(
        [SALES],
        [update("department", "Sales", {"title": "Sales"}, {"title": "Trade"})],
        [gone("department", "Trade")],
        [],
        ["department: Sales: it no longer exists"],
    ),
    "a department that was moved is below the old one again": Story(
        [SALES, EMEA],
        [update("department", "Sales/EMEA", {"parent": "Sales"}, {"parent": None})],
        [],
        ["~ department EMEA parent  -> Sales"],
    ),
    "the department above is gone": Story(
        [SALES, EMEA],
        [update("department", "Sales/EMEA", {"parent": "Sales"}, {"parent": None})],
        [gone("department", "Sales")],
        [],
        ["department: Sales/EMEA: the previous parent no longer exists"],
    ),
    "deleted departments come again, the upper one first": Story(
        [SALES, EMEA],
        [
            gone("department", "Sales/EMEA", {"title": "EMEA", "parent": "Sales"}),
            gone("department", "Sales", {"title": "Sales", "parent": None}),
        ],
        [],
        [
            "+ department Sales title  -> Sales",
            "+ department Sales/EMEA title  -> EMEA, parent  -> Sales",
        ],
    ),
    "a deleted department has nothing to be below": Story(
        [SALES, EMEA],
        [gone("department", "Sales/EMEA", {"title": "EMEA", "parent": "Sales"})],
        [gone("department", "Sales")],
        [],
        ["department: Sales/EMEA: its parent department no longer exists"],
    ),
    "a department that the run made is gone already": Story(
        [], [SALES], [gone("department", "Sales")], []
    ),
    "a department that the run made was changed": Story(
        [],
        [SALES],
        [
            update("department", "Sales", {"dn": None}, {"dn": "ou=sales"}),
            update("department", "Sales", {}, {"title": "X"}),
        ],
        [],
        ["department: Sales: changed since: title"],
    ),
    "a department that the run made has others below it": Story(
        [], [SALES], [EMEA], [], ["department: Sales: it now has departments below it"]
    ),
    "a department that the run made has users": Story(
        [],
        [SALES],
        [user("ann", department="Sales")],
        [],
        ["department: Sales: it now has users"],
    ),
    "the title of then is taken": Story(
        [SALES],
        [update("department", "Sales", {"title": "Sales"}, {"title": "Trade"})],
        [SALES],
        [],
        ["department: Sales: another department now has this title or this entry in the directory"],
    ),
    "a deleted department's title is taken": Story(
        [SALES],
        [gone("department", "Sales", {"title": "Sales", "parent": None})],
        [SALES],
        [],
        ["department: Sales: another department now has this title or this entry in the directory"],
    ),
    "a deleted group comes again, nested as it was": Story(
        [group("all"), group("staff", groups={"all": "corp"})],
        [gone("group", "staff", {"name": "staff", "groups": {"all": "corp"}})],
        [],
        ["+ group staff name  -> staff, groups.all  -> corp"],
    ),
    "a deleted group's outer group is gone": Story(
        [group("all"), group("staff", groups={"all": "corp"})],
        [gone("group", "staff", {"name": "staff", "groups": {"all": "corp"}})],
        [gone("group", "all")],
        ["+ group staff name  -> staff"],
    ),
    "a deleted group's name is taken": Story(
        [group("staff")],
        [gone("group", "staff", {"name": "staff"})],
        [group("Staff")],
        [],
        ["group: staff: another group now has this name or this entry in the directory"],
    ),
    "a group's old name is taken": Story(
        [group("staff")],
        [update("group", "staff", {"name": "staff"}, {"name": "team"})],
        [group("Staff")],
        [],
        ["group: staff: another group now has this name or this entry in the directory"],
    ),
    "a group that was renamed is gone": Story(
        [group("staff")],
        [update("group", "staff", {"name": "staff"}, {"name": "team"})],
        [gone("group", "team")],
        [],
        ["group: staff: it no longer exists"],
    ),
    "a group was nested by somebody else since": Story(
        [group("all"), group("staff", groups={"all": "corp"})],
        [nested("staff", {"all": "corp"}, {"all": None})],
        [nested("staff", {"all": None}, {"all": ""})],
        [],
        ["group: staff: changed since: groups"],
    ),
    "a group that the run made is gone already": Story(
        [], [group("staff")], [gone("group", "staff")], []
    ),
    "a group that the run made was renamed": Story(
        [],
        [group("staff")],
        [update("group", "staff", {"name": "staff"}, {"name": "team"})],
        [],
        ["group: staff: changed since: name"],
    ),
    "a group that the run made is nested elsewhere": Story(
        [group("all")],
        [group("staff")],
        [nested("staff", {"all": None}, {"all": ""})],
        [],
        ["group: staff: its nesting has changed since"],
    ),
    "a group that the run made has members": Story(
        [user("ann")],
        [group("staff")],
        [member("ann", "staff", "")],
        [],
        ["group: staff: it now has members"],
    ),
    "a group that the run made has others in it": Story(
        [group("team")],
        [group("all"), group("staff", groups={"all": "corp"})],
        [nested("team", {"staff": None}, {"staff": ""})],
        [],
        [
            "group: staff: other groups are now nested in it",
            "group: all: other groups are now nested in it",
        ],
    ),
    "a user that was changed is gone": Story(
        [user("ann", email="a@x")],
        [update("user", "ann", {"email": "a@x"}, {"email": "b@x"})],
        [gone("user", "ann")],
        [],
        ["ann: no longer exists"],
    ),
    "a user that the run made is gone already": Story([], [user("ann")], [gone("user", "ann")], []),
    "a user that the run made was given a role": Story(
        [],
        [user("ann")],
        [grant("ann", "operator", "")],
        [],
        ["ann: stays: it has memberships or roles that the run did not give"],
    ),
    "a user that the run made leads somebody": Story(
        [user("bob")],
        [user("ann")],
        [update("user", "bob", {"manager": None}, {"manager": "ann"})],
        [],
        ["ann: stays: it is the manager of a user who stays"],
    ),
    "attributes come back, but for the one that was changed since": Story(
        [user("ann", attributes={"phone": "1", "room": "2", "desk": "3"})],
        [
            update(
                "user",
                "ann",
                {"attributes": {"phone": "1", "room": "2", "desk": "3", "badge": None}},
                {"attributes": {"phone": "4", "room": None, "desk": "6", "badge": "7"}},
            )
        ],
        [update("user", "ann", {"attributes": {"desk": "6"}}, {"attributes": {"desk": "8"}})],
        ["~ user ann attributes.badge 7 -> , attributes.phone 4 -> 1, attributes.room  -> 2"],
        ["ann: changed since: attributes"],
    ),
    "the department that a user was in is gone": Story(
        [SALES, department("Trade"), user("ann", department="Sales", email="a@x")],
        [
            update(
                "user",
                "ann",
                {"department": "Sales", "email": "a@x"},
                {"department": "Trade", "email": "b@x"},
            )
        ],
        [gone("department", "Sales")],
        ["~ user ann email b@x -> a@x"],
        ["ann: the previous department no longer exists"],
    ),
    "the group of a membership is gone": Story(
        [user("ann"), group("staff"), member("ann", "staff")],
        [out("ann", "staff")],
        [gone("group", "staff")],
        [],
        ["ann: membership ann/staff: the group no longer exists"],
    ),
    "the user of a grant is gone": Story(
        [user("ann"), user("bob"), grant("bob", "operator"), grant("ann", "operator")],
        [out("ann", "operator", "role")],
        [gone("user", "ann")],
        [],
        ["ann: grant ann/operator: the user no longer exists"],
    ),
    "a membership was given again by hand": Story(
        [user("ann"), group("staff")],
        [member("ann", "staff")],
        [out("ann", "staff"), member("ann", "staff", "")],
        [],
        ["ann: membership ann/staff: changed since: origin"],
    ),
    "whose gift it is, stays": Story(
        [user("ann"), group("staff"), member("ann", "staff", "")],
        [
            update(
                "membership",
                "ann/staff",
                {"user": "ann", "group": "staff", "origin": None},
                {"user": "ann", "group": "staff", "origin": "corp"},
            )
        ],
        [],
        [],
        ["ann: membership ann/staff: its origin stays unchanged"],
    ),
}


@pytest.fixture(params=["memory", "sqlite"])
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ManagedPlatform]:
    def none(kind: str) -> None:
        raise AssertionError(kind)

    with CASES[request.param](tmp_path, none) as case:  # type: ignore[arg-type] # neither is on a server
        yield case.platform


def told(one: Change) -> str:
    fields = ", ".join(f"{name} {old} -> {new}" for name, old, new in differences(one))
    return (
        f"{sign(one)} {one.kind} {one.key} {fields}".replace('"', "").replace("(none)", "").strip()
    )


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_what_somebody_worked_on_since(platform: ManagedPlatform, story: Story) -> None:
    ok(platform, *story.before)
    plan = Plan("test", LATER, (), (), Scope(), Digests("0" * 64, {}, {}), tuple(story.run))
    report = apply(plan, platform, HOLDER)
    assert [one.detail for one in report.outcomes if one.result != "applied"] == []
    ok(platform, *story.since)
    run = platform.history.runs("main")[-1].run.id
    entries = {"main": platform.history.entries("main", run)}
    made = undo(Undo(run, "0" * 64, (), (), (), (platform.read("main"),), entries, "test", LATER))
    assert [told(one) for one in made.changes] == list(story.undone)
    left = [
        f"{one.username}: {one.sentence}" if one.username else one.sentence for one in made.skips
    ]
    assert sorted(left) == sorted(story.left)
    ok(platform, *made.changes)
