"""Active Directory at size, on a real Samba: up to 5,000 accounts, what becomes of those who move, groups of every kind."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from reconcile.config import load
from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.directories.snapshot import outside_groups
from reconcile.directories.vendors.active_directory import FILETIME_OF_1970, FILETIMES_A_SECOND
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import DirectoryGroup, DirectorySnapshot, Query
from reconcile.planning.selection.query import query
from reconcile.planning.selection.rule_counts import in_sources
from reconcile.planning.selection.source_rules import SourceRules
from tests.effort import size
from tests.servers import ber
from tests.servers.samba import SUFFIX, Samba, samba
from tests.servers.site import Site
from tests.servers.sources import Known, source
from tests.servers.stand_in import stand_in, success

pytestmark = pytest.mark.server

BIG = f"OU=Big,{SUFFIX}"
ODD = f"OU=Odd,{BIG}"
TEAMS = f"OU=Teams,{SUFFIX}"
HIDDEN = f"OU=Hidden,{SUFFIX}"
# More persons than two pages hold, and more members than the server gives at once.
COUNT, MEMBERS = size(2100, 5000), size(1600, 3000)
QUERY = Query(
    person_attributes=frozenset({"sn", "mail", "objectguid"}),
    group_attributes=frozenset({"cn"}),
    groups=True,
)


def account(login: str, above: str = BIG, **more: str) -> list[Any]:
    values = {
        "objectClass": "user",
        "sAMAccountName": login,
        "userAccountControl": "544",
        "sn": login.title(),
    }
    return ["add", f"CN={login},{above}", values | {"mail": f"{login}@example.test"} | more]


def filetime(seconds: float) -> str:
    return str(int(seconds * FILETIMES_A_SECOND) + FILETIME_OF_1970)


def group(name: str, *members: str, above: str = TEAMS) -> list[list[Any]]:
    dn = f"CN={name},{above}"
    made = [["add", dn, {"objectClass": "group", "sAMAccountName": name}]]
    return [*made, ["modify", dn, {"member": list(members)}]] if members else made


NOBODY: list[list[Any]] = [
    ["add", f"CN=contact,{ODD}", {"objectClass": "contact", "mail": "contact@example.test"}],
    [
        "add",
        f"CN=pc,{ODD}",
        {"objectClass": "computer", "sAMAccountName": "pc$", "userAccountControl": "4096"},
    ],
    [
        "add",
        f"CN=service,{ODD}",
        {"objectClass": "msDS-ManagedServiceAccount", "sAMAccountName": "service$"},
    ],
    [
        "add",
        f"CN=services,{ODD}",
        {
            "objectClass": "msDS-GroupManagedServiceAccount",
            "sAMAccountName": "services$",
            "userAccountControl": "4096",
            "msDS-ManagedPasswordInterval": "30",
        },
    ],
]
"""Entries among the persons that are none."""
FOREIGN = "S-1-5-21-1-2-3-1104"


def steps() -> list[list[Any]]:
    now = time.time()
    made: list[list[Any]] = [
        ["add", dn, {"objectClass": "organizationalUnit"}] for dn in (BIG, ODD, TEAMS, HIDDEN)
    ]
    made += [account(f"u{number:04}") for number in range(COUNT - 6)]
    made += [
        account("off", ODD, userAccountControl="546"),
        account("expired", ODD, accountExpires=filetime(now - 60)),
        account("leaving", ODD, accountExpires=filetime(now + 86400)),
        account("card", ODD, userAccountControl="262656"),
        account("kept", ODD, userAccountControl="66048"),
        account("upn", ODD, userPrincipalName="upn@login.example.test"),
    ]
    made.append(["modify", f"CN=upn,{ODD}", {"mail": []}])
    made += NOBODY
    made += group("all", *(f"CN=u{number:04},{BIG}" for number in range(MEMBERS)))
    for name in ("one", "two"):
        made += group(name)
    others = [step[1] for step in NOBODY]
    made += group("mixed", f"CN=u0001,{BIG}", *others, f"<SID={FOREIGN}>", above=HIDDEN)
    made += group("inner", f"CN=card,{ODD}", above=HIDDEN)
    made += group("deep", f"CN=kept,{ODD}", f"CN=inner,{HIDDEN}", f"CN=one,{TEAMS}", above=HIDDEN)
    made.append(["modify", f"CN=one,{TEAMS}", {"member": [f"CN=two,{TEAMS}", f"CN=u0001,{BIG}"]}])
    made.append(["modify", f"CN=two,{TEAMS}", {"member": [f"CN=one,{TEAMS}", f"CN=deep,{HIDDEN}"]}])
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with samba(tmp_path_factory.mktemp("samba"), steps()) as running:
        yield running


def settings(running: Samba, **changes: Any) -> desired.Source:
    made = source(
        running.url,
        type="active_directory",
        base_dn=SUFFIX,
        bind=desired.Bind(running.admin, Known(running.password)),
        page_size=1000,
        timeout=desired.Timeout(connect=10, read=60),
    )
    return msgspec.structs.replace(made, **changes)


def read(running: Samba, **changes: Any) -> DirectorySnapshot:
    directory = LdapDirectory(settings(running, **changes))
    try:
        return directory.read(QUERY)
    finally:
        directory.close()


@pytest.fixture(scope="module")
def snapshot(server: Samba) -> DirectorySnapshot:
    """Read at the domain's root, where the server refers to its other partitions."""
    return read(server)


