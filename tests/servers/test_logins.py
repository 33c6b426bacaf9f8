"""Logging in against a real slapd and a real Samba: who is let in, who is not, what it does."""

import json
import os
import pty
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

import reconcile
from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.errors import LoginRefused, SourceUnreadable, UsageError
from reconcile.model import desired
from tests.servers.certificates import Authority
from tests.servers.samba import SUFFIX as DOMAIN
from tests.servers.samba import Samba, samba
from tests.servers.site import Site
from tests.servers.slapd import PASSWORD, SUFFIX, Slapd, modify, slapd
from tests.servers.sources import ldif, people, source

pytestmark = pytest.mark.server

PEOPLE = f"ou=people,{SUFFIX}"
STAFF = f"cn=staff,{SUFFIX}"
RIGHT = "Kein-Wörtchen-davon"
WRONG = "Kein-Sterbenswörtchen"
MARKERS = (RIGHT, WRONG)
RULES: dict[str, Any] = {
    "role_mappings": [{"role": "clerk", "groups": [STAFF]}, {"role": "guest", "default": True}],
    "groups": [{"source": "corp", "select": ["staff"]}],
    "departments": [{"source": "corp", "select": ["Sales"], "parents": True}],
}


def company() -> dict[str, Any]:
    entries: dict[str, Any] = people(8)
    entries[f"ou=Sales,{PEOPLE}"] = {"objectClass": ["organizationalUnit"], "ou": ["Sales"]}
    entries[f"uid=sue,ou=Sales,{PEOPLE}"] = {
        "objectClass": ["inetOrgPerson"],
        "uid": ["sue"],
        "cn": ["Sue"],
        "sn": ["S"],
    }
    entries[f"uid=p6,{PEOPLE}"]["manager"] = [f"uid=p1,{PEOPLE}"]
    entries[f"uid=twin,{PEOPLE}"] = {
        "objectClass": ["inetOrgPerson"],
        "uid": ["twin"],
        "cn": ["T"],
        "sn": ["T"],
    }
    entries[f"cn=other,{PEOPLE}"] = {
        "objectClass": ["inetOrgPerson"],
        "uid": ["twin"],
        "cn": ["other"],
        "sn": ["T"],
    }
    entries[STAFF] = {
        "objectClass": ["groupOfNames"],
        "cn": ["staff"],
        "member": [f"uid=p1,{PEOPLE}", f"uid=p2,{PEOPLE}", f"uid=sue,ou=Sales,{PEOPLE}"],
    }
    for values in entries.values():
        if "inetOrgPerson" in values["objectClass"]:
            values["userPassword"] = [RIGHT]
    return entries


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(
        tmp_path_factory.mktemp("logins"), ldif(company()), lines=["overlay ppolicy"]
    ) as running:
        yield running


class Gate(Site):
    """A site where people log in; no output, and no byte of the platform, may ever hold a password."""

    def desired(self, url: str, **changes: Any) -> None:
        """As of every site; who is refused is told at once, for no test measures how long it takes."""
        super().desired(url, **{"refuse_login_after": "0s"} | changes)

    def login(self, name: str, password: str = RIGHT, *options: str, code: int = 0) -> str:
        """What is told: standard output, or else the errors."""
        given = f"{password}\n"
        out, err = self.run("login", name, "-vv", *options, code=code, given=given)
        for marker in MARKERS:
            assert marker not in out + err
            assert (
                not (self.folder / "platform.db").exists() or marker.encode() not in self.platform
            )
        lines = [
            line.removeprefix("error: ") for line in err.splitlines() if line.startswith("error: ")
        ]
        assert bool(lines) == bool(code)
        self.log = err
        return out.strip() or "\n".join(lines)

    def sql(self, statement: str) -> list[Any]:
        with closing(
            sqlite3.connect(self.folder / "platform.db", isolation_level=None)
        ) as connection:
            return connection.execute(statement).fetchall()

    def usernames(self) -> list[str]:
        return [name for (name,) in self.sql("SELECT username FROM users ORDER BY username")]


