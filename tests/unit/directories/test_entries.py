"""Raw entries made into values of the model."""

import pytest

from reconcile.directories import entries, vendors
from reconcile.directories.entries import Rules
from reconcile.directories.searching import RawEntry
from reconcile.model import desired
from reconcile.model.directory import Query
from tests.servers.sources import source

OPENLDAP = vendors.vendor("openldap")


def rules(**changes: object) -> Rules:
    return Rules.of(source(**changes), OPENLDAP, Query(group_attributes=frozenset({"CN"})))


def test_text_or_base64() -> None:
    assert entries.text("Ødegård".encode()) == "Ødegård"
    assert entries.text(b"\xff\x00") == "/wA="


def test_an_attribute_without_values_is_absent() -> None:
    assert entries.decoded(RawEntry.of("cn=x", {"a": [], "b": [b"x", b"\xff"], "c": []})) == (
        {"b": ("x", "/w==")},
        False,
    )
    assert entries.decoded(RawEntry.of("cn=x", {"a": [], "b": [b"x"]})) == ({"b": ("x",)}, True)


def test_a_person_without_anything() -> None:
    person = entries.person(RawEntry.of("cn=x", {}), rules())
    assert (person.identifier, person.external_id, person.manager, person.disabled) == ("", "", None, False)


def test_asked_attributes_are_lower_case_sorted_and_once() -> None:
    made = rules(users=desired.Users(fields={}, identifier="UID", manager_attribute="Manager"))
    query = Query(person_attributes=frozenset({"Mail", "mail", "uid"}))
    assert made.person_attributes(query) == ("entryuuid", "mail", "manager", "pwdaccountlockedtime", "uid")
    assert made.group_attributes_asked() == ("cn", "entryuuid", "member", "memberuid", "uniquemember")


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


@pytest.mark.parametrize(("time", "disabled"), [("000001010000Z", True), ("20250101000000Z", False)])
def test_only_a_permanent_lock_disables(time: str, disabled: bool) -> None:
    person = entries.person(RawEntry.of("cn=x", {"pwdaccountlockedtime": [time.encode()]}), rules())
    assert person.disabled is disabled


def test_the_type_of_a_plugin_reads_like_ldap() -> None:
    assert vendors.vendor("of-a-plugin") == vendors.vendor("ldap")
