"""`preset: vmmanager` on real servers, by the commands a person types: each rule that VMmanager documents.

tests/processmaker_and_vmmanager.md names the tests rule by rule.
"""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconcile.testing.vmmanager import vmmanager_service
from tests.servers.certificates import Authority
from tests.servers.forking import Execute
from tests.servers.life import Life
from tests.servers.samba import SUFFIX as DOMAIN
from tests.servers.samba import Samba, samba
from tests.servers.site import Site
from tests.servers.slapd import BASE, Slapd, slapd

pytestmark = pytest.mark.server

GROUP = {"objectClass": "group"}
STRONG = "Passw0rd!Zwölf"
INSIDE = f"OU=Inside,{DOMAIN}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd"), BASE, lines=["overlay ppolicy"]) as running:
        yield running


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    steps: list[list[Any]] = [["add", INSIDE, {"objectClass": "organizationalUnit"}]]
    for login in ("vm-in", "vm-out", "ann"):
        values = {
            "objectClass": "user",
            "sAMAccountName": login,
            "userAccountControl": "544",
            "sn": "S",
        }
        steps += [["add", f"CN={login},{INSIDE}", values], ["password", login, STRONG]]
    steps += [
        ["modify", f"CN=Domain Guests,CN=Users,{DOMAIN}", {"member": [f"CN=vm-out,{INSIDE}"]}],
        ["modify", f"CN=vm-out,{INSIDE}", {"primaryGroupID": ["514"]}],
        ["modify", f"CN=Domain Users,CN=Users,{DOMAIN}", {"member": []}],
    ]
    with samba(tmp_path_factory.mktemp("samba"), steps) as running:
        yield running


@pytest.fixture
def life(tmp_path: Path, server: Slapd, quick: Execute) -> Life:
    return Life(tmp_path, server, "vmmanager", quick)


@pytest.fixture
def domain(tmp_path: Path, controller: Samba, quick: Execute) -> Life:
    return Life(tmp_path, controller, "vmmanager", quick)


def roles(life: Life, **groups: str) -> list[dict[str, Any]]:
    """Role mappings, as `role="name of its group"`."""
    return [
        {"role": f"@{role}", "groups": [life.dn(f"cn={name}")]} for role, name in groups.items()
    ]


def test_without_a_mail_address_the_old_names_leave_people_out_and_the_new_ones_do_not(
    life: Life,
) -> None:
    life.add({"uid=ann": {}, "uid=bob": {"mail": None}})
    life.rules({"create": "all", "fields": {"username": "{{ mail }}"}, "require": ["email"]})
    out = life.apply()
    assert f"! missing_field: bob ({life.dn('uid=bob')})" in out
    assert life.users() == {"ann@example.com": "active"}
    life.sql("DELETE FROM users")
    life.rules({"create": "all"})
    life.apply()
    assert life.users("email") == {"ann@example.com": "ann@example.com", "bob@example.com": ""}


def test_who_is_not_in_the_group_users_of_the_domain_is_left_out(domain: Life) -> None:
    domain.rules({"base": INSIDE, "create": "all"})
    out = domain.apply()
    assert " is outside require_groups (-v lists them)" in out, out
    assert domain.users() == {"ann@example.test": "active", "vm-in@example.test": "active"}
    assert "no account can be created" in domain.login(
        "vm-out@example.test", password=STRONG, code=1
    )


def test_who_is_not_in_the_group_users_of_the_domain_gets_no_account_in_vmmanager(
    domain: Life,
) -> None:
    with vmmanager_service() as service:
        domain.environment = {"VM_PASSWORD": service.password}
        domain.rules(
            {"base": INSIDE, "create": "all"},
            platform={
                "type": "vmmanager",
                "url": service.url,
                "auth": {"email": service.email, "password": "{{ env('VM_PASSWORD') }}"},
            },
            state="sqlite:///ledger.db",
        )
        out = domain.apply()
        assert " is outside require_groups (-v lists them)" in out, out
        accounts = service.store.accounts.values()
        assert {one["login"] for one in accounts} == {
            service.email,
            "ann@example.test",
            "vm-in@example.test",
        }