@pytest.fixture
def gate(tmp_path: Path, server: Slapd) -> Gate:
    made = Gate(tmp_path)
    made.desired(
        server.url,
        register_on_login=True,
        users={"create": "never"},
    )
    made.add(**RULES)
    return made


def test_a_first_login_makes_the_user_and_the_next_plan_is_empty(gate: Gate) -> None:
    assert gate.login("p1") == "p1 is logged in to main: by corp, with the role clerk, registered."
    assert (
        gate.login("P1@example.com")
        == "p1 is logged in to main: by corp, with the role clerk, up to date."
    )
    told = json.loads(gate.login("sue", RIGHT, "--format", "json"))
    assert (
        told.pop("external_id")
        == gate.sql("SELECT external_id FROM users WHERE username = 'sue'")[0][0]
    )
    assert told == {
        "username": "sue",
        "workspace": "main",
        "source": "corp",
        "roles": ["clerk"],
        "registered": True,
        "updated": False,
    }
    gate.run("plan", "--check", code=0)
    assert gate.usernames() == ["p1", "sue"]
    (sue,) = [
        one
        for one in json.loads(gate.run("users", "--format", "json")[0])
        if one["username"] == "sue"
    ]
    assert (sue["groups"], sue["department"]) == (["staff"], "people/Sales")


def test_only_the_one_person_is_read(gate: Gate) -> None:
    gate.login("p1")
    persons = [line for line in gate.log.splitlines() if "inetOrgPerson" in line]
    assert len(persons) == 1
    assert "(&(objectClass=inetOrgPerson)(|(uid=p1)))" in persons[0]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("p1", WRONG),
        ("nobody", RIGHT),
        ("twin", RIGHT),
        ("p3", RIGHT),
        ("*", RIGHT),
        ("*)(uid=p1", RIGHT),
        ("p1)(|(uid=*", RIGHT),
        ("p1\\2a", RIGHT),
        ("p1@elsewhere.com", RIGHT),
        (f"uid=p1,{PEOPLE}", RIGHT),
        ("x" * 2000, RIGHT),
        ("p1", ""),
        ("p1", "\0"),
        ("p1", "\0\0\0"),
        ("p1", f"{RIGHT}\0"),
        ("p1", f"{RIGHT} "),
        ("p1", RIGHT * 100),
    ],
)
def test_whoever_is_not_let_in_learns_nothing(
    gate: Gate, server: Slapd, name: str, password: str
) -> None:
    gate.desired(
        server.url,
        register_on_login=True,
        users={"create": "all", "exclude": ["p3"], "identifier": "uid"},
    )
    assert gate.login(name, password, code=1) == "login failed"
    assert not (gate.folder / "platform.db").exists() or gate.usernames() == []


@pytest.mark.parametrize("given", ["", "\n", "\0\n", "\r\n", "x" * 1025])
def test_an_empty_password_is_refused_before_anybody_is_asked(tmp_path: Path, given: str) -> None:
    gate = Gate(tmp_path)
    gate.desired("ldap://127.0.0.1:1")
    _, err = gate.run("login", "p1", code=1, given=given)
    assert err == "error: login failed\n"


def test_the_log_tells_the_administrator_why(gate: Gate, server: Slapd) -> None:
    gate.login("p1", WRONG, code=1)
    assert "login of 'p1' (corp) failed: result 49 (invalidCredentials)" in gate.log
    gate.login("nobody", code=1)
    assert "login of 'nobody' (corp) failed: the rules find no such person" in gate.log
    gate.login("twin", code=1)
    assert "login of 'twin' (corp) failed: 2 have this name" in gate.log


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("blocked", "p1 may not log in: the account is blocked"),
        ("inactive", "p1 may not log in: the account is inactive"),
        (
            "blocked_in_directory",
            "p1 may not log in: the account is blocked, because it is disabled in the directory",
        ),
        ("erased", "p1 may not log in: no account can be created (exists_locally)"),
    ],
)
def test_out_of_service_on_the_platform(gate: Gate, status: str, told: str) -> None:
    gate.login("p1")
    gate.sql(f"UPDATE users SET status = '{status}', status_origin = NULL")
    assert gate.login("p1", WRONG, code=1) == "login failed"
    assert gate.login("p1", code=1) == told
    assert gate.sql("SELECT status FROM users") == [(status,)]


