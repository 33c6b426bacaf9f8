"""Raw entries made into values of the model."""

import pytest

from reconcile.directories.search import attribute_options
from reconcile.directories.search.search import RawEntry
from reconcile.directories.snapshot import entries
from reconcile.directories.snapshot.entries import Rules
from reconcile.directories.vendors import table
from reconcile.model import desired
from reconcile.model.directory import Query
from tests.servers.sources import source

OPENLDAP = table.vendor("openldap")


def rules(**changes: object) -> Rules:
    return Rules.of(source(**changes), OPENLDAP, Query(group_attributes=frozenset({"CN"})))


def made_by(identifier: str) -> desired.Users:
    return desired.Users(fields={}, identifier=identifier)


def test_text_or_base64() -> None:
    assert entries.text("Ødegård".encode()) == "Ødegård"
    assert entries.text(b"\xff\x00") == "/wA="


def test_an_attribute_without_values_is_absent() -> None:
    assert entries.decoded(RawEntry.of("cn=x", {"a": [], "b": [b"x", b"\xff"], "c": []})) == (
        {"b": ("x", "/w==")},
        {"b": 1},
    )
    assert entries.decoded(RawEntry.of("cn=x", {"a": [], "b": [b"x"]})) == ({"b": ("x",)}, {})


@pytest.mark.parametrize(
    "blank", ["", " ", "\t\n", "\u00a0", "\u2003\u3000", "\u200b", "\ufeff\u2060"]
)
def test_a_blank_value_is_none(blank: str) -> None:
    raw = {
        "a": [blank.encode()],
        "b": [blank.encode(), b"x"],
        "c": [blank.encode(), b" "],
        "d": [b"\xff", blank.encode()],
    }
    assert entries.decoded(RawEntry.of("cn=x", {name: raw[name] for name in "abc"}))[0] == {
        "b": ("x",)
    }
    assert entries.decoded(RawEntry.of("cn=x", raw)) == ({"b": ("x",), "d": ("/w==",)}, {"d": 0})


def test_a_control_character_is_no_blank() -> None:
    """It is a fault in the directory, to be reported."""
    assert entries.decoded(RawEntry.of("cn=x", {"a": [b"\x01"]}))[0] == {"a": ("\x01",)}


@pytest.mark.parametrize(
    ("dn", "attribute", "given", "expected"),
    [
        ("uid=zoe,dc=x", "uid", ["ann", "zoe"], ["zoe", "ann"]),
        ("UID=Zoe,dc=x", "uid", ["ann", "zoe"], ["zoe", "ann"]),
        ("userid=zoe,dc=x", "uid", ["ann", "zoe"], ["zoe", "ann"]),
        ("uid=zoe,dc=x", "userid", ["ann", "zoe"], ["zoe", "ann"]),
        ("0.9.2342.19200300.100.1.1=zoe,dc=x", "uid", ["ann", "zoe"], ["zoe", "ann"]),
        ("commonName=zoe,dc=x", "cn", ["ann", "zoe"], ["zoe", "ann"]),
        ("cn=zoe+uid=zed,dc=x", "uid", ["ann", "zed"], ["zed", "ann"]),
        ("cn=a\\, b\\2c c,dc=x", "cn", ["a", "a, b, c"], ["a, b, c", "a"]),
        ("cn=zoe  v,dc=x", "cn", ["ann", "Zoe V"], ["Zoe V", "ann"]),
        ("cn=zo\u0308e,dc=x", "cn", ["ann", "zöe"], ["zöe", "ann"]),
        ("cn=ZÖE,dc=x", "cn", ["ann", "zöe"], ["zöe", "ann"]),
        ("cn=Gross,dc=x", "cn", ["Ann", "Groß"], ["Ann", "Groß"]),
        ("cn=zoe,dc=x", "cn", ["ann", "bob"], ["ann", "bob"]),
        ("cn=zoe,dc=x", "mail", ["zoe@x", "ann@x", "zoe@x"], ["ann@x", "zoe@x"]),
        ("cn=zöe,dc=x", "cn", ["ZÖE", "ZÖe", "ann"], ["ZÖE", "ZÖe", "ann"]),
        ("no DN", "cn", ["b", "a"], ["a", "b"]),
        ("", "cn", ["b", "a"], ["a", "b"]),
        ("cn=b,dc=x", "user_name", ["b", "a"], ["a", "b"]),
    ],
)
def test_values_are_a_set_with_that_of_the_rdn_first(
    dn: str, attribute: str, given: list[str], expected: list[str]
) -> None:
    for some in (given, given[::-1]):
        raw = {attribute: [value.encode() for value in some]}
        assert entries.decoded(RawEntry.of(dn, raw)) == ({attribute: tuple(expected)}, {})
        raw["photo"] = [b"\xff"]
        assert entries.decoded(RawEntry.of(dn, raw))[0][attribute] == tuple(expected)


