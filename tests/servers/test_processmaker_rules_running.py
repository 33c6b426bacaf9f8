"""Each rule that ProcessMaker documents, shown in its own tables: what is done around a synchronisation.

A real directory server, and the commands a person types. tests/processmaker_and_vmmanager.md names
the tests rule by rule.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.processmaker import filler
from tests.processmaker.life import ProcessMakerLife
from tests.processmaker.product import Product
from tests.processmaker.tables import (
    ENVIRONMENT,
    NOBODY,
    Workspace,
    admin_url,
    create_site,
    declared,
    drop_site,
    name,
    site,
)
from tests.servers.certificates import Authority
from tests.servers.forking import Execute
from tests.servers.mariadb import MariaDB, mariadb
from tests.servers.samba import SUFFIX as DOMAIN
from tests.servers.samba import Samba, samba
from tests.servers.site import Site
from tests.servers.slapd import BASE, Slapd, slapd
from tests.servers.test_processmaker_running import flat

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def database() -> Iterator[MariaDB]:
    with mariadb() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd"), BASE, lines=["overlay ppolicy"]) as running:
        yield running


@pytest.fixture
def url(database: MariaDB) -> Iterator[str]:
    with site(admin_url(database)) as made:
        yield made


@pytest.fixture
def life(tmp_path: Path, server: Slapd, url: str, quick: Execute) -> Iterator[ProcessMakerLife]:
    made = ProcessMakerLife(tmp_path, server, url, quick)
    yield made
    made.close()


def local(life: ProcessMakerLife, *usernames: str) -> None:
    """Accounts of the product's own."""
    product = Product(life.db, filler.AT)
    for username in usernames:
        product.add_user(username, USR_EMAIL="")


def directory_users(life: ProcessMakerLife) -> set[str]:
    return {row["USR_USERNAME"] for row in life.db.rows("RBAC_USERS", USR_AUTH_TYPE="ldapadvanced")}


def test_passwords_stay_in_the_directory(life: ProcessMakerLife) -> None:
    life.add({"uid=ann": {}})
    life.rules({"create": "all"})
    life.apply()
    local(life, "dan")
    row = life.db.user("ann")
    assert (row["USR_PASSWORD"], row["rbac"]["USR_PASSWORD"]) == (NOBODY, NOBODY)
    assert "ann is logged in" in life.login("ann")
    life.change("uid=ann", userPassword="another-One-2")
    assert life.login("ann", code=1) == "login failed"
    assert "ann is logged in" in life.login("ann", password="another-One-2")
    assert life.login("ann", password=" another-One-2 ", code=1) == "login failed", "spaces count"
    assert "is a local account of the platform, not of a directory" in life.login("dan", code=1)
    sources = life.users("source")
    assert (sources["ann"], sources["dan"]) == ("corp", None)
    assert "another-One-2" not in life.db.text()


def test_the_first_login_registers_where_that_is_allowed(life: ProcessMakerLife) -> None:
    life.add({"ou=Sales": {}, "uid=ann,ou=Sales": {}, "uid=bob": {}})
    department = [life.rule("ou=Sales")]
    life.rules({"create": "never"}, departments=department)
    assert life.login("ann", code=1).startswith("ann may not log in: there is no account")
    life.rules({"create": "never"}, {"register_on_login": True}, departments=department)
    assert life.login("ann").endswith("with the role operator, registered.")
    assert life.login("ann").endswith("with the role operator, up to date.")
    assert Product(life.db, filler.AT).login("ann") == life.dn("uid=ann,ou=Sales")
    life.run("plan", "--check")
    department_of = life.db.user("ann")["DEP_UID"]
    assert life.db.row("DEPARTMENT", DEP_UID=department_of)["DEP_TITLE"] == "Sales"


