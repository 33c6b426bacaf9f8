"""Assertions over the state that changes lead to: who breaks them, and what cannot be evaluated."""

from typing import Any

import pytest

from reconcile.config.templates.assertions import CompiledCheck
from reconcile.config.templates.config_templates import Refused
from reconcile.errors import RulesRefused
from reconcile.model.change import Change
from reconcile.model.desired import Assertion
from reconcile.model.platform import Department, Grant, Group, Membership, PlatformState, User
from reconcile.planning import assertion_check
from reconcile.planning.guards.assertions.records import UserRecord, records
from reconcile.planning.guards.assertions.resulting_state import ResultingState

STATE = PlatformState(
    "main",
    departments=(Department("d1", "Sales"), Department("d2", "EMEA", parent="d1")),
    groups=(Group("g1", "staff"), Group("g2", "contractors", groups={"g1": ""})),
    users=(
        User("1", "ann", email="ann@example.com", department="d2"),
        User("2", "bob", email="bob@example.com", manager="1"),
        User("3", "eve", status="blocked"),
        User("4", "old", status="erased"),
    ),
    roles=frozenset({"administrator", "operator"}),
    memberships=(Membership("2", "g2"),),
    grants=(Grant("1", "administrator"), Grant("2", "operator"), Grant("3", "administrator")),
)


def change(kind: str, key: str, before: Any, after: Any, action: str = "update") -> Change:
    return Change(kind, action, key, before, after, "", "corp", "main")


def asserted(about: str, holds: str, where: str | None = None, message: str | None = None, **more):
    check = CompiledCheck(about, where, holds, message, {"domain": "example.com"})
    return Assertion("rule", about, check, conditional=where is not None, **more)


def found(*assertions: Assertion, changes=(), state: PlatformState = STATE):
    return assertion_check.judged(assertions, changes, (state,))


def broken(*arguments, changes=(), **more) -> tuple[str, ...]:
    (result,) = found(asserted(*arguments, **more), changes=changes)
    assert not result.fault, result.fault
    return result.offenders


def fault(*arguments, **more) -> str:
    (result,) = found(asserted(*arguments, **more))
    assert not result.holds
    return result.fault


@pytest.mark.parametrize(
    ("about", "holds", "offenders"),
    [
        ("users", "user is not in_group('STAFF')", ("user bob",)),  # by the nested group
        ("users", "user is active", ("user eve",)),
        ("users", "user.department == 'Sales/EMEA' or user.username != 'ann'", ()),
        ("users", "user is not in_department('Sales')", ("user ann",)),
        ("users", "user.manager != 'ann'", ("user bob",)),
        ("users", "user.email.endswith('@' ~ vars.domain)", ("user eve",)),
        ("groups", "'bob' not in group.members", ("group contractors",)),
        ("departments", "department.parent == ''", ("department Sales/EMEA",)),
        ("roles", "role.users | length < 2", ("role administrator",)),
        ("memberships", "membership is with_role('administrator')", ("membership bob/contractors",)),
        ("state", "users | active | with_role('administrator') | list | length >= 2",
         ("the assertion does not hold",)),
        ("state", "users | length == 3", ()),  # an erased user does not exist
    ],
)  # fmt: skip
def test_expressions_see_the_state(about: str, holds: str, offenders: tuple[str, ...]) -> None:
    assert broken(about, holds) == offenders


def test_changes_are_made_before_anything_is_evaluated() -> None:
    changes = [
        change("department", "Sales", {"title": "Sales"}, {"title": "Trade"}),
        change("group", "staff", {"name": "staff"}, {"name": "employees"}),
        change("group", "new", None, {"name": "new", "groups": {"employees": "corp"}}, "create"),
        change("user", "ann", {"username": "ann"}, {"username": "anne", "attributes": {"x": "1"}}),
        change("user", "zoe", None, {"username": "zoe", "status": "active", "manager": "anne",
               "department": "Trade/EMEA"}, "create"),
        change("user", "eve", {"status": "blocked"}, {"status": "erased"}, "erase"),
        change("grant", "ann/administrator", {"user": "ann", "role": "administrator"}, None, "delete"),
        change("grant", "zoe/operator", None, {"user": "zoe", "role": "operator"}, "create"),
        change("membership", "zoe/new", None, {"user": "zoe", "group": "new"}, "create"),
        change("membership", "bob/contractors", {"user": "bob", "group": "contractors"}, None, "delete"),
    ]  # fmt: skip

    after = records(ResultingState(STATE, changes))

    users = {user["username"]: user for user in after["users"]}
    assert list(users) == ["anne", "bob", "zoe"]
    assert users["anne"]["department"] == "Trade/EMEA"
    assert (users["anne"]["roles"], users["anne"]["attributes"]) == ([], {"x": "1"})
    assert users["bob"]["manager"] == "anne"
    assert (users["zoe"]["department"], users["zoe"]["manager"]) == ("Trade/EMEA", "anne")
    zoe = users["zoe"]
    assert isinstance(zoe, UserRecord)
    assert zoe.effective_groups == {"new", "employees"}
    assert users["bob"]["groups"] == []
    assert [role["users"] for role in after["roles"]] == [[], ["bob", "zoe"]]
    assert [each["path"] for each in after["departments"]] == ["Trade", "Trade/EMEA"]