def test_a_vacation_does_not_matter(gate: Gate) -> None:
    gate.login("p1")
    gate.sql("UPDATE users SET status = 'vacation', status_origin = NULL")
    assert "up to date" in gate.login("p1")
    assert gate.sql("SELECT status FROM users") == [("vacation",)]


def test_a_login_takes_nothing_that_a_run_might_not_take(gate: Gate) -> None:
    gate.add(safety={"limits": {"updates": 0, "creates": 0}})
    for name in ("p1", "p2", "sue"):
        gate.login(name)
    gate.sql("INSERT INTO readings (source_id, persons) SELECT id, 100000 FROM sources")
    gate.sql("UPDATE users SET email = 'old@example.com'")
    assert (
        gate.login("p1", RIGHT) == "p1 is logged in to main: by corp, with the role clerk, updated."
    )
    gate.add(role_mappings=[{"role": "guest", "default": True}])
    clerk = "is logged in to main: by corp, with the role clerk, up to date."
    for safety, code in (
        ({"limits": {"grants_lost": 0}}, "grants_lost:main/corp:1"),
        ({"protect": {"roles": ["clerk"]}}, "protected_role:main/clerk:1"),
    ):
        gate.add(safety=safety)
        assert gate.login("p1", RIGHT) == f"p1 {clerk}"
        assert code in gate.log
    gate.add(safety={"limits": {"grants_lost": 1}})
    assert (
        gate.login("p1", RIGHT) == "p1 is logged in to main: by corp, with the role guest, updated."
    )
    assert gate.login("p2", RIGHT) == f"p2 {clerk}"
    assert "grants_lost:main/corp:1+1" in gate.log, "one after the other they add up"
    gate.add(safety={"window": "none"})
    assert (
        gate.login("p2", RIGHT) == "p2 is logged in to main: by corp, with the role guest, updated."
    )
    assert gate.login("sue", RIGHT) == f"sue {clerk}"
    assert "grants_lost:main/corp/clerk:1:all" in gate.log
    assert gate.sql("SELECT persons FROM readings") == [(100000,)]


def test_who_logs_in_while_groups_cannot_be_read_loses_nothing(tmp_path: Path) -> None:
    """The account that reads has lost its rights on groups: the server answers success, and no group."""
    blind = f"cn=blind,{SUFFIX}"
    entry = {
        "objectClass": ["organizationalRole", "simpleSecurityObject"],
        "cn": ["blind"],
        "userPassword": [PASSWORD],
    }
    rights = [
        f'access to filter="(objectClass=groupOfNames)" by dn.exact="{blind}" none by * read',
        "access to attrs=userPassword by anonymous auth by * none",
        "access to * by * read",
    ]
    with slapd(tmp_path / "slapd", ldif(company() | {blind: entry}), lines=rights) as server:
        gate = Gate(tmp_path)
        rules = RULES | {
            "role_mappings": [
                {"role": "clerk", "groups": ["cn=sta*"]},
                {"role": "guest", "default": True},
            ]
        }
        gate.desired(server.url, register_on_login=True, users={"create": "all"})
        gate.add(**rules)
        gate.run("apply", "--yes")
        before = gate.sql("SELECT * FROM grants"), gate.sql("SELECT * FROM memberships")
        bind = {"dn": blind, "password": "{{ env('CORP_PASSWORD') }}"}
        gate.desired(
            server.url,
            register_on_login=True,
            users={"create": "all"},
            bind=bind,
        )
        gate.add(**rules)
        for name in ("p1", "p2", "sue"):
            assert (
                gate.login(name)
                == f"{name} is logged in to main: by corp, with the role clerk, up to date."
            )
            assert "shrink:main/corp/groups:1:all" in gate.log
        assert (gate.sql("SELECT * FROM grants"), gate.sql("SELECT * FROM memberships")) == before
        mapped = {"create": "mapped"}
        gate.desired(server.url, users=mapped, bind=bind)
        gate.add(**rules | {"departments": []})
        assert (
            gate.login("p1") == "p1 is logged in to main: by corp, with the role clerk, up to date."
        )
        assert "p1 is logged in and left unchanged" in gate.log, (
            "nobody is selected by a group that is not shown"
        )
        gate.add(safety={"shrink": "none"})
        assert "p1 is logged in" in gate.login("p1"), "none at all is not to be trusted either"
        gate.sql("DELETE FROM readings")
        assert (
            gate.login("p1", code=1) == "p1 may not log in: the rules on corp no longer select it"
        )
        gate.desired(
            server.url,
            register_on_login=True,
            users={"create": "all"},
            bind=bind,
        )
        gate.add(**rules)
        source = yaml.safe_load((tmp_path / "reconcile.yml").read_text())["sources"][0]
        gate.add(**rules, sources=[source | {"expect": {"groups": ["cn=staff"]}}])
        assert (
            gate.login("p1") == "p1 is logged in to main: by corp, with the role clerk, up to date."
        )
        assert "expected_group:main/corp/cn=staff:1" in gate.log
        gate.sql("DELETE FROM grants WHERE user_id = (SELECT id FROM users WHERE username = 'p5')")
        gate.sql("DELETE FROM users WHERE username = 'p5'")
        assert "registered" in gate.login("p5"), "somebody new has nothing to lose"