def test_counts_and_impossible_users_by_name_and_why(life: ProcessMakerLife) -> None:
    life.add({"ou=Sales": {}} | {f"uid={name},ou=Sales": {} for name in ("ann", "eric", "gone")})
    life.rules({"exclude": ["eric"]}, departments=[life.rule("ou=Sales")])
    life.apply()
    local(life, "eric")
    life.change("uid=ann,ou=Sales", sn="Married")
    life.delete("uid=gone,ou=Sales")
    life.add({"uid=new,ou=Sales": {}})
    life.rules(departments=[life.rule("ou=Sales")])
    out = life.apply()
    table = out.partition("Done: ")[2].splitlines()
    assert table[2].split() == ["users", "1", "1", "1", "1"], "created, updated, erased, impossible"
    assert "! exists_locally: eric" in out
    assert "exists_locally" in life.run("explain", "eric")[0]


def test_searching_and_trees(life: ProcessMakerLife) -> None:
    life.add({"uid=jo": {"givenName": "Jon", "sn": "Norris"}, "uid=x1": {"sn": "Joneson"}})
    life.add({"ou=jobs": {}, "uid=x3,ou=jobs": {}, "uid=dan": {}, "uid=admin": {}})
    life.rules({"create": "selected", "select": ["jo"]}, {"page_size": 2})
    life.apply()
    local(life, "dan")
    rows = json.loads(life.run("search", "corp", "*", "--format", "json")[0])
    assert {row["username"]: row["status"] for row in rows} == {
        "jo": "IMPORTED",
        "x1": "NOT IMPORTED",
        "x3": "NOT IMPORTED",
        "dan": "CANNOT IMPORT",
        "admin": "CANNOT IMPORT",
    }
    assert {"username", "first_name", "last_name", "email", "dn"} <= rows[0].keys()
    found = json.loads(life.run("search", "corp", "jo*n", "--format", "json")[0])
    assert {row["username"] for row in found} == {"jo", "x1", "x3"}
    assert json.loads(life.run("search", "corp", "*)(uid=*", "--format", "json")[0]) == []
    assert "jobs" in life.run("tree", "corp")[0]


def test_a_workspace_can_be_named(life: ProcessMakerLife, database: MariaDB) -> None:
    admin, other = admin_url(database), f"{name(life.url)}b"
    second = create_site(admin, other)
    life.add({"uid=ann": {}})
    life.rules({"create": "all"}, platform={"workspaces": [name(life.url), other]})
    with Workspace(second) as db:
        life.run("apply", "--yes", "--workspace", other)
        assert (life.db.count("USERS"), db.count("USERS")) == (2, 3)
        life.apply()
        assert (life.db.count("USERS"), db.count("USERS")) == (3, 3)
    drop_site(admin, other)


HOLDS = """
import os, platform, sys, time
from pathlib import Path
from reconcile.app import adapters
from reconcile.config import load
from reconcile.ports import Holder, no_progress
found = load([Path("reconcile.yml")], environ=dict(os.environ),
    sources=adapters.checkers(adapters.DIRECTORIES), platforms=adapters.checkers(adapters.PLATFORMS))
settings = found.desired.platform
with adapters.platform(settings, no_progress).lock(
    settings.workspaces, Holder("kim", platform.node(), os.getpid(), "2026-01-01T00:00:00Z")):
    print("held", flush=True)
    time.sleep(120)
"""


def test_one_run_at_a_time_and_force_takes_over_from_a_dead_one_only(
    life: ProcessMakerLife,
) -> None:
    life.add({"uid=ann": {}})
    life.rules({"create": "all"})
    life.apply()
    life.add({"uid=bob": {}})
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.defpath}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS],
        cwd=life.folder,
        env=environment | life.environment | {"CORP_PASSWORD": life.password},
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        for arguments in (["apply", "--yes"], ["apply", "--yes", "--force"]):
            _, err = life.run(*arguments, code=8)
            assert "kim" in err
            assert str(first.pid) in err
        first.send_signal(signal.SIGKILL)
    assert "--force" in life.run("apply", "--yes", code=8)[1]
    assert directory_users(life) == {"ann"}
    life.apply("--force")
    assert directory_users(life) == {"ann", "bob"}


