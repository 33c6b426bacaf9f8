"""`preset: processmaker` on real servers, by the commands a person types: each rule that ProcessMaker documents.

docs/seeds.md names the tests rule by rule.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.servers.forking import Execute
from tests.servers.life import Life
from tests.servers.samba import SUFFIX as DOMAIN
from tests.servers.samba import Samba, samba
from tests.servers.slapd import BASE, Slapd, slapd

pytestmark = pytest.mark.server

STATUSES = f"OU=Statuses,{DOMAIN}"
ACTIVE = {"512": "512", "544": "544", "66048": "66048", "66080": "66080"}
INACTIVE = {"514": "disabled", "546": "disabled", "66050": "disabled", "262656": "smart card", "590336": "delegation"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd"), BASE, lines=["overlay ppolicy"]) as running:
        yield running


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    steps: list[list[object]] = [["add", STATUSES, {"objectClass": "organizationalUnit"}]]
    for control in (*ACTIVE, *INACTIVE):
        values = {"objectClass": "user", "sAMAccountName": f"u{control}", "userAccountControl": control, "sn": "S"}
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
    life.add({"ou=Sales": {}, "ou=Vacant": {}, "uid=ann,ou=Sales": {}, "uid=bob": {}, "uid=eve": {}})
    life.add({"cn=empty": {"objectClass": "posixGroup", "gidNumber": "1"}, "cn=team": {"member": ["uid=bob"]}})
    life.add({"cn=other": {"member": ["uid=eve"]}})
    life.rules(groups=[life.rule("empty", "team")], departments=[life.rule("ou=Sales", "ou=Vacant")])
    life.apply()
    assert life.members() == {"empty": [], "team": ["bob"]}
    assert {path: row["members"] for path, row in life.rows("departments", "path").items()} == {
        "Sales": ["ann"],
        "Vacant": [],
    }
    assert life.users("department") == {"ann": "Sales", "bob": None}, "who is in nothing that is selected is no user"


def test_members_follow_the_directory_at_every_run(life: Life) -> None:
    life.add({"ou=Sales": {}, "ou=Ads": {}, "uid=ann,ou=Sales": {}, "uid=bob,ou=Sales": {}, "uid=cid,ou=Ads": {}})
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
    assert life.members() == {"team": ["ann", "cid"]}, "a group has the directory's members and no others"
    users = life.rows("users")
    assert (users["bob"]["department"], users["ann"]["last_name"]) == ("Ads", "Married")
    assert users["cid"]["email"] == "cid@example.com"


def test_deselecting_takes_back_what_the_sync_assigned_and_leaves_the_rest(life: Life) -> None:
    life.add({"ou=Sales": {}, "uid=ann,ou=Sales": {}, "uid=bob,ou=Sales": {}})
    life.add({"cn=team": {"member": ["uid=ann,ou=Sales"]}, "cn=crew": {"member": ["uid=ann,ou=Sales"]}})
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
    assert life.members() == {"crew": ["ann"], "team": ["dan"]}, "the group stays, and who was put there by hand"
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
    life.add({"cn=unix": {"objectClass": "posixGroup", "gidNumber": "1", "memberUid": ["dan", "deep"]}})
    unique = {"objectClass": "groupOfUniqueNames", "uniqueMember": [life.dn("uid=eve")]}
    life.add({"cn=unique": unique})
    life.rules(groups=[life.rule("band", "unix", "unique")], departments=[life.rule("ou=Sales")])
    out = life.apply()
    assert life.members() == {"band": ["bob", "cid"], "unique": ["eve"], "unix": ["dan", "deep"]}
    assert life.users("department") == {"bob": None, "cid": None, "dan": None, "deep": "Sales", "eve": None}
    assert f"! dangling_member: {life.dn('uid=ghost')}" in out, "who cannot be found is told"


def test_people_of_departments_are_operators_and_roles_of_users_stay(life: Life) -> None:
    life.add({"ou=Sales": {}, "uid=ann,ou=Sales": {}, "uid=bob": {}, "uid=cid": {}})
    life.add({"cn=team": {"member": ["uid=bob", "uid=cid"]}, "cn=bosses": {"member": ["uid=ann,ou=Sales", "uid=cid"]}})
    mappings = [{"role": "manager", "groups": [life.dn("cn=bosses")]}, {"role": "guest", "default": True}]
    more = {"departments": [life.rule("ou=Sales")], "groups": [life.rule("team")]}
    life.rules(role_mappings=mappings, **more)
    life.apply()
    assert life.users("roles") == {"ann": ["operator"], "bob": ["guest"], "cid": ["manager"]}
    life.grant("bob", "administrator")
    life.change("cn=bosses", member=["uid=bob"])
    life.rules(role_mappings=[{"role": "clerk", "default": True}], **more)
    life.run("plan", "--check")
    assert life.users("roles") == {"ann": ["operator"], "bob": ["administrator"], "cid": ["manager"]}


def test_users_below_an_inactive_ou_are_inactive(life: Life) -> None:
    life.add({"ou=Sales": {}, "uid=ann,ou=Sales": {}, "uid=bob,ou=Sales": {}, "ou=Old": {}, "ou=Leavers,ou=Old": {}})
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
    expected = {f"u{control}": "active" for control in ACTIVE} | {f"u{control}": "inactive" for control in INACTIVE}
    assert domain.users() == expected, "512, 544, 66048 and 66080 are active, everything else is not"
    rows = [
        ("u512", "active", "active"),
        ("u544", "inactive", "active"),
        ("u66048", "vacation", "vacation"),
        ("u514", "active", "inactive"),
        ("u546", "inactive", "inactive"),
        ("u66050", "vacation", "inactive"),
    ]
    for name, by_hand, _ in rows:
        domain.sql(f"UPDATE users SET status = '{by_hand}', status_origin = NULL WHERE username = '{name}'")
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
    assert (managers["pm-one"], managers["pm-two"]) == (None, None), "cleared when the manager is gone"
    supervisors = "SELECT username FROM responsibilities JOIN users ON users.id = user_id WHERE relation = 'supervisor'"
    assert domain.sql(supervisors) == [("pm-two",)], "a sync makes no supervisor and takes none away"


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
    assert domain.members() == {"outer": ["pm-in", "pm-out"]}, "the members of its groups are members, in a circle too"
    domain.rules(groups=[domain.rule("inner", "outer", nested="keep")])
    domain.apply()
    groups = domain.rows("groups", "name")
    assert (groups["outer"]["member_groups"], groups["inner"]["member_groups"]) == (["inner"], ["outer"])


MARKS = ("MarkLogin", "MarkFirst", "MarkLast", "MarkMail", "MarkPhone")


def test_removed_users_are_erased_and_their_things_handed_on(life: Life) -> None:
    login, first, last, mail, phone = MARKS
    life.add({"ou=Sales": {}, "uid=ann,ou=Sales": {"manager": f"uid={login},ou=Sales"}})
    person = {"givenName": first, "sn": last, "mail": f"{mail}@example.com", "telephoneNumber": phone}
    life.add({f"uid={login},ou=Sales": person, "cn=team": {"member": [f"uid={login},ou=Sales", "uid=ann,ou=Sales"]}})
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
    assert life.sql(kept) == [("unknown", "open_work"), ("admin", "owner")], "permissions and posts are gone"
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
    life.add({"ou=Sales": {}, "ou=Ads": {}, "uid=ann,ou=Sales": {}, "uid=bob,ou=Sales": {}, "uid=cid,ou=Sales": {}})
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
    assert "1 applied" in life.run("apply", "--yes", "--source", "corp")[0], "the others can be run by name"


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


def test_passwords_stay_in_the_directory(life: Life) -> None:
    life.add({"uid=ann": {}})
    life.rules({"create": "all"})
    life.apply()
    life.local("dan", password_hash="x")
    with pytest.raises(sqlite3.IntegrityError, match="users_password"):
        life.sql("UPDATE users SET password_hash = 'x' WHERE username = 'ann'")
    assert "ann is logged in to main: by corp" in life.login("ann")
    life.change("uid=ann", userPassword="another-One-2")
    assert life.login("ann", code=1) == "login failed"
    assert "ann is logged in" in life.login("ann", password="another-One-2")
    assert "is an account of the platform itself, of no directory" in life.login("dan", code=1)
    sources = life.users("source")
    assert (sources["ann"], sources["dan"]) == ("corp", None), "the list of users says whose password it is"
    assert b"another-One-2" not in life.platform


def test_the_first_login_registers_where_that_is_allowed(life: Life) -> None:
    life.add({"ou=Sales": {}, "uid=ann,ou=Sales": {}, "uid=bob": {}})
    department = [life.rule("ou=Sales")]
    life.rules({"create": "never"}, departments=department)
    assert life.login("ann", code=1) == "ann may not log in: there is no account, and none is made"
    life.rules({"create": "never"}, {"register_on_login": True}, departments=department)
    assert life.login("ann") == "ann is logged in to main: by corp, with the role operator, registered."
    assert life.login("ann") == "ann is logged in to main: by corp, with the role operator, up to date."
    assert life.login("bob").endswith("registered.")
    life.run("plan", "--check")
    assert life.users("department") == {"ann": "Sales", "bob": None}


def test_counts_and_impossible_users_by_name_and_why(life: Life) -> None:
    people = ("ann", "liliana", "fernando", "eric", "gone")
    life.add({"ou=Sales": {}} | {f"uid={name},ou=Sales": {} for name in people})
    life.rules({"exclude": ["liliana", "fernando", "eric"]}, departments=[life.rule("ou=Sales")])
    life.apply()
    for name in ("liliana", "fernando", "eric"):
        life.local(name)
    life.change("uid=ann,ou=Sales", sn="Married")
    life.delete("uid=gone,ou=Sales")
    life.add({"uid=new,ou=Sales": {}})
    life.rules(departments=[life.rule("ou=Sales")])
    out = life.apply()
    table = out.partition("Done: 5 applied")[2].splitlines()
    assert table[1].split() == ["corp", "existing", "created", "updated", "erased", "removed", "impossible"]
    assert table[2].split() == ["users", "1", "1", "1", "3"], "created, updated, erased, impossible"
    for name in ("liliana", "fernando", "eric"):
        assert f"! exists_locally: {name} ({life.dn(f'uid={name},ou=Sales')}): the platform has a local '{name}'" in out
    assert "exists_locally" in life.run("explain", "eric")[0]


def test_searching_finds_by_name_login_mail_and_dn(life: Life) -> None:
    life.add({"uid=jo": {"givenName": "Jon", "sn": "Norris"}, "uid=x1": {"sn": "Joneson"}, "ou=jobs": {}})
    life.add({"uid=x2": {"mail": "JOHN@example.com"}, "uid=x3,ou=jobs": {"sn": "Nobody"}, "uid=dan": {}})
    life.rules({"create": "selected", "select": ["jo"]})
    life.apply()
    life.local("dan")

    def found(keyword: str) -> dict[str, str]:
        rows = json.loads(life.run("search", "corp", keyword, "--format", "json")[0])
        return {row["username"]: row["status"] for row in rows}

    other = "NOT IMPORTED"
    assert found("jo*n") == {"jo": "IMPORTED", "x1": other, "x2": other, "x3": other}
    assert found("john@EXAMPLE") == {"x2": other}
    assert found("ou=jobs") == {"x3": other}
    assert found("*") == {"jo": "IMPORTED", "x1": other, "x2": other, "x3": other, "dan": "CANNOT IMPORT"}
    out, _ = life.run("search", "corp", "jon norris", "--format", "csv")
    assert out.splitlines()[0] == "username,first_name,last_name,email,dn,status,why"
    assert out.splitlines()[1].startswith("jo,Jon,Norris,jo@example.com,")


def test_a_workspace_can_be_named(life: Life) -> None:
    life.add({"uid=ann": {}})
    life.rules({"create": "all"}, platform={"type": "sql", "url": "sqlite:///platform.db", "workspaces": ["a", "b"]})
    held = "SELECT name FROM users JOIN workspaces w ON w.id = workspace_id ORDER BY name"
    life.run("apply", "--yes", "--workspace", "b")
    assert life.sql(held) == [("b",)]
    life.apply()
    assert life.sql(held) == [("a",), ("b",)], "without the option all of them"


HOLDS = """
import sys, time
from reconcile.model import desired
from reconcile.platforms.sql import SqlPlatform
from reconcile.ports import Holder
import os, platform
class Url:
    def reveal(self): return "sqlite:///platform.db"
