"""Notices about roles that are new and roles that nobody has."""

from reconcile.model.change import Change
from reconcile.model.desired import DesiredState, Platform, RoleMapping
from reconcile.model.notice import Notice
from reconcile.model.platform import Grant, PlatformState
from reconcile.planning.role_notices import new_roles, unused_roles


def desired(*roles: str) -> DesiredState:
    mappings = tuple(RoleMapping(role, groups=("cn=x",)) for role in roles)
    return DesiredState(platform=Platform("sql"), sources=(), role_mappings=mappings)


def state(*holders: str, workspace: str = "main", roles: tuple[str, ...] = ()) -> PlatformState:
    grants = tuple(Grant(f"{at}", role, "corp") for at, role in enumerate(holders))
    return PlatformState(workspace, grants=grants, roles=frozenset({*roles, *holders}))


def given(role: str, workspace: str = "main") -> Change:
    fields: dict[str, str | dict[str, str | None] | None]
    fields = {"user": "ann", "role": role, "origin": "corp"}
    return Change("grant", "create", f"ann/{role}", None, fields, "", "corp", workspace)


def texts(notices: object) -> list[str]:
    assert isinstance(notices, tuple)
    return [notice.text for notice in notices if isinstance(notice, Notice)]


def test_a_new_role_with_the_name_that_was_meant() -> None:
    current = [state(*["editor"] * 12, "editer", "auditor")]
    (notice,) = new_roles(desired("viewer", "editr"), [given("editr")], current)
    assert notice.text == "role 'editr' is new; did you mean 'editor', held by 12 users?"
    assert (notice.code, notice.path) == ("new_role", "role_mappings[1].role")
    assert notice.nearest == ("editor",)


def test_neighbours_that_few_or_none_have() -> None:
    rules, changes = desired("editr"), [given("editr")]
    one = tuple(new_roles(rules, changes, [state("editor")]))
    assert texts(one) == ["role 'editr' is new; did you mean 'editor', held by 1 user?"]
    none = tuple(new_roles(rules, changes, [state(roles=("editor",))]))
    assert texts(none) == ["role 'editr' is new; did you mean 'editor'?"]
    other = tuple(new_roles(rules, changes, [state("manager")]))
    assert texts(other) == ["role 'editr' is new"]


def test_what_is_not_new() -> None:
    rules = desired("editor")
    assert not list(new_roles(rules, [given("editor")], [state(roles=("editor",))]))
    assert not list(new_roles(rules, [given("editor")], [state()])), "nothing to compare with"
    assert not list(new_roles(rules, [], [state("manager")])), "nobody gets it"


def test_each_workspace_by_its_name() -> None:
    current = [state("editor", workspace="a"), state("editr", workspace="b")]
    changes = [given("editr", "a"), given("editr", "b")]
    notices = tuple(new_roles(desired("editr"), changes, current))
    assert texts(notices) == [
        "role 'editr' is new in workspace a; did you mean 'editor', held by 1 user?"
    ]


def test_unused_roles() -> None:
    rules = desired("editor", "auditor", "implied")
    current = [state("editor", "editor", "old", roles=("left over",))]
    wanted = [state("manager")]
    notices = tuple(unused_roles(rules, current, wanted, "implied"))
    assert texts(notices) == [
        "role 'auditor' is unused: the rule gives it to no one",
        "role 'editor' is unused after this plan: 2 users would lose it",
        "role 'old' is unused after this plan: 1 user would lose it, and no rule gives it",
    ]
    assert [notice.path for notice in notices] == [
        "role_mappings[1].role",
        "role_mappings[0].role",
        "",
    ]
    assert not list(unused_roles(desired("editor"), current, [state("editor", "old")]))
