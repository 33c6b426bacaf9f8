"""Which source a name means, under which names somebody is looked for, and what counts as one."""

import msgspec
import pytest

from reconcile.errors import UsageError
from reconcile.model.change import Scope
from reconcile.model.desired import DesiredState, Entry, Expected, Groups, Platform, Source, Users
from reconcile.model.directory import DirectoryGroup, DirectorySnapshot, Person
from reconcile.model.login import Names
from reconcile.model.platform import Abilities, PlatformState, Reading, User
from reconcile.planning import Inputs
from reconcile.planning.guards.source_health import partial_reading
from reconcile.planning.login import attempts_key, doubtful, judge, names, source_of


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


@pytest.mark.parametrize(
    ("typed", "found"), [("jdoe@EXAMPLE.com", CORP), ("j@x@shop.example", SHOP)]
)
def test_of_several_the_domain_says_which(typed: str, found: Source) -> None:
    assert source_of([CORP, SHOP], typed) is found


@pytest.mark.parametrize(
    "typed", ["jdoe", "jdoe@", "jdoe@elsewhere", "example.com", "jdoe@shop.example"]
)
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
    snapshot = DirectorySnapshot(
        "corp", CORP.base_dn, (person,), (DirectoryGroup("cn=x", "2", {}, member_dns),), ()
    )
    read = partial_reading(DesiredState(Platform("sql"), (asked,)), asked, snapshot)
    assert read == Reading("corp", None, 1, None, members)


class First:
    """A template that gives the first value of an attribute."""

    def __init__(self, name: str) -> None:
        self.text = self.name = name
        self.attributes = frozenset({name})

    def render(self, entry: Entry, _identifier: str = "") -> str | None:
        return next(iter(entry.attributes.get(self.name, ())), None)


LOGINS = Users(
    {"username": First("uid")}
    | {field: First("none") for field in ("first_name", "last_name", "email")}
)


def inputs(person: Person, *users: User) -> Inputs:
    """What a login of one person is judged by."""
    desired = DesiredState(
        platform=Platform(type="memory"),
        sources=(msgspec.structs.replace(CORP, users=LOGINS, register_on_login=True),),
    )
    snapshot = DirectorySnapshot("corp", CORP.base_dn, persons=(person,))
    state = PlatformState("main", users=users)
    return Inputs(
        desired, "", (), (), Scope(), (snapshot,), (state,), Abilities(), "", "2026-01-01T00:00:00Z"
    )


def test_only_who_stands_elsewhere_is_looked_for() -> None:
    person = Person("uid=Ünal,dc=example,dc=com", "", "ann", {"uid": ("ann",)})
    own, spelt, elsewhere, known, other = (
        User("1", "a", source="corp", dn="uid=Ünal, DC=example,dc=com"),
        User("2", "b", source="corp", dn="uid=ünal,dc=example,dc=com"),
        User("3", "Ann", source="corp", dn="uid=unal,dc=example,dc=com"),
        User("4", "c", source="corp", dn="uid=ünal,dc=example,dc=com", external_id="id-4"),
        User("5", "d", source="corp", dn="uid=unal,dc=example,dc=com"),
    )
    assert doubtful(inputs(person, own, spelt, elsewhere, known, other)) == (
        {"id-4"},
        {elsewhere.dn},
    )


@pytest.mark.parametrize("name", ["uid=Ünal,dc=example,dc=com", "uid=ünal,dc=example,dc=com"])
def test_who_has_no_id_is_known_by_the_dn(name: str) -> None:
    person = Person("uid=Ünal,dc=example,dc=com", "", "ann", {"uid": ("ann",)})
    verdict = judge(inputs(person, User("1", "old", source="corp", dn=name)))
    assert verdict.user is not None
    assert verdict.user.id == "1"


def test_a_login_takes_nobody_for_another_of_a_name_that_looks_alike() -> None:
    person = Person(
        "cn=Groß,dc=example,dc=com",
        "",
        "ann",
        {"uid": ("ann",)},
        manager="cn=Weiß,dc=example,dc=com",
    )
    users = (
        User("1", "old", source="corp", dn="cn=Gross,dc=example,dc=com"),
        User("2", "boss", source="corp", dn="cn=Weiss,dc=example,dc=com"),
    )
    verdict = judge(inputs(person, *users))
    assert verdict.user is None
    (made,) = (change for change in verdict.plan.changes if change.kind == "user")
    assert made.action == "create"
    assert not (made.after or {}).get("manager")