def test_a_violation_names_twenty_and_counts_all() -> None:
    state = PlatformState("main", users=tuple(User(str(n), f"u{n:02}") for n in range(25)))
    rule = asserted("users", "user.username == ''", message="{{ user.username }} is\nwrong")
    (violation,) = assertion_check.violations(found(rule, state=state))
    assert (violation.code, violation.acceptable) == ("assertion:main/rule:25", False)
    assert violation.detail.startswith("25: u00 is wrong; u01 is wrong")
    assert violation.detail.endswith("u19 is wrong; … and 5 more")


def test_only_an_acceptable_one_that_was_evaluated_can_be_accepted() -> None:
    rules = (
        asserted("users", "user is active", acceptable=True),
        asserted("users", "user.agee == 1", acceptable=True),
    )
    by_number = [each.acceptable for each in assertion_check.violations(found(*rules))]
    assert by_number == [True, False]


@pytest.mark.parametrize(
    ("about", "holds", "why"),
    [
        ("users", "user.emial == 'x'", "for user ann: it has no field 'emial'"),
        ("users", "user.emial != 'x'", "it has no field 'emial'"),
        ("users", "user.roles", "gives a value of type list instead of true or false"),
        ("users", "user.__class__ == 1", "unsafe"),
        ("groups", "group is active", "this test is about users"),
        ("state", "1 / 0 == 1", "division by zero"),
        ("state", "range(10 ** 9) | list | length == 1", "range of more than"),
    ],
)
def test_what_cannot_be_evaluated_fails(about: str, holds: str, why: str) -> None:
    text = fault(about, holds)
    assert text.startswith("cannot be evaluated"), text
    assert why in text


def test_where_that_is_no_condition_fails_too() -> None:
    assert "true or false" in fault("users", "true", where="user.username")


def test_work_that_grows_with_the_square_ends() -> None:
    state = PlatformState("main", users=tuple(User(str(n), f"u{n}") for n in range(6000)))
    rule = asserted("users", "users | map(attribute='username') | first == 'u0'")
    (result,) = found(rule, state=state)
    assert "more than 20,000,000 objects" in result.fault


def test_a_message_that_fails_does_not_hide_the_offender() -> None:
    (offender,) = broken("users", "user is active", message="{{ user.nothing }}")
    assert offender.startswith("user eve (its message cannot be rendered")


def test_names_that_nothing_has_are_errors_with_the_nearest() -> None:
    with pytest.raises(RulesRefused) as refused:
        found(asserted("users", "user is in_group('contarctors')"),
              asserted("state", "users | with_role('Operator') | list == []"))  # fmt: skip
    assert refused.value.rules == (
        ("assertions[0]", "the platform has no group 'contarctors'; did you mean 'contractors'?"),
        ("assertions[1]", "the platform has no role 'Operator'; did you mean 'operator'?"),
    )


@pytest.mark.parametrize(
    ("key", "about", "holds"),
    [
        ("assert", "users", "user is in_group(vars.domain)"),
        ("assert", "state", "users | select('in_group', 'x') | list == []"),
        ("assert", "users", "usr.username == ''"),
        ("assert", "groups", "user.username == ''"),
        ("assert", "users", "user is nonsense"),
        ("assert", "users", "true }} {{ true"),
        ("assert", "users", "{{ true }}"),
        ("assert", "users", ""),
        ("assert", "users", "true %}{% if"),
    ],
)
def test_what_does_not_compile_is_refused(key: str, about: str, holds: str) -> None:
    with pytest.raises(Refused, match=f"^{key}: "):
        CompiledCheck(about, None, holds, None, {})


def test_warnings_and_conditions_that_find_nothing_are_notices() -> None:
    rules = (
        asserted("users", "user is active", severity="warning"),
        asserted("users", "false", where="user.username == 'nobody'"),
    )
    results = found(*rules)
    assert list(assertion_check.violations(results)) == []
    warning, nothing = assertion_check.notices(results)
    assert (warning.code, warning.text) == ("assertion_warning", "main: rule: user eve")
    assert (nothing.code, nothing.path) == ("finds_nothing", "assertions[1].where")


def test_a_login_answers_for_its_own_changes_only() -> None:
    rules = (asserted("users", "user is not with_role('administrator')"),)
    harmless = [change("user", "bob", {"first_name": ""}, {"first_name": "Bob"})]
    grant = {"user": "bob", "role": "administrator"}
    harmful = [change("grant", "bob/administrator", None, grant, "create")]
    assert list(assertion_check.new_violations(rules, harmless, STATE)) == []
    (violation,) = assertion_check.new_violations(rules, harmful, STATE)
    assert violation.number == 3