def test_users_are_created_with_the_directorys_data_which_goes_before_the_platforms(
    life: Life,
) -> None:
    life.add({"uid=ann": {"sn": "Lee"}, "uid=eve": {}, "cn=staff": {"member": ["uid=ann"]}})
    life.rules(role_mappings=roles(life, user="staff"))
    assert life.plan() == ["user ann@example.com create", "grant ann@example.com/@user create"]
    life.apply()
    life.sql("UPDATE users SET last_name = 'Other', email = 'x@y.example', status = 'inactive'")
    assert life.plan() == ["user ann@example.com update", "user ann@example.com activate"]
    life.apply()
    (user,) = life.rows("users").values()
    assert [user[field] for field in ("last_name", "email", "status", "source")] == [
        "Lee",
        "ann@example.com",
        "active",
        "corp",
    ]


def test_a_local_account_is_adopted_and_its_password_is_gone(life: Life) -> None:
    life.add({"uid=eve": {}})
    life.rules({"create": "all"})
    life.apply()
    life.local("Ann@example.com", password_hash="x", email="old@example.com")
    life.add({"uid=ann": {}})
    assert life.plan() == ["user Ann@example.com adopt"]
    life.apply()
    adopted = life.sql(
        "SELECT username, email, password_hash, source_id FROM users WHERE username LIKE 'ann%'"
    )
    assert adopted == [("ann@example.com", "ann@example.com", None, 1)]
    assert "ann@example.com is logged in to main: by corp" in life.login("ann@example.com")
    with pytest.raises(Exception, match="users_password"):
        life.sql("UPDATE users SET password_hash = 'x' WHERE username = 'ann@example.com'")


def test_the_level_is_that_of_the_mapping_whatever_somebody_sets(life: Life) -> None:
    life.add({"uid=ann": {}, "uid=bob": {}, "uid=cid": {}, "uid=eve": {}, "uid=fay": {}})
    life.add({"cn=admins": {"member": ["uid=ann"]}, "cn=chiefs": {"member": ["uid=bob"]}})
    life.add({"cn=staff": {"member": ["uid=ann", "uid=cid", "uid=eve"]}})
    mappings = [
        {"role": "@admin", "groups": [life.dn("cn=admins"), life.dn("cn=chiefs")]},
        {"role": "@user", "groups": [life.dn("cn=staff")]},
    ]
    life.rules(role_mappings=mappings)
    life.apply()
    names = {name: f"{name}@example.com" for name in ("ann", "bob", "cid", "eve")}
    assert life.users("roles") == {
        names["ann"]: ["@admin"],
        names["bob"]: ["@admin"],
        names["cid"]: ["@user"],
        names["eve"]: ["@user"],
    }, "several groups give one role; who is in none is no user"
    life.grant(names["cid"], "@admin")
    life.change("cn=chiefs", member=["uid=eve", "uid=bob"])
    life.apply()
    assert life.users("roles")[names["cid"]] == ["@user"]
    assert life.users("roles")[names["eve"]] == ["@admin"]
    life.change("cn=staff", member=["uid=ann", "uid=eve"])
    life.apply()
    assert life.users()[names["cid"]] == "blocked", (
        "out of every group, though still in the directory"
    )


def test_who_is_deleted_on_the_platform_comes_back(life: Life) -> None:
    life.add({"uid=ann": {}, "uid=bob": {}})
    life.rules({"create": "all"})
    life.apply()
    life.sql("DELETE FROM users WHERE username = 'ann@example.com'")
    assert life.plan() == ["user ann@example.com create"]
    life.apply()
    assert life.users() == {"ann@example.com": "active", "bob@example.com": "active"}


def test_gone_is_blocked_and_disabled_is_blocked_in_the_directory(life: Life) -> None:
    life.add({f"uid={name}": {} for name in ("ann", "bob", "cid", "dan", "eve")})
    life.rules({"create": "all"})
    life.apply()
    assert "is logged in" in life.login("bob@example.com")
    life.delete("uid=ann")
    life.change("uid=bob", pwdAccountLockedTime="000001010000Z")
    assert sorted(life.plan()) == ["user ann@example.com block", "user bob@example.com block"]
    life.apply()
    users = life.users()
    assert (users["ann@example.com"], users["bob@example.com"]) == (
        "blocked",
        "blocked_in_directory",
    )
    assert life.login("ann@example.com", code=1) == "login failed", (
        "the directory knows nobody of this name"
    )
    assert "may not log in" in life.login("bob@example.com", code=1)
    life.change("uid=bob", pwdAccountLockedTime=None)
    life.apply()
    assert life.users()["bob@example.com"] == "active"
    life.sql(
        "UPDATE users SET status = 'blocked', status_origin = NULL WHERE username = 'dan@example.com'"
    )
    life.run("plan", "--check")
    assert "the account is blocked" in life.login("dan@example.com", code=1)


