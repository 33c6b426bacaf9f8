"""Who is a member of a group: listed, by place, within groups, and beyond the groups that were read."""

from reconcile.model.directory import DirectoryGroup, DirectorySnapshot, Person
from reconcile.planning.selection.snapshot_index import Index

BASE = "dc=example,dc=com"
OUTER, INNER, LONE = (f"cn={name},{BASE}" for name in ("outer", "inner", "lone"))
NAMES = ["ann", "bob", "cid", "dan", "eve"]


def person(name: str, above: str = BASE) -> Person:
    return Person(f"uid={name},{above}", name, name, {}, logins=(name,))


def members(index: Index, group: str, *, nested: bool = True) -> str:
    return " ".join(
        sorted(
            index.person(position).identifier for position in index.members(group, nested=nested)
        )
    )


def test_members() -> None:
    persons = (
        person("ann", OUTER),
        person("bob", INNER),
        person("cid"),
        person("dan"),
        person("eve", f"ou=x,{INNER}"),
    )
    groups = (
        DirectoryGroup(OUTER, "", {}, members=(INNER,)),
        DirectoryGroup(
            INNER,
            "",
            {},
            members=(OUTER,),
            nested_members=(f"UID=Dan, {BASE}", f"uid=gone,{BASE}", "?"),
        ),
        DirectoryGroup(LONE, "", {}, member_logins=("CID", "nobody")),
    )
    index = Index(DirectorySnapshot("corp", BASE, persons=persons, groups=groups))
    assert members(index, OUTER) == members(index, INNER) == "ann bob dan"
    assert members(index, OUTER, nested=False) == "ann"
    assert members(index, INNER, nested=False) == "bob"
    assert members(index, LONE) == "cid"
    assert index.direct(INNER)[2] == ()
    assert index.direct(LONE)[2] == ("nobody",)
