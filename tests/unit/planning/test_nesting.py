"""What a group holds where nested groups are kept: corners that a directory in LDIF does not reach."""

from reconcile.model.desired import DesiredState, GroupRule, Platform, Source, Users
from reconcile.model.directory import DirectoryGroup, DirectorySnapshot, Person
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.mirrors.group_nesting import content

BASE = "dc=example,dc=com"
OUTER, INNER, PLAIN = (f"cn={name},{BASE}" for name in ("outer", "inner", "plain"))


class Name:
    """A template that nobody renders."""

    text = ""
    attributes: frozenset[str] = frozenset()

    def render(self, entry: object, identifier: str = "") -> str | None:
        raise AssertionError


def rules(*groups: DirectoryGroup, nested: str = "keep") -> SourceRules:
    persons = tuple(
        Person(f"uid={name},{BASE}", name, name, {}) for name in ("ann", "bob", "cid", "dan")
    )
    rule = GroupRule("corp", ("cn=outer", "cn=inner"), Name(), nested=nested)  # type: ignore[arg-type] # a word
    source = Source("corp", "ldif", BASE, Users({}))
    desired = DesiredState(Platform("memory"), (source,), groups=(rule,))
    return SourceRules(desired, source, DirectorySnapshot("corp", BASE, persons, groups))


def held(rules: SourceRules, key: str, *mirrored: str) -> tuple[str, str]:
    found = content(rules, key, {("corp", one): one for one in mirrored})
    people = sorted(rules.index.person(at).identifier for at in found.people)
    return " ".join(people), " ".join(sorted(found.groups))


def test_members_by_way_of_groups_that_were_not_read_are_not_those_of_nested_groups_again() -> None:
    # The server names all persons below the outer group: bob, who is in the inner one, and cid, who
    # is in one not read.
    outer = DirectoryGroup(
        OUTER, "", {}, (f"uid=ann,{BASE}", INNER), (), (f"uid=bob,{BASE}", f"uid=cid,{BASE}")
    )
    inner = DirectoryGroup(INNER, "", {}, (f"uid=bob,{BASE}",))
    assert held(rules(outer, inner), OUTER, OUTER, INNER) == ("ann cid", INNER)


def test_a_circle_loses_nobody() -> None:
    outer = DirectoryGroup(OUTER, "", {}, (INNER,), (), (f"uid=cid,{BASE}",))
    inner = DirectoryGroup(INNER, "", {}, (OUTER, INNER, f"uid=bob,{BASE}"))
    circle = rules(outer, inner)
    assert held(circle, OUTER, OUTER, INNER) == ("cid", INNER)
    assert held(circle, INNER, OUTER, INNER) == ("bob", OUTER)


def test_what_a_group_that_is_not_mirrored_has_beyond_counts() -> None:
    outer = DirectoryGroup(OUTER, "", {}, (PLAIN,))
    plain = DirectoryGroup(PLAIN, "", {}, (INNER, f"uid=dan,{BASE}"), (), (f"uid=cid,{BASE}",))
    inner = DirectoryGroup(INNER, "", {}, (f"uid=bob,{BASE}",))
    assert held(rules(outer, plain, inner), OUTER, OUTER, INNER) == ("cid dan", INNER)
    assert held(rules(outer, plain, inner), OUTER, OUTER) == ("bob cid dan", "")
    assert held(rules(outer, plain, inner, nested="ignore"), OUTER, OUTER, INNER) == ("", "")
