"""Objects that go, change hands or are erased, and what hangs on them."""

from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import (
    CORP,
    ERASED,
    HOLDER,
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


def test_deletes_take_along_what_hangs_on_them(platform: ManagedPlatform) -> None:
    ok(
        platform,
        [department("Sales"), department("North", "Sales")],
        [group("staff"), group("team")],
        [user("anna", department="Sales"), user("ben", manager="anna"), user("cleo")],
        [grant("anna", "operator"), grant("ben", "operator")],
        [member("anna", "staff"), member("ben", "staff"), member("cleo", "team")],
    )
    ok(
        platform,
        change(
            "membership",
            "delete",
            "ben/staff",
            None,
            {"user": "ben", "group": "staff", "origin": "corp"},
        ),
        change(
            "grant",
            "delete",
            "ben/operator",
            None,
            {"user": "ben", "role": "operator", "origin": "corp"},
        ),
        change("user", "delete", "anna"),
        change("group", "delete", "team"),
        [change("department", "delete", "Sales"), change("department", "delete", "Sales/North")],
    )
    seen = view(platform.read("main"))
    if platform.abilities.any_role:  # such a role may be no more than what users have
        seen["roles"] |= {"operator"}
    else:  # it has roles of its own
        seen["roles"] &= {"operator"}
    assert seen == {
        "sources": {},
        "departments": {},
        "groups": {"staff": ("", "", "")},
        "nested": {},
        "users": {"ben": {"status": "active"}, "cleo": {"status": "active"}},
        "roles": {"operator"},
        "memberships": {},
        "grants": {},
    }


def test_a_department_with_others_below_stays(platform: ManagedPlatform) -> None:
    ok(platform, [department("Sales"), department("North", "Sales")])
    assert write(platform, change("department", "delete", "Sales")) != [""]
    assert len(platform.read("main").departments) == 2


def test_an_adopted_account_belongs_to_the_source_and_keeps_what_it_has(
    platform: ManagedPlatform,
) -> None:
    ok(
        platform,
        CORP,
        user("Anna", email="a@b.c", attributes={"phone": "1"}),
        group("g"),
        member("Anna", "g", None),
    )
    before = ids(platform)["Anna"]
    ok(
        platform,
        change(
            "user", "adopt", "Anna", {"username": "anna", "source": "corp", "external_id": "e1"}
        ),
    )
    assert users(platform)["anna"] == {
        "status": "active",
        "email": "a@b.c",
        "source": "corp",
        "external_id": "e1",
        "attributes": {"phone": "1"},
    }
    assert ids(platform) == {"anna": before}
    assert view(platform.read("main"))["memberships"] == {("anna", "g"): ""}


def test_of_an_erased_user_the_row_stays_and_no_more(platform: ManagedPlatform) -> None:
    anna = user(
        "anna",
        first_name="A",
        source="corp",
        external_id="e1",
        dn="uid=anna",
        attributes={"phone": "1"},
    )
    ok(
        platform,
        CORP,
        department("Sales"),
        [anna],
        [user("ben", manager="anna")],
        group("g"),
        member("anna", "g"),
    )
    ok(platform, grant("anna", "operator"), grant("anna", "guest", None))
    ok(platform, change("user", "update", "anna", {"department": "Sales", "manager": "ben"}))
    before = ids(platform)["anna"]
    ok(
        platform,
        change("user", "erase", "anna", ERASED),
        user("anna", source="corp", external_id="e1"),
    )
    after = platform.read("main")
    assert ids(platform)["erased-x"] == before
    assert users(platform)["erased-x"] == {
        "first_name": "unknown",
        "last_name": "unknown",
        "status": "erased",
        "status_origin": "corp",
        "status_cause": "missing",
        "source": "corp",
    }
    assert users(platform)["ben"] == {"status": "active"}
    assert (after.memberships, after.grants, after.deleted) == ((), (), frozenset())


def test_one_that_cannot_be_erased_stays_as_it_was(case: Case) -> None:
    platform = case.platform
    ok(
        platform,
        CORP,
        [user("anna", source="corp", first_name="A"), user("ben", source="corp")],
        group("g"),
    )
    ok(platform, [member("anna", "g"), member("ben", "g")])
    case.hinder("nobody")
    erased = {
        name: {**ERASED, "username": new} for name, new in (("anna", "nobody"), ("ben", "erased-y"))
    }
    batch = [change("user", "erase", name, fields) for name, fields in erased.items()]
    assert write(platform, batch) == ["the application says no", ""]
    assert users(platform)["anna"] == {"first_name": "A", "status": "active", "source": "corp"}
    assert view(platform.read("main"))["memberships"] == {("anna", "g"): "corp"}


def test_now_is_when_the_run_began(platform: ManagedPlatform) -> None:
    ok(platform, user("anna"), user("ben", departed="missing", departed_at="now"))
    ok(
        platform,
        change("user", "update", "anna", {"departed": "out_of_scope", "departed_at": "now"}),
    )
    assert {account["departed_at"] for account in users(platform).values()} == {HOLDER.started}
    ok(platform, change("user", "update", "anna", {"departed": None, "departed_at": None}))
    assert users(platform)["anna"] == {"status": "active"}
