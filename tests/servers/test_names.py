"""Which names are the same is the server's decision: what each of them says, and that nothing here says more."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.directories.vendors.table import vendor
from reconcile.model import desired
from reconcile.model.text import dn
from tests.servers.ds389 import Ds389, ds389
from tests.servers.samba import SUFFIX as DOMAIN
from tests.servers.samba import samba
from tests.servers.site import Site
from tests.servers.slapd import SUFFIX, Slapd, slapd
from tests.servers.sources import Known, ldif, people, source

pytestmark = pytest.mark.server

SAME_EVERYWHERE = [("Alpha", "ALPHA"), ("two words", "two  words")]
CASE = [("ärzte", "ÄRZTE"), ("иван", "ИВАН"), ("ωμεγα", "ΩΜΕΓΑ"), ("\uff41\uff42", "\uff21\uff22")]
ONLY_OPENLDAP = [
    ("m2", "m²"),
    ("wide", "\uff57\uff49\uff44\uff45"),
    ("René", "Rene\u0301"),
    ("fisch", "\ufb01sch"),
    ("kelvin", "\u212aelvin"),
    ("\u0219tefan", "\u0218tefan"),
]
TWO_EVERYWHERE = [
    ("Gross", "Groß"),
    ("i\u0307pek", "\u0130pek"),
    ("isi", "ısi"),
    ("eve", "éve"),
    ("taby", "ta\tby"),
]
SIGMA = [("νίκοσ", "νίκος")]
"""Samba alone takes them for one."""
PAIRS = SAME_EVERYWHERE + CASE + ONLY_OPENLDAP + TWO_EVERYWHERE + SIGMA


def found(settings: desired.Source) -> set[tuple[str, str]]:
    """The pairs of which the server finds the one under the other's name."""
    base = settings.base_dn
    with closing(LdapDirectory(settings)) as directory:
        there = directory.find((), [f"ou={other},{base}" for _, other in PAIRS])
    return {(own, other) for own, other in PAIRS if f"ou={other},{base}" in there}


def same(folding: dn.Folding) -> set[tuple[str, str]]:
    """The pairs that are one name here."""
    keys = [
        (pair, *(dn.wide(dn.normalize(f"ou={name}"), folding) for name in pair)) for pair in PAIRS
    ]
    return {pair for pair, own, other in keys if own == other}


def units(base: str) -> dict[str, Any]:
    return {
        f"ou={own},{base}": {"objectClass": ["organizationalUnit"], "ou": [own]} for own, _ in PAIRS
    }


def test_openldap(tmp_path: Path) -> None:
    with slapd(tmp_path / "slapd", ldif(people(0) | units(SUFFIX))) as running:
        said = found(source(running.url))
    assert said == set(SAME_EVERYWHERE + CASE + ONLY_OPENLDAP)
    assert same(vendor("openldap").folding) == said


def test_389_directory_server(tmp_path: Path) -> None:
    with ds389(tmp_path / "ds389", ldif(people(0) | units(SUFFIX))) as running:
        said = found(_bound(running))
    assert said == set(SAME_EVERYWHERE + CASE)
    assert same(vendor("389ds").folding) == same(vendor("freeipa").folding) == said


def _bound(running: Ds389) -> desired.Source:
    return source(
        running.url, type="389ds", bind=desired.Bind(running.admin, Known(running.password))
    )


def test_active_directory(tmp_path: Path) -> None:
    steps = [["add", name, {"objectClass": "organizationalUnit"}] for name in units(DOMAIN)]
    with samba(tmp_path / "samba", steps) as running:
        bind = desired.Bind(running.admin, Known(running.password))
        said = found(source(running.url, type="active_directory", base_dn=DOMAIN, bind=bind))
    assert said == set(SAME_EVERYWHERE + CASE + SIGMA)
    assert same(vendor("active_directory").folding) == said - set(SIGMA), (
        "no more than the server says"
    )


PEOPLE = f"ou=people,{SUFFIX}"
RIGHT = "Kein-Wörtchen"


def _company() -> dict[str, Any]:
    entries: dict[str, Any] = people(0)
    for uid, name in (("first", "Klaus Gross"), ("second", "Klaus Groß"), ("third", "Émile")):
        person = {
            "objectClass": ["inetOrgPerson"],
            "uid": [uid],
            "cn": [name],
            "sn": ["X"],
            "userPassword": [RIGHT],
        }
        entries[f"cn={name},{PEOPLE}"] = person
    entries[f"cn=Klaus Groß,{PEOPLE}"]["manager"] = [f"cn=Klaus Gross,{PEOPLE}"]
    for name, description, members in (
        ("Masse", "one", ["Klaus Gross", "E\u0301MILE"]),
        ("Maße", "two", ["Klaus Groß"]),
        ("Left", "three", ["Klaus Gröss"]),
    ):
        entries[f"cn={name},{SUFFIX}"] = {
            "objectClass": ["groupOfNames"],
            "cn": [name],
            "description": [description],
            "member": [f"commonName={member},{PEOPLE}" for member in members],
        }
    return entries


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("names"), ldif(_company())) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, company: Slapd) -> Site:
    made = Site(tmp_path)
    made.desired(
        company.url,
        users={"create": "all", "manager_attribute": "manager"},
        register_on_login=True,
    )
    made.add(
        groups=[{"source": "corp", "select": ["cn=*"], "name": "{{ description }}"}],
        role_mappings=[
            {"role": "administrator", "groups": [f"cn=MASSE,{SUFFIX}"]},
            {"role": "nobody", "groups": [f"cn=Lefß,{SUFFIX}"]},
            {"role": "member", "default": True},
        ],
    )
    return made


def test_who_is_in_a_group_of_a_name_that_looks_alike_is_in_no_other(site: Site) -> None:
    out, err = site.run("apply", "--yes")
    assert f"! dangling_member: commonName=Klaus Gröss,{PEOPLE}" in out
    assert "has no group 'cn=Lefß" in err
    users = {one["username"]: (one["roles"], one["groups"], one["manager"]) for one in _users(site)}
    assert users == {
        "first": (["administrator"], ["one"], None),
        "second": (["member"], ["two"], "first"),
        "third": (["administrator"], ["one"], None),
    }
    site.run("plan", "--check")


@pytest.mark.parametrize(
    ("uid", "roles", "groups"),
    [
        ("first", ["administrator"], ["one"]),
        ("second", ["member"], ["two"]),
        ("third", ["administrator"], ["one"]),
    ],
)
def test_a_login_says_the_same(site: Site, uid: str, roles: list[str], groups: list[str]) -> None:
    site.run("login", uid, given=f"{RIGHT}\n")
    (user,) = _users(site)
    assert (user["username"], user["roles"], user["groups"]) == (uid, roles, groups)


def _users(site: Site) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(site.run("users", "--format", "json")[0])
    return found
