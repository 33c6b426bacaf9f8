"""Groups whose members are found by a search, whether the server evaluates it itself or not."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.directories.ldif.memory import MemoryDirectory
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import DirectoryGroup
from reconcile.model.login import LoginNames
from tests.servers import ber
from tests.servers.slapd import PASSWORD, SCHEMA, SUFFIX, slapd
from tests.servers.sources import EVERYTHING, PEOPLE, Known, ldif, people, source
from tests.servers.stand_in import BASE, END, stand_in, success

pytestmark = pytest.mark.server

DYNGROUP = [f"include {SCHEMA}/dyngroup.schema", "moduleload dynlist"]
P0, P1, P2 = (f"uid=p{number},{PEOPLE}" for number in range(3))


def company() -> dict[str, dict[str, list[str]]]:
    """Three persons, and dynamic groups in two OUs."""
    entries = people(3)
    for number in range(3):
        entries[f"uid=p{number},{PEOPLE}"]["departmentNumber"] = [str(number % 2)]
    for name in ("teams", "other", "many", "more"):
        entries[f"ou={name},{SUFFIX}"] = {"objectClass": ["organizationalUnit"], "ou": [name]}
    for name, where, members in (
        ("dyn", "teams", f"ldap:///{PEOPLE}??sub?(departmentNumber=0)"),
        ("beyond", "other", f"ldap:///{PEOPLE}??one?(&(departmentNumber=1)(objectClass=person))"),
        ("bad", "other", f"ldap:///{PEOPLE}??sub?(departmentNumber=0"),
    ):
        entries[f"cn={name},ou={where},{SUFFIX}"] = {
            "objectClass": ["groupOfURLs"],
            "cn": [name],
            "memberURL": [members],
        }
    for name, member in (("fine", "beyond"), ("worse", "bad")):
        inner = f"cn={member},ou=other,{SUFFIX}"
        entries[f"cn={name},ou=teams,{SUFFIX}"] = {
            "objectClass": ["groupOfNames"],
            "cn": [name],
            "member": [inner, P2],
        }
    return entries


def by_name(groups: tuple[DirectoryGroup, ...]) -> dict[str, DirectoryGroup]:
    return {group.attributes["cn"][0]: group for group in groups}


def read(url: str, **changes: Any) -> dict[str, DirectoryGroup]:
    directory = LdapDirectory(source(url, **changes))
    try:
        return by_name(directory.read(EVERYTHING).groups)
    finally:
        directory.close()


@pytest.mark.parametrize(
    "overlay", [[], ["overlay dynlist", "dynlist-attrset groupOfURLs memberURL member"]]
)
def test_a_search_is_evaluated_whether_the_server_does_it_too_or_not(
    tmp_path: Path, overlay: list[str]
) -> None:
    entries = company()
    groups = desired.Groups(base="ou=teams")
    with slapd(tmp_path / "slapd", ldif(entries), first_lines=DYNGROUP, lines=overlay) as running:
        found = read(running.url, groups=groups)
        directory = LdapDirectory(source(running.url, groups=groups))
        names = LoginNames(typed="p0", identifiers=("p0",))
        alone = by_name(directory.read_person(names, EVERYTHING).groups)
        directory.close()
    in_memory = by_name(
        MemoryDirectory(source(type="ldif", groups=groups), entries=entries).read(EVERYTHING).groups
    )
    for some in (found, in_memory):
        assert (some["dyn"].members, some["dyn"].members_unknown) == ((P0, P2), "")
        assert (some["fine"].members, some["fine"].nested_members) == ((P2,), (P1, P2))
        assert some["fine"].members_unknown == ""
        assert some["worse"].members_unknown.startswith(
            f"cn=bad,ou=other,{SUFFIX} within it: memberURL ldap:///"
        )
        assert set(some["dyn"].attributes) == {"cn"} | ({"entryuuid"} if some is found else set())
    assert alone["dyn"].members == (P0, P2)
    assert alone["worse"].members_unknown


def test_a_search_that_the_server_refuses_makes_one_group_unknown_and_no_other(
    tmp_path: Path,
) -> None:
    """Too many entries, a part on another server, a missing base: the rest is read as ever."""
    entries = company()
    branch = f"ou=branch,ou=more,{SUFFIX}"
    entries[branch] = {
        "objectClass": ["referral", "extensibleObject"],
        "ou": ["branch"],
        "ref": ["ldap://branch.test"],
    }
    for number in range(9):
        entries[f"uid=m{number},ou=many,{SUFFIX}"] = entries[P0] | {"uid": [f"m{number}"]}
    for name, wanted in (
        ("a-many", f"ldap:///ou=many,{SUFFIX}??sub?(uid=m*)"),
        ("b-branch", f"ldap:///ou=more,{SUFFIX}??sub?(uid=m1)"),
        ("c-gone", f"ldap:///ou=gone,{SUFFIX}??sub?"),
        ("d-no-limit", f"ldap:///{PEOPLE}??sub?(departmentNumber=0)"),
    ):
        entries[f"cn={name},ou=teams,{SUFFIX}"] = {
            "objectClass": ["groupOfURLs"],
            "cn": [name],
            "memberURL": [wanted],
        }
    entries[P0]["userPassword"] = [PASSWORD]
    settings = {
        "bind": desired.Bind(P0, Known(PASSWORD)),
        "users": desired.Users(fields={}, base="ou=people"),
        "groups": desired.Groups(base="ou=teams", filter="(objectClass=groupOfURLs)"),
        "departments": desired.Units(base="ou=people"),
    }
    lines = [
        f'limits dn.exact="{P0}" size.soft=7 size.hard=7 size.prtotal=7',
        "sizelimit unlimited",
    ]
    with slapd(tmp_path / "slapd", ldif(entries), first_lines=DYNGROUP, lines=lines) as running:
        found = read(running.url, **settings)
    whys = {name: group.members_unknown for name, group in found.items()}
    assert "result 4 (sizeLimitExceeded)" in whys["a-many"]
    assert "a part of the tree is on another server: ldap://branch.test" in whys["b-branch"]
    assert f"ou=gone,{SUFFIX} does not exist" in whys["c-gone"]
    assert whys["d-no-limit"] == whys["dyn"] == ""
    assert found["d-no-limit"].members == found["dyn"].members == (P0, P2)


def test_one_search_serves_all_groups_with_the_same_url() -> None:
    url = f"ldap:///{PEOPLE}??sub?(a=1)"
    two = [
        ber.entry(f"cn={name},{SUFFIX}", {"cn": [name], "memberURL": [url]})
        for name in ("one", "two")
    ]
    member = ber.entry(P1, {})
    answers = [
        success(BASE),
        success(*two, controls=END),
        success(ber.entry(PEOPLE, {})),
        success(member, controls=END),
    ]
    nobody = success(controls=END)
    with stand_in([*answers, nobody, nobody]) as server:
        directory = LdapDirectory(source(server))
        found = directory.read(msgspec.structs.replace(EVERYTHING, units=False)).groups
        directory.close()
    assert [group.members for group in found] == [(P1,), (P1,)]


@pytest.mark.parametrize("garbage", [b"", b"\x30\x03\x02\x01"])
def test_a_connection_that_breaks_in_a_search_for_members_breaks_the_read(garbage: bytes) -> None:
    one = ber.entry(
        f"cn=one,{SUFFIX}", {"cn": ["one"], "memberURL": [f"ldap:///{PEOPLE}??sub?(a=1)"]}
    )
    seen = success(ber.entry(PEOPLE, {}))
    with stand_in([success(BASE), success(one, controls=END), seen, lambda _: garbage]) as server:
        directory = LdapDirectory(source(server, timeout=desired.Timeout(connect=2, read=1)))
        with pytest.raises(SourceUnreadable):
            directory.read(msgspec.structs.replace(EVERYTHING, units=False))
        directory.close()


def test_what_is_not_ldap_in_a_search_for_members_breaks_the_read() -> None:
    one = ber.entry(
        f"cn=one,{SUFFIX}", {"cn": ["one"], "memberURL": [f"ldap:///{PEOPLE}??sub?(a=1)"]}
    )
    seen, nobody = success(ber.entry(PEOPLE, {})), success(controls=END)
    with stand_in(
        [success(BASE), success(one, controls=END), seen, lambda _: b"HTTP/1.1 400\r\n", nobody]
    ) as server:
        directory = LdapDirectory(source(server, timeout=desired.Timeout(connect=2, read=1)))
        with pytest.raises(SourceUnreadable):
            directory.read(msgspec.structs.replace(EVERYTHING, units=False))
        directory.close()