def test_disabled_in_active_directory_is_blocked_in_the_directory(domain: Life) -> None:
    domain.add({"CN=vm-one": {}, "CN=vm-two": {}})
    domain.rules({"create": "all"})
    domain.apply()
    domain.change("CN=vm-one", userAccountControl="546")
    domain.apply()
    assert domain.users() == {
        "vm-one@example.test": "blocked_in_directory",
        "vm-two@example.test": "active",
    }
    domain.change("CN=vm-one", userAccountControl="544")
    domain.apply()
    assert domain.users()["vm-one@example.test"] == "active"


def test_without_its_settings_a_directorys_users_are_blocked(life: Life) -> None:
    life.add({"uid=ann": {}, "uid=bob": {}})
    life.rules({"create": "all"})
    life.apply()
    life.local("keeper")
    life.sql(
        "UPDATE users SET status = 'vacation', status_origin = NULL WHERE username = 'bob@example.com'"
    )
    life.rules(sources=[])
    life.apply_loss()
    assert life.users() == {
        "ann@example.com": "blocked",
        "bob@example.com": "blocked",
        "keeper": "active",
    }
    _, err = life.run("login", "ann@example.com", code=2, given="x\n")
    assert "source" in err
    life.rules({"create": "all"})
    life.apply()
    returned = {"ann@example.com": "active", "bob@example.com": "vacation", "keeper": "active"}
    assert life.users() == returned, "with what they were"


def test_two_directories_and_how_their_people_log_in(life: Life, controller: Samba) -> None:
    life.add({"uid=ann": {}, "uid=bob": {}})
    life.rules({"create": "all"})
    life.apply()
    assert "by corp" in life.login("ann@example.com"), "one directory: username@domain"
    assert "by corp" in life.login("ann")
    other = {
        "name": "branch",
        "type": "active_directory",
        "servers": [controller.url],
        "tls": {"mode": "none"},
        "bind": {"dn": controller.admin, "password": "{{ env('BRANCH_PASSWORD') }}"},
        "base_dn": DOMAIN,
        "users": {"base": INSIDE, "create": "all"},
    }
    life.environment = {"BRANCH_PASSWORD": controller.password}
    life.rules(sources=[life.source({"create": "all"}), other])
    life.apply()
    assert life.users("source") == {
        "ann@example.com": "corp",
        "ann@example.test": "branch",
        "bob@example.com": "corp",
        "vm-in@example.test": "branch",
    }
    assert "ann@example.com is logged in to main: by corp" in life.login("ann@example.com")
    assert "ann@example.test is logged in to main: by branch" in life.login(
        "ann@example.test", password=STRONG
    )
    told = life.login("ann", code=2)
    assert "'ann' can be of several sources" in told
    assert "Write user@domain, or name one with --source" in told
    assert "by branch" in life.login("ann", "--source", "branch", password=STRONG)
    assert "by corp" in life.login("ann", "--source", "corp")
    assert life.login("ann", "--source", "branch", code=1) == "login failed"


@pytest.mark.parametrize(
    "text",
    ["hourly", "daily at 12:00", "weekly on sunday at 10:15", "15 10 * * 0", "00 12 1,16 * *"],
)
def test_the_schedules_are_those_one_can_click(life: Life, text: str) -> None:
    life.add({"uid=ann": {}})
    life.rules({"create": "all"}, schedule=text)
    life.run("validate")
    _, err = life.run("serve", "--schedule", "--once")
    assert "run 1" in err
    assert life.users() == {"ann@example.com": "active"}


def test_a_cron_line_of_six_fields_is_told_how_to_be_five(life: Life) -> None:
    life.rules({"create": "all"}, schedule="15 10 * * * 0")
    out, _ = life.run("validate", code=2)
    assert "schedule: a cron line has five fields" in out
    assert 'if it is written as in VMmanager, write "15 10 * * 0"' in out


def test_the_list_of_users_for_synchronization(life: Life) -> None:
    life.add({"uid=ann": {}, "uid=bob": {}, "uid=cid": {}, "cn=admins": {"member": ["uid=ann"]}})
    mappings = [*roles(life, admin="admins"), {"role": "@user", "default": True}]
    life.rules({"create": "selected", "select": ["ann"]}, role_mappings=mappings)
    life.apply()
    life.rules({"create": "all", "require": ["email"]}, role_mappings=mappings)
    life.change("uid=cid", mail=None)
    before = life.platform
    rows = list(csv.DictReader(io.StringIO(life.run("preview", "--format", "csv")[0])))
    told = [
        (row["username"], row["roles"].lstrip("'"), row["exists"], row["skip"][:13]) for row in rows
    ]
    assert told == [
        ("ann@example.com", "@admin", "yes", ""),
        ("bob@example.com", "@user", "no", ""),
        ("cid@example.com", "", "no", "missing_field"),
    ]
    assert life.platform == before