def by_name(snapshot: DirectorySnapshot) -> dict[str, DirectoryGroup]:
    return {group.attributes["cn"][0]: group for group in snapshot.groups}


def test_everybody_is_read(snapshot: DirectorySnapshot) -> None:
    logins = {person.identifier for person in snapshot.persons}
    assert len([login for login in logins if login.startswith("u")]) == COUNT - 5
    assert {"Administrator", "krbtgt"} <= logins
    for person in snapshot.persons[:50]:
        assert (
            str(UUID(person.external_id))
            == person.external_id
            == person.attributes["objectguid"][0]
        )


def test_the_users_group_of_the_vmmanager_preset(server: Samba, tmp_path: Path) -> None:
    """Its only members are groups; people are in them by their primary group."""
    path = tmp_path / "reconcile.yml"
    path.write_text(
        f"version: 1\npreset: vmmanager\nplatform: {{type: sql, url: sqlite:///a.db}}\nsources:\n- name: ad\n"
        f"  type: active_directory\n  servers: [ldap://dc]\n  bind: {{anonymous: true}}\n  base_dn: '{SUFFIX}'\n"
        "  users: {create: all}\n",
        encoding="utf-8",
    )
    state = load([path], environ={}, sources={}, platforms={}).desired
    (declared,) = state.sources
    directory = LdapDirectory(settings(server, name="ad", users=declared.users))
    try:
        found = directory.read(query(state, declared))
    finally:
        directory.close()
    rules = SourceRules(state, declared, found)
    assert [one.number for one in in_sources(state, [rules])] == [1]
    outside = {
        person.identifier for at, person in enumerate(found.persons) if rules.outside_required(at)
    }
    assert "Guest" in outside, "its primary group is Domain Guests"
    assert outside.isdisjoint({"u0001", "off", "Administrator"})


def test_contacts_computers_and_managed_accounts_are_nobody(server: Samba, site: Site) -> None:
    """Nor is somebody of another domain; a group that lists them says which of its members that are."""
    found = {person.dn for person in read(server, users=desired.Users(fields={}, base=ODD)).persons}
    names = {step[1] for step in NOBODY}
    assert len(found) == 6
    assert found.isdisjoint(names)
    site.add(groups=[{"source": "corp", "select": ["cn=mixed"]}])
    skips = json.loads(site.run("plan", "--format", "json")[0])["skips"]
    foreign = f"CN={FOREIGN},CN=ForeignSecurityPrincipals,{SUFFIX}"
    assert {skip["dn"] for skip in skips if skip["code"] == "dangling_member"} == {*names, foreign}


def test_who_is_disabled(snapshot: DirectorySnapshot) -> None:
    disabled = {person.identifier for person in snapshot.persons if person.disabled}
    assert disabled == {"off", "expired", "Guest", "krbtgt"}


def test_a_list_of_active_values_disables_every_other(server: Samba) -> None:
    found = read(server, active_uac=(512, 544), users=desired.Users(fields={}, base=ODD))
    assert {person.identifier for person in found.persons if person.disabled} == {
        "off",
        "expired",
        "card",
        "kept",
    }


def test_a_large_group_has_all_its_members(snapshot: DirectorySnapshot) -> None:
    assert len(by_name(snapshot)["all"].members) == MEMBERS


def test_the_primary_group_has_everybody(snapshot: DirectorySnapshot) -> None:
    people = {person.dn for person in snapshot.persons}
    members = set(by_name(snapshot)["Domain Users"].members)
    assert len(people & members) >= COUNT
    assert f"CN=u0001,{BIG}" in members
    assert f"CN=u0001,{BIG}" not in by_name(snapshot)["Domain Guests"].members


