"""`explain`: each rule, yes and no; people who are no users and users who are no people; what the next apply does."""

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from reconcile.model.views import explanation
from tests.scenarios.shell import Shell
from tests.scenarios.stage import BASE, DESIRED

TOP = Path(__file__).parents[2]
SOURCE: dict[str, Any] = DESIRED["sources"][0]
GROUPS = f"ou=groups,{BASE}"


def company(
    shell: Shell, people: dict[str, Any], users: dict[str, Any] | None = None, **more: Any
) -> None:
    source = SOURCE | {"users": {"create": "all"} | (users or {})} | more.pop("source", {})
    shell.company(people, sources=[source], **more)


def explained(shell: Shell, name: str, *arguments: str, people: int = 1) -> Any:
    out, err = shell.run("explain", name, "--format", "json", *arguments)
    told = (
        " has no group ",
        " has no person ",
        " has no OU ",
        "no person of source ",
        "show entryuuid",
    )
    assert [line for line in err.splitlines() if not any(words in line for words in told)] == []
    found = json.loads(out)
    assert len(found["people"]) == people
    return found["people"][0] if people == 1 else found["people"]


def rule(person: Any, name: str) -> Any:
    found = [
        one for one in person["rules"] if f".users.{name}" in one["rule"] or one["rule"] == name
    ]
    assert len(found) == 1, person["rules"]
    return found[0]


def standing(person: Any) -> Any:
    (one,) = person["workspaces"]
    return one


def actions(person: Any) -> list[str]:
    return [f"{one['kind']} {one['action']} {one['key']}" for one in standing(person)["changes"]]


def test_a_person_who_is_to_become_a_user(shell: Shell) -> None:
    company(shell, {"uid=ann": None, "uid=bob": None})
    ann = explained(shell, "ANN")
    assert ann["matched"] == ["login", "username"]
    assert (ann["in_directory"], ann["dn"], ann["external_id"]) == (
        True,
        f"uid=ann,{BASE}",
        "id-ann",
    )
    assert (standing(ann)["code"], standing(ann)["user"]) == ("new", None)
    assert actions(ann) == ["user create ann"], "nothing of anybody else"
    assert rule(ann, "filter")["why"] == f"(objectClass=inetOrgPerson) below {BASE}"
    assert rule(ann, "filter")["origin"] == "type ldif"
    assert [one["rule"] for one in ann["rules"]] == [
        "sources[0].users.filter",
        "sources[0].users.create",
        "directory",
    ]
    assert not (shell.folder / "platform.db").exists(), "nothing is written"


@pytest.mark.parametrize(
    "name", ["ann@example.com", "uid=ANN,DC=example,dc=com", "id-ann", "ann@corp"]
)
def test_any_of_its_names_will_do(shell: Shell, name: str) -> None:
    company(shell, {"uid=ann": None}, {"fields": {"username": "{{ identifier }}@{{ source }}"}})
    assert explained(shell, name)["identifier"] == "ann"


def test_excluded_and_not(shell: Shell) -> None:
    company(shell, {"uid=svc-a": None, "uid=ann": None}, {"exclude": ["root", "svc-*"]})
    machine, ann = explained(shell, "svc-a"), explained(shell, "ann")
    assert rule(machine, "exclude") == {
        "rule": "sources[0].users.exclude[1]",
        "passes": False,
        "why": "matches 'svc-*'",
        "origin": rule(machine, "exclude")["origin"],
        "path": [],
    }
    assert re.fullmatch(r"reconcile\.yml:\d+", rule(machine, "exclude")["origin"])
    assert (standing(machine)["code"], standing(machine)["why"]) == (
        "out",
        "left out by users.exclude: matches 'svc-*'",
    )
    assert actions(machine) == []
    assert rule(ann, "exclude")["passes"]
    assert standing(ann)["code"] == "new"


@pytest.mark.parametrize(
    ("users", "passes", "why"),
    [
        ({"create": "all"}, True, "all: found in corp"),
        (
            {"create": "mapped"},
            False,
            "mapped: in no selected group or department, and in no group of a role mapping",
        ),
        ({"create": "selected"}, False, "selected: no pattern of select names the person"),
        ({"create": "never"}, False, "never: no person becomes a user"),
        ({"create": "selected", "select": ["x", "a*"]}, True, "named by 'a*'"),
    ],
)
def test_who_is_created(shell: Shell, users: dict[str, Any], passes: bool, why: str) -> None:
    company(shell, {"uid=ann": None}, users)
    ann = explained(shell, "ann")
    (found,) = [one for one in ann["rules"] if re.search(r"\.(create|select\[1\])$", one["rule"])]
    assert (found["passes"], found["why"]) == (passes, why)
    assert standing(ann)["code"] == ("new" if passes else "out")


