"""Damage that other synchronisers have done, told by the names of the tests, and that this one refuses to do."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ber, ds389, samba
from tests.servers.proxy import listening, proxy
from tests.servers.site import Site
from tests.servers.slapd import PASSWORD, SUFFIX, Slapd, free_port, slapd
from tests.servers.sources import ldif, people
from tests.servers.stand_in import ended, stand_in, success

pytestmark = pytest.mark.server

TEAM = f"cn=team,{SUFFIX}"
READER = f"cn=reader,{SUFFIX}"


def company(count: int = 12) -> dict[str, Any]:
    """People, half of them in a team, an account that reads, and an OU where nobody is."""
    members = [f"uid=p{number},ou=people,{SUFFIX}" for number in range(6)]
    return people(count) | {
        TEAM: {"objectClass": ["groupOfNames"], "cn": ["team"], "member": members},
        f"ou=empty,{SUFFIX}": {"objectClass": ["organizationalUnit"], "ou": ["empty"]},
        f"ou=moved,{SUFFIX}": {"objectClass": ["organizationalUnit"], "ou": ["moved"]},
        READER: {
            "objectClass": ["organizationalRole", "simpleSecurityObject"],
            "cn": ["reader"],
            "userPassword": [PASSWORD],
        },
    }


def bound(dn: str) -> dict[str, Any]:
    return {"dn": dn, "password": "{{ env('CORP_PASSWORD') }}"}


def filled(site: Site, url: str, **changes: Any) -> None:
    """A platform in line with its directory."""
    site.desired(url, **changes)
    site.add(**RULES)
    site.run("apply", "--yes")


RULES: dict[str, Any] = {
    "groups": [{"source": "corp", "select": ["cn=team"]}],
    "role_mappings": [{"role": "operator", "default": True}],
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Slapd]:
    """A directory of this test alone."""
    with slapd(tmp_path / "slapd", ldif(company())) as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, running: Slapd) -> Site:
    made = Site(tmp_path)
    filled(made, running.url)
    return made


def change(server: Slapd, *changes: str) -> None:
    for one in changes:
        command = ["ldapmodify", "-x", "-H", server.url, "-D", server.admin, "-w", server.password]
        subprocess.run(command, input=one, text=True, check=True, capture_output=True)


def changes(site: Site, *arguments: str, code: int = 0) -> list[tuple[str, str]]:
    """Action and key of what a plan would do to users."""
    out, _ = site.run("plan", "--format", "json", *arguments, code=code)
    return [
        (one["action"], one["key"]) for one in json.loads(out)["changes"] if one["kind"] == "user"
    ]


def test_one_batch_of_all_users_is_not_taken_for_all_of_them(tmp_path: Path) -> None:
    """Read was a batch of 500, and everybody else was disabled."""
    limits = [f'limits dn.exact="{READER}" size=500', "sizelimit unlimited"]
    with slapd(tmp_path / "slapd", ldif(company(750)), lines=limits) as server:
        site = Site(tmp_path)
        filled(site, server.url, page_size=500)
        assert len(json.loads(site.run("users", "--format", "json")[0])) == 750
        for page_size in (0, 500):
            site.desired(server.url, bind=bound(READER), page_size=page_size)
            site.add(**RULES)
            site.refuses("sizeLimitExceeded", "Ask for a larger size limit")
        with proxy(server.port, after_dones=2) as through:  # after the first page of 500
            site.desired(through.url, page_size=500)
            site.add(**RULES)
            site.refuses("the connection broke")


@pytest.mark.full  # test_active_directory has a group of 1,600 in `make test`
def test_a_group_growing_past_1500_members_keeps_them_all(tmp_path: Path) -> None:
    """A group of Active Directory grew from 1,498 to 1,501 members and lost them all."""
    above = f"OU=Big,{samba.SUFFIX}"
    team = f"CN=team,{above}"
    names = [f"CN=u{number:04},{above}" for number in range(1501)]
    steps: list[list[Any]] = [["add", above, {"objectClass": "organizationalUnit"}]]
    for number, dn in enumerate(names):
        login = f"u{number:04}"
        values = {
            "objectClass": "user",
            "sAMAccountName": login,
            "userAccountControl": "544",
            "sn": login,
        }
        steps.append(["add", dn, values | {"mail": f"{login}@example.test"}])
    steps.append(["add", team, {"objectClass": "group", "sAMAccountName": "team"}])
    steps.append(["modify", team, {"member": names[:1498]}])
    with samba.samba(tmp_path / "samba", steps) as server:
        site = Site(tmp_path, server.password)
        filled(
            site,
            server.url,
            type="active_directory",
            base_dn=above,
            bind=bound(server.admin),
            page_size=1000,
            timeout={"connect": "10s", "read": "60s"},
        )
        assert members(site) == 1498
        server.change(["modify", team, {"member": names}])
        out, _ = site.run("plan", "--format", "json")
        moved = [(one["action"], one["kind"]) for one in json.loads(out)["changes"]]
        assert moved == [("create", "membership")] * 3
        site.run("apply", "--yes")
        assert members(site) == 1501


def members(site: Site) -> int:
    (team,) = json.loads(site.run("groups", "--format", "json")[0])
    return len(team["members"])


@pytest.mark.parametrize(
    ("code", "name"), [(51, "busy"), (52, "unavailable"), (53, "unwillingToPerform")]
)
def test_a_server_that_is_too_busy_is_no_directory_without_users(
    site: Site, code: int, name: str
) -> None:
    """A 503 of the source was taken for no users; a limit on requests blocked people."""
    with stand_in([success(ber.entry(SUFFIX, {})), *[ended(code, "try later")] * 9]) as url:
        site.desired(url)
        site.add(**RULES)
        site.refuses("corp", name)


def test_a_bind_without_read_rights_is_no_directory_without_users(tmp_path: Path) -> None:
    """389 Directory Server answers success and no entries."""
    entries = company()
    blind = f"uid=p1,ou=people,{SUFFIX}"
    entries[SUFFIX] = entries[SUFFIX] | {"objectClass": ["domain"]}
    del entries[SUFFIX]["o"]
    entries[blind] |= {"userPassword": [PASSWORD]}
    with ds389.ds389(tmp_path / "ds", ldif(entries)) as server:
        site = Site(tmp_path)
        filled(site, server.url, type="389ds", bind=bound(server.admin))
        site.desired(server.url, type="389ds", bind=bound(blind))
        site.add(**RULES)
        site.refuses("cannot be seen", "Ask for the right to read it")


def test_an_unreachable_server_deletes_nobody(site: Site) -> None:
    """All users of the directory were deleted when it could not be reached."""
    for lifecycle in ({}, {"lifecycle": {"on_missing": "delete"}}):
        site.desired(f"ldap://127.0.0.1:{free_port()}")
        site.add(**RULES, **lifecycle)
        site.refuses("corp", "refused")


@pytest.mark.parametrize("loss", ["block", "erase", "delete"])
def test_a_base_that_shows_no_users_erases_nobody_and_says_how_many_it_would(
    site: Site, running: Slapd, loss: str
) -> None:
    """Every active user was erased, and the summary said that none was deleted."""
    before = site.platform
    site.desired(running.url, users={"create": "all", "base": f"ou=empty,{SUFFIX}"})
    site.add(**RULES, lifecycle={"on_missing": loss, "on_out_of_scope": loss})
    out, _ = site.run("plan", code=4)
    assert "users_lost:main/corp:12:all: all 12 users of corp would be lost" in out
    assert [action for action, _ in changes(site, code=4)] == [loss] * 12, (
        "what it would do is told"
    )
    site.run("apply", "--yes", code=4)
    assert site.platform == before


def test_a_mistake_in_the_rules_does_not_empty_a_team(site: Site, running: Slapd) -> None:
    """The limit on removals covered members of the organisation, and those of its teams were removed."""
    before = site.platform
    site.desired(running.url)
    site.add(**RULES | {"groups": [{"source": "corp", "select": ["cn=taem"]}]})
    out, _ = site.run("plan", code=4)
    assert "memberships_lost:main/corp" in out
    assert "all 6 memberships" in out
    site.run("apply", "--yes", code=4)
    assert site.platform == before


def test_a_changed_login_or_its_case_is_the_same_account(site: Site, running: Slapd) -> None:
    """A changed login, or only its case, erased the account and made a new one."""
    person = f"ou=people,{SUFFIX}"
    change(
        running,
        f"dn: uid=p3,{person}\nchangetype: modrdn\nnewrdn: uid=P3\ndeleteoldrdn: 1\n",
        f"dn: uid=p4,{person}\nchangetype: modrdn\nnewrdn: uid=married\ndeleteoldrdn: 1\n",
    )
    ids = {
        user["username"].lower(): user["external_id"]
        for user in json.loads(site.run("users", "--format", "json")[0])
    }
    assert sorted(changes(site)) == [("update", "p3"), ("update", "p4")]
    site.run("apply", "--yes")
    now = {
        user["username"]: user["external_id"]
        for user in json.loads(site.run("users", "--format", "json")[0])
    }
    assert now["P3"] == ids["p3"]
    assert now["married"] == ids["p4"]
    assert len(now) == 12


def test_a_move_to_another_ou_makes_no_duplicate(site: Site, running: Slapd) -> None:
    """People who moved were made a second time."""
    move = f"changetype: modrdn\nnewrdn: uid=p2\ndeleteoldrdn: 1\nnewsuperior: ou=moved,{SUFFIX}\n"
    change(running, f"dn: uid=p2,ou=people,{SUFFIX}\n{move}")
    assert changes(site) == [("update", "p2")]
    site.run("apply", "--yes")
    users = json.loads(site.run("users", "--format", "json")[0])
    assert [user["dn"] for user in users if user["username"] == "p2"] == [
        f"uid=p2,ou=moved,{SUFFIX}"
    ]
    assert len(users) == 12


def test_a_refused_start_tls_sends_no_password(site: Site) -> None:
    """StartTLS failed, and the password went out in clear text."""
    operations: list[int] = []

    def serve(client: Any) -> None:
        with client:
            while data := client.recv(65536):
                assert PASSWORD.encode() not in data
                number, operation = ber.taken_apart(data)
                operations.append(operation)
                if operation == ber.EXTENDED:
                    client.sendall(
                        ber.message(
                            number, ber.result(ber.EXTENDED_RESPONSE, 2, said="no TLS here")
                        )
                    )

    with listening(serve) as port:
        site.desired(f"ldap://127.0.0.1:{port}", tls={"mode": "starttls"})
        site.add(**RULES)
        site.refuses("StartTLS failed", "nothing was sent in clear text")
    assert set(operations) <= {ber.EXTENDED, ber.UNBIND}
    assert ber.EXTENDED in operations


@pytest.mark.parametrize("name", ["*", "p*", "p1)(uid=*", "p1)(|(uid=*", "\\2a", ")(objectClass=*"])
def test_a_name_is_never_part_of_a_filter(site: Site, name: str) -> None:
    """A search filter was built from names as they were typed."""
    before = site.run("users", "--format", "json")
    _, err = site.run("login", name, code=1, given=f"{PASSWORD}\n")
    assert "login failed" in err
    found = json.loads(site.run("search", "corp", name, "--format", "json")[0])
    assert len(found) == (12 if name in ("*", "p*") else 0), "only * is a wildcard"
    assert site.run("users", "--format", "json") == before
