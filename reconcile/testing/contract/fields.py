"""What objects hold: created, updated, and read back, whatever the text."""

import re
from pathlib import Path
from typing import Any

import pytest

from reconcile.model.change import Fields
from reconcile.model.platform import Status
from reconcile.model.text.department_path import path
from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import (
    CORP,
    Case,
    change,
    department,
    grant,
    group,
    held,
    is_empty,
    member,
    ok,
    user,
    users,
    view,
    writable,
    write,
)


def test_what_was_never_applied_is_empty_and_reading_makes_nothing(
    platform: ManagedPlatform, tmp_path: Path
) -> None:
    assert is_empty(platform.read("main"), platform)
    assert all(check.ok for check in platform.check())
    assert list(tmp_path.iterdir()) == []


def test_creates_are_read_back(platform: ManagedPlatform) -> None:
    anna: Fields = {
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
        "attributes": {"phone": writable(platform, "1 🙂"), "quote": '"\\', "empty": ""},
    }
    ok(
        platform,
        CORP,
        [
            department("Sales", source="corp", external_id="d1", dn="ou=Sales"),
            department("R/D", "Sales"),
        ],
        [group("staff", source="corp", external_id="g1", dn="cn=staff"), group("local")],
        [user("anna", **anna), user("ben")],
        [grant("anna", "operator"), grant("ben", "operator", None)],
        [member("anna", "staff"), member("ben", "local", None)],
    )
    expected = {**anna, "department": "Sales/R/D"}
    seen = view(platform.read("main"))
    if not platform.abilities.any_role:  # it has roles of its own
        seen["roles"] &= {"operator"}
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
    odd = writable(case.platform, odd)
    role = odd if case.platform.abilities.any_role else "operator"
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
        [grant("anna", role, odd), grant(odd, "x")],
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
    assert seen["grants"] == {("anna", role): odd, (odd, "x"): "corp"}
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