def test_a_first_login_and_a_user_who_is_there(shell: Shell) -> None:
    company(shell, {"uid=ann": None, "uid=bob": None})
    shell.run("apply", "--yes")
    shell.sql("delete from users where username = 'bob'")
    company(shell, {"uid=ann": None, "uid=bob": None}, {"create": "never"})
    assert rule(explained(shell, "ann"), "create")["why"].endswith("but the user already exists")
    assert standing(explained(shell, "ann"))["code"] == "follows"
    assert not rule(explained(shell, "bob"), "create")["passes"]
    company(
        shell,
        {"uid=ann": None, "uid=bob": None},
        {"create": "selected"},
        source={"register_on_login": True},
    )
    assert rule(explained(shell, "bob"), "create")["why"].endswith(
        "; the first login creates the user"
    )


NESTED = {
    "ou=groups": None,
    "uid=ann": None,
    "uid=bob": None,
    "cn=a,ou=groups": {"member": ["cn=b,ou=groups"]},
    "cn=b,ou=groups": {"member": ["cn=c,ou=groups", "cn=a,ou=groups"]},
    "cn=c,ou=groups": {"member": ["uid=ann", "cn=a,ou=groups"]},
    "cn=d,ou=groups": {"member": ["uid=ann"]},
}
WAY = [f"cn=a,{GROUPS}", f"cn=b,{GROUPS}", f"cn=c,{GROUPS}"]


def test_required_groups_by_the_way_that_leads_there(shell: Shell) -> None:
    company(shell, NESTED, {"require_groups": [f"cn=x,{GROUPS}", f"cn=a,{GROUPS}"]})
    found = rule(explained(shell, "ann"), "require_groups")
    assert (found["passes"], found["path"]) == (True, WAY)
    bob = explained(shell, "bob")
    assert rule(bob, "require_groups")["why"].endswith(f"(there is no group cn=x,{GROUPS})")
    assert standing(bob)["code"] == "out"
    assert standing(bob)["why"].startswith("left out by users.require_groups: in none of ")


def test_groups_selected_ignored_and_beside(shell: Shell) -> None:
    rules = [
        {"source": "corp", "select": ["x", "a"], "nested": "flatten"},
        {"source": "corp", "select": ["b"], "nested": "ignore"},
    ]
    company(shell, NESTED, groups=rules)
    shell.run("apply", "--yes")
    ann = {one["dn"].partition(",")[0]: one for one in explained(shell, "ann")["groups"]}
    assert (ann["cn=a"]["member"], ann["cn=a"]["path"], ann["cn=a"]["rule"]) == (
        True,
        WAY,
        "groups[0].select[1]",
    )
    assert (ann["cn=b"]["member"], ann["cn=b"]["path"]) == (False, WAY[1:])
    assert "nested: ignore" in ann["cn=b"]["why"]
    assert {name: one["selected"] for name, one in ann.items()} == {
        "cn=a": 1,
        "cn=b": 1,
        "cn=c": 0,
        "cn=d": 0,
    }
    assert standing(explained(shell, "ann"))["user"]["groups"] == [{"name": "a", "origin": "corp"}]
    bob = explained(shell, "bob")["groups"]
    assert [(one["member"], one["why"], one["path"]) for one in bob] == [
        (False, "not a member", [])
    ] * 2
    out, _ = shell.run("explain", "ann")
    assert "  yes  cn=a  cn=a → cn=b → cn=c → uid=ann: listed as a member  # reconcile.yml:" in out
    assert (
        "  no   cn=b  cn=b → cn=c → uid=ann: only through nested groups, which nested: ignore leaves out"
        in out
    )
    assert "in the directory also in cn=c, cn=d, which no rule selects" in out


