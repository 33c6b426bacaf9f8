"""Users, groups and links as roles: what the reduced profile of the suite leaves to be tested."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from reconcile.ports import ManagedPlatform
from reconcile.testing import Case
from reconcile.testing.builders import (
    CORP,
    change,
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
from tests.contract.platforms import Servers
from tests.servers.roles import Site, refusing, site

pytestmark = pytest.mark.server
ATTRIBUTE = "expires"


@pytest.fixture
def made(servers: Servers) -> Iterator[Site]:
    with site(servers("postgresql")) as fresh:
        yield fresh


@pytest.fixture
def case(made: Site) -> Iterator[Case]:
    kind = refusing()
    platform = made.platform(
        kind, on_delete={"reassign_to": made.account}, valid_until=ATTRIBUTE, end_sessions=True
    )
    with closing(platform):
        yield Case("postgresql_roles", platform, kind.refused.add)


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    return case.platform


ANNA = {"source": "corp", "external_id": "e 1]=%", "dn": "uid=anna"}


def test_creates_are_read_back(platform: ManagedPlatform, made: Site) -> None:
    ok(
        platform,
        CORP,
        [group("staff", source="corp", external_id="g1", dn="cn=staff"), group("local")],
        [
            user("anna", **ANNA, status="blocked", status_origin="corp", status_cause="missing"),
            user("ben", attributes={ATTRIBUTE: "20270131"}),
        ],
        [grant("anna", "operator"), grant("ben", "operator", None)],
        [member("anna", "staff"), member("ben", "local", None)],
    )
    seen = view(platform.read("main"))
    assert seen["groups"] == {"staff": ("corp", "g1", "cn=staff"), "local": ("", "", "")}
    assert seen["users"] == {
        "anna": {**ANNA, "status": "blocked", "status_origin": "corp", "status_cause": "missing"},
        "ben": {"status": "active", "attributes": {ATTRIBUTE: "20270131"}},
    }
    assert seen["memberships"] == {("anna", "staff"): "corp", ("ben", "local"): ""}
    assert seen["grants"] == {("anna", "operator"): "corp", ("ben", "operator"): ""}
    rows = made.by_hand(
        "SELECT rolname::text, rolcanlogin, rolvaliduntil AT TIME ZONE 'UTC' = '2027-01-31' "
        "FROM pg_roles WHERE rolname IN ('anna', 'ben', 'staff', 'local') ORDER BY rolname"
    )
    assert rows == [
        ("anna", False, None),
        ("ben", True, True),
        ("local", False, None),
        ("staff", False, None),
    ]


def test_updates(platform: ManagedPlatform, made: Site) -> None:
    ok(platform, CORP, group("staff"), [user("anna"), user("ben")])
    ok(platform, grant("anna", "operator"), member("anna", "staff"))
    made.by_hand("""COMMENT ON ROLE anna IS 'Anna [of old] [reconcile user]'""")
    ok(
        platform,
        change("group", "update", "staff", {"name": "Staff", "external_id": "g", "source": "corp"}),
        [
            change("user", "update", "anna", {**ANNA, "username": "Anna O'Neill %s"}),
            change("user", "update", "ben", {"attributes": {ATTRIBUTE: "0"}}),
        ],
        change("grant", "update", "anna/operator", {"origin": None}),
        change("membership", "update", "anna/staff", {"origin": "other"}),
    )
    seen = view(platform.read("main"))
    assert seen["groups"] == {"Staff": ("corp", "g", "")}
    assert seen["users"] == {
        "Anna O'Neill %s": {**ANNA, "status": "active"},
        "ben": {"status": "active", "attributes": {ATTRIBUTE: "0"}},
    }
    assert seen["grants"] == {("Anna O'Neill %s", "operator"): ""}
    assert seen["memberships"] == {("Anna O'Neill %s", "Staff"): "other"}
    comment = made.by_hand(
        "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname LIKE 'Anna%'"
    )
    assert comment == [("Anna [of old] [reconcile user id=e%201%5D%3D%25]",)]


def test_an_expiry_follows_the_directory_and_the_hand(
    platform: ManagedPlatform, made: Site
) -> None:
    ok(platform, user("anna", attributes={ATTRIBUTE: "2027-01-31"}))
    made.by_hand("ALTER ROLE anna VALID UNTIL '2030-05-06 07:08:09+00'")
    assert users(platform)["anna"]["attributes"] == {ATTRIBUTE: "2030-05-06T07:08:09Z"}
    made.by_hand("ALTER ROLE anna VALID UNTIL 'infinity'")
    assert "attributes" not in users(platform)["anna"]
    for text in ("133800000000000000", "20000", "20270131120000Z", "2027-01-31T12:00:00+02:00"):
        ok(platform, change("user", "update", "anna", {"attributes": {ATTRIBUTE: text}}))
        assert users(platform)["anna"]["attributes"] == {ATTRIBUTE: text}
    ok(platform, change("user", "update", "anna", {"attributes": {ATTRIBUTE: None}}))
    assert "attributes" not in users(platform)["anna"]
    (reason,) = write(
        platform, change("user", "update", "anna", {"attributes": {ATTRIBUTE: "soon"}})
    )
    assert reason == "the attribute expires is no time: 'soon'"


def test_an_adopted_role_keeps_what_it_has(platform: ManagedPlatform, made: Site) -> None:
    made.by_hand(
        "CREATE ROLE \"Anna\" LOGIN CREATEDB CONNECTION LIMIT 3 VALID UNTIL '2030-01-01Z'",
        "CREATE ROLE g",
        'GRANT g TO "Anna"',
        "COMMENT ON ROLE \"Anna\" IS 'since 2019'",
    )
    before = ids(platform)["Anna"]
    ok(
        platform,
        CORP,
        change(
            "user", "adopt", "Anna", {"username": "anna", "source": "corp", "external_id": "e1"}
        ),
    )
    assert (
        before
        == f"?{made.by_hand('SELECT oid::text FROM pg_roles WHERE rolname = $$anna$$')[0][0]}"
    )
    assert view(platform.read("main"))["memberships"] == {("anna", "g"): ""}
    rows = made.by_hand(
        "SELECT rolcreatedb, rolconnlimit, rolvaliduntil = '2030-01-01Z', "
        "shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'anna'"
    )
    assert rows == [(True, 3, True, "since 2019 [reconcile user id=e1]")]


def test_names_are_swapped_and_handed_on(platform: ManagedPlatform) -> None:
    ok(platform, [user(name) for name in ("a", "b", "c", "d", "e")], [group("g"), group("h")])
    before = ids(platform)
    ok(
        platform,
        [
            change("group", "update", "g", {"name": "h"}),
            change("group", "update", "h", {"name": "g"}),
        ],
        [
            change("user", "update", "a", {"username": "b"}),
            change("user", "update", "b", {"username": "a"}),
            change("user", "update", "c", {"username": "d"}),
            change("user", "update", "d", {"username": "D2"}),
            change("user", "update", "e", {"username": "E"}),
        ],
        [user("c")],
        [member("a", "g"), member("c", "h")],
    )
    after = ids(platform)
    assert {new: before[old] for new, old in zip("badE", "abce", strict=True)} == {
        name: after[name] for name in "badE"
    }
    assert after["D2"] == before["d"]
    assert set(view(platform.read("main"))["memberships"]) == {("a", "g"), ("c", "h")}


def test_a_rename_that_fails_keeps_its_name(case: Case) -> None:
    ok(case.platform, [user("a"), user("b"), user("c"), user("x")])
    case.hinder("bad")
    renames = [("a", "bad"), ("b", "a"), ("c", "b"), ("x", "y")]
    reasons = write(
        case.platform,
        [change("user", "update", old, {"username": new}) for old, new in renames],
    )
    assert reasons[0] == "the application says no"
    assert all(reasons[1:3])
    assert reasons[3] == ""
    assert set(users(case.platform)) == {"a", "b", "c", "y"}


def test_a_failing_change_is_isolated(case: Case, made: Site) -> None:
    case.hinder("bad")
    made.by_hand("CREATE ROLE boss SUPERUSER")
    names = [f"u{n}" for n in range(40)]
    reasons = write(
        case.platform, [user(name) for name in (*names, "bad", "boss", "tail", "pg_x", "x" * 64)]
    )
    assert reasons[:40] == [""] * 40
    assert reasons[40:43] == [
        "the application says no",
        "another role of the server has this name",
        "",
    ]
    assert "pg_x" in reasons[43]
    assert "63 bytes" in reasons[44]
    assert set(users(case.platform)) == {*names, "tail"}


def test_what_is_not_there_is_a_failure(platform: ManagedPlatform) -> None:
    ok(platform, user("anna"), group("staff"))
    missing = [
        change("source", "update", "corp", {"note": "x"}),
        change("group", "update", "x", {"name": "y"}),
        change("group", "delete", "x"),
        change("user", "update", "x", {"username": "y"}),
        change("user", "delete", "x"),
        user("x", source="corp"),
        grant("x", "operator"),
        grant("anna", "nowhere"),
        member("x", "staff"),
        member("anna", "x"),
        change("grant", "update", "anna/operator", {"origin": "corp"}),
    ]
    before = view(platform.read("main"))
    for one in missing:
        (reason,) = write(platform, one)
        assert "exist" in reason, one
    assert view(platform.read("main")) == before


def test_deletes_take_along_what_hangs_on_them(platform: ManagedPlatform) -> None:
    ok(
        platform,
        [group("staff"), group("team", groups={"staff": "corp"})],
        [user("anna"), user("ben"), user("cleo")],
        [grant("anna", "operator"), grant("ben", "operator")],
        [member("anna", "staff"), member("ben", "staff"), member("cleo", "team")],
    )
    gone = {"user": "ben", "group": "staff", "origin": "corp"}
    ok(
        platform,
        change("membership", "delete", "ben/staff", None, gone),
        change(
            "grant",
            "delete",
            "ben/operator",
            None,
            {"user": "ben", "role": "operator", "origin": "corp"},
        ),
        change("user", "delete", "anna"),
        change("group", "delete", "team"),
    )
    seen = view(platform.read("main"))
    assert seen["groups"] == {"staff": ("", "", "")}
    assert seen["users"] == {"ben": {"status": "active"}, "cleo": {"status": "active"}}
    assert (seen["nested"], seen["memberships"], seen["grants"]) == ({}, {}, {})


def test_a_name_of_63_bytes_and_of_any_text(platform: ManagedPlatform) -> None:
    long, odd = "ü" * 31 + "x", "%s %(x)s O'N \\ \" ; -- 🙂 李 \u2028 \n\t$reconcile$"
    ok(platform, [user(long), user(odd)], [group("g" * 63), group("%I $$ '")])
    ok(platform, member(odd, "%I $$ '"), member(long, "g" * 63))
    seen = view(platform.read("main"))
    assert set(seen["users"]) == {long, odd}
    assert set(seen["memberships"]) == {(odd, "%I $$ '"), (long, "g" * 63)}


def test_a_circle_of_groups_is_refused_and_nothing_else(platform: ManagedPlatform) -> None:
    ok(platform, [group("a", groups={"b": "corp"}), group("b")])
    reasons = write(
        platform,
        [
            change("group", "update", "b", {"groups": {"A": "corp"}}, {"groups": {}}),
            change("group", "update", "a", {"name": "A"}),
        ],
    )
    assert "is a member of role" in reasons[0]
    assert reasons[1] == ""
    assert view(platform.read("main"))["nested"] == {("A", "b"): "corp"}