def test_a_self_signed_certificate(tmp_path: Path, quick: Execute) -> None:
    authority = Authority(tmp_path, "own")
    certificate = authority.issue("own-server", [], ["127.0.0.1"])
    with slapd(
        tmp_path / "server", BASE, certificate=certificate, first_lines=["security tls=1"]
    ) as running:
        site = Site(tmp_path, running.password)
        for server in (running.ldaps_url, running.url):
            for tls, code in (
                ({}, 7),
                ({"ca_file": str(authority.file)}, 0),
                ({"verify": "none"}, 0),
            ):
                site.desired(server, tls=tls)
                out, err = site.run("test", code=code)
                assert ("certificate is refused" in out) == (code == 7)
                assert ("is not checked" in out + err) == ("verify" in tls)


def test_a_note_is_kept_with_the_source(life: Life) -> None:
    life.add({"uid=ann": {}})
    life.rules({"create": "all"}, {"note": "Head office"})
    life.apply()
    assert life.sql("SELECT name, note FROM sources") == [("corp", "Head office")]
    life.rules({"create": "all"}, {"note": "Moved"})
    (change,) = json.loads(life.run("plan", "--format", "json")[0])["changes"]
    assert (change["kind"], change["action"], change["after"]) == (
        "source",
        "update",
        {"note": "Moved"},
    )
    life.apply()
    assert life.sql("SELECT note FROM sources") == [("Moved",)]


def test_every_setting_of_a_connection(life: Life) -> None:
    life.add(
        {
            "ou=users": {},
            "ou=groups": {},
            "uid=ann,ou=users": {"mail": "a@b.example", "title": "t@b.example"},
        }
    )
    life.add(
        {
            "uid=outside": {},
            "cn=staff,ou=groups": {"member": ["uid=ann,ou=users"], "description": "The staff"},
        }
    )
    life.add({"cn=elsewhere": {"member": ["uid=ann,ou=users"]}})
    users = {"base": "ou=users", "create": "all", "fields": {"email": "{{ title }}"}}
    life.rules(
        users, {"groups": {"base": "ou=groups"}}, groups=[life.rule("*", name="{{ description }}")]
    )
    out, _ = life.run("test")
    for word in ("TLS", "bind", "base DN"):
        assert word.casefold() in out.casefold(), out
    life.apply()
    assert life.users("email") == {"ann@example.com": "t@b.example"}
    assert life.members() == {"The staff": ["ann@example.com"]}
    life.rules(users, {"bind": {"dn": life.server.admin, "password": "{{ env('WRONG') }}"}})
    life.environment = {"WRONG": "wrong"}
    out, _ = life.run("test", code=7)
    assert "FAILED" in out


@pytest.mark.parametrize(
    "name", ["administrator@example.test", f"CN=Administrator,CN=Users,{DOMAIN}"]
)
def test_the_reader_may_be_named_in_both_ways(domain: Life, name: str) -> None:
    domain.rules(
        {"base": INSIDE, "create": "all"},
        {"bind": {"dn": name, "password": "{{ env('CORP_PASSWORD') }}"}},
    )
    assert "FAILED" not in domain.run("test")[0]


def test_an_administrator_of_the_platforms_own_is_never_touched(life: Life) -> None:
    life.add({"uid=ann": {}})
    life.rules({"create": "all"}, role_mappings=[{"role": "@user", "default": True}])
    life.apply()
    life.local("keeper@elsewhere.example", password_hash="x")
    life.grant("keeper@elsewhere.example", "@admin")
    row = "SELECT * FROM users WHERE username LIKE 'keeper%'"
    before = life.sql(row)
    life.rules(sources=[])
    life.apply_loss()
    assert life.sql(row) == before
    assert life.users("roles")["keeper@elsewhere.example"] == ["@admin"]


def test_the_log_says_what_was_asked_of_the_directory(life: Life) -> None:
    life.add({"uid=ann": {}})
    life.rules({"create": "all"})
    _, err = life.run("plan", "-v")
    assert "ldapsearch" in err
    _, err = life.run("plan")
    assert "ldapsearch" not in err