def test_the_log_file_has_counts_and_more_where_more_is_asked_for(life: ProcessMakerLife) -> None:
    life.add({"uid=MarkLogin": {}})
    life.rules({"create": "all"})
    life.run("apply", "--yes", "--log-file", "brief.log")
    brief = (life.folder / "brief.log").read_text(encoding="utf-8")
    assert "Done: " in brief
    assert "MarkLogin" not in brief
    rotation = ("--log-file-size", "1KiB", "--log-file-count", "2")
    life.run("plan", "-v", "--log-file", "long.log", *rotation)
    long = "".join(file.read_text(encoding="utf-8") for file in life.folder.glob("long.log*"))
    assert "ldapsearch" in long
    assert life.password not in long


def test_the_downloaded_settings_become_a_source_that_works(life: ProcessMakerLife) -> None:
    life.add({"ou=Leavers": {}, "uid=ann": {"title": "staff", "telephoneNumber": "1"}})
    life.add({"uid=old,ou=Leavers": {"title": "staff"}})
    downloaded: dict[str, Any] = dict(flat(life))
    (life.folder / "corp.json").write_text(json.dumps(downloaded), encoding="utf-8")
    file = life.folder / "reconcile.yml"
    state: dict[str, Any] = {"version": 1, "preset": "processmaker"}
    state["platform"] = declared(life.url)
    file.write_text(yaml.safe_dump(state | {"sources": []}), encoding="utf-8")
    _, err = life.run("connection", "import", "corp.json", "--out", "reconcile.yml")
    assert "CORP_LDAP_PASSWORD" in err, "the password is not in the file"
    assert "'GHOST'" in err, "attributes of a role that nobody gets are left out"
    assert "--update" in life.run("connection", "import", "corp.json", code=2)[1]
    life.run("connection", "import", "corp.json", "--new", "--out", "reconcile.yml")
    life.run("connection", "import", "corp.json", "--update", "--out", "reconcile.yml")
    state = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert [source["name"] for source in state["sources"]] == ["corp", "corp (2)"]
    state["sources"] = state["sources"][:1]
    state["sources"][0]["users"] |= {"create": "all"}
    state["role_mappings"] = [{"role": "operator", "default": True}]
    file.write_text(yaml.safe_dump(state), encoding="utf-8")
    life.environment["CORP_LDAP_PASSWORD"] = life.password
    life.run("test")
    life.apply()
    assert life.users() == {"ann": "active", "old": "inactive"}
    assert life.db.user("ann")["USR_PHONE"] == "1"
    source = life.db.row("RBAC_AUTHENTICATION_SOURCE")
    assert source["AUTH_SOURCE_NAME"] == "corp"
    assert source["AUTH_SOURCE_PASSWORD"] == "", "secrets stay where they are"
    assert json.loads(life.run("connection", "export", "corp")[0])["source"]["name"] == "corp"
    downloaded |= {"AUTH_SOURCE_ENABLED_TLS": "1", "AUTH_SOURCE_NAME": "tls"}
    (life.folder / "tls.json").write_text(json.dumps(downloaded), encoding="utf-8")
    assert "TLS certificate is not installed" in life.run("connection", "import", "tls.json")[1]


def test_a_certificate_that_is_not_trusted_leaves_the_workspace_as_it_is(
    tmp_path: Path, secure: Slapd, authority: Authority, url: str, quick: Execute
) -> None:
    made = Site(tmp_path, execute=quick)
    made.environment = dict(ENVIRONMENT)

    def tls(**keys: str) -> None:
        made.desired(secure.url, tls=keys)
        mappings = [{"role": "operator", "default": True}]
        made.add(preset="processmaker", platform=declared(url), role_mappings=mappings)

    with Workspace(url) as db:
        before = db.everything()
        trusted = str(authority.file)
        for keys in ({}, {"ca_file": trusted, "server_name": "other.example.com"}):
            tls(**keys)
            assert "certificate" in made.run("apply", "--yes", code=7)[1]
        made.desired(secure.url, tls={"mode": "none"}, require_signing=True)
        made.add(preset="processmaker", platform=declared(url))
        made.run("apply", "--yes", code=(2, 7))
        assert db.everything() == before
        tls(ca_file=trusted, server_name="ldap.example.com")
        made.run("apply", "--yes")
        assert db.count("RBAC_USERS", USR_AUTH_TYPE="ldapadvanced") == 10
        source = db.row("RBAC_AUTHENTICATION_SOURCE")
        assert source["AUTH_SOURCE_ENABLED_TLS"] == 1


