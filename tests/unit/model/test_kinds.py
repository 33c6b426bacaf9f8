"""A kind's fields are listed once, and nothing that knows them can drift away from the list."""

import inspect
from typing import get_args

import msgspec
import pytest

from reconcile.applying.allowed_changes import ALLOWED
from reconcile.model import change, kinds
from reconcile.model.kinds import KINDS, Kind
from reconcile.model.named_state import Named, Names
from reconcile.model.platform import (
    Abilities,
    Department,
    Grant,
    Group,
    Membership,
    PlatformState,
    Source,
    User,
)

STRUCTS: dict[Kind, type[msgspec.Struct]] = {
    "source": Source,
    "department": Department,
    "group": Group,
    "user": User,
    "grant": Grant,
    "membership": Membership,
}
STATE = PlatformState(
    "main",
    sources=(Source("corp", "ldif"),),
    departments=(Department("1", "Sales"), Department("2", "EMEA", "1", "corp", "e2", "ou=emea")),
    groups=(Group("1", "all"), Group("2", "eng", "corp", "g2", "cn=eng", {"1": "corp"})),
    users=(
        User("1", "anna"),
        User("2", "bob", source="corp", department="2", manager="1", attributes={"b": "2"}),
    ),
    memberships=(Membership("2", "1", "corp"),),
    grants=(Grant("2", "admin"),),
)
ABSENT = User("3", "carl", manager="99")


def objects(kind: Kind) -> list[Named]:
    return list(Names(STATE).objects(kind))


def test_every_kind_is_listed() -> None:
    assert list(KINDS) == list(get_args(Kind)) == list(STRUCTS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_fields_are_those_of_the_struct(kind: Kind) -> None:
    own = [name for name in STRUCTS[kind].__struct_fields__ if name != "id"]
    assert [field.name for field in KINDS[kind]] == own


@pytest.mark.parametrize("kind", KINDS)
def test_the_types_are_those_of_the_struct(kind: Kind) -> None:
    types = {field.name: field.type for field in msgspec.structs.fields(STRUCTS[kind])}
    for field in KINDS[kind]:
        kept = types[field.name]
        assert (kept == dict[str, str]) == field.mapping, field.name
        literal = get_args(kept) if not field.mapping and get_args(kept) else ()
        assert set(literal) == set(field.choices), field.name
        assert field.mapping or literal or kept is str, field.name


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_holds_the_fields_in_their_order(kind: Kind) -> None:
    for one in objects(kind):
        fields = Names(STATE).fields(one)
        assert list(fields) == [field.name for field in KINDS[kind]]
        for field in KINDS[kind]:
            value = fields[field.name]
            assert isinstance(value, dict) == field.mapping, field.name
            assert value is not None or field.nullable, f"{field.name} is null"
            assert value != "" or not field.nullable, f"{field.name} is empty, not null"


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_is_made_of_the_fields_that_are_its_name(kind: Kind) -> None:
    for one in objects(kind):
        fields = Names(STATE).fields(one)
        parts = Names(STATE).parts(one)
        if kind == "department":
            assert parts[0].split("/")[-1] == fields["title"]
        else:
            assert parts == tuple(fields[name] for name in kinds.NAMES[kind])


def test_references_are_spoken_in_names() -> None:
    names = Names(STATE)
    department, group, user = (names.fields(objects(kind)[1]) for kind in STRUCTS if kind in NAMED)
    assert department["parent"] == "Sales"
    assert group["groups"] == {"all": "corp"}
    assert (user["department"], user["manager"]) == ("Sales/EMEA", "anna")
    gone = Names(msgspec.structs.replace(STATE, users=(ABSENT,))).fields(ABSENT)
    assert gone["manager"] is None, "a manager whom the state does not have"


NAMED = ("department", "group", "user")


def test_what_has_to_exist_before_a_change() -> None:
    assert {kind: kinds.required(kind) for kind in KINDS} == {
        "source": (),
        "department": (("source", "source"), ("parent", "department")),
        "group": (("source", "source"),),
        "user": (("source", "source"), ("department", "department")),
        "grant": (("user", "user"),),
        "membership": (("user", "user"), ("group", "group")),
    }


def test_lengths_are_those_that_a_platform_limits() -> None:
    lengths = {field.length for fields in KINDS.values() for field in fields} - {""}
    assert lengths == {
        "username",
        "first_name",
        "last_name",
        "email",
        "group",
        "department",
        "attribute",
    }
    for length in lengths:
        assert f"`{length}`" in inspect.getsource(Abilities), length


def test_the_documented_table_is_the_table() -> None:
    rows: dict[str, str] = {}
    current = ""
    table = (change.__doc__ or "").split("kind        key")[1].split("\n\n")[0]
    for line in table.splitlines()[1:]:
        current = line[:16].strip() or current
        rows[current] = rows.get(current, "") + " " + line[40:]
    documented = {
        kind: [name.strip() for name in text.split(",") if name.strip()]
        for kind, text in rows.items()
    }
    assert documented == {kind: [field.name for field in KINDS[kind]] for kind in KINDS}


def test_a_change_may_hold_no_other_field() -> None:
    for (kind, action), allowed in ALLOWED.items():
        assert allowed.fields <= kinds.names(kind), f"{action} {kind}"
        if action == "create":
            assert allowed.fields == kinds.names(kind), f"{action} {kind}"