def test_groups_whose_members_are_not_known(shell: Shell) -> None:
    """A user stays what it is, and nobody becomes one by them, in plan, preview and explain."""
    dyn = f"cn=dyn,{BASE}"
    url = f"ldap:///{BASE}??sub?(departmentNumber=7)"
    people: dict[str, Any] = {
        "uid=ann": {"departmentNumber": 7},
        "uid=bob": None,
        "cn=dyn": {"objectClass": "groupOfURLs", "memberURL": url},
    }
    more: dict[str, Any] = {
        "groups": [{"source": "corp", "select": ["dyn"]}],
        "role_mappings": [{"role": "editor", "groups": [dyn]}],
    }
    users = {"create": "mapped", "require_groups": [dyn]}
    company(shell, people, users, **more)
    shell.run("apply", "--yes")
    people["cn=dyn"] = {
        "objectClass": "groupOfURLs",
        "member": ["uid=bob"],
        "memberURL": url + "?x-more",
    }
    company(shell, people, users, **more)
    why = "memberURL ldap:///dc=example,dc=com??sub?(departmentNumber=7)?x-more: it has extensions"
    for name, passes, code in (("ann", True, "follows"), ("bob", False, "out")):
        found = explained(shell, name)
        assert rule(found, "create")["passes"] is passes
        assert rule(found, "require_groups")["passes"] is passes
        assert standing(found)["code"] == code
        (group,) = found["groups"]
        assert group["member"] is False
        assert why in group["why"]
        assert group["known"] is False
        assert why in found["roles"][0]["why"]
        assert actions(found) == []
        out, _ = shell.run("explain", name)
        assert f"dyn  its members are not known, so the group stays unchanged: {why}" in out
        assert ("kept, because the members of the group are not known: editor" in out) is passes
    preview = json.loads(shell.run("preview", "--format", "json")[0])
    assert [(one["username"], one["roles"], one["action"]) for one in preview["users"]] == [
        ("ann", ["editor"], "none")
    ]
    plan, _ = shell.run("plan")
    assert f"dynamic_group: {dyn}: group: its members are not known" in plan
    assert why in plan


def test_a_group_that_stays_within_another(shell: Shell) -> None:
    company(shell, NESTED, groups=[{"source": "corp", "select": ["a", "b"], "nested": "keep"}])
    shell.run("apply", "--yes")
    ann = explained(shell, "ann")
    assert {one["dn"]: one["path"] for one in ann["groups"] if one["selected"]} == {
        WAY[0]: WAY,
        WAY[1]: WAY[1:],
    }
    assert standing(ann)["user"]["groups"] == [{"name": "b", "origin": "corp"}], "of a by way of b"
    assert standing(ann)["changes"] == []


def test_a_group_that_names_somebody_else(shell: Shell) -> None:
    company(shell, NESTED, groups=[{"source": "corp", "select": ["*"]}])
    out, _ = shell.run("explain", "bob")
    assert "Groups\n  no   cn=a, cn=b, cn=c, cn=d\n" in out


ROLES = [
    {"role": "administrator", "groups": [f"cn=x,{GROUPS}"]},
    {"role": "manager", "groups": [f"cn=a,{GROUPS}"]},
    {"role": "auditor", "groups": ["cn=*,ou=groups"]},
    {"role": "operator", "default": True},
]


@pytest.mark.parametrize(
    ("mode", "roles", "why"),
    [
        ("single", ["manager"], "the first that matches"),
        ("multiple", ["manager", "auditor"], "all that match"),
    ],
)
def test_roles_in_the_order_of_precedence(
    shell: Shell, mode: str, roles: list[str], why: str
) -> None:
    company(shell, NESTED, role_mappings=ROLES, roles={"mode": mode})
    ann = explained(shell, "ann")
    assert [(one["role"], one["matches"]) for one in ann["roles"]] == [
        ("administrator", False),
        ("manager", True),
        ("auditor", True),
        ("operator", False),
    ]
    assert "has no such group" in ann["roles"][0]["why"]
    _, err = shell.run("explain", "ann")
    assert f"source corp has no group 'cn=x,{GROUPS}'" in err, "as a plan says"
    assert ann["roles"][1]["path"] == WAY
    assert standing(ann)["roles"] == roles
    assert standing(ann)["roles_why"] == f"{why} (roles.mode: {mode})"
    bob = explained(shell, "bob")
    assert [one["role"] for one in bob["roles"] if one["matches"]] == ["operator"]
    assert (standing(bob)["roles"], bob["roles"][3]["rule"]) == (
        ["operator"],
        "role_mappings[3].default",
    )