def test_a_shared_login_makes_nobody_administrator(tmp_path: Path) -> None:
    """A group outside the rules lists a `uid` that two persons have: login and apply agree that it is nobody's."""
    posix, admins, plain = (
        f"cn=posix,ou=other,{SUFFIX}",
        f"cn=admins,ou=groups,{SUFFIX}",
        f"cn=plain,ou=groups,{SUFFIX}",
    )
    entries: dict[str, Any] = people(1)
    for name in ("groups", "other"):
        entries[f"ou={name},{SUFFIX}"] = {"objectClass": ["organizationalUnit"], "ou": [name]}
    for name, logins in (("one", ["shared"]), ("two", ["shared", "two"])):
        entries[f"cn={name},{PEOPLE}"] = {
            "objectClass": ["inetOrgPerson"],
            "cn": [name],
            "sn": [name],
            "uid": logins,
            "mail": [f"{name}@example.com"],
            "userPassword": [RIGHT],
        }
    entries[posix] = {
        "objectClass": ["posixGroup"],
        "cn": ["posix"],
        "gidNumber": ["5"],
        "memberUid": ["shared"],
    }
    entries[admins] = {"objectClass": ["groupOfNames"], "cn": ["admins"], "member": [posix]}
    entries[plain] = {
        "objectClass": ["groupOfNames"],
        "cn": ["plain"],
        "member": [f"cn=two,{PEOPLE}"],
    }
    users = {"base": "ou=people", "create": "all", "identifier": "mail"}
    with slapd(tmp_path / "slapd", ldif(entries)) as server:
        gate = Gate(tmp_path)
        gate.desired(server.url, users=users, groups={"base": "ou=groups"})
        roles = [{"role": "admin", "groups": [admins]}, {"role": "guest", "default": True}]
        gate.add(role_mappings=roles)
        gate.run("apply", "--yes")
        granted = gate.sql("SELECT * FROM grants")
        for name in ("one", "two"):
            assert "with the role guest, up to date" in gate.login(f"{name}@example.com")
        assert gate.sql("SELECT * FROM grants") == granted
        # The attribute of members by its OID, as the server is asked for it.
        rule = {"base": "ou=groups", "member_attribute": "oid.2.5.4.31"}
        gate.desired(
            server.url,
            users=users | {"identifier": "oid.2.5.4.3"},
            groups=rule,
        )
        gate.add(role_mappings=roles, groups=[{"source": "corp", "select": ["plain"]}])
        told = gate.run("plan", code=(0, 6))[0]
        assert '"two@example.com" → "two"' in told
        assert "+ membership two/plain" in told