@pytest.mark.parametrize("many", [50, 0])
def test_groups_beyond_the_rules_are_followed_by_the_server_or_here(
    server: Samba, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(outside_groups, "MANY", many)
    groups = by_name(read(server, groups=desired.Groups(base="OU=Teams")))
    assert set(groups) == {"all", "one", "two"}
    assert set(groups["one"].members) == {f"CN=two,{TEAMS}", f"CN=u0001,{BIG}"}
    assert groups["one"].nested_members == ()
    assert groups["two"].members == (f"CN=one,{TEAMS}",)
    assert groups["two"].nested_members == tuple(
        sorted([f"CN=card,{ODD}", f"CN=kept,{ODD}", f"CN=u0001,{BIG}"])
    )


def test_a_server_that_refuses_the_rule_is_done_without(
    server: Samba, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = msgspec.structs.replace(LdapDirectory(settings(server))._vendor, in_chain="1.2.3.4")
    directory = LdapDirectory(settings(server, groups=desired.Groups(base="OU=Teams")))
    monkeypatch.setattr(directory, "_vendor", vendor)
    two = by_name(directory.read(QUERY))["two"]
    directory.close()
    assert {f"CN=card,{ODD}", f"CN=kept,{ODD}"} <= set(two.nested_members)


def test_find_knows_them_by_their_guid(server: Samba, snapshot: DirectorySnapshot) -> None:
    directory = LdapDirectory(
        settings(server, users=desired.Users(fields={}, filter="(cn=nobody)"))
    )
    known = [person.external_id for person in snapshot.persons[:3]]
    unknown = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    assert directory.find([*known, unknown, "no guid"], [f"CN=u0001,{BIG}", f"CN=gone,{BIG}"]) == {
        *known,
        f"CN=u0001,{BIG}",
    }
    directory.close()


def test_another_reference_is_not_left_out() -> None:
    base = ber.entry("DC=example,DC=com", {})
    partitions = [
        ber.reference("ldap://ForestDnsZones.example.com/DC=ForestDnsZones,DC=example,DC=com"),
        ber.reference("ldap://DomainDnsZones.example.com/DC=DomainDnsZones,DC=example,DC=com"),
        ber.reference("ldap://example.com/CN=Configuration,DC=example,DC=com"),
    ]
    child = ber.reference("ldap://child.example.com/DC=child,DC=example,DC=com")
    person = ber.entry("CN=x,DC=example,DC=com", {"sAMAccountName": ["x"]})
    end = ber.page_control(b"")
    with stand_in([success(base), success(person, *partitions, controls=end)]) as url:
        plain = LdapDirectory(source(url, base_dn="DC=example,DC=com"))
        with pytest.raises(
            SourceUnreadable, match=r"those of a domain controller: set type: active_directory\.$"
        ):
            plain.read(Query())
        plain.close()
    children = ("dc=child,dc=example,dc=com",)
    for references, ignored, expected in (
        (partitions, (), 1),
        ([*partitions, child], (), None),
        ([*partitions, child], ("dc=other,dc=example,dc=com",), None),
        ([*partitions, child], children, 1),
    ):
        with stand_in([success(base), success(person, *references, controls=end)]) as url:
            settings = source(
                url, type="active_directory", base_dn="DC=example,DC=com", ignore_referrals=ignored
            )
            directory = LdapDirectory(settings)
            if expected is None:
                with pytest.raises(SourceUnreadable, match="on another server: ldap://child"):
                    directory.read(Query())
            else:
                assert len(directory.read(Query()).persons) == expected
            directory.close()


@pytest.fixture
def site(server: Samba, tmp_path: Path) -> Site:
    made = Site(tmp_path, server.password)
    made.desired(
        server.url,
        type="active_directory",
        base_dn=SUFFIX,
        bind={"dn": server.admin, "password": "{{ env('CORP_PASSWORD') }}"},
        page_size=1000,
        timeout={"read": "60s"},
        users={"create": "all", "base": "OU=Big"},
    )
    return made


def test_a_search_for_everybody_finds_everybody(site: Site) -> None:
    out, _ = site.run("search", "corp", "*", "--format", "json")
    assert len(json.loads(out)) == COUNT
    assert site.run("search", "corp", "U19*9")[1].endswith(f" of {COUNT} found.\n")


def test_who_moves_stays_the_same_user(server: Samba, site: Site) -> None:
    site.run("apply", "--yes")
    site.run("plan", "--check")
    users = {
        user["username"]: user for user in json.loads(site.run("users", "--format", "json")[0])
    }
    assert len(users) == COUNT
    assert users["upn"]["email"] == "upn@login.example.test"
    assert {name for name, user in users.items() if user["status"] == "inactive"} == {
        "off",
        "expired",
    }
    server.change(
        ["rename", f"CN=u0001,{BIG}", f"CN=Renamed Person,{BIG}"],
        ["modify", f"CN=Renamed Person,{BIG}", {"sAMAccountName": ["renamed"]}],
        ["rename", f"CN=u0002,{BIG}", f"CN=u0002,{ODD}"],
        ["modify", f"CN=u0003,{BIG}", {"sAMAccountName": ["U0003"]}],
        ["delete", f"CN=u0004,{BIG}"],
        ["modify", f"CN=u0005,{BIG}", {"userAccountControl": ["546"]}],
    )
    changes = json.loads(site.run("plan", "--format", "json")[0])["changes"]
    told = sorted((one["key"], one["action"], sorted(one["after"])) for one in changes)
    assert told == [
        ("u0001", "update", ["dn", "username"]),
        ("u0002", "update", ["dn"]),
        ("u0003", "update", ["username"]),
        ("u0004", "block", ["status", "status_cause"]),
        ("u0005", "deactivate", ["status", "status_cause"]),
    ]
    site.run("apply", "--yes")
    site.run("plan", "--check")
