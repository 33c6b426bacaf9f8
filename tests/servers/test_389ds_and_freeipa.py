"""What is particular to 389 Directory Server and to FreeIPA, on the real server."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.model import desired
from reconcile.model.directory import DirectoryGroup, Query
from tests.servers.ds389 import Ds389, ds389
from tests.servers.four import loading
from tests.servers.site import Site
from tests.servers.slapd import SUFFIX, Slapd, program
from tests.servers.sources import Known, ldif, source

pytestmark = pytest.mark.server

PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
ALIASES = frozenset(
    {"commonname", "surname", "gn", "userid", "rfc822mailbox", "streetaddress", "cn"}
)


def bound(running: Ds389 | Slapd, **changes: Any) -> desired.Source:
    return source(running.url, bind=desired.Bind(running.admin, Known(running.password)), **changes)


_ROLE = ["LDAPsubentry", "nsRoleDefinition"]
_NESTED = f"cn=nsDisabledRole,{SUFFIX}"
DISABLING_ROLE: dict[str, Any] = {
    f"cn=nsManagedDisabledRole,{SUFFIX}": {
        "objectClass": [*_ROLE, "nsSimpleRoleDefinition", "nsManagedRoleDefinition"],
        "cn": ["nsManagedDisabledRole"],
    },
    _NESTED: {
        "objectClass": [*_ROLE, "nsComplexRoleDefinition", "nsNestedRoleDefinition"],
        "cn": ["nsDisabledRole"],
        "nsRoleDN": [f"cn=nsManagedDisabledRole,{SUFFIX}"],
    },
    f"cn=nsAccountInactivationTmp,{SUFFIX}": {
        "objectClass": ["nsContainer"],
        "cn": ["nsAccountInactivationTmp"],
    },
    f'cn="{_NESTED}",cn=nsAccountInactivationTmp,{SUFFIX}': {
        "objectClass": ["extensibleObject", "cosTemplate", "LDAPsubentry"],
        "cn": [_NESTED],
        "nsAccountLock": ["true"],
        "cosPriority": ["0"],
    },
    f"cn=nsAccountInactivation_cos,{SUFFIX}": {
        "objectClass": ["LDAPsubentry", "cosSuperDefinition", "cosClassicDefinition"],
        "cn": ["nsAccountInactivation_cos"],
        "cosTemplateDn": [f"cn=nsAccountInactivationTmp,{SUFFIX}"],
        "cosSpecifier": ["nsRole"],
        "cosAttribute": ["nsAccountLock operational"],
    },
}
"""As the product's own tools inactivate accounts: whoever has the role gets the lock by it."""


@pytest.fixture(scope="module")
def ds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ds389]:
    """Accounts of both kinds, locked in several ways, and groups of every kind."""
    entries: dict[str, Any] = {SUFFIX: {"objectClass": ["domain"], "dc": ["example"]}}
    for dn in (PEOPLE, GROUPS):
        entries[dn] = {"objectClass": ["organizationalUnit"], "ou": [dn[3:].partition(",")[0]]}
    inet = {
        "objectClass": ["inetOrgPerson"],
        "cn": ["Ada"],
        "sn": ["Lovelace"],
        "givenName": ["A."],
    }
    ada = {"uid": ["ada"], "mail": ["ada@example.com"], "street": ["Main Street 1"]}
    entries[f"uid=ada,{PEOPLE}"] = inet | ada
    for uid, lock in (("off", "true"), ("shouted", "TRUE"), ("on", "false")):
        entries[f"uid={uid},{PEOPLE}"] = inet | {"uid": [uid], "nsAccountLock": [lock]}
    entries |= DISABLING_ROLE
    entries[f"uid=roled,{PEOPLE}"] = inet | {
        "uid": ["roled"],
        "nsRoleDN": [f"cn=nsManagedDisabledRole,{SUFFIX}"],
    }
    own = {
        "objectClass": ["nsPerson", "nsAccount", "posixAccount"],
        "displayName": ["Own"],
        "cn": ["Own"],
    }
    posix = {"uid": ["own"], "uidNumber": ["1"], "gidNumber": ["1"], "homeDirectory": ["/"]}
    entries[f"uid=own,{PEOPLE}"] = own | posix
    for name, kind, values in (
        ("names", "groupOfNames", {"member": [f"uid=ada,{PEOPLE}", f"cn=unique,{GROUPS}"]}),
        (
            "unique",
            "groupOfUniqueNames",
            {"uniqueMember": [f"uid=off,{PEOPLE}", f"cn=names,{GROUPS}"]},
        ),
        ("unix", "posixGroup", {"gidNumber": ["7"], "memberUid": ["on", "own"]}),
        (
            "dynamic",
            "groupOfURLs",
            {"memberURL": [f"ldap:///{PEOPLE}??sub?(%26(givenName=A.)(uid=o*))"]},
        ),
        ("strange", "groupOfURLs", {"memberURL": [f"ldap:///{PEOPLE}??sub?(uid=*)?x-more"]}),
    ):
        entries[f"cn={name},{GROUPS}"] = {"objectClass": ["top", kind], "cn": [name]} | values
    with ds389(tmp_path_factory.mktemp("ds"), ldif(entries)) as running:
        yield running


