"""The whole file for a domain in docs/directories.md, on a real Active Directory (Samba)."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.servers.samba import PASSWORD, SUFFIX, Samba, samba
from tests.servers.site import Site

pytestmark = pytest.mark.server

PAGE = Path(__file__).parents[2] / "docs" / "directories.md"
(RECIPE,) = re.findall(
    r"```yaml\n(version: 1\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
)
STAFF, LEAVERS = f"OU=Staff,OU=Company,{SUFFIX}", f"OU=Leavers,OU=Company,{SUFFIX}"
SALES, NORTH = f"OU=Sales,{STAFF}", f"OU=North,OU=Sales,{STAFF}"
USERS, ADMINS, INNER = (
    f"CN={name},OU=Groups,{SUFFIX}" for name in ("App-Users", "App-Admins", "Contractors")
)
HOMES = {"ann": SALES, "bob": NORTH, "cid": STAFF, "dan": SALES, "eve": NORTH, "off": SALES}
ON, OFF = "512", "514"


def dn(login: str) -> str:
    return f"CN={login},{HOMES[login]}"


def members(group: str, *dns: str) -> list[Any]:
    return ["modify", group, {"member": list(dns)}]


def service(login: str, control: str) -> list[Any]:
    return ["modify", dn(login), {"userAccountControl": [control]}]


def entries() -> list[list[Any]]:
    places = [f"OU=Company,{SUFFIX}", STAFF, LEAVERS, SALES, NORTH, f"OU=Groups,{SUFFIX}"]
    made: list[list[Any]] = [
        ["add", each, {"objectClass": "organizationalUnit"}] for each in places
    ]
    for login in HOMES:
        values = {"objectClass": "user", "sAMAccountName": login, "sn": login.title()}
        made.append(["add", dn(login), values | {"userAccountControl": "544"}])
    for group in (USERS, ADMINS, INNER):
        name = group[3 : group.index(",")]
        made.append(["add", group, {"objectClass": "group", "sAMAccountName": name}])
    made += [members(INNER, dn("cid")), members(ADMINS, dn("bob"), dn("dan"))]
    made.append(members(USERS, dn("ann"), dn("bob"), dn("off"), INNER))
    made += [["modify", dn("off"), {"userAccountControl": ["546"]}]]
    made.append(["password", "administrator", PASSWORD])
    return made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Samba]:
    with samba(tmp_path / "samba", entries()) as running:
        yield running


@pytest.fixture
def site(server: Samba, tmp_path: Path) -> Site:
    """The file as the page has it, but for what is this server's own."""
    text = RECIPE
    for written, here in (
        ("[ldap://dc1.example.test, ldap://dc2.example.test]", f'["{server.url}"]'),
        ("ca_file: domain-ca.pem", f'ca_file: "{server.folder}/private/tls/ca.pem"'),
        ("mode: starttls,", "mode: starttls, server_name: dc1.example.test,"),
        ("reader@example.test", server.admin),
    ):
        assert text.count(written) == 1, written
        text = text.replace(written, here)
    (tmp_path / "reconcile.yml").write_text(text, encoding="utf-8")
    return Site(tmp_path, server.password)


def users(site: Site) -> dict[str, tuple[str, str, str]]:
    """Username → status, department and roles; erased users by their status alone."""
    query = """
        SELECT users.username, users.status, coalesce(departments.title, ''),
               (SELECT group_concat(roles.name) FROM grants JOIN roles ON roles.id = role_id
                WHERE user_id = users.id)
        FROM users LEFT JOIN departments ON departments.id = department_id
        WHERE users.source_id IS NOT NULL"""
    with closing(sqlite3.connect(site.folder / "users.db")) as database:
        return {
            "erased" if status == "erased" else name: (status, title, roles or "")
            for name, status, title, roles in database.execute(query)
        }


def later(site: Site, days: int) -> None:
    """Grace periods began so many days earlier."""
    change = "UPDATE users SET departed_at = strftime('%Y-%m-%dT%H:%M:%SZ', departed_at, ?)"
    with closing(sqlite3.connect(site.folder / "users.db")) as database, database:
        database.execute(f"{change} WHERE departed_at IS NOT NULL", (f"-{days} days",))


def test_joiners_movers_and_leavers(server: Samba, site: Site) -> None:
    # Members of the group and of the one nested in it; a department or a role adds nobody.
    out, err = site.run("plan")
    assert err == ""
    assert "  2 people of windows are in no group of create (-v lists them)\n" in out
    assert "  1 person of windows is disabled, and not created (-v lists them)\n" in out
    site.run("apply", "--yes")
    assert users(site) == {
        "ann": ("active", "Sales", "operator"),
        "bob": ("active", "North", "administrator"),
        "cid": ("active", "Staff", "operator"),
    }
    # Ann and Bob are disabled; Bob comes back. Off is enabled, and Dan joins.
    server.change(
        service("ann", OFF), service("bob", OFF), service("off", ON), service("dan", ON),
        members(USERS, dn("ann"), dn("bob"), dn("off"), dn("dan"), INNER),
    )  # fmt: skip
    site.run("apply", "--yes")
    assert users(site) == {
        "ann": ("blocked_in_directory", "Sales", "operator"),
        "bob": ("blocked_in_directory", "North", "administrator"),
        "cid": ("active", "Staff", "operator"),
        "dan": ("active", "Sales", "administrator"),
        "off": ("active", "Sales", "operator"),
    }
    assert "disabled since " in site.run("explain", "ann")[0]
    # Ann leaves the group and is moved to the leavers: her time goes on. Cid leaves the inner group.
    later(site, 20)
    server.change(
        service("bob", ON), members(USERS, dn("bob"), dn("off"), dn("dan"), INNER),
        members(INNER, dn("off")), ["rename", dn("ann"), f"CN=ann,{LEAVERS}"],
    )  # fmt: skip
    site.run("apply", "--yes")
    after = users(site)
    assert after["bob"] == ("active", "North", "administrator")
    assert after["cid"] == ("blocked", "Staff", "operator")
    assert after["ann"][0] in ("blocked", "blocked_in_directory")
    later(site, 10)
    out, _ = site.run("plan")
    assert "- user ann: erase  # disabled in windows, and no longer selected since " in out
    site.run("apply", "--yes")
    assert users(site)["erased"][0] == "erased"
    site.run("plan", "--check")
    # A renamed group takes nobody's user away.
    server.change(["rename", USERS, USERS.replace("App-Users", "Application-Users")])
    out, _ = site.run("plan", code=4)
    assert "expected_group:main/windows/cn=App-Users,ou=Groups,dc=example,dc=test:1" in out
    site.run("apply", "--yes", code=4)
    assert users(site)["dan"] == ("active", "Sales", "administrator")