def test_roles_that_are_kept(shell: Shell) -> None:
    company(shell, NESTED, role_mappings=ROLES)
    shell.run("apply", "--yes")
    company(shell, NESTED, role_mappings=ROLES[:1], roles={"on_existing": "keep"})
    assert standing(explained(shell, "ann"))["roles_why"].startswith("roles.on_existing: keep")
    assert standing(explained(shell, "ann"))["roles"] == ["manager"]
    company(shell, NESTED, role_mappings=ROLES[:1], roles={"on_unmapped": "keep"})
    assert "roles.on_unmapped: keep" in standing(explained(shell, "ann"))["roles_why"]
    company(shell, NESTED, role_mappings=[ROLES[3]], roles={"on_unmapped": "remove"})
    ann = explained(shell, "ann")
    assert (standing(ann)["roles"], ann["roles"][0]["matches"]) == ([], False)
    assert actions(ann) == ["grant delete ann/manager"]


def test_departments_and_their_role(shell: Shell) -> None:
    people = {"ou=Sales": None, "ou=EMEA,ou=Sales": None, "ou=HR": None}
    people |= {"uid=ann,ou=EMEA,ou=Sales": None, "uid=bob,ou=HR": None, "uid=cid": None}
    company(
        shell,
        people,
        departments=[{"source": "corp", "select": ["Sales"], "children": True, "role": "seller"}],
    )
    ann, bob, cid = (explained(shell, name) for name in ("ann", "bob", "cid"))
    assert ann["department"]["path"] == [f"ou=Sales,{BASE}", f"ou=EMEA,ou=Sales,{BASE}"]
    assert ann["department"]["rule"] == "departments[0].children"
    assert [(one["role"], one["matches"]) for one in ann["roles"]][-1] == ("seller", True)
    assert (bob["department"]["dn"], bob["department"]["why"]) == (
        "",
        f"no selected OU above; the nearest is ou=HR,{BASE}",
    )
    assert cid["department"]["why"] == "no OU above"
    assert not any(one["matches"] for one in bob["roles"])


def test_fields_and_what_they_lack(shell: Shell) -> None:
    users = {
        "require": ["email", "phone"],
        "attributes": [
            {"field": "phone", "value": "{{ telephoneNumber }}"},
            {"field": "badge", "value": "{{ employeeNumber | int + 'x' }}", "roles": ["boss"]},
        ],
    }
    company(
        shell,
        {"uid=ann": {"telephoneNumber": "1"}, "uid=bob": {"mail": None, "employeeNumber": "1"}},
        users,
        role_mappings=[{"role": "boss", "default": True}],
    )
    ann, bob = explained(shell, "ann"), explained(shell, "bob")
    fields = {one["field"]: one for one in bob["fields"]}
    assert (fields["username"]["value"], fields["email"]["value"]) == ("bob", None)
    assert fields["email"]["why"] == "absent: mail, userprincipalname"
    assert fields["phone"]["why"] == "absent: telephonenumber"
    assert fields["badge"]["why"].startswith("fails: ")
    assert fields["badge"]["roles"] == ["boss"]
    assert [one["passes"] for one in bob["rules"] if ".require[" in one["rule"]] == [False, False]
    assert [one["passes"] for one in ann["rules"] if ".require[" in one["rule"]] == [True, True]
    assert standing(bob)["code"] == "skipped"
    assert [skip["code"] for skip in standing(bob)["skips"]] == ["missing_field"]


def test_disabled_by_each_rule(shell: Shell) -> None:
    people = {
        "ou=Leavers": None,
        "uid=ann,ou=Leavers": {"employeeType": "gone", "pwdAccountLockedTime": "000001010000Z"},
        "uid=bob": None,
    }
    users = {
        "inactive_ous": ["x", "ou=Leavers"],
        "disabled_when": "{{ employeeType | default('no') }}",
    }
    company(shell, people, users)
    ann, bob = explained(shell, "ann"), explained(shell, "bob")
    assert (
        rule(ann, "directory")["why"]
        == "disabled in the directory: pwdaccountlockedtime 000001010000Z"
    )
    assert (rule(ann, "inactive_ous")["rule"], rule(ann, "inactive_ous")["why"]) == (
        "sources[0].users.inactive_ous[1]",
        f"below ou=Leavers,{BASE}",
    )
    assert rule(ann, "disabled_when")["why"] == "{{ employeeType | default('no') }} gives 'gone'"
    assert not any(
        rule(ann, name)["passes"] for name in ("directory", "inactive_ous", "disabled_when")
    )
    assert all(one["passes"] for one in bob["rules"])
    assert standing(ann)["why"] == "the next apply creates the user; disabled in the directory"