def test_a_login_adopts_no_protected_account(gate: Gate, server: Slapd) -> None:
    gate.login("p1")
    renaming = {"create": "never", "fields": {"username": "{{ identifier }}.local"}}
    gate.desired(server.url, register_on_login=True, users=renaming)
    gate.add(
        **RULES, lifecycle={"adopt_local": "always"}, safety={"protect": {"users": ["*.local"]}}
    )
    gate.sql(
        "INSERT INTO users (workspace_id, username, password_hash) VALUES (1, 'sue.local', 'kept')"
    )
    told = gate.login("sue", RIGHT, code=1)
    assert told.startswith("sue.local may not log in: refused by the guards")
    assert gate.sql("SELECT password_hash, source_id FROM users WHERE username = 'sue.local'") == [
        ("kept", None)
    ]


def test_disabled_in_the_directory(gate: Gate, server: Slapd) -> None:
    lock = f"dn: uid=p5,{PEOPLE}\nchangetype: modify\n"
    users = {"create": "all", "disabled_when": "{{ mail == 'p5@example.com' }}"}
    gate.desired(server.url, users=users)
    assert gate.login("p5", WRONG, code=1) == "login failed"
    assert gate.login("p5", code=1) == "p5 may not log in: the account is disabled in corp"
    gate.desired(server.url, users={"create": "all"})
    modify(server, f"{lock}add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n")
    try:
        assert gate.login("p5", code=1) == "p5 may not log in: the account is disabled in corp"
    finally:
        modify(server, f"{lock}delete: pwdAccountLockedTime\n")
    assert gate.usernames() == []


def test_who_may_not_be_registered(gate: Gate, server: Slapd) -> None:
    gate.desired(server.url, users={"create": "never"})
    assert gate.login("p1", code=1) == "p1 may not log in: there is no account, and none is created"
    gate.desired(
        server.url, register_on_login=True, users={"create": "never", "require_groups": [STAFF]}
    )
    assert (
        gate.login("p4", code=1)
        == "p4 may not log in: no account can be created (outside_required_groups)"
    )
    assert "registered" in gate.login("p1")
    gate.desired(server.url, register_on_login=True, users={"require": ["first_name"]})
    assert (
        gate.login("p4", code=1) == "p4 may not log in: no account can be created (missing_field)"
    )
    gate.sql("INSERT INTO users (workspace_id, username) VALUES (1, 'p4@example.com')")
    clash = {"fields": {"username": "{{ identifier }}@{{ domain }}"}}
    gate.desired(server.url, register_on_login=True, users=clash)
    assert (
        gate.login("p4", code=1)
        == "p4@example.com may not log in: no account can be created (exists_locally)"
    )
    assert gate.login("P4@example.com", code=1).endswith(
        "is a local account of the platform, not of a directory"
    )
    assert gate.usernames() == ["p1", "p4@example.com"]


def test_who_is_no_longer_selected(gate: Gate, server: Slapd) -> None:
    gate.login("p4")
    gate.desired(server.url, users={"create": "selected", "select": ["p1"]})
    assert gate.login("p4", code=1) == "p4 may not log in: the rules on corp no longer select it"
    gate.add(lifecycle={"on_out_of_scope": "keep"})
    assert "p4 is logged in" in gate.login("p4")
    assert gate.sql("SELECT status FROM users") == [("active",)]