def test_text_comes_before_bytes_and_nobody_is_known_by_those() -> None:
    for values in ([b"\xff", b"zoe", b"ann"], [b"ann", b"zoe", b"\xff"]):
        person = entries.person(RawEntry.of("cn=x", {"uid": values}), rules())
        assert person.attributes["uid"] == ("ann", "zoe", "/w==")
        assert person.identifier == "ann"
    person = entries.person(RawEntry.of("cn=x", {"uid": [b"\xff", b" "]}), rules())
    assert person.identifier == ""


def test_many_values_take_no_quadratic_time() -> None:
    many = [f"v{number}".encode() for number in range(100_000)]
    made = entries.decoded(RawEntry.of("cn=V7,dc=x", {"cn": many}))[0]["cn"]
    assert (made[0], len(made)) == ("v7", 100_000)


def test_a_whole_dn_in_member_uid_is_one_and_bytes_are_nobody_s_login() -> None:
    given = [b"uid=a,dc=x", b" uid=b , dc=x\n", b"uid=c", b"a", b"", b" ", b"\xff\xfe", b"x=y=z"]
    made = entries.group(RawEntry.of("cn=g", {"memberuid": given}), rules())
    assert made.members == ("//4=", "uid=a,dc=x", "uid=b , dc=x")
    assert made.member_logins == ("a", "uid=c", "x=y=z")


def test_the_logins_of_a_person_are_its_uids_whatever_the_identifier_is() -> None:
    made = rules(users=made_by("mail"))
    raw = {"uid": [b"zoe", b"ann", b"\xff"], "mail": [b"a@example.com"]}
    person = entries.person(RawEntry.of("uid=zoe", raw), made)
    assert (person.identifier, person.logins) == ("a@example.com", ("zoe", "ann"))
    assert "uid" not in made.person_attributes(Query())
    with_groups = Query(groups=True)
    assert "uid" in Rules.of(
        source(users=made_by("mail")), OPENLDAP, with_groups
    ).person_attributes(with_groups)
    by_dn = Rules.of(
        source(users=made_by("mail"), groups=desired.Groups(member_attribute="member")),
        OPENLDAP,
        with_groups,
    )
    assert "uid" not in by_dn.person_attributes(with_groups)


def test_member_uid_holds_logins_in_every_kind_of_directory() -> None:
    windows = table.vendor("active_directory")
    made = Rules.of(
        source(groups=desired.Groups(member_attribute="memberUid")), windows, Query(groups=True)
    )
    assert (made.members, made.logins) == ((), ("memberuid",))


def test_an_attribute_with_options_is_one_without_them_too() -> None:
    given: dict[str, list[bytes]] = {
        "member": [b"a"],
        "member;x-load": [b"b"],
        "member;x-a;x-b": [b"c"],
        "usercertificate;binary": [b"d"],
        "sn": [b"Mori"],
        "sn;lang-ja": [b"e"],
        "givenname;lang-en": [b"Aki"],
        "givenname;x-kana;lang-ja": [b"f"],
        "title": ["\u00a0".encode()],
        "title;lang-de": [b"Hafen"],
        "mail;lang-de": [b"g"],
        "mail;x-first": [b"h"],
        "cn;deleted": [b"gone"],
    }
    made = attribute_options.merged(RawEntry.of("cn=x", given)).attributes
    assert {name: values for name, values in made.items() if ";" in name} == {
        name: values for name, values in given.items() if ";" in name
    }
    assert {name: values for name, values in made.items() if ";" not in name} == {
        "member": [b"a", b"b", b"c"],
        "usercertificate": [b"d"],
        "sn": [b"Mori"],
        "givenname": [b"Aki", b"f"],
        "title": [b"Hafen"],
        "mail": [b"h"],
    }
    plain = RawEntry.of("cn=x", {"cn": [b"x"]})
    assert attribute_options.merged(plain) is plain


def test_members_with_options_are_members_and_not_shown_beside() -> None:
    raw = {
        "member;x-load": [b"cn=b"],
        "member": [b"cn=a"],
        "memberuid;x-load": [b"ann"],
        "cn;lang-de": [b"Tor"],
    }
    made = entries.group(attribute_options.merged(RawEntry.of("cn=g", raw)), rules())
    assert made.members == ("cn=a", "cn=b")
    assert made.member_logins == ("ann",)
    assert made.attributes == {"cn": ("Tor",), "cn;lang-de": ("Tor",)}