def test_a_username_that_two_claim(shell: Shell) -> None:
    company(shell, {"uid=ann": None, "uid=bob": None}, {"fields": {"username": "same"}})
    ann, bob = explained(shell, "same", people=2)
    assert standing(ann)["why"] == (
        "cannot be synchronised: duplicate_username: "
        f"claimed by 'uid=ann,{BASE}' and 'uid=bob,{BASE}'"
    )  # fmt: skip
    assert standing(bob)["code"] == "skipped"
    out, _ = shell.run("explain", "same")
    assert out.startswith("same means 2 people.\n")


def test_managers(shell: Shell) -> None:
    people = {
        "uid=ann": {"manager": "uid=bob"},
        "uid=bob": None,
        "uid=cid": {"manager": "uid=gone"},
    }
    company(shell, people, {"manager_attribute": "manager"})
    ann, bob, cid = (explained(shell, name) for name in ("ann", "bob", "cid"))
    assert (ann["manager"]["found"], standing(ann)["manager"]) == (True, "bob")
    assert bob["manager"]["why"] == "the directory names none"
    assert (cid["manager"]["found"], standing(cid)["manager"]) == (False, "")
    company(shell, people)
    assert explained(shell, "ann")["manager"] is None


@pytest.mark.parametrize(
    ("users", "rule_", "why"),
    [
        ({"filter": "(sn=B*)"}, "filter", "(sn=B*) does not match it"),
        ({"base": "ou=Sales"}, "base", f"it is not below ou=Sales,{BASE}"),
        ({"scope": "one"}, "scope", f"it is not directly below {BASE}"),
    ],
)
@pytest.mark.parametrize("name", ["ann", "ann@example.com", "id-ann", f"uid=ann,ou=HR,{BASE}"])
def test_an_entry_that_the_rules_do_not_find(
    shell: Shell, users: dict[str, Any], rule_: str, why: str, name: str
) -> None:
    company(shell, {"ou=Sales": None, "ou=HR": None, "uid=ann,ou=HR": None}, users)
    out, _ = shell.run("explain", name, "--format", "json")
    found = json.loads(out)
    (stray,) = found["sources"][0]["strays"]
    assert (stray["dn"], stray["rule"], stray["why"]) == (
        f"uid=ann,ou=HR,{BASE}",
        f"sources[0].users.{rule_}",
        why,
    )
    (ann,) = found["people"]
    assert (ann["in_directory"], ann["rules"], standing(ann)["code"]) == (False, [], "out")
    out, _ = shell.run("explain", name)
    assert f"but users.{rule_}: {why}" in out


def test_users_who_left_in_each_way(shell: Shell) -> None:
    everybody: dict[str, Any] = {"uid=ann": None, "uid=bob": None, "uid=cid": None}
    company(shell, everybody)
    shell.run("apply", "--yes")
    company(shell, {"uid=bob": None, "uid=cid": {"sn": "Other"}}, {"filter": "(!(sn=Other))"})
    ann, cid = explained(shell, "ann"), explained(shell, "cid")
    assert (standing(ann)["code"], ann["in_directory"], actions(ann)) == (
        "missing",
        False,
        ["user block ann"],
    )
    assert (standing(cid)["code"], actions(cid)) == ("out_of_scope", ["user deactivate cid"])
    assert ann["matched"] == ["username on the platform"]
    shell.run("apply", "--yes")
    held = standing(explained(shell, "ann"))["user"]
    assert (held["status"], held["status_why"]) == ("blocked", "set by corp, because: missing")
    company(shell, everybody, {"create": "selected"})
    bob = explained(shell, "bob")
    assert (standing(bob)["code"], bob["in_directory"]) == ("out_of_scope", True)
    assert standing(bob)["why"].endswith(
        "users.create: selected: no pattern of select names the person"
    )
    shell.desired(sources=[])
    assert standing(explained(shell, "bob"))["code"] == "source_removed"
    out, _ = shell.run("explain", "bob")
    assert out.startswith(
        "bob (active): source corp is no longer declared (lifecycle.on_source_removed: block)\n"
    )