def test_a_login_brings_one_user_up_to_date_and_touches_nobody_else(
    gate: Gate, server: Slapd
) -> None:
    gate.desired(
        server.url,
        register_on_login=True,
        users={"create": "all", "exclude": ["twin"], "manager_attribute": "manager"},
    )
    everybody = {"limits": {"updates": "none"}}
    gate.add(
        **RULES, lifecycle={"on_missing": "delete", "on_out_of_scope": "delete"}, safety=everybody
    )
    gate.run("apply", "--yes")
    gate.run("plan", "--check")
    gate.sql("UPDATE users SET email = 'old@example.com'")
    gate.sql("DELETE FROM memberships")
    gate.sql("DELETE FROM grants")
    gate.sql("UPDATE users SET manager_id = NULL")
    before = gate.sql("SELECT * FROM users WHERE username <> 'p6' ORDER BY id")
    assert "updated" in gate.login("p6")
    assert gate.sql("SELECT * FROM users WHERE username <> 'p6' ORDER BY id") == before
    manager = (
        "SELECT m.username FROM users u JOIN users m ON m.id = u.manager_id WHERE u.username = 'p6'"
    )
    assert gate.sql(manager) == [("p1",)]
    assert "with the role clerk, updated" in gate.login("sue")
    listed = "SELECT username FROM memberships JOIN users ON users.id = user_id"
    assert gate.sql(listed) == [("sue",)]
    # sue has no mail: what the directory has nothing for is cleared.
    assert gate.sql("SELECT count(*) FROM users WHERE email = 'old@example.com'") == [
        (len(before) - 1,)
    ]
    gate.run("apply", "--yes")
    assert "up to date" in gate.login("p6")
    gate.run("plan", "--check")


def test_nobody_gets_the_account_of_somebody_who_is_still_there(gate: Gate, server: Slapd) -> None:
    renamed = f"dn: uid=p7,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=p7new\ndeleteoldrdn: 1\n"
    gate.login("p7")
    modify(server, renamed)
    entry = f"dn: uid=p7,{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: p7\ncn: x\nsn: x\nuserPassword: "
    try:
        modify(server, f"{entry}{WRONG}\n")
        # The name is that of two persons until a run has renamed the first.
        assert gate.login("p7", WRONG, code=1) == "login failed"
        gate.desired(
            server.url,
            register_on_login=True,
            users={"filter": "(&(objectClass=inetOrgPerson)(cn=x))"},
        )
        assert (
            gate.login("p7", WRONG, code=1)
            == "p7 may not log in: no account can be created (duplicate_username)"
        )
        assert gate.sql("SELECT last_name FROM users") == [("7",)]
    finally:
        modify(server, f"dn: uid=p7,{PEOPLE}\nchangetype: delete\n")
        modify(
            server, f"dn: uid=p7new,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=p7\ndeleteoldrdn: 1\n"
        )


def test_too_many_attempts(gate: Gate) -> None:
    gate.login("p2")
    for name in ("p2", "P2", "p2@example.com", " p2", "p2"):
        assert gate.login(name, WRONG, code=1) == "login failed"
    told = gate.login("p2", code=1)
    assert told.startswith("too many failed logins; try again in ")
    assert gate.login("P2@EXAMPLE.COM", code=1).startswith("too many failed logins")
    assert "p1 is logged in" in gate.login("p1")
    for _ in range(5):
        gate.login("nobody", code=1)
    assert gate.login("nobody@example.com", code=1).startswith("too many failed logins")
    gate.sql("UPDATE login_failures SET locked_until = datetime('now', '-1 second')")
    assert "p2 is logged in" in gate.login("p2")
    assert gate.login("p2", WRONG, code=1) == "login failed"
    assert gate.sql("SELECT failures FROM login_failures ORDER BY failures") == [(1,), (5,)]


