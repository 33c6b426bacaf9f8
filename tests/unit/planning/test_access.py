"""Who has which role: by which rule, since which run, as state, files and history say it."""

from typing import Any

import pytest

from reconcile.model.desired import (
    DepartmentRule,
    DesiredState,
    GroupRule,
    Platform,
    RoleMapping,
    Source,
    Users,
)
from reconcile.model.history import Entry, Payload, Run, payload_text
from reconcile.model.platform import Grant, Group, Membership, PlatformState, User
from reconcile.model.views.access import Access
from reconcile.planning.views.access import access
from reconcile.planning.views.access_history import Gifts, HistoryFilter, access_changes
from reconcile.planning.views.access_rules import AccessRules

BASE = "dc=example,dc=com"
ADMINS, OPERATORS = f"cn=admins,{BASE}", f"cn=operators,{BASE}"


def source(name: str) -> Source:
    return Source(name, "ldif", base_dn=BASE, users=Users({}))


class Name:
    """A template that nobody renders."""

    text = ""
    attributes: frozenset[str] = frozenset()

    def render(self, entry: object, identifier: str = "") -> str | None:
        raise AssertionError


RULES = DesiredState(
    Platform("memory"),
    (source("corp"), source("partners")),
    role_mappings=(
        RoleMapping("administrator", "corp", (ADMINS,)),
        RoleMapping("administrator", "", (OPERATORS,)),
        RoleMapping("operator", "corp", default=True),
    ),
    departments=(DepartmentRule("corp", ("ou=it",), Name(), role="administrator"),),
    groups=(
        GroupRule("corp", ("cn=*-team",), Name()),
        GroupRule("corp", (ADMINS, "cn=field-team"), Name()),
    ),
)


def run(number: int) -> Run:
    started = f"2026-11-0{number}T00:00:00Z"
    return Run(
        f"run{number}", "main", "", "", "", False, "", (), "root", "here", started, started,
        "applied", 1, 0, 0,
    )  # fmt: skip


def entry(kind: Any, before: Any, after: Any, reason: str = "", **more: Any) -> Entry:
    payload = payload_text(Payload("key", before, after, reason, "corp"))
    action = "create" if before is None else "delete" if after is None else "update"
    fields = {"result": "applied", "user": "1", "object": "", "payload": payload} | more
    return Entry(position=1, kind=kind, action=action, salt="", commitment="", **fields)  # type: ignore[arg-type]


def gave(role: str, reason: str, origin: str | None = "corp", **more: Any) -> Entry:
    return entry("grant", None, {"user": "ann", "role": role, "origin": origin}, reason, **more)


def took(role: str) -> Entry:
    return entry("grant", {"user": "ann", "role": role, "origin": "corp"}, None)


def held(state: PlatformState, *recorded: Entry) -> list[Access]:
    rules = AccessRules(RULES, str)
    gifts = Gifts()
    for number, each in enumerate(recorded, start=1):
        gifts.add(run(number), [each])
    return list(access(state, rules, gifts))


def ann(*roles: Grant, **fields: Any) -> PlatformState:
    return PlatformState("main", users=(User("1", "ann", **fields),), grants=roles)


GRANT = Grant("1", "administrator", "corp")


@pytest.mark.parametrize(
    ("reason", "rules", "others"),
    [
        (f"member of {OPERATORS}", ["role_mappings[1]"], ["departments[0]", "role_mappings[0]"]),
        (
            f"in department ou=it,{BASE}",
            ["departments[0]"],
            ["role_mappings[0]", "role_mappings[1]"],
        ),
        ("undoes run x", ["departments[0]", "role_mappings[0]", "role_mappings[1]"], []),
    ],
)
def test_the_recorded_reason_decides_between_rules(
    reason: str, rules: list[str], others: list[str]
) -> None:
    (role,) = held(ann(GRANT), gave("administrator", reason))
    (holding,) = role.holdings
    assert list(holding.rules) == rules
    assert list(holding.other_rules) == others
    assert (holding.run, holding.since, holding.concerns) == ("run1", "2026-11-01T00:00:00Z", ())


def test_what_no_rule_gives_any_more_is_a_concern() -> None:
    for grant in (Grant("1", "guest", "corp"), Grant("1", "administrator", "gone")):
        (role,) = held(ann(grant))
        (holding,) = role.holdings
        assert (holding.rules, holding.run, holding.concerns) == ((), "", ("no_rule",))


