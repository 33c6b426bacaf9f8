"""What every directory adapter does alike, over the same entries.

A suite of tests: import all of it into a test module that has a fixture `make`, which gives a
function. That function takes fields of `desired.Source` and opens the directory with the entries
of `reconcile.testing.company`.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from reconcile.directories.ldif.memory import MemoryDirectory
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import Outline, Query
from reconcile.model.text import dn
from reconcile.ports import Directory
from reconcile.testing.company import (
    ADA,
    BJORN,
    COMMA,
    ENTRIES,
    GROUPS,
    LOCKED,
    PEOPLE,
    PHOTO,
    SUFFIX,
    TWO,
)


def _source() -> desired.Source:
    return desired.Source(name="corp", type="ldif", base_dn=SUFFIX, users=desired.Users(fields={}))


Open = Callable[..., Directory]

QUERY = Query(
    person_attributes=frozenset({"cn", "sn", "mail", "jpegphoto", "description", "objectclass"}),
    group_attributes=frozenset({"cn"}),
    unit_attributes=frozenset({"ou"}),
    groups=True,
    units=True,
)


@pytest.fixture
def directory(make: Open) -> Iterator[Open]:
    opened: list[Directory] = []

    def open_(**changes: Any) -> Directory:
        made = make(**changes)
        opened.append(made)
        return made

    yield open_
    for some in opened:
        some.close()


def users(**changes: Any) -> desired.Users:
    return desired.Users(fields={}, **changes)


def found(directory: Open, filter_: str) -> list[str]:
    snapshot = directory(users=users(filter=filter_)).read(Query())
    return [person.identifier for person in snapshot.persons]


def test_the_whole_snapshot(directory: Open) -> None:
    snapshot = directory().read(QUERY)
    expected = MemoryDirectory(_source(), entries=ENTRIES).read(QUERY)
    assert msgspec.to_builtins(snapshot) == msgspec.to_builtins(expected)


def test_persons_come_in_the_order_of_their_names(directory: Open) -> None:
    persons = directory().read(Query()).persons
    names = [dn.normalize(person.dn) for person in persons]
    assert names == sorted(names)
    assert {person.dn for person in persons} == {
        ADA,
        BJORN,
        COMMA,
        TWO,
        LOCKED,
        f"uid=soon,{PEOPLE}",
    }


def test_a_person(directory: Open) -> None:
    (ada,) = (person for person in directory().read(QUERY).persons if person.dn == ADA)
    assert ada.identifier == "ada"
    assert ada.external_id == "00000000-1111-2222-3333-000000000010"
    assert ada.manager is None
    assert not ada.disabled
    assert ada.attributes["mail"] == ("ada@example.com", "countess@example.com")
    assert ada.attributes["cn"] == ("Ada Lovelace",)
    assert ada.attributes["cn;lang-fr"] == ("Ada, comtesse de Lovelace",)
    assert ada.attributes["jpegphoto"] == (b64encode(PHOTO).decode(),)
    assert "employeenumber" not in ada.attributes
    assert "description" not in ada.attributes


def test_only_a_permanent_lock_disables(directory: Open) -> None:
    assert [
        person.identifier for person in directory().read(Query()).persons if person.disabled
    ] == ["locked"]


def test_managers_are_read_only_where_an_attribute_is_named(directory: Open) -> None:
    snapshot = directory(users=users(manager_attribute="Manager")).read(Query())
    managers = {person.dn: person.manager for person in snapshot.persons}
    assert managers[ADA] == ""
    assert managers[BJORN] == ADA
    assert dn.normalize(managers[TWO] or "") == dn.normalize(COMMA)


def test_another_identifier(directory: Open) -> None:
    snapshot = directory(users=users(identifier="employeeNumber")).read(Query())
    assert {person.identifier for person in snapshot.persons} == {"7", "12", ""}


def test_groups_with_every_kind_of_member(directory: Open) -> None:
    groups = {group.attributes["cn"][0]: group for group in directory().read(QUERY).groups}
    assert groups["engineering"].members == (f"cn=nested,{GROUPS}", ADA, BJORN)
    assert groups["nested"].members == (COMMA, TWO)
    assert groups["unix"].members == ()
    assert groups["unix"].member_logins == ("ada", "wei")
    assert groups["empty"].members == ()
    assert set(groups["engineering"].attributes) == {"cn", "entryuuid"}
    assert groups["unix"].external_id.endswith("22")


def test_one_member_attribute_alone(directory: Open) -> None:
    by_member = directory(groups=desired.Groups(member_attribute="uniqueMember")).read(QUERY).groups
    assert {group.dn for group in by_member if group.members} == {f"cn=nested,{GROUPS}"}
    assert not any(group.member_logins for group in by_member)
    by_login = directory(groups=desired.Groups(member_attribute="memberUid")).read(QUERY).groups
    assert [group.member_logins for group in by_login if group.member_logins] == [("ada", "wei")]
    assert not any(group.members for group in by_login)


def test_member_attributes_are_shown_when_asked_for(directory: Open) -> None:
    query = msgspec.structs.replace(QUERY, group_attributes=frozenset({"member"}))
    groups = {group.dn: group for group in directory().read(query).groups}
    assert groups[f"cn=engineering,{GROUPS}"].attributes["member"] == (
        f"cn=nested,{GROUPS}",
        ADA,
        BJORN,
    )


def test_groups_and_units_only_when_wanted(directory: Open) -> None:
    snapshot = directory().read(Query())
    assert (snapshot.groups, snapshot.units) == ((), ())


def test_units(directory: Open) -> None:
    units = directory().read(QUERY).units
    assert {unit.attributes["ou"] for unit in units} == {
        ("people",),
        ("groups",),
        ("Außenstelle Köln",),
    }


def test_what_is_there_is_told_before_the_persons_are_read(make: Callable[..., Directory]) -> None:
    told: list[Outline] = []
    directory = make(users=desired.Users(fields={}, base="ou=nowhere"))
    with pytest.raises(SourceUnreadable):
        directory.read(QUERY, told.append)
    directory.close()
    assert told == [], "not before every base was looked at"

    directory = make()
    snapshot = directory.read(QUERY, told.append)
    directory.close()
    assert told == [Outline(snapshot.units), Outline(snapshot.units, snapshot.groups)]


def test_bases_and_scopes(directory: Open) -> None:
    def read(**changes: Any) -> set[str]:
        return {
            person.identifier for person in directory(users=users(**changes)).read(Query()).persons
        }

    assert read(base="ou=people", scope="one") == {"ada", "jdoe", "wei", "locked", "soon"}
    assert read(base=f"OU=People, {SUFFIX}", scope="subtree") == {
        "ada",
        "bjørn",
        "jdoe",
        "wei",
        "locked",
        "soon",
    }
    assert read(base="ou=außenstelle KÖLN,ou=people") == {"bjørn"}
    assert read(scope="one") == set()


def test_a_base_that_does_not_exist_is_no_empty_directory(directory: Open) -> None:
    with pytest.raises(SourceUnreadable, match="ou=nowhere"):
        directory(users=users(base="ou=nowhere")).read(Query())
    with pytest.raises(SourceUnreadable, match="ou=nowhere"):
        directory(groups=desired.Groups(base="ou=nowhere")).read(QUERY)
    with pytest.raises(SourceUnreadable, match="dc=nowhere"):
        directory(base_dn="dc=nowhere").read(Query())


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ("(uid=ada)", "ada"),
        ("(UID=ADA)", "ada"),
        ("(cn=ada   lovelace)", "ada"),
        ("(cn=Ada*)", "ada"),
        ("(cn=*love*)", "ada"),
        ("(cn=*lace)", "ada"),
        ("(cn=a*da*love*lace)", "ada"),
        ("(cn=ada love*lovelace)", ""),
        ("(cn=a*l*ve*ace)", "ada"),
        ("(sn=ødegård)", "bjørn"),
        ("(sn=ØDEGÅRD)", "bjørn"),
        ("(sn=\\c3\\98deg\\c3\\a5rd)", "bjørn"),
        ("(cn;lang-fr=*)", "ada"),
        ("(cn=ada, comtesse de lovelace)", "ada"),
        ("(description=\\28a\\29 \\2astarred\\2a \\5c remark)", "jdoe"),
        ("(description=*\\2a*)", "jdoe"),
        ("(manager=UID=Ada, OU=People, DC=Example, DC=Com)", "bjørn"),
        (f"(manager={ADA})", "bjørn"),
        ("(manager=cn=doe\\5c2c jane,ou=people,dc=example,dc=com)", "wei"),
        ("(&(objectClass=person)(!(mail=*))(!(description=*)))", "locked soon wei"),
        ("(|(uid=ada)(uid=wei))", "ada wei"),
        ("(objectClass=account)", "svc-backup"),
        ("(mail=countess@example.com)", "ada"),
        ("(uid~=ada)", "ada"),
        ("(pwdAccountLockedTime>=20240101000000Z)", "soon"),
        ("(pwdAccountLockedTime<=20240101000000Z)", "locked"),
        ("(& (uid=ada) (objectClass=top) )", "ada"),
        ("(nobodyKnows=x)", ""),
    ],
)
def test_filters(directory: Open, filter_: str, expected: str) -> None:
    assert sorted(found(directory, filter_)) == expected.split()


def test_find(directory: Open) -> None:
    narrow = directory(users=users(filter="(uid=nobody)"))
    ada, wei = (f"00000000-1111-2222-3333-{number:012}" for number in (10, 13))
    upper = wei.upper()
    missing = [f"99999999-0000-0000-0000-{number:012}" for number in range(120)]
    dns = [
        ADA.upper(),
        f"uid=gone,{PEOPLE}",
        "cn=Doe\\, Jane,ou=people,dc=example,dc=com",
        "dc=org",
        "no dn",
    ]
    assert narrow.find([ada, upper, *missing, "", "*"], dns) == {ada, upper, dns[0], dns[2]}
    assert narrow.find([], []) == frozenset()


def test_find_looks_below_the_base_only(directory: Open) -> None:
    people = directory(base_dn=PEOPLE)
    ada, engineering = (f"00000000-1111-2222-3333-{number:012}" for number in (10, 20))
    assert people.find([ada, engineering], [ADA, f"cn=engineering,{GROUPS}"]) == {ada, ADA}


def test_find_does_not_take_a_missing_base_for_an_empty_directory(directory: Open) -> None:
    with pytest.raises(SourceUnreadable):
        directory(base_dn="ou=gone,dc=example,dc=com").find(["some-id"], [ADA])


def test_check(directory: Open) -> None:
    checks = list(directory().check())
    assert all(check.ok for check in checks)
    assert [check.what for check in checks][-4:] == ["base DN", "persons", "groups", "OUs"]
    assert [check.detail.split()[0] for check in checks[-3:]] == ["6", "4", "3"]


def test_check_ends_with_what_fails(directory: Open) -> None:
    checks = list(directory(groups=desired.Groups(base="ou=nowhere")).check())
    assert [check.ok for check in checks] == [True] * (len(checks) - 1) + [False]
    assert "ou=nowhere" in checks[-1].detail


def test_close_may_be_called_twice_and_reading_goes_on_after_it(directory: Open) -> None:
    some = directory()
    some.close()
    first = some.read(QUERY)
    some.close()
    some.close()
    assert some.read(QUERY) == first