def test_accounts_groups_and_ids_of_389(ds: Ds389) -> None:
    directory = LdapDirectory(bound(ds, type="389ds"))
    query = Query(group_attributes=frozenset({"cn"}), groups=True, units=True)
    snapshot = directory.read(query)
    assert {person.identifier: person.disabled for person in snapshot.persons} == {
        "ada": False,
        "off": True,
        "shouted": True,
        "on": False,
        "own": False,
        "roled": True,
    }
    groups = {group.attributes["cn"][0]: group for group in snapshot.groups}
    assert set(groups["names"].members) == {f"uid=ada,{PEOPLE}", f"cn=unique,{GROUPS}"}
    assert set(groups["unique"].members) == {f"uid=off,{PEOPLE}", f"cn=names,{GROUPS}"}
    assert set(groups["unix"].member_logins) == {"on", "own"}
    assert groups["dynamic"].members == (f"uid=off,{PEOPLE}", f"uid=on,{PEOPLE}")
    assert groups["dynamic"].members_unknown == ""
    assert "it has extensions" in groups["strange"].members_unknown
    assert len(snapshot.units) == 2
    ids = {person.external_id for person in snapshot.persons} | {
        group.external_id for group in snapshot.groups
    }
    assert len(ids) == 11
    assert all(len(one.split("-")) == 4 for one in ids)
    unknown = "00000000-00000000-00000000-00000000"
    assert directory.find([*ids, unknown], [f"uid=ada,{PEOPLE}", f"uid=gone,{PEOPLE}"]) == {
        *ids,
        f"uid=ada,{PEOPLE}",
    }
    directory.close()


def test_groups_beyond_the_rules_are_followed(ds: Ds389) -> None:
    """A group of another class, whose own members are of another attribute."""
    (group,) = groups(bound(ds, type="389ds", groups=desired.Groups(filter="(cn=names)")))
    assert group.members == (f"uid=ada,{PEOPLE}",)
    assert group.nested_members == (f"uid=ada,{PEOPLE}", f"uid=off,{PEOPLE}")


def groups(settings: desired.Source) -> tuple[DirectoryGroup, ...]:
    directory = LdapDirectory(settings)
    found = directory.read(Query(group_attributes=frozenset({"cn"}), groups=True)).groups
    directory.close()
    return found


def test_attributes_asked_for_by_their_other_name(ds: Ds389, server: Slapd) -> None:
    for settings in (bound(ds, type="389ds"), source(server.url)):
        directory = LdapDirectory(settings)
        persons = {
            person.identifier: person.attributes
            for person in directory.read(Query(ALIASES)).persons
        }
        directory.close()
        one = persons["ada"] if settings.type == "389ds" else persons["p1"]
        assert one["commonname"] == one["cn"]
        assert one["surname"] == (("Lovelace",) if settings.type == "389ds" else ("1",))
        assert one["userid"] == one["uid"]
        assert "@example.com" in one["rfc822mailbox"][0]
    assert persons  # both were read
    directory = LdapDirectory(
        bound(ds, type="389ds", users=desired.Users(fields={}, identifier="userid"))
    )
    ada = next(
        person for person in directory.read(Query(ALIASES)).persons if person.identifier == "ada"
    )
    directory.close()
    assert ada.attributes["streetaddress"] == ("Main Street 1",)
    assert ada.attributes["gn"] == ("A.",)


_QUOTED = SUFFIX.replace("=", "\\3D").replace(",", "\\2C")
REPLICA = f"""\
dn: cn=replica,cn={_QUOTED},cn=mapping tree,cn=config
changetype: add
objectClass: nsDS5Replica
cn: replica
nsDS5ReplicaRoot: {SUFFIX}
nsDS5ReplicaId: 1
nsDS5ReplicaType: 3
nsDS5Flags: 1
nsDS5ReplicaBindDN: cn=replication manager,cn=config
"""


