"""The whole way, from a real slapd to a platform: plan, apply, nothing to do - and every bad day ends with exit 7.

After a bad day the platform is what it was, to the byte, and the message says what to do.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile.model.text.dn import normalize
from tests.servers import ber
from tests.servers.certificates import Authority
from tests.servers.forking import Execute
from tests.servers.proxy import proxy
from tests.servers.site import Site
from tests.servers.slapd import PASSWORD, SUFFIX, Slapd, free_port, modify, slapd
from tests.servers.sources import ldif, people
from tests.servers.stand_in import BASE, ended, stand_in, success

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
pytestmark = pytest.mark.server


PERSON = ber.entry(f"uid=p0,ou=people,{SUFFIX}", {"uid": ["p0"], "sn": ["0"]})


@pytest.fixture
def site(tmp_path: Path, server: Slapd, quick: Execute) -> Site:
    """A platform that was filled once from the shared server."""
    made = Site(tmp_path, execute=quick)
    made.desired(server.url)
    made.run("apply", "--yes")
    return made


def test_a_company_from_slapd_is_the_same_as_from_ldif(tmp_path: Path, quick: Execute) -> None:
    rules = yaml.safe_load((QUICKSTART / "reconcile.yml").read_text(encoding="utf-8"))
    company = (QUICKSTART / "company.ldif").read_text(encoding="utf-8")
    held: list[Any] = []
    with slapd(tmp_path / "server", company) as running:
        for name, settings in (
            ("ldif", {"files": [str(QUICKSTART / "company.ldif")]}),
            (
                "slapd",
                {
                    "type": "openldap",
                    "servers": [running.url],
                    "tls": {"mode": "none"},
                    "bind": {"anonymous": True},
                },
            ),
        ):
            source = {
                key: value for key, value in rules["sources"][0].items() if key != "files"
            } | settings
            site = Site(tmp_path / name, execute=quick)
            site.folder.mkdir()
            text = yaml.safe_dump(rules | {"sources": [source]}, allow_unicode=True)
            (site.folder / "reconcile.yml").write_text(text, encoding="utf-8")
            site.run("plan", "--check", code=3)
            site.run("apply", "--yes")
            site.run("plan", "--check")
            listings = [
                site.run(kind, "--format", "json")[0] for kind in ("users", "groups", "departments")
            ]
            held.append([json.loads(listing) for listing in listings])
    for listings in held:
        for row in (row for listing in listings for row in listing):
            row["dn"] = normalize(row["dn"])  # slapd writes a comma within a name as \\2C
    assert held[0] == held[1]
    assert len(held[0][0]) > 200


def test_the_directory_moves_and_the_platform_follows(tmp_path: Path, quick: Execute) -> None:
    site = Site(tmp_path, execute=quick)
    with slapd(tmp_path / "slapd", ldif(people(20))) as running:
        site.desired(running.url)
        site.run("apply", "--yes")
        modify(
            running,
            "dn: uid=p3,ou=people,"
            + SUFFIX
            + "\nchangetype: modify\nreplace: mail\nmail: new@example.com\n",
        )
        modify(
            running,
            f"dn: uid=p4,ou=people,{SUFFIX}\nchangetype: modrdn\nnewrdn: uid=renamed\ndeleteoldrdn: 1\n",
        )
        modify(running, f"dn: uid=p5,ou=people,{SUFFIX}\nchangetype: delete\n")
        data = json.loads(site.run("plan", "--format", "json")[0])
        told = [(one["action"], one["key"], sorted(one["after"])) for one in data["changes"]]
        assert told == [
            ("update", "p4", ["dn", "username"]),
            ("update", "p3", ["email"]),
            ("block", "p5", ["status", "status_cause"]),
        ]
        site.run("apply", "--yes")
        site.run("plan", "--check")


def test_a_server_that_is_gone(site: Site) -> None:
    site.desired(f"ldap://127.0.0.1:{free_port()}")
    site.refuses("corp", "127.0.0.1", "refused")


def test_a_connection_cut_between_two_pages(site: Site, server: Slapd) -> None:
    with proxy(server.port, after_dones=3) as through:
        site.desired(through.url)
        site.refuses("corp", through.url)


def test_a_server_killed_in_the_middle(site: Site, tmp_path: Path) -> None:
    with slapd(tmp_path / "dies", ldif(people(10))) as running:
        site.desired(running.url)
        site.run(
            "plan", code=4
        )  # another server, where everybody has another id: that is too many updates
        running.kill()
        site.refuses("corp", "refused")


def test_a_size_limit_in_the_middle(site: Site, tmp_path: Path) -> None:
    limits = [f'limits dn.exact="cn=reader,{SUFFIX}" size=6', "sizelimit unlimited"]
    entries = people(10) | {
        f"cn=reader,{SUFFIX}": {
            "objectClass": ["organizationalRole", "simpleSecurityObject"],
            "cn": ["reader"],
            "userPassword": [PASSWORD],
        }
    }
    with slapd(tmp_path / "limited", ldif(entries), lines=limits) as running:
        site.desired(
            running.url,
            bind={"dn": f"cn=reader,{SUFFIX}", "password": "{{ env('CORP_PASSWORD') }}"},
        )
        site.refuses("sizeLimitExceeded", "(objectClass=inetOrgPerson)", "limit")


def test_a_time_limit(site: Site) -> None:
    answers = [
        success(BASE),
        success(PERSON, controls=ber.page_control(b"more")),
        ended(3, "too slow"),
    ]
    with stand_in(answers) as url:
        site.desired(url)
        site.refuses("timeLimitExceeded", "after 1 entries", "Ask for a larger time limit")


def test_insufficient_access(site: Site, tmp_path: Path) -> None:
    lines = [f'access to dn.exact="{SUFFIX}" by * read', "access to * by * disclose"]
    with slapd(tmp_path / "closed", ldif(people(10)), lines=lines) as running:
        site.desired(
            running.url, bind={"anonymous": True}, users={"create": "all", "base": "ou=people"}
        )
        site.refuses(
            "insufficientAccessRights",
            "Ask for the right to read these entries for an anonymous reader",
        )


def test_a_referral_only(site: Site, tmp_path: Path) -> None:
    first = ["referral ldap://root.example.com"]
    with slapd(tmp_path / "elsewhere", ldif(people(10)), first_lines=first) as running:
        site.desired(running.url, base_dn="dc=example,dc=org")
        site.refuses("result 10 (referral)", "ldap://root.example.com", "Make that one a source")


def test_a_part_that_is_on_another_server(site: Site, tmp_path: Path) -> None:
    branch = {
        "objectClass": ["referral", "extensibleObject"],
        "ou": ["branch"],
        "ref": ["ldap://branch.example.com"],
    }
    with slapd(tmp_path / "parts", ldif(people(10) | {f"ou=branch,{SUFFIX}": branch})) as running:
        site.desired(running.url)
        site.refuses("on another server: ldap://branch.example.com/", "set ignore_referrals")


def test_wrong_credentials(site: Site) -> None:
    site.refuses("invalidCredentials", f"cn=admin,{SUFFIX}", password="wrong")


def test_a_base_dn_that_does_not_exist(site: Site, server: Slapd) -> None:
    site.desired(server.url, base_dn=f"ou=gone,{SUFFIX}")
    site.refuses(f"ou=gone,{SUFFIX}", "does not exist")


def test_a_users_base_that_does_not_exist(site: Site, server: Slapd) -> None:
    site.desired(server.url, users={"create": "all", "base": "ou=gone"})
    site.refuses(f"ou=gone,{SUFFIX}", "does not exist")


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[Callable[..., Slapd]]:
    """Starts a server with a certificate of the test's choice."""
    running: list[Any] = []

    def start(certificate: Any) -> Slapd:
        made = slapd(tmp_path / "tls", ldif(people(10)), certificate=certificate)
        running.append(made)
        return made.__enter__()

    yield start
    for one in running:
        one.__exit__(None, None, None)