def test_a_rule_about_every_source_gives_it_to_persons_of_another() -> None:
    (role,) = held(ann(Grant("1", "administrator", "partners")))
    assert role.holdings[0].rules == ("role_mappings[1]",)
    assert role.rules == ("departments[0]", "role_mappings[0]", "role_mappings[1]")


def test_by_hand_has_no_run_even_if_a_run_gave_it_before() -> None:
    (role,) = held(ann(Grant("1", "administrator"), status="blocked"), gave("administrator", "x"))
    (holding,) = role.holdings
    assert (holding.run, holding.concerns) == ("", ("out_of_service", "by_hand"))
    # An undo gives back what a person once gave: that is recorded, and still by hand.
    (role,) = held(ann(Grant("1", "administrator")), gave("administrator", "undoes run x", None))
    assert role.holdings[0].run == "run1"


def test_the_last_run_that_gave_it_counts() -> None:
    recorded = (gave("administrator", "a"), took("administrator"), gave("administrator", "b"))
    (role,) = held(ann(GRANT), *recorded)
    assert (role.holdings[0].run, role.holdings[0].reason) == ("run3", "b")
    (role,) = held(ann(GRANT), *recorded[:2])
    assert role.holdings[0].run == ""
    failed = gave("administrator", "c", result="failed")
    removed = gave("administrator", "d", payload="")
    (role,) = held(ann(GRANT), recorded[0], failed, removed)
    assert role.holdings[0].run == "run1"


def test_groups_their_rules_and_what_is_nested_in_them() -> None:
    state = PlatformState(
        "main",
        users=(User("1", "ann", first_name="Ann", last_name="Lee"),),
        groups=(
            Group("7", "Field", "corp", dn=f"cn=field-team,{BASE}"),
            Group("8", "Admins", "corp", dn=f"CN=Admins,{BASE}", groups={"7": "corp", "9": ""}),
            Group("9", "by-hand", groups={"8": ""}),  # a circle ends
        ),
        memberships=(Membership("1", "8", "corp"), Membership("1", "9")),
    )
    joined = entry(
        "membership",
        None,
        {"user": "ann", "group": "old name", "origin": "corp"},
        "why",
        object="8",
    )
    admins, by_hand, field = held(state, joined)
    assert (admins.name, admins.rules, admins.nested) == ("Admins", ("groups[1]",), ("by-hand",))
    assert (by_hand.rules, by_hand.source, by_hand.nested) == ((), "", ("Admins",))
    assert (field.rules, field.nested) == (("groups[0]", "groups[1]"), ("Admins", "by-hand"))
    (holding,) = admins.holdings
    assert (holding.full_name, holding.rules, holding.run) == ("Ann Lee", ("groups[1]",), "run1")
    assert by_hand.holdings[0].concerns == ("by_hand",)


def test_changes_are_those_of_access() -> None:
    entries = [
        gave("administrator", "why"),
        took("administrator"),
        entry("membership", None, {"user": "ann", "group": "Field", "origin": "corp"}),
        entry("user", None, {"username": "ann"}),
        entry("user", {"status": "active", "email": "a"}, {"status": "blocked", "email": "b"}),
        entry("user", {"email": "a"}, {"email": "b"}),
        entry("user", {"username": "ann"}, None),
        entry("group", None, {"name": "Field"}),
        entry("group", {"groups": {"A": "corp", "B": ""}}, {"groups": {"B": "", "C": "corp"}}),
        entry("group", {"groups": {"A": "corp"}, "name": "a"}, {"name": "b"}),
        gave("administrator", "", payload=""),
        gave("administrator", "", result="failed"),
    ]
    assert [(each.kind, each.name, each.what) for each in access_changes(run(1), entries)] == [
        ("role", "administrator", "given"),
        ("role", "administrator", "taken away"),
        ("group", "Field", "given"),
        ("user", "", "created, active"),
        ("user", "", "active → blocked"),
        ("user", "", "deleted"),
        ("group", "key", "nested in C, no longer nested in A"),
    ]


def test_the_history_of_a_role_or_a_group() -> None:
    grant = gave("administrator", "")
    member = entry("membership", None, {"user": "ann", "group": "Field"})
    nesting = entry("group", {"groups": {}}, {"groups": {"FIELD": "corp"}})
    entries = [grant, member, nesting, gave("administrator", "", payload="")]

    def kept(**names: str) -> list[Entry]:
        return list(filter(HistoryFilter(**names).keeps, entries))

    assert kept() == entries
    assert kept(role="administrator") == [grant]
    assert kept(role="Administrator") == []
    assert kept(group="field") == [member, nesting]
    assert kept(role="administrator", group="field") == [grant, member, nesting]
