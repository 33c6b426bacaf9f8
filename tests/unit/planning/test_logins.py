"""Which source a name means, under which names somebody is looked for, and what counts as one."""

import msgspec
import pytest

from reconcile.errors import UsageError
from reconcile.model.desired import DesiredState, Expected, Groups, Platform, Source, Users
from reconcile.model.directory import DirectoryGroup, DirectorySnapshot, Person
from reconcile.model.login import Names
from reconcile.model.platform import PlatformState, Reading, User
from reconcile.planning.logins import attempts_key, names, source_of
from reconcile.planning.trust import partial_reading


def source(name: str, base_dn: str) -> Source:
    return Source(name, "openldap", base_dn, Users({}))


CORP, SHOP, TWIN = (
    source("corp", "dc=example,dc=com"),
    source("shop", "ou=x,dc=Shop,dc=example"),
    source("twin", "ou=y,dc=shop,dc=example"),
)


@pytest.mark.parametrize("typed", ["jdoe", "jdoe@example.com", "jdoe@elsewhere", "@", "a@b@c"])
def test_the_only_source_is_meant_whatever_is_typed(typed: str) -> None:
    assert source_of([CORP], typed) is CORP


@pytest.mark.parametrize(("typed", "found"), [("jdoe@EXAMPLE.com", CORP), ("j@x@shop.example", SHOP)])
def test_of_several_the_domain_says_which(typed: str, found: Source) -> None:
    assert source_of([CORP, SHOP], typed) is found


@pytest.mark.parametrize("typed", ["jdoe", "jdoe@", "jdoe@elsewhere", "example.com", "jdoe@shop.example"])
def test_nothing_is_guessed(typed: str) -> None:
    with pytest.raises(UsageError, match=r"--source") as refused:
        source_of([CORP, SHOP, TWIN], typed)
    assert "shop (shop.example)" in str(refused.value)


def test_a_source_can_be_chosen() -> None:
    assert source_of([CORP, SHOP, TWIN], "jdoe", "twin") is TWIN
    with pytest.raises(UsageError, match="declared are: corp, shop"):
        source_of([CORP, SHOP], "jdoe", "crop")
    with pytest.raises(UsageError, match="no source"):
        source_of([], "jdoe")


def test_names_are_those_typed_and_those_of_the_users_of_the_source() -> None:
    users = (
        User("1", "JDoe", source="corp", external_id="id-1"),
        User("2", "jdoe@example.com", source="corp", external_id="id-2"),
        User("3", "other", source="corp", external_id="id-3"),
        User("4", "jdoe", source="shop", external_id="id-4"),
        User("5", "jdoe", source="corp", external_id="id-5", status="erased"),
    )
    current = PlatformState("main", users=users)
    assert names(CORP, "jdoe@Example.com", current) == Names(
        "jdoe@Example.com", ("jdoe@Example.com", "jdoe"), ("id-1", "id-2")
    )
    assert names(CORP, "jdoe", current) == Names("jdoe", ("jdoe",), ("id-1", "id-2"))
    assert names(CORP, "jdoe@else.where", current) == Names("jdoe@else.where", ("jdoe@else.where",))
    assert names(CORP, "*", current) == Names("*", ("*",))


def test_whatever_a_directory_takes_for_one_name_counts_as_one() -> None:
    one = attempts_key(CORP, "jdoe", None)
    for same in ("JDOE", " jdoe ", "jdoe@EXAMPLE.com", "\uff4adoe", "j\u00addoe", "jd\u200boe"):
        assert attempts_key(CORP, same, None) == one
    assert attempts_key(CORP, "a  b", None) == attempts_key(CORP, "A B", None)
    for other in ("jdo", "jdoe@elsewhere.com", ""):
        assert attempts_key(CORP, other, None) != one
    assert attempts_key(SHOP, "jdoe", None) != one
    assert len(one) == 64


def test_a_person_counts_as_one_under_any_name() -> None:
    person = Person("uid=jdoe,dc=example,dc=com", "id-1", "jdoe", {})
    one = attempts_key(CORP, "jdoe", person)
    assert attempts_key(CORP, "john.doe@mail.example", person) == one
    without = msgspec.structs.replace(person, external_id="")
    assert attempts_key(CORP, "x", without) == attempts_key(
        CORP, "y", msgspec.structs.replace(without, dn="UID=JDOE, dc=example,dc=com")
    )
    assert attempts_key(CORP, "jdoe", None) != one


@pytest.mark.parametrize(
    ("groups", "member_dns", "members"),
    [
        (Groups(), (), 0),
        (Groups(), ("uid=me,dc=example,dc=com",), 1),
        (Groups(), ("uid=me,dc=example,dc=com", "uid=you,dc=example,dc=com"), None),
        (Groups(filter="(cn=*)"), (), None),
        (Groups(scope="one"), (), None),
    ],
)
def test_members_are_counted_only_where_the_others_are_gone(
    groups: Groups, member_dns: tuple[str, ...], members: int | None
) -> None:
    asked = msgspec.structs.replace(CORP, groups=groups, expect=Expected(groups=("cn=x",)))
    person = Person("uid=me,dc=example,dc=com", "1", "me", {})
    snapshot = DirectorySnapshot("corp", CORP.base_dn, (person,), (DirectoryGroup("cn=x", "2", {}, member_dns),), ())
    read = partial_reading(DesiredState(Platform("sql"), (asked,)), asked, snapshot)
    assert read == Reading("corp", None, 1, None, members)
