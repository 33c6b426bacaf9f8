"""Values as servers give them: in any order, with options, blank."""

from pathlib import Path

import msgspec
import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.directories.ldif.memory import MemoryDirectory
from reconcile.model import desired
from reconcile.model.directory import DirectorySnapshot, Query
from reconcile.model.login import LoginNames
from tests.servers.slapd import SUFFIX, slapd
from tests.servers.sources import EVERYTHING, ldif, people, source

pytestmark = pytest.mark.server

OPTIONS = ["attributeoptions x- lang-"]
GROUPS = f"ou=groups,{SUFFIX}"


def whole(settings: desired.Source, query: Query = EVERYTHING) -> DirectorySnapshot:
    directory = LdapDirectory(settings)
    try:
        return directory.read(query)
    finally:
        directory.close()


def test_options_are_read_as_the_attribute(tmp_path: Path) -> None:
    entries = people(0)
    aki = f"uid=aki,ou=people,{SUFFIX}"
    entries[aki] = {
        "objectClass": ["inetOrgPerson"],
        "entryUUID": ["00000000-0000-4000-8000-000000000001"],
        "uid": ["aki"],
        "cn": ["Aki Mori"],
        "sn": ["Mori-San"],
        "sn;lang-ja": ["森"],
        "mail;x-primary": ["aki@example.com"],
        "description;lang-de": ["Hafen"],
        "title": ["Captain"],
        "title;lang-de": ["Kapitän"],
        "givenName;lang-en": ["Aki"],
    }
    entries[GROUPS] = {"objectClass": ["organizationalUnit"], "ou": ["groups"]}
    entries[f"cn=tags,{GROUPS}"] = {
        "objectClass": ["groupOfNames"],
        "entryUUID": ["00000000-0000-4000-8000-000000000002"],
        "cn": ["tags"],
        "member": [""],
        "member;x-load": [aki],
    }
    entries[f"cn=unix,{GROUPS}"] = {
        "objectClass": ["posixGroup"],
        "entryUUID": ["00000000-0000-4000-8000-000000000003"],
        "cn": ["unix"],
        "gidNumber": ["5"],
        "memberUid;x-load;x-other": ["aki"],
    }
    persons = {"cn", "sn", "mail", "title", "givenName", "description;lang-de"}
    query = msgspec.structs.replace(EVERYTHING, person_attributes=frozenset(persons))
    with slapd(tmp_path / "slapd", ldif(entries), first_lines=OPTIONS) as running:
        snapshot = whole(source(running.url), query)
    (person,) = snapshot.persons
    assert {name: person.attributes.get(name) for name in ("sn", "mail", "title", "givenname")} == {
        "sn": ("Mori-San",),
        "mail": ("aki@example.com",),
        "title": ("Captain",),
        "givenname": ("Aki",),
    }
    assert person.attributes["description;lang-de"] == ("Hafen",)
    tags, unix = snapshot.groups
    assert (tags.members, unix.member_logins) == ((aki,), ("aki",))
    assert all(";" not in name for group in snapshot.groups for name in group.attributes)
    in_memory = MemoryDirectory(source(type="ldif"), entries=entries).read(query)
    assert msgspec.to_builtins(in_memory.persons) == msgspec.to_builtins(snapshot.persons)
    assert msgspec.to_builtins(in_memory.groups) == msgspec.to_builtins(snapshot.groups)


def test_the_order_of_values_is_the_same_whatever_the_server_s(tmp_path: Path) -> None:
    entries = people(0)
    zoe = f"uid=zoe,ou=people,{SUFFIX}"
    entries[zoe] = {
        "objectClass": ["inetOrgPerson"],
        "entryUUID": ["00000000-0000-4000-8000-000000000001"],
        "uid": ["ann", "zoe"],
        "cn": ["Zoe", "A", "B"],
        "sn": ["Z"],
        "mail": ["z@example.com", "b@example.com"],
    }
    turned = entries | {zoe: {name: values[::-1] for name, values in entries[zoe].items()}}
    snapshots = []
    for number, some in enumerate((entries, turned)):
        with slapd(tmp_path / str(number), ldif(some)) as running:
            snapshots.append(whole(source(running.url)))
    assert msgspec.to_builtins(snapshots[0].persons) == msgspec.to_builtins(snapshots[1].persons)
    (person,) = snapshots[0].persons
    assert person.identifier == "zoe"
    assert person.attributes["uid"] == ("zoe", "ann")
    assert person.attributes["mail"] == ("b@example.com", "z@example.com")


def test_a_login_that_another_person_has_too_is_nobody_s_when_one_of_them_logs_in(
    tmp_path: Path,
) -> None:
    """A login reads one person alone: whether the others have its uid has to be asked."""
    entries = people(2)
    first, second = (f"uid=p{number},ou=people,{SUFFIX}" for number in range(2))
    entries[first]["uid"] = ["p0", "Shared  name", "own"]
    entries[second]["uid"] = ["p1", "shared NAME"]
    entries[f"cn=unix,{SUFFIX}"] = {
        "objectClass": ["posixGroup"],
        "cn": ["unix"],
        "gidNumber": ["5"],
        "memberUid": ["shared name", "own"],
    }
    users = desired.Users(fields={}, identifier="mail")
    names = LoginNames(typed="p0@example.com", identifiers=("p0@example.com",))
    with slapd(tmp_path / "slapd", ldif(entries)) as running:
        directory = LdapDirectory(source(running.url, users=users))
        (alone,) = directory.read_person(names, EVERYTHING).persons
        everybody = directory.read(EVERYTHING).persons
        directory.close()
    (in_memory,) = (
        MemoryDirectory(source(type="ldif", users=users), entries=entries)
        .read_person(names, EVERYTHING)
        .persons
    )
    assert alone.logins == in_memory.logins == ("p0", "own")
    assert [person.logins for person in everybody] == [
        ("p0", "Shared  name", "own"),
        ("p1", "shared NAME"),
    ]


def test_logins_are_followed_as_the_server_compares_them_beyond_the_rules_too(
    tmp_path: Path,
) -> None:
    entries = people(4)
    entries[f"uid=p1,ou=people,{SUFFIX}"]["uid"] = ["p1", "Jörg"]
    for name in ("teams", "other"):
        entries[f"ou={name},{SUFFIX}"] = {"objectClass": ["organizationalUnit"], "ou": [name]}
    entries[f"cn=team,ou=teams,{SUFFIX}"] = {
        "objectClass": ["groupOfNames"],
        "member": [f"cn=unix,ou=other,{SUFFIX}"],
    }
    entries[f"cn=unix,ou=other,{SUFFIX}"] = {
        "objectClass": ["posixGroup"],
        "gidNumber": ["5"],
        "memberUid": [" P0 ", "JO\u0308RG", f"uid=p2,ou=people,{SUFFIX}", "p3@example.com"],
    }
    settings = {
        "users": desired.Users(fields={}, identifier="mail"),
        "groups": desired.Groups(base="ou=teams"),
    }
    with slapd(tmp_path / "slapd", ldif(entries)) as running:
        (group,) = whole(source(running.url, **settings)).groups
    (in_memory,) = (
        MemoryDirectory(source(type="ldif", **settings), entries=entries).read(EVERYTHING).groups
    )
    expected = tuple(f"uid=p{number},ou=people,{SUFFIX}" for number in range(3))
    assert group.nested_members == in_memory.nested_members == expected