def test_an_expired_certificate(
    site: Site, authority: Authority, certified: Callable[..., Slapd]
) -> None:
    running = certified(authority.issue("old", [], ["127.0.0.1"], days=-1))
    site.desired(running.url, tls={"mode": "starttls", "ca_file": str(authority.file)})
    site.refuses("certificate", "expired")


def test_a_certificate_for_another_host(
    site: Site, authority: Authority, certified: Callable[..., Slapd]
) -> None:
    running = certified(authority.issue("elsewhere", ["ldap.example.com"]))
    for url, mode in ((running.url, "starttls"), (running.ldaps_url, "ldaps")):
        site.desired(url, tls={"mode": mode, "ca_file": str(authority.file)})
        site.refuses("certificate is not valid for '127.0.0.1'", "set tls.server_name")


def test_a_foreign_certificate(
    site: Site, authority: Authority, certified: Callable[..., Slapd], tmp_path: Path
) -> None:
    foreign = Authority(tmp_path, "foreign")
    running = certified(foreign.issue("foreign", [], ["127.0.0.1"]))
    site.desired(running.url, tls={"mode": "starttls", "ca_file": str(authority.file)})
    site.refuses("certificate", "127.0.0.1")


def test_start_tls_is_not_offered(site: Site, server: Slapd, authority: Authority) -> None:
    site.desired(server.url, tls={"mode": "starttls", "ca_file": str(authority.file)})
    site.refuses("StartTLS")


def test_every_server_is_tested_though_the_first_would_do(site: Site, server: Slapd) -> None:
    down = f"ldap://127.0.0.1:{free_port()}"
    site.desired(server.url, servers=[server.url, down])
    out, _ = site.run("test", code=7)
    lines = out.splitlines()
    assert [
        line for line in lines if line.startswith(f"corp {server.url}") and "  ok  " not in line
    ] == []
    assert any(
        line.startswith(f"corp {server.url}") and "persons" in line and "10 found" in line
        for line in lines
    )
    assert any(
        line.startswith(f"corp {down}") and "FAILED" in line and "refused" in line for line in lines
    )
    assert lines[-1].startswith("platform")
    assert lines[-1].endswith("10 users")
    site.run("plan", "--check")