def test_a_grace_period(shell: Shell) -> None:
    company(shell, {"uid=ann": None, "uid=bob": None})
    shell.run("apply", "--yes")
    lifecycle = {"on_missing": {"action": "deactivate", "after": "30d", "then": "erase"}}
    company(shell, {"uid=bob": None}, lifecycle=lifecycle)
    assert standing(explained(shell, "ann"))["grace"] == {
        "cause": "missing",
        "since": "",
        "due": "",
        "then": "erase",
    }
    shell.run("apply", "--yes")
    shell.sql("update users set departed_at = '2026-01-01T00:00:00Z' where username = 'ann'")
    grace = standing(explained(shell, "ann"))["grace"]
    assert (grace["since"][:10], grace["due"][:10], grace["then"]) == (
        "2026-01-01",
        "2026-01-31",
        "erase",
    )
    company(shell, {"uid=ann": None, "uid=bob": None}, lifecycle=lifecycle)
    assert standing(explained(shell, "ann"))["grace"] is None, "back within it"


def test_the_grace_period_of_a_disabled_person(shell: Shell) -> None:
    lifecycle = {"on_disabled": {"action": "block", "after": "30d", "then": "erase"}}
    people: dict[str, Any] = {"uid=ann": None, "uid=bob": None}
    company(shell, people, lifecycle=lifecycle)
    shell.run("apply", "--yes")
    people["uid=ann"] = {"pwdAccountLockedTime": "000001010000Z"}
    company(shell, people, lifecycle=lifecycle)
    grace = {"cause": "disabled", "since": "", "due": "", "then": "erase"}
    assert standing(explained(shell, "ann"))["grace"] == grace
    shell.run("apply", "--yes")
    shell.sql("update users set departed_at = '2099-01-01T00:00:00Z' where username = 'ann'")
    times = {"since": "2099-01-01T00:00:00Z", "due": "2099-01-31T00:00:00Z"}
    assert standing(explained(shell, "ann"))["grace"] == grace | times
    assert "disabled since 2099-01-01T00:00:00Z; due" in shell.run("explain", "ann")[0]
    shell.sql("update users set departed_at = '2026-01-01T00:00:00Z' where username = 'ann'")
    ended = standing(explained(shell, "ann"))
    assert (ended["code"], actions({"workspaces": [ended]})) == ("disabled", ["user erase ann"])
    assert ended["why"] == "disabled in corp (lifecycle.on_disabled: erase)"


def test_members_of_groups_by_the_way_that_leads_there(shell: Shell) -> None:
    company(shell, NESTED, {"create": {"groups": ["a"]}})
    ann, bob = explained(shell, "ann"), explained(shell, "bob")
    assert (rule(ann, "create")["why"], rule(ann, "create")["path"]) == ("member of a", WAY)
    assert rule(bob, "create")["why"] == "in none of a"
    assert standing(bob)["why"] == "left out by users.create.groups: in none of a"


def test_accounts_of_the_platform_alone(shell: Shell) -> None:
    company(shell, {"uid=ann": None, "uid=bob": None}, lifecycle={"on_missing": "erase"})
    shell.run("apply", "--yes")
    shell.sql(
        "update users set source_id = null, status = 'blocked', status_origin = null where username = 'bob'"
    )
    bob = explained(shell, "bob@example.com", people=2)
    assert {standing(one)["code"] for one in bob} == {"local", "skipped"}
    (local,) = [standing(one)["user"] for one in bob if standing(one)["code"] == "local"]
    assert local["status_why"] == "set by hand: a sync does not change it"
    rules: dict[str, Any] = {"lifecycle": {"on_missing": "erase", "adopt_local": "always"}}
    company(
        shell,
        {"uid=bob": None},
        **rules,
        safety={"limits": {"users_lost": "none"}, "shrink": "none"},
    )
    codes = ("users_lost:main/corp:1:all",)
    shell.run("plan", *(part for code in codes for part in ("--accept", code)), "--out", "the.plan")
    shell.run("apply", "the.plan", "--yes")
    (erased,) = shell.sql("select username from users where status = 'erased'")
    assert standing(explained(shell, erased[0]))["code"] == "erased"