@pytest.mark.parametrize("kind", ["389ds", "freeipa"])
def test_what_replication_keeps_of_a_deleted_entry_is_nobody(ipa: Ds389, kind: str) -> None:
    """A server that has replicas makes a tombstone of it, with its ids."""
    directory = LdapDirectory(bound(ipa, type=kind))
    people = {person.identifier: person for person in directory.read(Query()).persons}
    modify(ipa, REPLICA)
    modify(ipa, f"dn: {people['alan'].dn}\nchangetype: delete\n")
    command = [
        program("ldapsearch"),
        "-x",
        "-LLL",
        "-H",
        ipa.url,
        "-D",
        ipa.admin,
        "-w",
        ipa.password,
        "-b",
        SUFFIX,
    ]
    tombstones = subprocess.run(
        [*command, "(objectClass=nsTombstone)", "1.1"], capture_output=True, text=True, check=True
    )
    assert "uid=alan" in tombstones.stdout.lower()
    asked = [people["alan"].external_id, people["ada"].external_id]
    assert directory.find(asked, [people["alan"].dn]) == {people["ada"].external_id}
    assert len(directory.read(Query()).persons) == len(people) - 1
    directory.close()


@pytest.fixture
def ipa(tmp_path: Path) -> Iterator[Ds389]:
    with ds389(tmp_path / "ipa", ldif(loading.freeipa()), schema=loading.FREEIPA_SCHEMA) as running:
        yield running


def test_indirect_members_of_freeipa_whatever_the_filter_finds(ipa: Ds389) -> None:
    everywhere = {group.attributes["cn"][0]: group for group in groups(bound(ipa, type="freeipa"))}
    assert all(group.nested_members == () for group in everywhere.values()), (
        "all groups are there to be followed"
    )
    (one,) = groups(
        bound(ipa, type="freeipa", groups=desired.Groups(filter="(cn=team-development)"))
    )
    flat = loading.FREEIPA.flat
    logins = {
        name.removesuffix(f",{flat}").removeprefix("uid=")
        for name in (*one.members, *one.nested_members)
    }
    south = {person.login for person in loading.people() if person.unit == 3}
    assert "kat" in south
    assert south < logins
    assert len(logins) == 14


def modify(running: Ds389, changes: str) -> None:
    command = [
        program("ldapmodify"),
        "-x",
        "-H",
        running.url,
        "-D",
        running.admin,
        "-w",
        running.password,
    ]
    subprocess.run(command, input=changes, text=True, check=True, capture_output=True)


def test_a_preserved_user_of_freeipa_is_missing_and_comes_back(ipa: Ds389, tmp_path: Path) -> None:
    site = Site(tmp_path)
    users = {"create": "all", "fields": {"last_name": "{{ surname }}"}}
    bind = {"dn": ipa.admin, "password": "{{ env('CORP_PASSWORD') }}"}
    site.desired(ipa.url, type="freeipa", bind=bind, users=users)
    site.run("apply", "--yes")
    held = {user["username"]: user for user in json.loads(site.run("users", "--format", "json")[0])}
    assert "gone" not in held
    assert held["ada"]["last_name"] == "Lovelace"
    assert held["ada"]["external_id"].startswith("0a0b0c0d-0000-11ee-8000-")
    preserved = f"cn=deleted users,cn=accounts,cn=provisioning,{SUFFIX}"
    modify(
        ipa,
        f"dn: uid=ken,{loading.FREEIPA.flat}\nchangetype: modrdn\nnewrdn: uid=ken\ndeleteoldrdn: 0\n"
        f"newsuperior: {preserved}\n",
    )
    modify(
        ipa,
        f"dn: uid=ada,{loading.FREEIPA.flat}\nchangetype: modify\nadd: nsAccountLock\nnsAccountLock: TRUE\n",
    )
    for login, end in (("grace", "20200101000000Z"), ("alan", "20991231235959Z")):
        ends = f"replace: krbPrincipalExpiration\nkrbPrincipalExpiration: {end}\n"
        kerberos = "add: objectClass\nobjectClass: krbPrincipalAux\n"
        modify(
            ipa, f"dn: uid={login},{loading.FREEIPA.flat}\nchangetype: modify\n{kerberos}-\n{ends}"
        )
    told = changes(site)
    assert told == [
        ("ada", "deactivate", "disabled"),
        ("grace", "deactivate", "disabled"),
        ("ken", "block", "missing"),
    ]
    site.run("apply", "--yes")
    site.run("plan", "--check")
    modify(
        ipa,
        f"dn: uid=ken,{preserved}\nchangetype: modrdn\nnewrdn: uid=ken\ndeleteoldrdn: 0\n"
        f"newsuperior: {loading.FREEIPA.flat}\n",
    )
    assert [(key, action) for key, action, _ in changes(site)] == [("ken", "activate")]


def changes(site: Site) -> list[tuple[str, str, str]]:
    found = json.loads(site.run("plan", "--format", "json")[0])["changes"]
    return sorted(
        (one["key"], one["action"], one["after"].get("status_cause") or "") for one in found
    )
