"""One suite over every adapter of the ManagedPlatform port."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconcile.errors import Locked
from reconcile.model.change import Change, Fields
from reconcile.model.platform import PlatformState, Reading, Status
from reconcile.model.report import APPLIED
from reconcile.model.text.department_path import path
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
    held,
    ids,
    member,
    ok,
    user,
    users,
    view,
    write,
)


def test_what_was_never_applied_is_empty_and_reading_makes_nothing(
    platform: ManagedPlatform, tmp_path: Path
) -> None:
    assert platform.read("main") == PlatformState("main")
    assert all(check.ok for check in platform.check())
    assert list(tmp_path.iterdir()) == []


def test_creates_are_read_back(platform: ManagedPlatform) -> None:
    anna = {
        "first_name": "Änna",
        "last_name": "O'Neill 李",
        "email": "anna@example.com",
        "status": held(platform, "blocked"),
        "status_origin": "corp",
        "status_cause": "missing",
        "source": "corp",
        "external_id": "e-1",
        "dn": "uid=anna,dc=example,dc=com",
        "department": r"Sales/R\/D",
        "manager": "ben",
        "attributes": {"phone": "1 🙂", "quote": '"\\', "empty": ""},
    }
    ok(
        platform,
        CORP,
        [
            department("Sales", source="corp", external_id="d1", dn="ou=Sales"),
            department("R/D", "Sales"),
        ],
        [group("staff", source="corp", external_id="g1", dn="cn=staff"), group("local")],
        [user("anna", **anna), user("ben")],  # type: ignore[arg-type] # the values are of many types
        [grant("anna", "operator"), grant("ben", "operator", None)],
        [member("anna", "staff"), member("ben", "local", None)],
    )
    expected = {**anna, "department": "Sales/R/D"}
    seen = view(platform.read("main"))
    assert seen == {
        "sources": seen["sources"],
        "departments": {"Sales": ("corp", "d1", "ou=Sales"), "Sales/R/D": ("", "", "")},
        "groups": {"staff": ("corp", "g1", "cn=staff"), "local": ("", "", "")},
        "nested": {},
        "users": {"anna": expected, "ben": {"status": "active"}},
        "roles": {"operator"},
        "memberships": {("anna", "staff"): "corp", ("ben", "local"): ""},
        "grants": {("anna", "operator"): "corp", ("ben", "operator"): ""},
    }
    (source,) = platform.read("main").sources
    assert (source.name, source.type, source.base_dn, source.domain, source.note) == (
        "corp",
        "openldap",
        "dc=example,dc=com",
        "example.com",
        "Head office",
    )


def test_updates_of_every_kind(platform: ManagedPlatform) -> None:
    ok(
        platform,
        CORP,
        department("Sales"),
        group("staff"),
        [user("anna", attributes={"a": "1", "b": "2"}), user("ben")],
    )
    ok(platform, grant("anna", "operator"), member("anna", "staff"))
    ok(
        platform,
        change("source", "update", "corp", {"note": "Elsewhere"}),
        change(
            "department",
            "update",
            "Sales",
            {"title": "Vertrieb", "source": "corp", "external_id": "1"},
        ),
        change("group", "update", "staff", {"name": "Staff", "dn": "cn=staff"}),
        [
            change(
                "user",
                "update",
                "anna",
                {
                    "email": "a@example.com",
                    "attributes": {"a": "3", "b": None, "c": "4"},
                    "department": "Vertrieb",
                },
                {"email": None, "attributes": {"a": "1", "b": "2", "c": None}, "department": None},
            ),
            change("user", "update", "ben", {"manager": "anna", "source": "corp", "dn": "uid=ben"}),
        ],
        change("grant", "update", "anna/operator", {"origin": None}),
        change("membership", "update", "anna/staff", {"origin": "other"}),
    )
    seen = view(platform.read("main"))
    assert platform.read("main").sources[0].note == "Elsewhere"
    assert seen["departments"] == {"Vertrieb": ("corp", "1", "")}
    assert seen["groups"] == {"Staff": ("", "", "cn=staff")}
    assert seen["users"] == {
        "anna": {
            "status": "active",
            "email": "a@example.com",
            "attributes": {"a": "3", "c": "4"},
            "department": "Vertrieb",
        },
        "ben": {"status": "active", "manager": "anna", "source": "corp", "dn": "uid=ben"},
    }
    assert seen["grants"] == {("anna", "operator"): ""}
    assert seen["memberships"] == {("anna", "Staff"): "other"}


def test_attributes_of_any_text_are_merged(case: Case) -> None:
    platform = case.platform
    odd = {
        "": "empty",
        'a"b\\': "\n\t",
        "nul": "\0",
        "ü 🙂": "\u2028",
        "json": '{"x": null}',
        "null": "null",
    }
    names = platform.abilities.attribute_names
    odd = {name: text for name, text in odd.items() if re.fullmatch(names or ".*", name)}
    if case.name == "postgresql":  # it keeps no NUL in any text
        (reason,) = write(platform, user("nul", attributes={"nul": odd.pop("nul")}))
        assert reason.startswith("it holds a value that cannot be stored")
    ok(
        platform,
        user("anna", attributes={**dict.fromkeys(odd, "before"), "kept": "1", "gone": "2"}),
    )
    ok(platform, change("user", "update", "anna", {"attributes": {**odd, "gone": None}}))
    assert users(platform)["anna"]["attributes"] == {**odd, "kept": "1"}


def test_any_text_can_be_written_and_changed(case: Case) -> None:
    odd = "%s %(x)s O'Neill \\ \\' \" ; -- 🙂 李 \u2028 \n\t" + (
        "" if case.name == "postgresql" else "\0"
    )
    ok(
        case.platform,
        CORP,
        user("anna"),
        user(odd, dn=odd, email=odd),
        group(odd, dn=odd),
        department(odd),
    )
    ok(
        case.platform,
        change(
            "user",
            "update",
            "anna",
            {"first_name": odd, "dn": odd, "manager": odd, "department": path([odd])},
        ),
        change("source", "update", "corp", {"note": odd}),
        [grant("anna", odd, odd), grant(odd, "x")],
        [member("anna", odd, odd)],
    )
    ok(case.platform, change("membership", "update", f"anna/{odd}", {"origin": f"{odd}!"}))
    seen = view(case.platform.read("main"))
    assert seen["users"] == {
        "anna": {
            "status": "active",
            "first_name": odd,
            "dn": odd,
            "manager": odd,
            "department": odd,
        },
        odd: {"status": "active", "email": odd, "dn": odd},
    }
    assert seen["groups"] == {odd: ("", "", odd)}
    assert seen["grants"] == {("anna", odd): odd, (odd, "x"): "corp"}
    assert seen["memberships"] == {("anna", odd): f"{odd}!"}
    assert seen["sources"]["corp"].note == odd


def test_nothing_is_taken_by_writing_null(platform: ManagedPlatform) -> None:
    ok(
        platform,
        department("Sales"),
        [user("ben"), user("anna", email="a@b.c", department="Sales", manager="ben")],
    )
    ok(
        platform,
        change("user", "update", "anna", {"email": None, "department": None, "manager": None}),
    )
    assert users(platform)["anna"] == {"status": "active"}


@pytest.mark.parametrize(
    ("action", "status"), [("activate", "active"), ("deactivate", "inactive"), ("block", "blocked")]
)
def test_status(platform: ManagedPlatform, action: Any, status: Status) -> None:
    status = held(platform, status)
    ok(platform, CORP, user("anna", status=held(platform, "vacation")))
    after: Fields = {
        "status": status,
        "status_origin": "corp",
        "status_cause": None if status == "active" else "missing",
    }
    ok(platform, change("user", action, "anna", after))
    cause = {} if status == "active" else {"status_cause": "missing"}
    assert users(platform) == {"anna": {"status": status, "status_origin": "corp", **cause}}


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
    assert {one["departed_at"] for one in users(platform).values()} == {HOLDER.started}
    ok(platform, change("user", "update", "anna", {"departed": None, "departed_at": None}))
    assert users(platform)["anna"] == {"status": "active"}


def test_a_failing_change_is_isolated(case: Case) -> None:
    case.hinder("bad")
    reasons = write(
        case.platform,
        [user("a"), user("bad"), user("c"), user("d", manager="bad"), user("e", manager="d")],
    )
    assert reasons[:3] == ["", "the application says no", ""]
    assert "bad" in reasons[3]
    assert "d" in reasons[4]
    assert set(users(case.platform)) == {"a", "c"}


def test_what_is_not_there_is_a_failure(platform: ManagedPlatform) -> None:
    ok(platform, user("anna"), group("staff"))
    missing: list[Change] = [
        change("source", "update", "corp", {"note": "x"}),
        change("department", "update", "Sales", {"title": "x"}),
        change("department", "delete", "Sales"),
        department("North", "Sales"),
        change("group", "update", "x", {"name": "y"}),
        change("group", "delete", "x"),
        change("user", "update", "x", {"email": "y"}),
        change("user", "update", "anna", {"department": "Sales"}),
        change("user", "update", "anna", {"manager": "x"}),
        change("user", "delete", "x"),
        user("x", source="corp"),
        user("x", department="Sales"),
        user("x", manager="y"),
        grant("x", "operator"),
        member("x", "staff"),
        member("anna", "x"),
        change(
            "grant",
            "delete",
            "anna/operator",
            None,
            {"user": "anna", "role": "operator", "origin": None},
        ),
        change("grant", "update", "anna/operator", {"origin": "corp"}),
        change(
            "membership",
            "delete",
            "anna/staff",
            None,
            {"user": "anna", "group": "staff", "origin": None},
        ),
    ]
    before = platform.read("main")
    for one in missing:
        (reason,) = write(platform, one)
        assert "does not exist" in reason, one
    assert view(platform.read("main")) == view(before)


def test_no_changes_are_no_work(platform: ManagedPlatform) -> None:
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        assert writer.read() == PlatformState("main")
        assert list(writer.write([])) == []
    assert platform.read("main") == PlatformState("main")


def test_the_writer_reads_what_it_wrote(platform: ManagedPlatform) -> None:
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        writer.read()
        writer.write([user("anna")])
        assert [one.username for one in writer.read().users] == ["anna"]


def test_workspaces_are_apart(platform: ManagedPlatform) -> None:
    ok(platform, user("anna"), workspace="main")
    if platform.abilities.one_workspace:
        assert [one.username for one in platform.read("other").users] == ["anna"]
        return
    ok(platform, user("anna"), group("staff"), workspace="other")
    assert platform.read("main").groups == ()
    assert [one.username for one in platform.read("other").users] == ["anna"]
    assert platform.read("third") == PlatformState("third")


def test_one_run_at_a_time(platform: ManagedPlatform) -> None:
    with platform.lock(["main", "other"], HOLDER):
        for wanted in (["main"], ["third", "other"]):
            with (
                pytest.raises(Locked, match=r"anna.*here.*2026-03-01T08:00:00Z"),
                platform.lock(wanted, HOLDER),
            ):
                pass
            with pytest.raises(Locked), platform.lock(wanted, HOLDER, force=True):
                pass
        assert platform.read("main").users == ()
    with platform.lock(["main"], HOLDER), platform.lock(["other"], HOLDER):
        pass


def test_without_the_lock_nothing_is_written(platform: ManagedPlatform) -> None:
    with pytest.raises(RuntimeError, match="without lock"), platform.transaction("main"):
        pass
    with platform.lock(["main"], HOLDER):
        with pytest.raises(RuntimeError, match="without lock"), platform.transaction("other"):
            pass
        with platform.lock(["other"], HOLDER), platform.transaction("other"):
            pass
        with platform.transaction("main"):
            pass


def test_closing_twice_is_fine(platform: ManagedPlatform) -> None:
    platform.close()
    platform.close()


def remember(platform: ManagedPlatform, *readings: Reading) -> None:
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        writer.read()
        writer.remember(readings)


def test_how_much_sources_held_is_remembered_each_for_itself(platform: ManagedPlatform) -> None:
    branch = change("source", "create", "branch", {"name": "branch", "type": "ldif"})
    ok(platform, CORP, branch)
    assert platform.read("main").readings == ()
    corp = Reading("corp", 20, None, 3, 2**31 - 1)
    remember(platform, corp, Reading("branch", 0), Reading("ghost", 1))
    assert set(platform.read("main").readings) == {corp, Reading("branch", 0)}
    remember(platform, Reading("branch", 5, 1, None, 0))
    assert set(platform.read("main").readings) == {corp, Reading("branch", 5, 1, None, 0)}
    remember(platform)
    assert set(platform.read("main").readings) == {corp, Reading("branch", 5, 1, None, 0)}
    ok(platform, user("anna"))
    assert set(platform.read("main").readings) == {corp, Reading("branch", 5, 1, None, 0)}
    assert platform.read("other").readings == ()


def test_a_source_that_is_new_is_remembered_in_the_same_transaction(
    platform: ManagedPlatform,
) -> None:
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        writer.read()
        assert list(writer.write([CORP])) == [APPLIED]
        writer.remember([Reading("corp", 1)])
    assert platform.read("main").readings == (Reading("corp", 1),)


def test_a_source_gets_another_name_with_everything_it_has(platform: ManagedPlatform) -> None:
    """Ids stay, and so does what people and other sources did.

    Another workspace has a source of the old name.
    """
    other = change(
        "source",
        "create",
        "branch",
        {"name": "branch", "type": "ldap", "base_dn": "", "domain": ""},
    )
    anna = user(
        "anna",
        source="corp",
        external_id="e1",
        status=held(platform, "blocked"),
        status_origin="corp",
        status_cause="missing",
    )
    ok(platform, CORP, workspace="side")
    if not platform.abilities.one_workspace:
        ok(platform, [user("anna", source="corp", external_id="e1")], workspace="side")
    ok(
        platform,
        [CORP, other],
        [department("Sales", source="corp", external_id="d1")],
        [
            group("staff", source="corp", external_id="g1"),
            group("crew", source="branch"),
            group("own"),
        ],
        [anna, user("ben", source="branch", external_id="e2", status_origin="branch"), user("cid")],
        [grant("anna", "clerk"), grant("ben", "clerk", "branch"), grant("cid", "clerk", None)],
        [member("anna", "staff"), member("anna", "own", None), member("ben", "crew", "branch")],
    )
    ok(platform, change("group", "update", "staff", {"groups": {"own": "corp"}}, {"groups": {}}))
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        writer.remember([Reading("corp", persons=1)])
    before, side = platform.read("main"), platform.read("side")
    ok(platform, change("source", "update", "corp", {"name": "hq"}, {"name": "corp"}))
    after = platform.read("main")
    assert {one.name for one in after.sources} == {"hq", "branch"}
    assert [(one.source, one.persons) for one in after.readings] == [("hq", 1)]
    assert _renamed(before) == view(after) | {"sources": None}
    assert ids(platform) == {one.username: one.id for one in before.users}
    side_now = platform.read("side")
    assert side_now.sources == side.sources, "each workspace has sources of its own"
    if not platform.abilities.one_workspace:
        assert view(side_now) == view(side)
    reasons = write(platform, change("source", "update", "corp", {"name": "x"}, {"name": "corp"}))
    assert reasons[0], "nobody is of that name any more"


def _renamed(state: PlatformState) -> dict[str, Any]:
    text = msgspec.json.encode(state).replace(b'"corp"', b'"hq"')
    return view(msgspec.json.decode(text, type=PlatformState)) | {"sources": None}


def test_a_source_renamed_to_one_that_is_there_becomes_one_with_it(
    platform: ManagedPlatform,
) -> None:
    new = change(
        "source", "create", "hq", {"name": "hq", "type": "openldap", "base_dn": "", "domain": ""}
    )
    ok(
        platform,
        [CORP, new],
        [
            group("staff", source="corp", external_id="g1"),
            group("crew", source="hq", external_id="g2"),
        ],
        [user("anna", source="corp", external_id="e1"), user("ben", source="hq", external_id="e2")],
        [member("anna", "staff"), member("ben", "crew", "hq")],
    )
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        writer.remember([Reading("corp", persons=1), Reading("hq", persons=9)])
    ok(platform, change("source", "update", "corp", {"name": "hq"}, {"name": "corp"}))
    after = platform.read("main")
    assert [one.name for one in after.sources] == ["hq"]
    assert {one.username: one.source for one in after.users} == {"anna": "hq", "ben": "hq"}
    assert {one.origin for one in after.memberships} == {"hq"}
    assert after.deleted == frozenset(), "nobody counts as deleted for that"
    assert [one.persons for one in after.readings] == [1]
    ok(platform, user("cid", source="hq", external_id="e3"))