def test_adopted_and_deleted_by_hand(shell: Shell) -> None:
    company(shell, {"uid=ann": None, "uid=bob": None})
    shell.run("apply", "--yes")
    shell.sql("delete from users where username = 'ann'")
    shell.sql(
        "update users set source_id = null, external_id = null, dn = null where username = 'bob'"
    )
    company(shell, {"uid=ann": None, "uid=bob": None}, lifecycle={"on_deleted": "ignore"})
    assert standing(explained(shell, "ann"))["code"] == "ignored"
    company(shell, {"uid=ann": None, "uid=bob": None}, lifecycle={"adopt_local": "always"})
    assert standing(explained(shell, "ann"))["code"] == "new"
    bob = explained(shell, "bob")
    assert standing(bob)["code"] == "adopts"
    assert "user adopt bob" in actions(bob)


def test_nobody(shell: Shell) -> None:
    company(
        shell,
        {"uid=jdoe": None, "cn=a": {"member": ["uid=egraves"]}},
        groups=[{"source": "corp", "select": ["a"]}],
    )
    out, err = shell.run("explain", "jdeo", code=1)
    assert out.startswith(
        "'jdeo' was not found in any source or on the platform.\n  corp: none of 1 persons ("
    )
    assert out.endswith("Did you mean jdoe?\n")
    assert err == ""
    found = json.loads(shell.run("explain", "egraves", "--format", "json", code=1)[0])
    assert found["people"] == []
    assert [skip["dn"] for skip in found["dangling"]] == [f"uid=egraves,{BASE}"]
    for nothing in ("", " ", "x" * 5000, "\udcff"):
        out, err = shell.run("explain", nothing, code=2)
        assert out == ""
        assert "USER" in err


def test_several_workspaces_and_sources(shell: Shell) -> None:
    other = SOURCE | {"name": "shop", "files": ["shop.ldif"], "users": {"create": "never"}}
    platform = DESIRED["platform"] | {"workspaces": ["main", "test"]}
    shell.company({"uid=ann": None}, platform=platform, sources=[SOURCE, other])
    (shell.folder / "shop.ldif").write_bytes((shell.folder / "corp.ldif").read_bytes())
    shell.run("apply", "--yes", "--workspace", "main")
    corp, shop = explained(shell, "ann", people=2)
    assert [(one["workspace"], one["code"]) for one in corp["workspaces"]] == [
        ("main", "follows"),
        ("test", "new"),
    ]
    assert [one["code"] for one in shop["workspaces"]] == ["out", "out"]
    assert (
        standing(explained(shell, "ann", "--source", "corp", "--workspace", "test"))["code"]
        == "new"
    )
    shop, user = explained(shell, "ann", "--source", "shop", "--workspace", "main", people=2)
    assert (standing(shop)["code"], standing(user)["code"], standing(user)["changes"]) == (
        "out",
        "not_read",
        [],
    )
    out, _ = shell.run("explain", "ann", "--source", "corp")
    assert "ann in workspace test: the next apply creates the user" in out
    assert "On the platform, workspace main\n  ann: active, set by corp" in out
    assert "declared are: corp, shop" in shell.run("explain", "ann", "--source", "crop", code=2)[1]


def test_what_a_preset_says(shell: Shell) -> None:
    source = {
        "name": "corp",
        "type": "ldif",
        "files": ["corp.ldif"],
        "base_dn": BASE,
        "users": {"create": "all"},
    }
    shell.company({"uid=ann": None}, preset="vmmanager", sources=[source])
    out, _ = shell.run("explain", "ann@example.com")
    assert (
        '  username    "ann@example.com" ← {{ identifier }}@{{ domain }}  # preset vmmanager\n'
        in out
    )


def test_what_would_command_a_terminal_is_written_out(shell: Shell) -> None:
    company(shell, {"uid=ann": {"sn": "\x1b[2Jx", "mail": "a\u202eb@example.com"}})
    out, _ = shell.run("explain", "ann")
    assert '"\\x1b[2Jx"' in out
    assert "a\\u202eb@example.com" in out
    out, _ = shell.run("explain", "no\x1b[2J", code=1)
    assert out.isprintable() or "\x1b" not in out


def test_a_log_file_holds_nobody(shell: Shell) -> None:
    company(
        shell, {"uid=ann": {"sn": "Secretive"}, "uid=bob": {"mail": None}}, {"require": ["email"]}
    )
    for name, code in (("ann", 0), ("bob", 0), ("nobody-here", 1)):
        shell.run("explain", name, "--log-file", "the.log", code=code)
    log = (shell.folder / "the.log").read_text(encoding="utf-8")
    assert log.count("explain begins") == 3
    assert not re.search(r"uid=|Secretive|bob|nobody-here|\bann\b", log), log


