"""`preset: processmaker` on real servers, by the commands a person types: each rule that ProcessMaker documents.

tests/processmaker_and_vmmanager.md names the tests rule by rule.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.forking import Execute
from tests.servers.life import Life
from tests.servers.samba import SUFFIX as DOMAIN
from tests.servers.samba import Samba, samba
from tests.servers.slapd import BASE, Slapd, slapd

pytestmark = pytest.mark.server

STATUSES = f"OU=Statuses,{DOMAIN}"
ACTIVE = {"512": "512", "544": "544", "66048": "66048", "66080": "66080"}
INACTIVE = {
    "514": "disabled",
    "546": "disabled",
    "66050": "disabled",
    "262656": "smart card",
    "590336": "delegation",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd"), BASE, lines=["overlay ppolicy"]) as running:
        yield running


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    steps: list[list[object]] = [["add", STATUSES, {"objectClass": "organizationalUnit"}]]
    for control in (*ACTIVE, *INACTIVE):
        values = {
            "objectClass": "user",
            "sAMAccountName": f"u{control}",
            "userAccountControl": control,
            "sn": "S",
        }
        steps.append(["add", f"CN=u{control},{STATUSES}", values])
    with samba(tmp_path_factory.mktemp("samba"), steps) as running:
        yield running


@pytest.fixture
def life(tmp_path: Path, server: Slapd, quick: Execute) -> Life:
    return Life(tmp_path, server, "processmaker", quick)


@pytest.fixture
def domain(tmp_path: Path, controller: Samba, quick: Execute) -> Life:
    return Life(tmp_path, controller, "processmaker", quick)


def test_groups_and_departments_are_there_at_once_even_when_empty(life: Life) -> None:
    life.add(
        {"ou=Sales": {}, "ou=Vacant": {}, "uid=ann,ou=Sales": {}, "uid=bob": {}, "uid=eve": {}}
    )
    life.add(
        {
            "cn=empty": {"objectClass": "posixGroup", "gidNumber": "1"},
            "cn=team": {"member": ["uid=bob"]},
        }
    )
    life.add({"cn=other": {"member": ["uid=eve"]}})
    life.rules(
        groups=[life.rule("empty", "team")], departments=[life.rule("ou=Sales", "ou=Vacant")]
    )
    life.apply()
    assert life.members() == {"empty": [], "team": ["bob"]}
    assert {path: row["members"] for path, row in life.rows("departments", "path").items()} == {
        "Sales": ["ann"],
        "Vacant": [],
    }
    assert life.users("department") == {"ann": "Sales", "bob": None}, (
        "who is in nothing that is selected is no user"
    )


def test_members_follow_the_directory_at_every_run(life: Life) -> None:
    life.add(
        {
            "ou=Sales": {},
            "ou=Ads": {},
            "uid=ann,ou=Sales": {},
            "uid=bob,ou=Sales": {},
            "uid=cid,ou=Ads": {},
        }
    )
    life.add({"cn=team": {"member": ["uid=ann,ou=Sales", "uid=bob,ou=Sales"]}})
    life.rules(groups=[life.rule("team")], departments=[life.rule("ou=Sales", "ou=Ads")])
    life.apply()
    life.change("cn=team", member=["uid=ann,ou=Sales", "uid=cid,ou=Ads"])
    life.move("uid=bob,ou=Sales", above="ou=Ads")
    life.change("uid=ann,ou=Sales", sn="Married")
    life.sql(
        "UPDATE users SET email = 'by hand' WHERE username = 'cid'",
        "INSERT INTO users (workspace_id, username) VALUES (1, 'dan')",
        "INSERT INTO memberships (user_id, group_id) SELECT u.id, g.id FROM users u, groups g WHERE username = 'dan'",
    )
    assert life.plan() == [
        "user ann update",
        "user bob update",
        "user cid update",
        "membership cid/team create",
        "membership bob/team delete",
        "membership dan/team delete",
    ]
    life.apply()
    assert life.members() == {"team": ["ann", "cid"]}, (
        "a group has the directory's members and no others"
    )
    users = life.rows("users")
    assert (users["bob"]["department"], users["ann"]["last_name"]) == ("Ads", "Married")
    assert users["cid"]["email"] == "cid@example.com"


def test_deselecting_takes_back_what_the_sync_assigned_and_leaves_the_rest(life: Life) -> None:
    life.add({"ou=Sales": {}, "uid=ann,ou=Sales": {}, "uid=bob,ou=Sales": {}})
    life.add(
        {"cn=team": {"member": ["uid=ann,ou=Sales"]}, "cn=crew": {"member": ["uid=ann,ou=Sales"]}}
    )
    groups, departments = [life.rule("team"), life.rule("crew")], [life.rule("ou=Sales")]
    life.rules(groups=groups, departments=departments)
    life.apply()
    life.local("dan")
    life.sql(
        "INSERT INTO memberships (user_id, group_id) SELECT u.id, g.id FROM users u, groups g "
        "WHERE username = 'dan' AND name = 'team'"
    )
    life.rules(groups=groups[1:], departments=departments)
    assert life.plan() == ["membership ann/team delete"]
    life.apply_loss()
    assert life.members() == {"crew": ["ann"], "team": ["dan"]}, (
        "the group stays, and who was put there by hand"
    )
    life.rules({"create": "all"}, groups=groups[1:])
    life.apply_loss()
    assert life.users("department") == {"ann": None, "bob": None, "dan": None}
    assert list(life.rows("departments", "path")) == ["Sales"]
    assert life.users() == {"ann": "active", "bob": "active", "dan": "active"}


def test_a_child_cannot_be_selected_without_its_parent(life: Life) -> None:
    life.add({"ou=Sales": {}, "ou=North,ou=Sales": {}, "uid=ann,ou=North,ou=Sales": {}})
    child = life.dn("ou=North,ou=Sales")
    life.rules(departments=[life.rule(child)])
    _, err = life.run("plan", code=2)
    assert "parent" in err
    assert life.dn("ou=Sales") in err
    life.rules(departments=[life.rule(child, parents=True)])
    life.apply()
    assert life.users("department") == {"ann": "Sales/North"}
    life.rules(departments=[life.rule("ou=Sales", children=True)])
    life.run("plan", "--check")


def test_members_are_found_in_every_way_and_anywhere_below_a_unit(life: Life) -> None:
    life.add({"ou=Sales": {}, "ou=Desk,ou=Sales": {}, "uid=deep,ou=Desk,ou=Sales": {}})
    life.add({"uid=bob": {}, "uid=dan": {}, "uid=eve": {}})
    life.add({"cn=band": {"member": ["uid=bob", "uid=ghost"]}, "uid=cid,cn=band": {}})
    life.add(
        {"cn=unix": {"objectClass": "posixGroup", "gidNumber": "1", "memberUid": ["dan", "deep"]}}
    )
    unique = {"objectClass": "groupOfUniqueNames", "uniqueMember": [life.dn("uid=eve")]}
    life.add({"cn=unique": unique})
    life.rules(groups=[life.rule("band", "unix", "unique")], departments=[life.rule("ou=Sales")])
    out = life.apply()
    assert life.members() == {"band": ["bob", "cid"], "unique": ["eve"], "unix": ["dan", "deep"]}
    assert life.users("department") == {
        "bob": None,
        "cid": None,
        "dan": None,
        "deep": "Sales",
        "eve": None,
    }
    assert f"! dangling_member: {life.dn('uid=ghost')}" in out, "who cannot be found is told"


def test_people_of_departments_are_operators_and_roles_of_users_stay(life: Life) -> None:
    life.add({"ou=Sales": {}, "uid=ann,ou=Sales": {}, "uid=bob": {}, "uid=cid": {}})
    life.add(
        {
            "cn=team": {"member": ["uid=bob", "uid=cid"]},
            "cn=bosses": {"member": ["uid=ann,ou=Sales", "uid=cid"]},
        }
    )
    mappings = [
        {"role": "manager", "groups": [life.dn("cn=bosses")]},
        {"role": "guest", "default": True},
    ]
    more = {"departments": [life.rule("ou=Sales")], "groups": [life.rule("team")]}
    life.rules(role_mappings=mappings, **more)
    life.apply()
    assert life.users("roles") == {"ann": ["operator"], "bob": ["guest"], "cid": ["manager"]}
    life.grant("bob", "administrator")
    life.change("cn=bosses", member=["uid=bob"])
    life.rules(role_mappings=[{"role": "clerk", "default": True}], **more)
    life.run("plan", "--check")
    assert life.users("roles") == {
        "ann": ["operator"],
        "bob": ["administrator"],
        "cid": ["manager"],
    }


def test_users_below_an_inactive_ou_are_inactive(life: Life) -> None:
    life.add(
        {
            "ou=Sales": {},
            "uid=ann,ou=Sales": {},
            "uid=bob,ou=Sales": {},
            "ou=Old": {},
            "ou=Leavers,ou=Old": {},
        }
    )
    life.rules({"inactive_ous": ["Leavers"]}, departments=[life.rule("ou=Sales")])
    life.apply()
    life.move("uid=ann,ou=Sales", above="ou=Leavers,ou=Old")
    assert life.plan() == ["user ann deactivate"]
    life.apply()
    assert life.users() == {"ann": "inactive", "bob": "active"}
    assert "may not log in" in life.login("ann", code=1)
    life.move("uid=ann,ou=Leavers,ou=Old", above="ou=Sales")
    life.apply()
    assert life.users() == {"ann": "active", "bob": "active"}, "and back: no inactivity is for ever"
    life.move("uid=ann,ou=Sales", above="ou=Leavers,ou=Old")
    life.apply()
    life.delete("uid=ann,ou=Leavers,ou=Old")
    assert "user ann erase" in life.plan(), "who was inactive before is erased like others"


def test_the_status_table_row_by_row(domain: Life) -> None:
    users = {"base": STATUSES, "create": "all"}
    domain.rules(users)
    domain.apply()
    expected = {f"u{control}": "active" for control in ACTIVE} | {
        f"u{control}": "inactive" for control in INACTIVE
    }
    assert domain.users() == expected, (
        "512, 544, 66048 and 66080 are active, everything else is not"
    )
    rows = [
        ("u512", "active", "active"),
        ("u544", "inactive", "active"),
        ("u66048", "vacation", "vacation"),
        ("u514", "active", "inactive"),
        ("u546", "inactive", "inactive"),
        ("u66050", "vacation", "inactive"),
    ]
    for name, by_hand, _ in rows:
        domain.sql(
            f"UPDATE users SET status = '{by_hand}', status_origin = NULL WHERE username = '{name}'"
        )
    domain.apply()
    assert domain.users() == expected | {name: after for name, _, after in rows}
    domain.change(f"CN=u262656,{STATUSES}", userAccountControl="544")
    domain.apply()
    assert domain.users()["u262656"] == "active", "an inactive user becomes active again"


def test_managers_come_from_active_directory_and_go_with_it(domain: Life) -> None:
    domain.add({"OU=Sales": {}, "CN=pm-boss,OU=Sales": {}})
    for name in ("pm-one", "pm-two"):
        domain.add({f"CN={name},OU=Sales": {"manager": "CN=pm-boss,OU=Sales"}})
    domain.rules(departments=[domain.rule("OU=Sales")])
    domain.apply()
    assert domain.users("manager") == {"pm-boss": None, "pm-one": "pm-boss", "pm-two": "pm-boss"}
    domain.sql(
        "INSERT INTO responsibilities (user_id, kind, reference, relation) "
        "SELECT id, 'department', 'Sales', 'supervisor' FROM users WHERE username = 'pm-two'"
    )
    domain.change("CN=pm-one,OU=Sales", manager=None)
    assert domain.plan() == ["user pm-one update"]
    domain.apply()
    domain.delete("CN=pm-boss,OU=Sales")
    domain.apply()
    managers = domain.users("manager")
    assert (managers["pm-one"], managers["pm-two"]) == (None, None), (
        "cleared when the manager is gone"
    )
    supervisors = "SELECT username FROM responsibilities JOIN users ON users.id = user_id WHERE relation = 'supervisor'"
    assert domain.sql(supervisors) == [("pm-two",)], (
        "a sync makes no supervisor and takes none away"
    )


def test_managers_of_other_directories_are_left_alone_unless_asked_for(life: Life) -> None:
    life.add({"uid=ann": {}, "uid=bob": {"manager": "uid=ann"}})
    life.rules({"create": "all"})
    life.apply()
    assert life.users("manager") == {"ann": None, "bob": None}
    life.rules({"create": "all", "manager_attribute": "manager"})
    life.apply()
    assert life.users("manager") == {"ann": None, "bob": "ann"}


def test_nested_groups_are_no_reason_to_lose_anybody(domain: Life) -> None:
    group = {"objectClass": "group"}
    domain.add({"CN=pm-in": {}, "CN=pm-out": {}, "CN=inner": group | {"sAMAccountName": "inner"}})
    domain.add({"CN=outer": group | {"sAMAccountName": "outer"}})
    domain.change("CN=inner", member=["CN=pm-in", "CN=outer"])
    domain.change("CN=outer", member=["CN=inner", "CN=pm-out"])
    domain.rules(groups=[domain.rule("outer")])
    domain.apply()
    assert domain.members() == {"outer": ["pm-in", "pm-out"]}, (
        "the members of its groups are members, in a circle too"
    )
    domain.rules(groups=[domain.rule("inner", "outer", nested="keep")])
    domain.apply()
    groups = domain.rows("groups", "name")
    assert (groups["outer"]["member_groups"], groups["inner"]["member_groups"]) == (
        ["inner"],
        ["outer"],
    )


MARKS = ("MarkLogin", "MarkFirst", "MarkLast", "MarkMail", "MarkPhone")


def test_removed_users_are_erased_and_their_things_handed_on(life: Life) -> None:
    login, first, last, mail, phone = MARKS
    life.add({"ou=Sales": {}, "uid=ann,ou=Sales": {"manager": f"uid={login},ou=Sales"}})
    person = {
        "givenName": first,
        "sn": last,
        "mail": f"{mail}@example.com",
        "telephoneNumber": phone,
    }
    life.add(
        {
            f"uid={login},ou=Sales": person,
            "cn=team": {"member": [f"uid={login},ou=Sales", "uid=ann,ou=Sales"]},
        }
    )
    users = {
        "attributes": [{"field": "phone", "value": "{{ telephoneNumber }}"}],
        "manager_attribute": "manager",
        "exclude": ["admin"],
    }
    life.rules(users, departments=[life.rule("ou=Sales")], groups=[life.rule("team")])
    life.apply("--log-file", "run.log")
    assert life.users("manager")["ann"] == login
    unique = life.sql(f"SELECT id, external_id FROM users WHERE username = '{login}'")[0]
    life.local("admin")
    for relation in ("open_work", "owner", "permission", "supervisor"):
        life.sql(
            "INSERT INTO responsibilities (user_id, kind, reference, relation) "
            f"SELECT id, 'process', 'of {relation}', '{relation}' FROM users WHERE username = '{login}'"
        )
    life.delete(f"uid={login},ou=Sales")
    assert "user MarkLogin erase" in life.plan()
    out = life.apply("--log-file", "run.log")
    assert "erased" in out
    kept = "SELECT username, relation FROM responsibilities JOIN users ON users.id = user_id ORDER BY 2"
    assert life.sql(kept) == [("unknown", "open_work"), ("admin", "owner")], (
        "permissions and posts are gone"
    )
    fields = "username, status, first_name, last_name, email, dn, external_id, attributes, department_id, manager_id"
    assert life.sql(f"SELECT {fields} FROM users WHERE id = {unique[0]}") == [
        (f"erased-{unique[0]}", "erased", "unknown", "unknown", "", None, None, "{}", None, None)
    ]
    assert life.sql(f"SELECT count(*) FROM memberships WHERE user_id = {unique[0]}") == [(0,)]
    assert life.sql(f"SELECT count(*) FROM grants WHERE user_id = {unique[0]}") == [(0,)]
    assert life.users("manager")["ann"] is None
    for file in life.folder.iterdir():
        content = file.read_bytes().lower()
        found = [mark for mark in (*MARKS, unique[1]) if mark.lower().encode() in content]
        assert found == [], f"nothing personal is left in {file.name}"
    assert "Done: " in (life.folder / "run.log").read_text(encoding="utf-8")
    life.add({f"uid={login},ou=Sales": {}})
    life.apply()
    assert life.users()[login] == "active", "the login is free for somebody else"


def test_who_is_renamed_or_moved_is_not_erased(life: Life) -> None:
    life.add(
        {
            "ou=Sales": {},
            "ou=Ads": {},
            "uid=ann,ou=Sales": {},
            "uid=bob,ou=Sales": {},
            "uid=cid,ou=Sales": {},
        }
    )
    life.rules(departments=[life.rule("ou=Sales", "ou=Ads")])
    life.apply()
    ids = dict(life.sql("SELECT id, external_id FROM users"))
    life.move("uid=ann,ou=Sales", rdn="uid=anna")
    life.move("uid=bob,ou=Sales", rdn="uid=BOB")
    life.move("uid=cid,ou=Sales", above="ou=Ads")
    assert life.plan() == ["user ann update", "user bob update", "user cid update"]
    life.apply()
    assert dict(life.sql("SELECT id, external_id FROM users")) == ids
    assert life.users("department") == {"anna": "Sales", "BOB": "Sales", "cid": "Ads"}


def test_a_base_that_is_not_there_erases_nobody(life: Life) -> None:
    life.add({"ou=Sales": {}, "uid=ann,ou=Sales": {}, "uid=bob,ou=Sales": {}})
    life.rules(departments=[life.rule("ou=Sales")])
    life.apply()
    life.rules(settings={"base_dn": life.dn("ou=Typo")})
    life.refuses("does not exist", life.dn("ou=Typo"))
    life.rules({"base": "ou=Typo"}, departments=[life.rule("ou=Sales")])
    life.refuses("does not exist", life.dn("ou=Typo"))
    broken = life.source(name="typo", base_dn=life.dn("ou=Typo"))
    life.rules(sources=[life.source(), broken], departments=[life.rule("ou=Sales")])
    life.refuses("typo", "does not exist")
    life.change("uid=ann,ou=Sales", sn="Married")
    assert "1 applied" in life.run("apply", "--yes", "--source", "corp")[0], (
        "the others can be run by name"
    )


def test_an_empty_base_erases_nobody(life: Life) -> None:
    life.add({"ou=Moved": {}, "ou=People": {}, "uid=ann,ou=People": {}, "uid=bob,ou=People": {}})
    life.rules({"create": "all"}, {"base_dn": life.dn("ou=People")})
    life.apply()
    before = life.platform
    life.rules({"create": "all"}, {"base_dn": life.dn("ou=Moved")})
    out, _ = life.run("plan", code=4)
    assert "user ann: erase" in out
    assert "users_lost" in out
    life.run("apply", "--yes", code=4)
    assert life.platform == before


def test_attributes_go_to_the_roles_they_are_for_from_any_directory(life: Life) -> None:
    life.add(
        {
            "uid=ann": {"telephoneNumber": "1", "title": "T"},
            "uid=bob": {"telephoneNumber": "2", "title": "T"},
        }
    )
    life.add({"cn=bosses": {"member": ["uid=ann"]}})
    attributes = [
        {"field": "phone", "value": "{{ telephoneNumber }}"},
        {"field": "title", "value": "{{ title }}", "roles": ["manager"]},
    ]
    mappings = [
        {"role": "manager", "groups": [life.dn("cn=bosses")]},
        {"role": "operator", "default": True},
    ]
    life.rules({"create": "all", "attributes": attributes}, role_mappings=mappings)
    life.apply()
    assert life.users("attributes") == {"ann": {"phone": "1", "title": "T"}, "bob": {"phone": "2"}}
    life.change("uid=bob", telephoneNumber="3")
    life.change("uid=ann", telephoneNumber=None)
    life.apply()
    attributes_now = life.users("attributes")
    assert attributes_now["bob"] == {"phone": "3"}
    assert attributes_now["ann"]["phone"] == "1", "what is absent in the directory blanks nothing"
    life.rules({"create": "all"}, role_mappings=mappings)
    life.run("plan", "--check")


def test_a_source_that_is_deleted_leaves_its_users_out_of_service(life: Life) -> None:
    life.add({"uid=ann": {}})
    life.rules({"create": "all"})
    life.apply()
    life.local("dan")
    life.rules({"create": "all"}, sources=[])
    assert life.plan() == ["user ann deactivate"]
    life.apply_loss()
    assert life.users() == {"ann": "inactive", "dan": "active"}
