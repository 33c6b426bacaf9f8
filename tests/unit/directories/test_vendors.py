"""What is different from one kind of directory to another."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from reconcile.directories.ldif.memory import MemoryDirectory
from reconcile.directories.snapshot import aliases
from reconcile.directories.snapshot import snapshot as reading
from reconcile.directories.vendors import active_directory, table
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import DirectorySnapshot, Query
from tests.servers.sources import source

GUID = bytes.fromhex("e004253f894fd3119a0c0305e82c3301")
SID = "S-1-5-21-3623811015-3361044348-30300820"
DOMAIN = "DC=example,DC=test"
NOW = 1_700_000_000.0


def sid(number: int) -> bytes:
    parts = [21, 3623811015, 3361044348, 30300820, number]
    return (
        bytes([1, 5])
        + (5).to_bytes(6, "big")
        + b"".join(part.to_bytes(4, "little") for part in parts)
    )


def test_a_guid_is_written_as_microsoft_does() -> None:
    assert active_directory.guid_text(GUID) == "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    assertion = active_directory.guid_assertion("3F2504E0-4F89-11D3-9A0C-0305E82C3301")
    assert assertion == "".join(f"\\{byte:02x}" for byte in GUID)


@pytest.mark.parametrize("value", [b"", GUID[:-1], GUID + b"x"])
def test_other_bytes_are_no_guid(value: bytes) -> None:
    with pytest.raises(ValueError, match="16"):
        active_directory.guid_text(value)


def test_a_security_identifier() -> None:
    assert active_directory.sid_text(sid(513)) == f"{SID}-513"
    assert active_directory.sid_text(bytes([1, 0, 0, 0, 0, 0, 0, 5])) == "S-1-5"
    for broken in (b"", sid(1)[:-1], bytes([1, 9, 0, 0, 0, 0, 0, 5])):
        with pytest.raises(ValueError, match="no security identifier"):
            active_directory.sid_text(broken)


@pytest.mark.parametrize(
    ("attributes", "active_uac", "expected"),
    [
        ({}, (), False),
        ({"useraccountcontrol": "512"}, (), False),
        ({"useraccountcontrol": "514"}, (), True),
        ({"useraccountcontrol": "546"}, (), True),
        ({"useraccountcontrol": "66050"}, (), True),
        ({"useraccountcontrol": "262656"}, (), False),  # smart card required
        ({"useraccountcontrol": "262656"}, (512, 544, 66048, 66080), True),
        ({"useraccountcontrol": "66080"}, (512, 544, 66048, 66080), False),
        ({"useraccountcontrol": "514"}, (514,), False),
        ({"useraccountcontrol": "512", "accountexpires": "0"}, (), False),
        ({"useraccountcontrol": "512", "accountexpires": str(2**63 - 1)}, (), False),
        ({"useraccountcontrol": "512", "accountexpires": "133444735999999999"}, (), True),
        ({"useraccountcontrol": "512", "accountexpires": "133444736000000000"}, (), True),
        ({"useraccountcontrol": "512", "accountexpires": "133444736000000001"}, (), False),
        ({"useraccountcontrol": "512", "accountexpires": "1"}, (512,), True),
    ],
)
def test_who_is_disabled_in_active_directory(
    attributes: dict[str, str], active_uac: tuple[int, ...], expected: bool
) -> None:
    rule = active_directory.disabled(active_uac, NOW)
    assert rule({name: (value,) for name, value in attributes.items()}) is expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, False),
        ({"krbprincipalexpiration": "20231114221319Z"}, True),
        ({"krbprincipalexpiration": "20231114221320.5Z"}, True),
        ({"krbprincipalexpiration": "20231114221321Z"}, False),
        ({"krbprincipalexpiration": "99991231235959Z"}, False),
    ],
)
def test_when_an_account_of_freeipa_ends(attributes: dict[str, str], expected: bool) -> None:
    found = {name: (value,) for name, value in attributes.items()}
    assert table.principal_expired(found, "20231114221320") is expected


def test_either_disables_an_account_of_freeipa() -> None:
    rule = table.VENDORS["freeipa"].disabled(source(type="freeipa"))
    for end, lock, expected in (
        ("9999", "false", False),
        ("9999", "TRUE", True),
        ("2020", "false", True),
    ):
        shown = {"krbprincipalexpiration": (f"{end}0101000000Z",), "nsaccountlock": (lock,)}
        assert rule(shown) is expected
    with pytest.raises(ValueError, match="krbprincipalexpiration is 'never', which is not a time"):
        rule({"krbprincipalexpiration": ("never",)})


def test_an_account_whose_state_cannot_be_understood_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="useraccountcontrol is 'x', which is not a number"):
        active_directory.disabled((), NOW)({"useraccountcontrol": ("x",)})


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("TRUE", True), (" True ", True), ("false", False)]
)
def test_who_is_disabled_in_389_and_freeipa(value: str, expected: bool) -> None:
    for kind in ("389ds", "freeipa"):
        rule = table.vendor(kind).disabled(source(type=kind))
        assert rule({"nsaccountlock": (value,)}) is expected
        assert rule({}) is False


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ldap://DomainDnsZones.example.com/DC=DomainDnsZones,DC=example,DC=com", True),
        ("ldap://x/DC=ForestDnsZones,DC=example,DC=com??sub", True),
        ("ldap://example.com/cn=configuration,dc=example,dc=com", True),
        ("ldap://example.com/CN=Configuration%2CDC=example%2CDC=com", True),
        ("ldap://child.example.com/DC=child,DC=example,DC=com", False),
        ("ldap://example.com/CN=Configuration,OU=Fake,DC=example,DC=com", False),
        ("ldap://example.com/OU=DomainDnsZones,DC=example,DC=com", False),
        ("ldap://example.com/CN=Configuration", False),
        ("ldap://example.com/", False),
        ("ldap://example.com", False),
        ("nonsense", False),
    ],
)
def test_which_references_lead_elsewhere(url: str, expected: bool) -> None:
    assert table.vendor("active_directory").elsewhere(url) is expected
    assert table.vendor("openldap").elsewhere(url) is False


@pytest.mark.parametrize(
    ("base_dn", "expected"),
    [
        ("dc=example,dc=com", "cn=users,cn=accounts,dc=example,dc=com"),
        ("cn=accounts,dc=example,dc=com", "cn=users,cn=accounts,dc=example,dc=com"),
        ("CN=Accounts, DC=example,DC=com", "cn=users,CN=Accounts, DC=example,DC=com"),
        ("cn=users,cn=accounts,dc=example,dc=com", "cn=users,cn=accounts,dc=example,dc=com"),
    ],
)
def test_the_default_container_of_freeipa(base_dn: str, expected: str) -> None:
    freeipa = table.vendor("freeipa")
    assert (
        reading.users_search(source(type="freeipa", base_dn=base_dn), freeipa, ()).base == expected
    )
    own = source(type="freeipa", base_dn=base_dn, users=desired.Users(fields={}, base="ou=x"))
    assert reading.users_search(own, freeipa, ()).base == f"ou=x,{base_dn}"
    assert reading.users_search(source(), table.vendor("openldap"), ()).base == "dc=example,dc=com"


def user(name: str, number: int, **more: list[str | bytes]) -> dict[str, list[str | bytes]]:
    return {
        "objectClass": ["user"],
        "objectCategory": ["person"],
        "sAMAccountName": [name],
        "objectSid": [sid(number)],
        "primaryGroupID": ["513"],
    } | more


def group(name: str, number: int, *members: str) -> dict[str, list[str | bytes]]:
    made: dict[str, list[str | bytes]] = {
        "objectClass": ["group"],
        "cn": [name],
        "objectSid": [sid(number)],
    }
    return made | {"member": list(members)} if members else made


ADA, BOB, CID = (f"CN={name},OU=People,{DOMAIN}" for name in ("ada", "bob", "cid"))
INNER, DEEP, USERS = (f"CN={name},OU=Other,{DOMAIN}" for name in ("inner", "deep", "Domain Users"))
TEAM, PLAIN = (f"CN={name},OU=Teams,{DOMAIN}" for name in ("team", "plain"))
FOREST: dict[str, Any] = {
    DOMAIN: {"objectClass": ["domain"]},
    f"OU=Teams,{DOMAIN}": {"objectClass": ["organizationalUnit"]},
    ADA: user("ada", 1001, objectGUID=[GUID]),
    BOB: user("bob", 1002),
    CID: user("cid", 1003, primaryGroupID=["514"]),
    USERS: group("Domain Users", 513) | {"memberOf": [DEEP]},
    INNER: group("inner", 1101, CID, TEAM, DEEP) | {"memberOf": [TEAM]},
    DEEP: group("deep", 1102, INNER, USERS) | {"memberOf": [INNER]},
    TEAM: group("team", 1103, INNER, BOB, f"CN=printer,{DOMAIN}") | {"memberOf": [INNER]},
    PLAIN: group("plain", 1104, ADA),
}
QUERY = Query(
    person_attributes=frozenset({"objectguid"}), group_attributes=frozenset({"cn"}), groups=True
)


def read(**changes: Any) -> DirectorySnapshot:
    settings = source(**{"type": "active_directory", "base_dn": DOMAIN} | changes)
    return MemoryDirectory(settings, entries=FOREST).read(QUERY)


def test_ids_are_text_in_templates_too() -> None:
    ada = next(person for person in read().persons if person.dn == ADA)
    assert (
        ada.external_id == ada.attributes["objectguid"][0] == "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    )
    assert ada.attributes["objectsid"] == (f"{SID}-1001",)


def test_a_primary_group_has_its_members() -> None:
    groups = {one.dn: one for one in read().groups}
    assert groups[USERS].members == (ADA, BOB)
    assert groups[TEAM].members == (BOB, INNER, f"CN=printer,{DOMAIN}")


def test_no_primary_group_is_asked_for_where_no_group_is_wanted() -> None:
    snapshot = MemoryDirectory(
        source(type="active_directory", base_dn=DOMAIN), entries=FOREST
    ).read(Query())
    assert "objectsid" not in snapshot.persons[0].attributes


@pytest.mark.parametrize(
    "groups",
    [
        desired.Groups(base="OU=Teams"),
        desired.Groups(base="OU=Teams", scope="one"),
        desired.Groups(filter="(|(cn=team)(cn=plain))"),
    ],
)
def test_groups_that_the_rules_do_not_find_are_followed_here_without_a_server(
    groups: desired.Groups,
) -> None:
    plain, team = read(groups=groups).groups
    assert (plain.members, plain.nested_members) == ((ADA,), ())
    assert team.members == (BOB, f"CN=printer,{DOMAIN}")
    assert team.nested_members == (ADA, BOB, CID)


def test_a_preserved_user_is_gone() -> None:
    preserved = "uid=gone,cn=deleted users,cn=accounts,cn=provisioning,dc=example,dc=com"
    here = "uid=here,cn=users,cn=accounts,dc=example,dc=com"
    classes = ["person", "posixAccount"]
    entries = {
        "dc=example,dc=com": {"objectClass": ["domain"]},
        "cn=users,cn=accounts,dc=example,dc=com": {"objectClass": ["nsContainer"]},
        preserved: {"objectClass": classes, "uid": ["gone"], "ipaUniqueID": ["1"]},
        here: {"objectClass": classes, "uid": ["here"], "ipaUniqueID": ["2"]},
    }
    directory = MemoryDirectory(source(type="freeipa"), entries=entries)
    assert directory.find(["1", "2", "3"], [preserved, here]) == {"2", here}
    everything = source(type="freeipa", users=desired.Users(fields={}, base="dc=example,dc=com"))
    assert [
        person.identifier
        for person in MemoryDirectory(everything, entries=entries).read(Query()).persons
    ] == ["here"]


def test_attributes_with_two_names() -> None:
    attributes = {"cn": ("Ada",), "surname": ("Lovelace",), "mail": ("a@x",)}
    asked = aliases.pairs({"commonname", "surname", "rfc822mailbox", "userid", "mail"})
    assert asked == (
        ("commonname", "cn"),
        ("rfc822mailbox", "mail"),
        ("surname", "sn"),
        ("userid", "uid"),
    )
    filled = aliases.filled(attributes, asked)
    assert filled["commonname"] == ("Ada",)
    assert filled["rfc822mailbox"] == ("a@x",)
    assert filled["sn"] == filled["surname"] == ("Lovelace",)
    assert "userid" not in filled


def test_an_account_that_cannot_be_understood_is_named() -> None:
    broken = FOREST | {BOB: user("bob", 1002, userAccountControl=["many"])}
    directory = MemoryDirectory(source(type="active_directory", base_dn=DOMAIN), entries=broken)
    with pytest.raises(SourceUnreadable, match=r"CN=bob.*useraccountcontrol is 'many'"):
        directory.read(QUERY)


def test_the_rule_on_disabled_accounts_is_made_for_each_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expiring = FOREST | {BOB: user("bob", 1002, accountExpires=["133444736000000000"])}
    directory = MemoryDirectory(source(type="active_directory", base_dn=DOMAIN), entries=expiring)
    for now, expected in ((NOW - 1, False), (NOW + 1, True)):
        monkeypatch.setattr(active_directory.time, "time", lambda now=now: now)  # type: ignore[attr-defined]
        assert (
            next(person for person in directory.read(QUERY).persons if person.dn == BOB).disabled
            is expected
        )


def test_what_the_reader_may_not_see_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    ada = {ADA: user("ada", 1001, objectGUID=[GUID], userAccountControl=["512"])}
    told = {}
    whole = {"objectGUID": [UUID(int=7).bytes_le], "userAccountControl": ["512"]}
    for case, shown in (
        ("all", whole),
        ("no control", {"objectGUID": whole["objectGUID"]}),
        ("no id", {}),
    ):
        for others in ({}, ada):
            caplog.clear()
            entries = {DOMAIN: FOREST[DOMAIN], BOB: user("bob", 1002, **shown)} | others
            MemoryDirectory(source(type="active_directory", base_dn=DOMAIN), entries=entries).read(
                QUERY
            )
            told[case, len(others)] = caplog.text
    assert told["all", 0] == told["all", 1] == ""
    assert (
        "corp: no person shows useraccountcontrol, which all have; without it a disabled person"
        in told["no control", 0]
    )
    assert (
        f"1 of 2 persons do not show useraccountcontrol (the first is {BOB}), which"
        in told["no control", 1]
    )
    assert "objectguid" not in told["no control", 0] + told["no control", 1]
    assert (
        "no person shows objectguid, which all have; without it a person who is renamed and moved"
        in told["no id", 0]
    )
    assert f"1 of 2 persons do not show objectguid (the first is {BOB})" in told["no id", 1]
    assert told["no id", 1].endswith("ask for the right to read it\n")


@pytest.mark.parametrize("kind", sorted(table.VENDORS))
def test_every_kind_of_directory_warns_of_people_without_a_stable_id(kind: str) -> None:
    row = table.VENDORS[kind]
    assert row.stable_id in row.shown_by_all


def test_the_table_has_no_row_that_asks_for_upper_case() -> None:
    for vendor in table.VENDORS.values():
        names = (
            vendor.identifier,
            vendor.stable_id,
            *vendor.member_attributes,
            *vendor.disabled_attributes,
        )
        assert all(name == name.lower() for name in (*names, *vendor.binary))
        assert msgspec.structs.replace(vendor) == vendor


@pytest.mark.parametrize(
    ("attributes", "active", "why"),
    [
        (
            {"useraccountcontrol": ("514",)},
            (),
            "userAccountControl 514 has the flag ACCOUNTDISABLE",
        ),
        (
            {"useraccountcontrol": ("66050",)},
            (512,),
            "userAccountControl 66050 is not in active_uac",
        ),
        ({"useraccountcontrol": ("514",)}, (514,), ""),
        (
            {"accountexpires": ("116444736600000000",)},
            (),
            "accountExpires has passed: 1970-01-01 00:01 UTC",
        ),
        ({"accountexpires": ("9223372036854775807",)}, (), ""),
    ],
)
def test_why_an_account_of_active_directory_is_disabled(
    attributes: dict[str, tuple[str, ...]], active: tuple[int, ...], why: str
) -> None:
    assert active_directory.reason(active, 120.0)(attributes) == why
    assert active_directory.disabled(active, 120.0)(attributes) is bool(why)
