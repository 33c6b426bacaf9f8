"""The small languages of a mapping, and what is wrong with one before any table is looked at."""

from datetime import UTC, datetime

import pytest

from reconcile.model.desired import Platform
from reconcile.platforms.tables.declared import conditions, values
from reconcile.platforms.tables.platform import TablesPlatform
from tests.contract.platforms import Text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1", [("a", "=", (1,))]),
        ("a<>'it''s' AND \"b c\" = -1.5", [("a", "!=", ("it's",)), ("b c", "=", (-1.5,))]),
        ("`a` In (1, 'x' ,true)", [("a", "in", (1, "x", True))]),
        ("a not in (2) and b is null", [("a", "not in", (2,)), ("b", "is null", ())]),
        (
            "größe >= 3 and b IS NOT NULL",
            [("größe", ">=", (3,)), ("b", "is not null", ())],
        ),
        ("a = '; DROP TABLE x; --'", [("a", "=", ("; DROP TABLE x; --",))]),
    ],
)
def test_conditions(text, expected):
    assert list(conditions.parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'' ends too early"),
        ("a", "'a' ends too early"),
        ("a = 1 or b = 2", "'or b = 2' is not expected here"),
        ("a = 1; DELETE FROM x", "'; DELETE FROM x' cannot be read"),
        ("a = (SELECT 1)", "'(SELECT 1)' is not expected here"),
        ("a = null", "write `is null`"),
        ("a in (null)", "write `is null`"),
        ("a = b", "'b' is not expected here"),
        ("1 = 1", "'1 = 1' is not expected here"),
        ("lower(a) = 'x'", "\"(a) = 'x'\" is not expected here"),
        ("a = 'open", '"\'open" cannot be read'),
        ("a = 12abc", "'12abc' cannot be read"),
        ("a like 'x%'", "\"like 'x%'\" is not expected here"),
        ("a is not 1", "'1' is not expected here"),
        ("a in (1 2)", "'2)' is not expected here"),
        ("a -- x", "'-- x' cannot be read"),
        ("and = 1", "'and = 1' is not expected here"),
    ],
)
def test_what_is_no_condition(text, why):
    with pytest.raises(conditions.ConditionWrong) as wrong:
        conditions.parse(text)
    assert why in str(wrong.value)
    assert "write " in str(wrong.value)


NOW = datetime(2026, 3, 1, 8, 0, 0, tzinfo=UTC)


def test_made_values():
    made = values.parse("!{{ random(40) }}")
    first, second = made.text(NOW), made.text(NOW)
    assert first[0] == "!"
    assert first[1:].isalnum()
    assert (len(first), len(second)) == (41, 41)
    assert first != second
    assert values.parse("{{now}}").is_now
    assert values.parse("at {{ now }}!").text(NOW) == "at 2026-03-01T08:00:00Z!"
    for plain in ("x", "", 1, True, None, "{x}"):
        assert values.parse(plain) is plain


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ env('X') }}", "{{ env('X') }} is not known here"),
        ("{{ random(0) }}", "up to 1000"),
        ("{{ random(1001) }}", "up to 1000"),
        ("{{ random }}", "not known"),
        ("{{ now", "not closed"),
        ("{{ now }} {{", "not closed"),
    ],
)
def test_what_is_no_made_value(text, why):
    with pytest.raises(values.ValueWrong) as wrong:
        values.parse(text)
    assert why in str(wrong.value)


USERS = {"table": "u", "fields": {"username": "login"}}
GROUPS = {"table": "g", "fields": {"name": "name"}}
LINKS = {"table": "ug"}


def problems(url="sqlite:///x.db", workspaces=("main",), **mapping):
    settings = Platform(
        "tables", Text(url) if url else None, workspaces=workspaces, options=mapping
    )
    return [
        f"{'.'.join(map(str, path))}: {text}" for path, text in TablesPlatform.problems(settings)
    ]


def test_a_mapping_that_is_fine():
    status = {"column": "state", "active": [1, True], "inactive": 0, "erased": None}
    assert problems(users={**USERS, "status": status}) == []
    assert problems(users=USERS, groups=GROUPS, memberships=LINKS, roles={"groups": True}) == []
    column = {"column": "r", "values": {"a": 1}, "none": None}
    assert problems(users=USERS, roles=column) == []


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ({"users": USERS, "url": ""}, "url: is missing"),
        ({"users": USERS, "workspaces": ("a", "b")}, "workspaces: the tables are one workspace"),
        ({"users": {"table": "u"}}, "users.fields: `username` is missing"),
        (
            {"users": {"table": "u", "fields": {"username": "a", "mail": "b"}}},
            "users.fields.mail: is no field: there are username, first_name, last_name, email, department,",
        ),
        (
            {"users": {"table": "u", "fields": {"username": "a", "department": "b"}}},
            "users.fields.department: holds the id of a department: add `departments`",
        ),
        ({"users": {**USERS, "status": {"active": 1}}}, "users.status: `column` is missing"),
        ({"users": {**USERS, "status": {"column": "c"}}}, "users.status: `active` is missing"),
        (
            {"users": {**USERS, "status": {"column": "c", "active": 1, "inactive": [2, 1]}}},
            "the value 1 means",
        ),
        ({"users": {**USERS, "where": "a like 1"}}, "users.where: 'like 1' is not expected here"),
        ({"users": {**USERS, "insert": {"p": "{{ x }}"}}}, "users.insert.p: {{ x }} is not known"),
        ({"users": USERS, "groups": GROUPS}, "memberships: is missing"),
        ({"users": USERS, "memberships": LINKS}, "memberships: needs `groups`"),
        ({"users": USERS, "nesting": LINKS}, "nesting: needs `groups`"),
        (
            {"users": USERS, "departments": {"table": "d", "fields": {"title": "t"}}},
            "departments.fields: `parent` is missing",
        ),
        ({"users": USERS, "roles": {}}, "roles: needs one of"),
        ({"users": USERS, "roles": {"groups": True}}, "roles.groups: needs `groups`"),
        ({"users": USERS, "roles": {"column": "c"}}, "roles: `values` is missing"),
        ({"users": USERS, "roles": {"table": "t", "values": {"a": 1}}}, "belong to `column`"),
        ({"users": USERS, "roles": {"table": "t", "column": "c", "values": {"a": 1}}}, "one of"),
    ],
)
def test_a_mapping_that_is_wrong(mapping, expected):
    assert any(expected in line for line in problems(**mapping)), problems(**mapping)
