"""The numbers of a plan and of a report, by source."""

from reconcile.model.change import (
    Action,
    Change,
    Digests,
    Existing,
    Fields,
    Kind,
    Plan,
    Scope,
    Skip,
)
from reconcile.model.report import Outcome, Report
from reconcile.render import summary


def change(
    kind: Kind, action: Action, key: str, before: Fields | None, after: Fields | None
) -> Change:
    return Change(kind, action, key, before, after, "", "corp", "main")


CHANGES = (
    change("source", "create", "corp", None, {"name": "corp"}),
    change(
        "department",
        "update",
        "Sales",
        {"title": "Sales", "parent": None},
        {"title": "Sale", "parent": "X"},
    ),
    change("group", "update", "a", {"name": "a"}, {"name": "b"}),
    change("group", "update", "a", {"groups": {"x": "corp"}}, {"groups": {"x": None}}),
    change("group", "create", "n", None, {"name": "n", "groups": {"a": "corp", "b": "corp"}}),
    change("user", "create", "ann", None, {"username": "ann", "manager": "bob"}),
    change("user", "update", "bob", {"department": "A", "dn": "1"}, {"department": "B", "dn": "2"}),
    change(
        "user",
        "update",
        "cid",
        {"department": "A", "email": "1"},
        {"department": "B", "email": "2"},
    ),
    change("user", "update", "dan", {"manager": "ann"}, {"manager": None}),
    change("user", "deactivate", "dan", {"status": "active"}, {"status": "inactive"}),
    change("user", "activate", "eve", {"status": "inactive"}, {"status": "active"}),
    change("user", "delete", "fay", {"username": "fay", "manager": "ann"}, None),
    change("grant", "create", "ann/x", None, {"user": "ann", "role": "x"}),
    change("membership", "delete", "ann/y", {"user": "ann", "group": "y"}, None),
)
SKIPS = (
    Skip("main", "corp", "uid=a", "a", "missing_field", ""),
    Skip("main", "corp", "uid=b", "", "missing_field", "the username template supplies nothing"),
    Skip("main", "corp", "cn=c", "", "duplicate_name", "taken", kind="group"),
    Skip("main", "corp", "ou=d", "", "duplicate_name", "taken", kind="department"),
    Skip("main", "corp", "uid=e", "", "dangling_member", "listed in cn=c", kind="membership"),
)
PLAN = Plan(
    "1",
    "now",
    (),
    (),
    Scope(),
    Digests("", {}, {}),
    CHANGES,
    SKIPS,
    (),
    (Existing("main", "corp", 10, 2, 1),),
)


def some(counts: summary.Counts) -> dict[str, dict[str, int]]:
    (found,) = counts.values()
    shown = {
        what: {how: number for how, number in numbers.items() if number}
        for what, numbers in found.items()
    }
    return {what: numbers for what, numbers in shown.items() if numbers}


def test_what_a_plan_comes_to() -> None:
    assert some(summary.planned(PLAN)) == {
        "users": {
            "existing": 5,
            "created": 1,
            "updated": 2,
            "moved": 2,
            "returned": 1,
            "deactivated": 1,
            "removed": 1,
            "impossible": 2,
            "needs_action": 2,
        },
        "departments": {
            "existing": 1,
            "renamed": 1,
            "moved": 1,
            "impossible": 1,
            "needs_action": 1,
        },
        "groups": {"created": 1, "renamed": 1, "impossible": 1, "needs_action": 1},
        "nested_groups": {"created": 2, "removed": 1},
        "memberships": {"removed": 1, "impossible": 1},
        "grants": {"created": 1},
        "managers": {"assigned": 1, "cleared": 1},
    }


def test_people_see_what_needs_action_and_what_does_not() -> None:
    heading, *rows = summary.table(summary.planned(PLAN))
    numbers = {row[0]: dict(zip(heading, row, strict=True)) for row in rows}
    assert numbers["users"]["needs action"] == "2"
    assert (numbers["memberships"]["needs action"], numbers["memberships"]["no action"]) == (
        "",
        "1",
    )
    assert "impossible" not in heading


def test_what_a_report_comes_to() -> None:
    report = Report(
        tuple(Outcome(one, "failed" if one.key.startswith("ann") else "applied") for one in CHANGES)
    )
    found = some(summary.done(PLAN, report))
    assert found["users"]["failed"] == found["grants"]["failed"] == found["managers"]["failed"] == 1
    assert "created" not in found["users"]
    assert found["users"]["existing"] == 5


def test_nothing_makes_no_table() -> None:
    empty = Plan("1", "now", (), (), Scope(), Digests("", {}, {}))
    assert summary.table(summary.planned(empty)) == []


def test_who_is_adopted_was_none_of_the_existing() -> None:
    changes = (
        change("user", "adopt", "ann", {"source": None}, {"source": "corp"}),
        change("user", "deactivate", "ann", {"status": "active"}, {"status": "inactive"}),
    )
    plan = Plan(
        "1",
        "now",
        (),
        (),
        Scope(),
        Digests("", {}, {}),
        changes,
        (),
        (),
        (Existing("main", "corp", 3, 0, 0),),
    )
    assert some(summary.planned(plan)) == {"users": {"existing": 3, "adopted": 1, "deactivated": 1}}
