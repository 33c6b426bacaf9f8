"""`preset: processmaker` on a real server, by the commands a person types: what is done around a synchronisation.

Logging in, counting, searching, workspaces, locks, logs, settings that were downloaded, directories
of other make. tests/processmaker_and_vmmanager.md names the tests rule by rule.
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
from tests.servers.slapd import BASE, Slapd, slapd

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd"), BASE, lines=["overlay ppolicy"]) as running:
        yield running


@pytest.fixture
def life(tmp_path: Path, server: Slapd, quick: Execute) -> Life:
    return Life(tmp_path, server, "processmaker", quick)


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
    assert "is a local account of the platform, not of a directory" in life.login("dan", code=1)
    sources = life.users("source")
    assert (sources["ann"], sources["dan"]) == ("corp", None), (
        "the list of users says whose password it is"
    )
    assert b"another-One-2" not in life.platform


def test_the_first_login_registers_where_that_is_allowed(life: Life) -> None:
    life.add({"ou=Sales": {}, "uid=ann,ou=Sales": {}, "uid=bob": {}})
    department = [life.rule("ou=Sales")]
    life.rules({"create": "never"}, departments=department)
    assert (
        life.login("ann", code=1) == "ann may not log in: there is no account, and none is created"
    )
    life.rules({"create": "never"}, {"register_on_login": True}, departments=department)
    assert (
        life.login("ann")
        == "ann is logged in to main: by corp, with the role operator, registered."
    )
    assert (
        life.login("ann")
        == "ann is logged in to main: by corp, with the role operator, up to date."
    )
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
    assert table[1].split() == [
        "corp",
        "existing",
        "created",
        "updated",
        "erased",
        "removed",
        "needs",
        "action",
    ]
    assert table[2].split() == ["users", "1", "1", "1", "3"], (
        "created, updated, erased, needs action"
    )
    for name in ("liliana", "fernando", "eric"):
        assert (
            f"! exists_locally: {name} ({life.dn(f'uid={name},ou=Sales')}): the platform has a local '{name}'"
            in out
        )
    assert "exists_locally" in life.run("explain", "eric")[0]


def test_searching_finds_by_name_login_mail_and_dn(life: Life) -> None:
    life.add(
        {"uid=jo": {"givenName": "Jon", "sn": "Norris"}, "uid=x1": {"sn": "Joneson"}, "ou=jobs": {}}
    )
    life.add(
        {"uid=x2": {"mail": "JOHN@example.com"}, "uid=x3,ou=jobs": {"sn": "Nobody"}, "uid=dan": {}}
    )
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
    assert found("*") == {
        "jo": "IMPORTED",
        "x1": other,
        "x2": other,
        "x3": other,
        "dan": "CANNOT IMPORT",
    }
    out, _ = life.run("search", "corp", "jon norris", "--format", "csv")
    assert out.splitlines()[0] == "username,first_name,last_name,email,dn,status,why"
    assert out.splitlines()[1].startswith("jo,Jon,Norris,jo@example.com,")


def test_a_workspace_can_be_named(life: Life) -> None:
    life.add({"uid=ann": {}})
    life.rules(
        {"create": "all"},
        platform={"type": "sql", "url": "sqlite:///platform.db", "workspaces": ["a", "b"]},
    )
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
    with subprocess.Popen(
        command, cwd=life.folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as first:
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
    life.run(
        "plan", "-v", "--log-file", "long.log", "--log-file-size", "1KiB", "--log-file-count", "2"
    )
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
    life.add(
        {"ou=Leavers": {}, "uid=ann": {"title": "staff", "telephoneNumber": "1"}, "uid=bob": {}}
    )
    life.add({"uid=old,ou=Leavers": {"title": "staff"}})
    (life.folder / "corp.json").write_text(json.dumps(flat(life)), encoding="utf-8")
    state = {
        "version": 1,
        "preset": "processmaker",
        "platform": {"type": "sql", "url": "sqlite:///platform.db"},
    }
    file = life.folder / "reconcile.yml"
    file.write_text(yaml.safe_dump(state | {"sources": []}), encoding="utf-8")
    _, err = life.run("connection", "import", "corp.json", "--out", "reconcile.yml")
    assert "CORP_LDAP_PASSWORD" in err, "the password is not in the file"
    assert "'GHOST'" in err, "attributes of a role that nobody gets are left out"
    assert "PROCESSMAKER_OPERATOR" in err
    assert life.run("connection", "import", "corp.json", code=2)[1].count("--update") == 1, (
        "cancel is the default"
    )
    life.run("connection", "import", "corp.json", "--new", "--out", "reconcile.yml")
    (life.folder / "corp.json").write_text(
        json.dumps(flat(life) | {"LDAP_PAGE_SIZE_LIMIT": "100"}), encoding="utf-8"
    )
    life.run("connection", "import", "corp.json", "--update", "--out", "reconcile.yml")
    state = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert [(one["name"], one.get("page_size")) for one in state["sources"]] == [
        ("corp", 100),
        ("corp (2)", None),
    ]
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


def test_other_naming_attributes_and_classes_are_read_too(tmp_path: Path, quick: Execute) -> None:
    suffix = "o=Acme,c=DE"
    base = f"dn: {suffix}\nobjectClass: organization\no: Acme\n"
    with slapd(tmp_path / "server", base, suffix=suffix) as running:
        (tmp_path / "staff").mkdir()
        life = Life(tmp_path / "staff", running, "processmaker", quick)
        life.add({"uid=ann": {"employeeNumber": "007"}, "uid=bob": {"employeeNumber": "008"}})
        life.add(
            {"ou=Sales": {}, "cn=one": {"member": ["uid=ann"]}, "cn=two": {"member": ["uid=bob"]}}
        )
        life.rules(
            {"identifier": "employeeNumber", "filter": "(&(objectClass=person)(uid=*))"},
            {
                "groups": {"filter": "(&(objectClass=groupOfNames)(cn=one))"},
                "departments": {"filter": "(ou=Sales)"},
            },
            groups=[life.rule("cn=*")],
            departments=[life.rule("ou=*")],
        )
        life.apply()
        assert life.users("dn") == {"007": f"uid=ann,ou=staff,{suffix}"}
        assert list(life.rows("departments", "path")) == ["Sales"]