def test_a_source_that_cannot_be_read(shell: Shell) -> None:
    company(shell, {"uid=ann": None})
    (shell.folder / "corp.ldif").unlink()
    out, err = shell.run("explain", "ann", code=7)
    assert out == ""
    assert "cannot be read" in err


def test_the_documentation_shows_what_is_printed(shell: Shell) -> None:
    for name in ("reconcile.yml", "company.ldif", "company-month-2.ldif"):
        shutil.copy(TOP / "examples" / "quickstart" / name, shell.folder)
    shell.run("apply", "--yes")
    shutil.copy(shell.folder / "company-month-2.ldif", shell.folder / "company.ldif")
    text = (TOP / "docs" / "explain.md").read_text(encoding="utf-8")
    steps = re.findall(r"^\$ reconcile (.*)\n((?:(?!\$ |```).*\n)*)", text, re.MULTILINE)
    assert len(steps) == 6
    for command, promised in steps:
        out, _ = shell.run(*shlex.split(command), code=1 if " was not found" in promised else 0)
        pattern = "".join(
            r"(?:.*\n)*?" if line == "…\n" else re.escape(line).replace("…", ".*")
            for line in promised.splitlines(True)
        )
        assert re.fullmatch(pattern, out + "\n" if promised.endswith("\n…\n") else out), out


def test_the_documentation_has_every_key_and_code() -> None:
    text = (TOP / "docs" / "explain.md").read_text(encoding="utf-8").partition("## JSON")[2]
    structs = [
        one
        for one in vars(explanation).values()
        if isinstance(one, type) and issubclass(one, msgspec.Struct)
    ]
    keys = {
        key
        for one in structs
        if one.__module__ == explanation.__name__
        for key in one.__struct_fields__
    }
    assert len(keys) > 40
    for word in (*keys, *get_args(explanation.Code)):
        assert f"`{word}`" in text, word


def test_an_apply_that_the_guards_refuse(shell: Shell) -> None:
    company(shell, {f"uid=p{number}": None for number in range(8)})
    shell.run("apply", "--yes")
    company(shell, {"uid=p0": None})
    out, _ = shell.run("explain", "p5")
    assert "user p5: block" in out
    told = out.partition("The next apply does none of this: the guards refuse the full plan.\n")[2]
    assert told.startswith("  users_lost:main/corp:7: 7 of 8 users of corp would be lost")
    codes = {
        one["code"]
        for one in json.loads(shell.run("explain", "p5", "--format", "json")[0])["violations"]
    }
    assert "users_lost:main/corp:7" in codes
    assert {
        one["code"]
        for one in json.loads(shell.run("plan", "--format", "json", code=4)[0])["violations"]
    } == codes


def test_how_a_user_came_to_its_person(shell: Shell) -> None:
    company(shell, {"uid=ann": None, "uid=bob": None})
    shell.run("apply", "--yes")
    first = standing(explained(shell, "ann"))["tie"]
    assert (first["how"], first["at"][:2]) == ("as a new user: found in corp", "20")
    company(
        shell,
        {
            "uid=ann": {"entryUUID": "new-ann"},
            "uid=bob": {"entryUUID": "new-bob", "mail": "other@x.test"},
        },
    )
    shell.run("apply", "--yes")
    ann = standing(explained(shell, "ann"))["tie"]
    assert (
        ann["how"]
        == "relinked by DN and username and e-mail address: the directory's id was id-ann"
    )
    assert ann["run"] != first["run"]
    company(
        shell,
        {
            "uid=ann": {"entryUUID": "new-ann"},
            "uid=bob": {"entryUUID": "new-bob", "mail": "other@x.test"},
        },
        links=[{"user": "bob", "source": "corp", "person": "bob"}],
    )
    shell.run("apply", "--yes")
    bob = standing(explained(shell, "bob"))["tie"]
    assert re.fullmatch(
        r"linked by reconcile\.yml:\d+:\d+ to bob: the directory's id was id-bob", bob["how"]
    )
    out, _ = shell.run("explain", "bob")
    assert f"  tied        {bob['how']} (run {bob['run']}, {bob['at']})\n" in out
