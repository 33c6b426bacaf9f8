"""By which way somebody is in a group, whom a name means, and which rule does not find an entry."""

import pytest

from reconcile.model.desired import Source, Users
from reconcile.model.directory import DirectoryGroup, DirectorySnapshot, Person
from reconcile.model.login import LoginNames
from reconcile.model.platform import PlatformState, User
from reconcile.model.views.explanation import PersonSearch
from reconcile.planning.explain import lookup
from reconcile.planning.explain.background import Background
from reconcile.planning.explain.membership_paths import MembershipPaths
from reconcile.planning.selection.patterns import Selection
from reconcile.planning.selection.snapshot_index import Index

BASE = "dc=example,dc=com"
A, B, C, D = (f"cn={name},{BASE}" for name in "abcd")
ANN = Person(
    f"uid=ann,{BASE}",
    "id-ann",
    "ann",
    {"mail": ("Ann@example.com",), "userprincipalname": ("ann@ad.test",)},
)


class Fixed:
    """A template that gives what it is."""

    attributes = frozenset[str]()

    def __init__(self, text: str) -> None:
        self.text = text

    def render(self, entry: object, identifier: str = "") -> str | None:
        return self.text or None


def source(base: str = "ou=people", username: str = "") -> Source:
    return Source("corp", "openldap", BASE, Users({"username": Fixed(username)}, base=base))


def paths(*groups: DirectoryGroup, person: Person = ANN) -> MembershipPaths:
    return MembershipPaths(
        Index(DirectorySnapshot("corp", BASE, persons=(person,), groups=groups)), 0
    )


def test_the_way_into_a_group_has_every_step_and_survives_a_cycle() -> None:
    found = paths(
        DirectoryGroup(A, "", {}, members=(B,)),
        DirectoryGroup(B, "", {}, members=(C, A)),
        DirectoryGroup(C, "", {}, members=(ANN.dn, A)),
        DirectoryGroup(D, "", {}, members=("uid=bob,dc=example,dc=com",)),
    )
    assert found.to(A) == (A, B, C)
    assert found.to(B) == (B, C)
    assert found.to(C) == (C,)
    assert found.keys == (C, B, A)
    assert D not in found
    assert found.how(A) == "listed as a member"


def test_of_two_ways_the_shorter_one_is_told() -> None:
    found = paths(
        DirectoryGroup(A, "", {}, members=(B, ANN.dn)), DirectoryGroup(B, "", {}, members=(C,)),
        DirectoryGroup(C, "", {}, members=(ANN.dn,)), DirectoryGroup(D, "", {}, members=(B, A)),
    )  # fmt: skip
    assert found.to(A) == (A,)
    assert found.to(D) == (D, A)


def test_what_makes_somebody_a_member() -> None:
    sids = {"objectsid": ("S-1-5-21-7-1104",), "primarygroupid": ("513",)}
    ann = Person(f"uid=ann,{D}", "", "ann@example.com", sids, logins=("ann",))
    found = paths(
        DirectoryGroup(A, "", {"objectsid": ("S-1-5-21-7-513",)}, members=(ann.dn,)),
        DirectoryGroup(B, "", {}, member_logins=("ANN",)),
        DirectoryGroup(C, "", {}, nested_members=(ann.dn,)),
        DirectoryGroup(D, "", {}),
        person=ann,
    )
    assert [found.how(key) for key in (A, B, C, D)] == [
        "it is the primary group",
        "listed by login",
        "through groups that the group rules do not find",
        "the entry is directly below that of the group",
    ]


@pytest.mark.parametrize(
    ("typed", "by"),
    [
        ("ANN", ("login", "username")),
        (
            "ann@EXAMPLE.com",
            ("login", "e-mail address"),
        ),  # the domain of the source goes without saying
        ("ann@ad.test", ("userPrincipalName",)),
        ("UID=Ann, dc=example,dc=com", ("DN",)),
        ("id-ann", ("id",)),
        ("ID-ANN", ()),
        ("an", ()),
        ("*", ()),
    ],
)
def test_by_which_names_somebody_is_meant(typed: str, by: tuple[str, ...]) -> None:
    asked = lookup.names(source(), typed, [PlatformState("main")])
    assert lookup.matches(ANN, asked, source(username="ann")) == by


def test_a_user_on_the_platform_is_meant_by_its_own_names() -> None:
    user = User(
        "1",
        "Old.Name",
        email="o@example.com",
        source="corp",
        external_id="id-1",
        dn=f"uid=x,{BASE}",
    )
    for typed, by in (
        ("old.name", "username"),
        ("O@example.com", "e-mail address"),
        (f"UID=X, {BASE}", "DN"),
        ("id-1", "id"),
    ):
        assert lookup.user_matches(user, typed) == (f"{by} on the platform",)
    assert lookup.user_matches(User("1", "local"), "") == ()
    asked = lookup.names(source(), "old.name", [PlatformState("main", users=(user,))])
    assert asked.external_ids == ("id-1", "old.name"), (
        "the directory is asked for the user's id, too"
    )


@pytest.mark.parametrize(
    ("base", "scope", "rule", "why"),
    [
        (f"ou=people,{BASE}", "subtree", "base", f"it is not below ou=people,{BASE}"),
        ("dc=com", "one", "scope", "it is not directly below dc=com"),
        (BASE, "subtree", "filter", "(objectClass=x) does not match it"),
        (BASE, "one", "filter", "(objectClass=x) does not match it"),
    ],
)
def test_which_rule_does_not_find_an_entry(base: str, scope: str, rule: str, why: str) -> None:
    background = Background(
        {"sources[3].users": "a.yml:4"},
        {"corp": PersonSearch(base, scope, "(objectClass=x)")},
        lambda *_: "",
    )
    names = LoginNames("ann", ("ann",))
    other = Person(f"uid=bob,{BASE}", "", "bob", {})
    (stray,) = lookup.strays(source(), names, [ANN, other], "sources[3]", background)
    assert (stray.dn, stray.matched, stray.rule, stray.why) == (
        ANN.dn,
        ("login",),
        f"sources[3].users.{rule}",
        why,
    )
    assert stray.origin == "a.yml:4", "of what it is part of, where it is not written itself"


def test_names_that_are_much_alike() -> None:
    known = {"jdoe", "jdoe2", "JDough", "kate", "", "x-jdoes-x"}
    assert lookup.similar("jdeo@example.com", known)[0] == "jdoe"
    assert "x-jdoes-x" in lookup.similar("jdoes", known)
    assert lookup.similar("zzzz", known) == ()


def test_which_pattern_matches() -> None:
    selection = Selection(("svc-*", "cn=ann", f"uid=bob,{BASE}", "b*"), BASE)
    assert selection.pattern("uid=svc-1,dc=x", "SVC-1") == 0
    assert selection.pattern(f"cn=ann,{BASE}", "x") == 1
    assert selection.pattern(f"uid=bob,{BASE}", "bob") == 2
    assert selection.pattern("uid=x,dc=x", "x") is None