with SqlPlatform(desired.Platform("sql", Url(), folder=".")).lock(
    ["main"], Holder("kim", platform.node(), os.getpid(), "2026-01-01T00:00:00Z")):
    print("held", flush=True)
    time.sleep(120)
"""


def test_one_run_at_a_time_and_force_takes_over_from_a_dead_one_only(life: Life) -> None:
    life.add({"uid=ann": {}})
    life.rules({"create": "all"})
    life.apply()
    life.add({"uid=bob": {}})
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.defpath}
    command = [sys.executable, "-c", HOLDS]
    with subprocess.Popen(command, cwd=life.folder, env=environment, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        for arguments in (["apply", "--yes"], ["apply", "--yes", "--force"]):
            _, err = life.run(*arguments, code=8)
            assert "kim" in err
            assert str(first.pid) in err
        first.send_signal(signal.SIGKILL)
    _, err = life.run("apply", "--yes", code=8)
    assert "--force" in err
    assert life.users() == {"ann": "active"}
    life.apply("--force")
    assert life.users() == {"ann": "active", "bob": "active"}


def test_the_log_file_has_more_where_more_is_asked_for(life: Life) -> None:
    life.add({"uid=MarkLogin": {}})
    life.rules({"create": "all"})
    life.run("plan", "--log-file", "brief.log")
    life.run("plan", "-v", "--log-file", "long.log", "--log-file-size", "1KiB", "--log-file-count", "2")
    brief = (life.folder / "brief.log").read_text(encoding="utf-8")
    assert "source corp: 1 persons" in brief
    assert "MarkLogin" not in brief
    long = "".join(file.read_text(encoding="utf-8") for file in life.folder.glob("long.log*"))
    assert "ldapsearch" in long
    assert life.password not in long


def flat(life: Life) -> dict[str, object]:
    return {
        "AUTH_SOURCE_UID": "",
        "AUTH_SOURCE_NAME": "corp",
        "AUTH_SOURCE_PROVIDER": "ldapAdvanced",
        "AUTH_SOURCE_SERVER_NAME": "127.0.0.1",
        "AUTH_SOURCE_PORT": str(life.server.port),
        "AUTH_SOURCE_ENABLED_TLS": "0",
        "AUTH_ANONYMOUS": "0",
        "AUTH_SOURCE_BASE_DN": life.root,
        "AUTH_SOURCE_SEARCH_USER": life.server.admin,
        "LDAP_TYPE": "ldap",
        "AUTH_SOURCE_AUTO_REGISTER": "1",
        "AUTH_SOURCE_IDENTIFIER_FOR_USER": "uid",
        "AUTH_SOURCE_USERS_FILTER": "(title=staff)",
        "AUTH_SOURCE_RETIRED_OU": "Leavers",
        "AUTH_SOURCE_SHOWGRID": "on",
        "AUTH_SOURCE_GRID_ATTRIBUTE": [
            {"attributeLdap": "telephoneNumber", "attributeUser": "phone", "attributeRole": ""},
            {"attributeLdap": "employeeNumber", "attributeUser": "badge", "attributeRole": "GHOST"},
        ],
        "USR_ROLE": "PROCESSMAKER_OPERATOR",
    }


def test_the_downloaded_settings_become_a_source_that_works(life: Life) -> None:
    life.add({"ou=Leavers": {}, "uid=ann": {"title": "staff", "telephoneNumber": "1"}, "uid=bob": {}})
    life.add({"uid=old,ou=Leavers": {"title": "staff"}})
    (life.folder / "corp.json").write_text(json.dumps(flat(life)), encoding="utf-8")
    state = {"version": 1, "preset": "processmaker", "platform": {"type": "sql", "url": "sqlite:///platform.db"}}
    file = life.folder / "reconcile.yml"
    file.write_text(yaml.safe_dump(state | {"sources": []}), encoding="utf-8")
    _, err = life.run("connection", "import", "corp.json", "--out", "reconcile.yml")
    assert "CORP_LDAP_PASSWORD" in err, "the password is not in the file"
    assert "'GHOST'" in err, "attributes of a role that nobody gets are left out"
    assert "PROCESSMAKER_OPERATOR" in err
    assert life.run("connection", "import", "corp.json", code=2)[1].count("--update") == 1, "cancel is the default"
    life.run("connection", "import", "corp.json", "--new", "--out", "reconcile.yml")
    (life.folder / "corp.json").write_text(json.dumps(flat(life) | {"LDAP_PAGE_SIZE_LIMIT": "100"}), encoding="utf-8")
    life.run("connection", "import", "corp.json", "--update", "--out", "reconcile.yml")
    state = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert [(one["name"], one.get("page_size")) for one in state["sources"]] == [("corp", 100), ("corp (2)", None)]
    state["sources"] = state["sources"][:1]
    state["sources"][0]["users"] |= {"create": "all"}
    file.write_text(yaml.safe_dump(state), encoding="utf-8")
    life.environment = {"CORP_LDAP_PASSWORD": life.password}
    life.run("test")
    life.apply()
    assert life.users() == {"ann": "active", "old": "inactive"}
    assert life.users("attributes")["ann"] == {"phone": "1"}
    out, _ = life.run("connection", "export", "corp")
    assert json.loads(out)["source"]["users"]["inactive_ous"] == ["Leavers"]
    flat_tls = flat(life) | {"AUTH_SOURCE_ENABLED_TLS": "1", "AUTH_SOURCE_NAME": "tls"}
    (life.folder / "tls.json").write_text(json.dumps(flat_tls), encoding="utf-8")
    assert "TLS certificate is not installed" in life.run("connection", "import", "tls.json")[1]


def test_attributes_go_to_the_roles_they_are_for_from_any_directory(life: Life) -> None:
    life.add({"uid=ann": {"telephoneNumber": "1", "title": "T"}, "uid=bob": {"telephoneNumber": "2", "title": "T"}})
    life.add({"cn=bosses": {"member": ["uid=ann"]}})
    attributes = [
        {"field": "phone", "value": "{{ telephoneNumber }}"},
        {"field": "title", "value": "{{ title }}", "roles": ["manager"]},
    ]
    mappings = [{"role": "manager", "groups": [life.dn("cn=bosses")]}, {"role": "operator", "default": True}]
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


def test_other_naming_attributes_and_classes_are_read_too(tmp_path: Path, quick: Execute) -> None:
    suffix = "o=Acme,c=DE"
    base = f"dn: {suffix}\nobjectClass: organization\no: Acme\n"
    with slapd(tmp_path / "server", base, suffix=suffix) as running:
        (tmp_path / "staff").mkdir()
        life = Life(tmp_path / "staff", running, "processmaker", quick)
        life.add({"uid=ann": {"employeeNumber": "007"}, "uid=bob": {"employeeNumber": "008"}})
        life.add({"ou=Sales": {}, "cn=one": {"member": ["uid=ann"]}, "cn=two": {"member": ["uid=bob"]}})
        life.rules(
            {"identifier": "employeeNumber", "filter": "(&(objectClass=person)(uid=*))"},
            {"groups": {"filter": "(&(objectClass=groupOfNames)(cn=one))"}, "departments": {"filter": "(ou=Sales)"}},
            groups=[life.rule("cn=*")],
            departments=[life.rule("ou=*")],
        )
        life.apply()
        assert life.users("dn") == {"007": f"uid=ann,ou=staff,{suffix}"}
        assert list(life.rows("departments", "path")) == ["Sales"]