def test_an_anonymous_source_of_several_pages(life: ProcessMakerLife) -> None:
    life.add({f"uid=p{number}": {} for number in range(5)})
    life.rules({"create": "all"}, {"bind": {"anonymous": True}, "page_size": 2})
    _, err = life.run("apply", "--yes")
    assert "anonymous" in err
    assert len(directory_users(life)) == 5


def test_other_naming_attributes_are_read_too(tmp_path: Path, url: str, quick: Execute) -> None:
    suffix = "o=Acme,c=DE"
    base = f"dn: {suffix}\nobjectClass: organization\no: Acme\n"
    with slapd(tmp_path / "server", base, suffix=suffix) as running:
        (tmp_path / "staff").mkdir()
        life = ProcessMakerLife(tmp_path / "staff", running, url, quick)
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
        assert life.db.user("007")["rbac"]["USR_AUTH_USER_DN"] == f"uid=ann,ou=staff,{suffix}"
        assert [row["DEP_TITLE"] for row in life.db.rows("DEPARTMENT")] == ["Sales"]
        life.close()


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    unit: list[list[object]] = [
        ["add", f"OU=Sales,{DOMAIN}", {"objectClass": "organizationalUnit"}]
    ]
    with samba(tmp_path_factory.mktemp("samba"), unit) as running:
        yield running


def test_active_directory(tmp_path: Path, controller: Samba, url: str, quick: Execute) -> None:
    domain = ProcessMakerLife(tmp_path, controller, url, quick)
    group = {"objectClass": "group"}
    controls = {
        "512": True,
        "544": True,
        "66048": True,
        "66080": True,
        "514": False,
        "262656": False,
    }
    domain.add({"OU=Sales": {}, "CN=boss,OU=Sales": {}})
    domain.add(
        {
            "CN=one,OU=Sales": {
                "manager": "CN=boss,OU=Sales",
                "mail": None,
                "userPrincipalName": "one@corp",
            }
        }
    )
    domain.add({"CN=ends,OU=Sales": {"accountExpires": "133801632000000000"}})
    domain.add({f"CN=u{control},OU=Sales": {"userAccountControl": control} for control in controls})
    domain.add(
        {
            "CN=inner": group | {"sAMAccountName": "inner"},
            "CN=outer": group | {"sAMAccountName": "outer"},
        }
    )
    domain.change("CN=inner", member=["CN=one,OU=Sales"])
    domain.change("CN=outer", member=["CN=inner", "CN=boss,OU=Sales"])
    domain.rules(departments=[domain.rule("OU=Sales")], groups=[domain.rule("outer")])
    domain.apply()
    db = domain.db
    statuses = {f"u{control}": db.user(f"u{control}")["USR_STATUS"] for control in controls}
    assert statuses == {
        f"u{control}": "ACTIVE" if active else "INACTIVE" for control, active in controls.items()
    }
    assert db.members("outer") == {"one", "boss"}, "members of inner groups are members"
    assert db.user("one")["USR_REPORTS_TO"] == db.user("boss")["USR_UID"]
    assert db.user("one")["USR_EMAIL"] == "one@corp"
    assert db.user("ends")["USR_STATUS"] == "INACTIVE", "the account has expired"
    domain.change("CN=u514,OU=Sales", userAccountControl="544")
    domain.delete("CN=boss,OU=Sales")
    domain.apply()
    assert db.user("u514")["rbac"]["USR_STATUS"] == 1
    assert db.user("one")["USR_REPORTS_TO"] == ""
    domain.close()