def test_processes_that_guess_at_once_have_no_more_than_five_attempts(gate: Gate) -> None:
    command = [sys.executable, "-m", "reconcile", "login", "p2"]
    environment = {
        "CORP_PASSWORD": gate.password,
        "PATH": os.defpath,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    gate.login("p2")
    running = [
        subprocess.Popen(command, cwd=gate.folder, env=environment, **pipes) for _ in range(6)
    ]
    told = [process.communicate(f"{WRONG}\n", timeout=120)[1] for process in running]
    assert sum("login failed" in one for one in told) == 5
    assert sum("too many" in one for one in told) == 1


def test_while_a_run_holds_the_platform(gate: Gate) -> None:
    gate.login("p1")
    gate.sql("UPDATE users SET email = 'old@example.com'")
    columns = "workspace_id, token, login, host, pid, started_at"
    gate.sql(
        f"INSERT INTO locks ({columns}) VALUES (1, 'x', 'joe', 'elsewhere', 1, '2026-01-01T00:00:00Z')"
    )
    assert "p1 is logged in" in gate.login("p1")
    assert "left unchanged until the next login or run" in gate.log
    assert gate.sql("SELECT email FROM users") == [("old@example.com",)]
    told = gate.login("p2", code=8)
    assert "p2 has no account yet, and none can be created now: try again." in told
    assert "locked by joe" in told
    gate.sql("DELETE FROM locks")
    assert "updated" in gate.login("p1")
    assert "registered" in gate.login("p2")


def test_while_somebody_writes_the_file_nobody_logs_in(gate: Gate) -> None:
    gate.login("p1")
    with closing(sqlite3.connect(gate.folder / "platform.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert "failed logins cannot be counted now" in gate.login("p1", code=8)
        connection.execute("ROLLBACK")


def test_several_sources(gate: Gate, server: Slapd) -> None:
    file = gate.folder / "reconcile.yml"
    first = file.read_text(encoding="utf-8")
    gate.desired(server.url, name="other", base_dn=PEOPLE, users={"create": "all"})
    text = file.read_text(encoding="utf-8").replace("sources:\n", "")
    assert "version: 1\n" in text
    (gate.folder / "b.yml").write_text(
        "sources:\n" + text[text.index("- base_dn") : text.index("version")], "utf-8"
    )
    file.write_text(first, encoding="utf-8")
    files = ("--config", "reconcile.yml", "--config", "b.yml")
    told = gate.login("p1", RIGHT, *files, code=2)
    assert told == (
        "'p1' can be of several sources: corp (example.com), other (example.com). "
        "Write user@domain, or name one with --source"
    )
    assert "by other" in gate.login("p1", RIGHT, *files, "--source", "other")
    assert gate.login("p1", RIGHT, *files, "--source", "nix", code=2) == (
        "there is no source 'nix'; declared are: corp, other"
    )


def test_an_application_logs_people_in(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORP_PASSWORD", gate.password)
    file = gate.folder / "reconcile.yml"
    login = reconcile.authenticate("p1", RIGHT, file)
    assert (login.username, login.roles, login.registered, login.updated) == (
        "p1",
        ("clerk",),
        True,
        False,
    )
    with pytest.raises(LoginRefused, match="login failed") as refused:
        reconcile.authenticate("p1", WRONG, str(file))
    assert (refused.value.reason, refused.value.wait, refused.value.exit_code) == ("failed", 0, 1)
    with pytest.raises(LoginRefused, match="login failed"):
        reconcile.authenticate("p1", "\udce4", file)
    for _ in range(4):
        with pytest.raises(LoginRefused):
            reconcile.authenticate("p1", WRONG, file)
    with pytest.raises(LoginRefused) as refused:
        reconcile.authenticate("p1", RIGHT, file)
    assert refused.value.reason == "wait"
    assert 0 < refused.value.wait <= 30
    with pytest.raises(UsageError, match="name is empty"):
        reconcile.authenticate(" ", RIGHT, file)


def test_on_a_terminal_the_password_is_asked_for_without_echo(gate: Gate) -> None:
    here, there = pty.openpty()
    environment = {
        "CORP_PASSWORD": gate.password,
        "PATH": os.defpath,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "reconcile", "login", "p1"],
        cwd=gate.folder, env=environment, stdin=there, stdout=there, stderr=there, start_new_session=True,
    )  # fmt: skip
    os.close(there)
    shown = b""
    end = time.monotonic() + 60
    while b"Password of p1:" not in shown and time.monotonic() < end:
        shown += os.read(here, 1000)
    os.write(here, f"{RIGHT}\n".encode())
    while b"registered" not in shown and time.monotonic() < end:
        shown += os.read(here, 1000)
    assert process.wait(60) == 0
    os.close(here)
    assert RIGHT.encode() not in shown


def test_nobody_binds_in_clear_text_where_tls_is_asked_for(
    tmp_path: Path, server: Slapd, authority: Authority
) -> None:
    person = f"uid=p1,{PEOPLE}"
    tls = desired.Tls(mode="starttls", ca_file=str(authority.file))
    protected = LdapDirectory(source(server.url, tls=tls))
    with pytest.raises(SourceUnreadable, match="StartTLS failed"):
        protected.refusal(person, RIGHT)
    signing = LdapDirectory(source(server.url, require_signing=True))
    with pytest.raises(SourceUnreadable, match="nothing was sent"):
        signing.refusal(person, RIGHT)
    clear = LdapDirectory(source(server.url))
    assert clear.refusal(person, RIGHT) == ""
    for empty in ("", "\0", f"{RIGHT}\0"):
        assert "no server is asked" in clear.refusal(person, empty)
    assert "no server is asked" in clear.refusal("", RIGHT)


def test_over_tls(secure: Slapd, authority: Authority) -> None:
    admin, tls = secure.admin, desired.Tls(mode="starttls", ca_file=str(authority.file))
    directory = LdapDirectory(source(secure.url, tls=tls))
    assert directory.refusal(admin, secure.password) == ""
    assert "result 49" in directory.refusal(admin, WRONG)
    plain = LdapDirectory(source(secure.url))
    with pytest.raises(SourceUnreadable, match="requires TLS"):
        plain.refusal(admin, secure.password)


# Active Directory

USERS = f"CN=Users,{DOMAIN}"
STRONG = "Passw0rd!Zwölf"


def account(login: str, **more: str) -> list[Any]:
    values = {
        "objectClass": "user",
        "sAMAccountName": login,
        "userAccountControl": "544",
        "sn": login.title(),
    }
    return ["add", f"CN={login},{USERS}", values | more]


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    logins = ("anna", "off", "late", "must")
    steps = [account(login, userPrincipalName=f"{login}.mail@example.test") for login in logins]
    steps += [["password", login, STRONG] for login in logins]
    steps += [
        ["modify", f"CN=anna,{USERS}", {"userAccountControl": ["512"]}],
        ["modify", f"CN=off,{USERS}", {"userAccountControl": ["514"]}],
        [
            "modify",
            f"CN=late,{USERS}",
            {"userAccountControl": ["512"], "accountExpires": ["132000000000000000"]},
        ],
        ["modify", f"CN=must,{USERS}", {"userAccountControl": ["512"], "pwdLastSet": ["0"]}],
    ]
    with samba(tmp_path_factory.mktemp("samba"), steps) as running:
        yield running


def test_active_directory(tmp_path: Path, controller: Samba) -> None:
    gate = Gate(tmp_path, controller.password)
    gate.desired(
        controller.url,
        type="active_directory",
        base_dn=DOMAIN,
        bind={"dn": controller.admin, "password": "{{ env('CORP_PASSWORD') }}"},
        timeout={"connect": "10s", "read": "60s"},
        register_on_login=True,
        users={"create": "never"},
    )
    users = f"CN=Domain Users,{USERS}"
    gate.add(
        role_mappings=[{"role": "worker", "groups": [users]}],
        groups=[{"source": "corp", "select": [users]}],
    )
    assert (
        gate.login("ANNA", STRONG)
        == "anna is logged in to main: by corp, with the role worker, registered."
    )
    assert "up to date" in gate.login("anna.mail@example.test", STRONG)
    assert "up to date" in gate.login("anna@example.test", STRONG)
    gate.run("plan", "--check")
    for name, code, why in (
        ("anna", "52e", "the password is wrong"),
        ("off", "533", "the account is disabled"),
        ("late", "701", "the account has expired"),
        ("must", "773", "the password has to be changed first"),
    ):
        assert gate.login(name, WRONG if name == "anna" else STRONG, code=1) == "login failed"
        if f"data {code}" in gate.log:
            assert f"({why})" in gate.log
    assert gate.login("anna", "", code=1) == "login failed"
    assert gate.usernames() == ["anna"]