def test_many_attributes_with_options_take_no_quadratic_time() -> None:
    many = {f"member;x-{number}": [str(number).encode()] for number in range(50_000)}
    assert len(attribute_options.merged(RawEntry.of("cn=x", many)).attributes["member"]) == 50_000


def test_a_person_without_anything() -> None:
    person = entries.person(RawEntry.of("cn=x", {}), rules())
    assert (person.identifier, person.external_id, person.manager, person.disabled) == (
        "",
        "",
        None,
        False,
    )


def test_asked_attributes_are_lower_case_sorted_and_once() -> None:
    made = rules(users=desired.Users(fields={}, identifier="UID", manager_attribute="Manager"))
    query = Query(person_attributes=frozenset({"Mail", "mail", "uid"}))
    assert made.person_attributes(query) == (
        "entryuuid",
        "mail",
        "manager",
        "pwdaccountlockedtime",
        "uid",
    )
    members = ("member", "memberuid", "memberurl", "objectclass", "uniquemember")
    assert made.group_attributes_asked() == ("cn", "entryuuid", *members)


@pytest.mark.parametrize(
    ("written", "member"),
    [
        ("cn=a,dc=b#'01'B", "cn=a,dc=b"),
        ("cn=a,dc=b#''B", "cn=a,dc=b"),
        ("cn=a,dc=b", "cn=a,dc=b"),
        ("cn=a#'01'B,dc=b", "cn=a#'01'B,dc=b"),
    ],
)
def test_the_unique_identifier_of_a_member_is_left_out(written: str, member: str) -> None:
    made = entries.group(RawEntry.of("cn=g", {"uniquemember": [written.encode()]}), rules())
    assert made.members == (member,)
    plain = entries.group(RawEntry.of("cn=g", {"member": [written.encode()]}), rules())
    assert plain.members == (written,)


def test_a_member_by_two_attributes_is_one_member() -> None:
    raw = {"member": [b"cn=a", b""], "uniquemember": [b"cn=b", b"cn=a"], "memberuid": [b"a", b"a"]}
    made = entries.group(RawEntry.of("cn=g", raw), rules())
    assert made.members == ("cn=a", "cn=b")
    assert made.member_logins == ("a",)
    assert made.attributes == {}


@pytest.mark.parametrize(
    ("time", "disabled"), [("000001010000Z", True), ("20250101000000Z", False)]
)
def test_only_a_permanent_lock_disables(time: str, disabled: bool) -> None:
    person = entries.person(RawEntry.of("cn=x", {"pwdaccountlockedtime": [time.encode()]}), rules())
    assert person.disabled is disabled


def test_the_type_of_a_plugin_reads_like_ldap() -> None:
    assert table.vendor("of-a-plugin") == table.vendor("ldap")


@pytest.mark.parametrize("answered", ["member", "2.5.4.31"])
@pytest.mark.parametrize(
    "written", ["member", "MEMBER", "2.5.4.31", "oid.2.5.4.31", "OID.2.5.4.31"]
)
def test_the_attribute_of_members_by_any_of_its_names(written: str, answered: str) -> None:
    made = rules(groups=desired.Groups(member_attribute=written))
    if answered in made.group_attributes_asked():
        found = entries.group(RawEntry.of("cn=g,dc=x", {answered: [b"cn=a,dc=x"]}), made)
        assert (found.members, found.member_logins) == (("cn=a,dc=x",), ())
    assert "member" in made.group_attributes_asked()


def test_members_of_other_kinds_by_oid() -> None:
    unique = rules(groups=desired.Groups(member_attribute="2.5.4.50"))
    found = entries.group(RawEntry.of("cn=g,dc=x", {"uniquemember": [b"cn=a,dc=x#'0'B"]}), unique)
    assert found.members == ("cn=a,dc=x",)
    logins = rules(groups=desired.Groups(member_attribute="oid.1.3.6.1.1.1.1.12"))
    found = entries.group(RawEntry.of("cn=g,dc=x", {"memberuid": [b"a"]}), logins)
    assert (found.members, found.member_logins) == ((), ("a",))
    url = rules(groups=desired.Groups(member_attribute="2.16.840.1.113730.3.1.198"))
    assert (url.dynamic, url.members) == (True, ())


def test_the_identifier_and_the_manager_by_oid() -> None:
    users = desired.Users(
        fields={}, identifier="oid.2.5.4.3", manager_attribute="oid.0.9.2342.19200300.100.1.10"
    )
    made = rules(users=users)
    assert {"cn", "2.5.4.3", "manager"} <= set(made.person_attributes(Query()))
    found = entries.person(
        RawEntry.of("cn=a,dc=x", {"cn": [b"a"], "manager": [b"cn=b,dc=x"]}), made
    )
    assert (found.identifier, found.manager) == ("a", "cn=b,dc=x")
