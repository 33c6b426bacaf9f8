"""The plan file: the same bytes for the same plan, as its schema says, and any damage is noticed."""

import hashlib
import json
import re
from pathlib import Path
from typing import get_args

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.applying import dumps, loads
from reconcile.errors import PlanFileError
from reconcile.model.change import (
    Acceptance,
    Action,
    Captured,
    Change,
    Digests,
    GuardName,
    Kind,
    Plan,
    Scope,
    Skip,
    SkipCode,
    SkipKind,
    Violation,
)
from reconcile.model.notice import NOT_CLEAN, Notice, NoticeCode
from reconcile.model.platform import Reading

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "schemas" / "plan.schema.json").read_text(encoding="utf-8")
)
DIGEST = "0" * 64
PLAN = Plan(
    "1.0",
    "2026-01-01T00:00:00Z",
    ("reconcile.yml",),
    ("domain",),
    Scope(("main",), (), ("user:ann",)),
    Digests(DIGEST, {"corp": DIGEST}, {"main": DIGEST}),
    (
        Change(
            "user",
            "create",
            "ann",
            None,
            {"username": "ann", "source": "corp", "manager": None, "attributes": {"ü": "\u2028"}},
            "",
            "corp",
            "main",
        ),
        Change(
            "user",
            "update",
            "bob",
            {"attributes": {"a": None}},
            {"attributes": {"a": "1"}},
            "why",
            "corp",
            "main",
        ),
        Change(
            "grant",
            "delete",
            "bob/x",
            {"user": "bob", "role": "x", "origin": "corp"},
            None,
            "",
            "corp",
            "main",
        ),
    ),
    (Skip("main", "corp", "uid=x", "x", "missing_field", "no mail", exists=True),),
    (
        Violation("main", "users_lost", "corp", "", 9, "too many"),
        Violation("main", "min_admins", "", "", 1, "", acceptable=False),
    ),
    (),
    (Reading("corp", 1, None, 0, 3),),
    ("main",),
    (
        Acceptance(
            "users_lost:main/corp:9",
            "anna",
            "2026-01-01T00:00:00Z",
            guard="users_lost",
            workspace="main",
            source="corp",
        ),
    ),
    (
        Notice(
            "finds_nothing",
            "no group",
            "groups[0].select[0]",
            "a.yml:1:2",
            "x*",
            ("corp",),
            ("xa", "xb"),
        ),
        Notice("source_renamed", "renamed?"),
    ),
    (Captured("corp", "2026-01-01T00:00:00Z", DIGEST, redacted=True),),
)


def test_round_trip() -> None:
    data = dumps(PLAN)
    assert loads(data, "x") == PLAN
    assert dumps(loads(data, "x")) == data


def test_every_line_is_as_the_schema_says() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    lines = dumps(PLAN).splitlines()
    assert len(lines) == 10
    for line in lines:
        validator.validate(json.loads(line))
    broken = json.loads(lines[1]) | {"extra": 1}
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(broken)


def test_every_code_of_a_notice_is_in_the_schema_and_in_the_docs() -> None:
    codes = get_args(NoticeCode)
    assert SCHEMA["$defs"]["notice"]["properties"]["code"]["enum"] == list(codes)
    docs = (Path(__file__).parents[3] / "docs" / "plans.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(\w+)` \|.*\| (yes|no) \|$", docs.partition("## Notices")[2], re.MULTILINE
    )
    assert rows == [(code, "yes" if code in NOT_CLEAN else "no") for code in codes]


@pytest.mark.parametrize(
    ("line", "field", "values"),
    [
        ("change", "kind", Kind),
        ("change", "action", Action),
        ("skip", "code", SkipCode),
        ("skip", "kind", SkipKind),
        ("violation", "guard", GuardName),
    ],
)
def test_the_schema_lists_what_a_line_can_say(line: str, field: str, values: object) -> None:
    listed = SCHEMA["$defs"][line]["properties"][field]["enum"]
    assert sorted(listed) == sorted(get_args(values))


def test_every_guard_and_every_code_of_a_skip_is_in_the_docs() -> None:
    docs = (Path(__file__).parents[3] / "docs" / "plans.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+`) \|", docs, re.MULTILINE)
    explained = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert explained >= {*get_args(GuardName), *get_args(SkipCode)}


def old_format() -> bytes:
    """The plan as format 1 had it: without notices, and violations with nothing but a code."""
    header, *lines, footer = map(json.loads, dumps(PLAN).splitlines())
    for line in lines:
        if line["type"] == "skip":
            del line["exists"], line["kind"], line["subject"]
        if line["type"] == "violation":
            for field in ("guard", "source", "subject", "number", "earlier", "entire", "becomes"):
                del line[field]
            line["code"] = "users_lost:main/corp:9"
    lines = [header | {"format": 1}, *(line for line in lines if line["type"] != "notice")]
    body = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    del footer["notices"]
    footer["sha256"] = hashlib.sha256(body).hexdigest()
    return body + json.dumps(footer).encode() + b"\n"


def test_a_plan_file_of_the_format_before_is_refused_and_said_what_to_do() -> None:
    message = r"^x: the plan file has format 1, written by .*; this version reads format 2 only\."
    with pytest.raises(PlanFileError, match=message + " Make a new plan$"):
        loads(old_format(), "x")


def test_a_violation_is_written_as_values_that_make_up_its_code() -> None:
    lines = list(map(json.loads, dumps(PLAN).splitlines()))
    (first, _) = (line for line in lines if line["type"] == "violation")
    assert "code" not in first
    assert (first["guard"], first["source"], first["number"]) == ("users_lost", "corp", 9)
    assert loads(dumps(PLAN), "x").violations[0].code == "users_lost:main/corp:9"


@pytest.mark.parametrize("field", ["guard", "workspace", "source"])
def test_an_acceptance_of_another_place_is_refused(field: str) -> None:
    (acceptance,) = PLAN.accepted
    forged = msgspec.structs.replace(acceptance, **{field: "grants_lost"})
    with pytest.raises(
        PlanFileError, match="it accepts users_lost:main/corp:9, which is not a viol"
    ):
        loads(dumps(msgspec.structs.replace(PLAN, accepted=(forged,))), "x")


@given(st.data())
def test_any_changed_byte_is_refused(data: st.DataObject) -> None:
    whole = dumps(PLAN)
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    with pytest.raises(PlanFileError):
        loads(whole[:at] + bytes([byte]) + whole[at + 1 :], "x")


@given(st.integers(0, len(dumps(PLAN)) - 1))
def test_any_cut_is_refused(length: int) -> None:
    with pytest.raises(PlanFileError):
        loads(dumps(PLAN)[:length], "x")


@given(st.binary())
def test_any_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(PlanFileError):
        loads(data, "x")


DAMAGE = [
    b'{"a":' * 200_000,
    b'{"type":"header","x":' + b"[" * 200_000,
    b'{"format":' + b"9" * 9000,
]


@pytest.mark.parametrize("line", DAMAGE, ids=["objects", "arrays", "digits"])
def test_nesting_and_numbers_without_end_are_damage(line: bytes) -> None:
    with pytest.raises(PlanFileError, match="damaged"):
        loads(line + b"\n", "the.plan")
    body, footer = dumps(PLAN).rsplit(b"\n", 2)[:2]
    proof = hashlib.sha256(body + b"\n" + line + b"\n").hexdigest().encode()
    footer = re.sub(rb'"sha256":"\w+"', b'"sha256":"' + proof + b'"', footer)
    with pytest.raises(PlanFileError, match="damaged"):
        loads(body + b"\n" + line + b"\n" + footer + b"\n", "the.plan")


def test_a_footer_or_header_in_the_middle_is_refused() -> None:
    lines = dumps(PLAN).splitlines(keepends=True)
    body = b"".join([lines[0], lines[0], *lines[1:-1]])
    footer = json.loads(lines[-1]) | {"sha256": hashlib.sha256(body).hexdigest()}
    with pytest.raises(PlanFileError, match="x:2: a header is not allowed here"):
        loads(body + json.dumps(footer).encode() + b"\n", "x")
    body = b"".join(line for line in lines[:-1] if not line.startswith(b'{"type":"violation"'))
    footer = json.loads(lines[-1]) | {"sha256": hashlib.sha256(body).hexdigest()}
    with pytest.raises(PlanFileError, match="footer counts"):
        loads(body + json.dumps(footer).encode() + b"\n", "x")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (
            Change("user", "create", "x", None, None, "", "", "main"),
            "its before and after do not fit its action",
        ),
        (
            Change("user", "delete", "x", {"username": "x"}, {}, "", "", "main"),
            "its before and after do not fit its action",
        ),
        (
            Change("user", "update", "x", None, {"email": ""}, "", "", "main"),
            "its before and after do not fit its action",
        ),
        (
            Change("user", "update", "x", {"nofield": "1"}, {"nofield": "2"}, "", "", "main"),
            "it may not change nofield",
        ),
        (
            Change("user", "update", "x", {"email": "1"}, {"dn": "2"}, "", "", "main"),
            "before and after do not have the same fields",
        ),
        (
            Change(
                "group",
                "update",
                "x",
                {"groups": {}, "dn": "1"},
                {"groups": {}, "dn": "2"},
                "",
                "",
                "main",
            ),
            "nested groups need a change of their own",
        ),
        (
            Change("group", "create", "x", None, {"name": "x", "groups": "y"}, "", "", "main"),
            "it has a value of the wrong shape",
        ),
        (
            Change("user", "update", "x", {"email": None}, {"email": {"a": "b"}}, "", "", "main"),
            "it has a value of the wrong shape",
        ),
        (
            Change("user", "update", "x", {"username": "x"}, {"username": ""}, "", "", "main"),
            "it has no name",
        ),
        (Change("user", "create", "", None, {"username": ""}, "", "", "main"), "it has no name"),
        (
            Change("user", "create", "y", None, {"username": "x"}, "", "", "main"),
            "its key is not its name",
        ),
        (
            Change("department", "create", "x", None, {"title": ""}, "", "", "main"),
            "it has no name",
        ),
        (
            Change(
                "department", "create", "a//b", None, {"title": "b", "parent": "a/"}, "", "", "main"
            ),
            "its key is not its name",
        ),
        (
            Change("department", "update", "a//b", {"title": "b"}, {"title": "c"}, "", "", "main"),
            "its key is not a path",
        ),
        *(
            (
                Change("user", action, "x", {"status": before}, {"status": after}, "", "", "main"),
                wrong,
            )
            for action, before, after, wrong in (
                ("update", "active", "blocked", "it may not change status"),
                ("activate", "active", "blocked", "its status is not what its"),
                ("adopt", "active", "inactive", "it may not change status"),
                ("deactivate", "active", "erased", "its status is not what its"),
                ("block", "blocked", "active", "its status is not what its"),
                ("block", "active", "asleep", "its status is not what its"),
                ("block", "active", None, "it has no status"),
            )
        ),
        *(
            (Change(kind, "update", "x", {field: before}, {field: after}, "", "", "main"), wrong)
            for kind, field, before, after, wrong in (
                ("user", "source", None, "corp", "it may not change source"),
                ("user", "source", "corp", None, "it may not change source"),
                ("group", "source", "corp", None, "it may not change source"),
                ("department", "source", "corp", "lab", "it may not change source"),
                ("source", "name", "corp", "lab", "it may not change name"),
                ("user", "status_cause", None, "bored", "its status_cause has an unknown value"),
                (
                    "user",
                    "status_before",
                    None,
                    "blocked",
                    "its status_before has an unknown value",
                ),
                ("user", "departed", None, "long ago", "its departed has an unknown value"),
                (
                    "user",
                    "departed_at",
                    None,
                    "long ago",
                    "its departed_at is not the time of the run",
                ),
                (
                    "user",
                    "departed_at",
                    None,
                    "2020-01-01T00:00:00Z",
                    "its departed_at is not the time of the run",
                ),
                ("user", "email", None, "a\x1b[2Jb", r"email holds the control character U\+001B"),
                (
                    "user",
                    "username",
                    "x",
                    "a\u200bb",
                    r"username holds the invisible character U\+200B",
                ),
                ("group", "name", "x", "a\nb", r"the name holds the control character U\+000A"),
                (
                    "department",
                    "title",
                    "x",
                    "a\nb",
                    r"the name holds the control character U\+000A",
                ),
                (
                    "user",
                    "attributes",
                    {"a": None},
                    {"a": "b\0"},
                    r"attribute a holds the control character U\+0000",
                ),
            )
        ),
        *(
            (
                Change(kind, "delete", "x", {name: "x"}, None, "", "", "main"),
                f"nothing deletes a {kind}",
            )
            for kind, name in (("group", "name"), ("department", "title"), ("source", "name"))
        ),
        (
            Change("user", "create", "x", None, {"username": "x"}, "", "", "main"),
            "it has no source",
        ),
        (Change("group", "create", "x", None, {"name": "x"}, "", "", "main"), "it has no source"),
        (
            Change("grant", "create", "a/b", None, {"user": "a", "role": "b"}, "", "", "main"),
            "it has no origin",
        ),
        (
            Change("grant", "update", "a/b", {"origin": None}, {"origin": "corp"}, "", "", "main"),
            "nothing updates a grant",
        ),
        (
            Change("grant", "create", "a/b", None, {"user": "a", "role": "c"}, "", "", "main"),
            "its key is not its name",
        ),
    ],
)
def test_a_forged_plan_whose_digest_is_right_is_refused(change: Change, wrong: str) -> None:
    data = dumps(Plan(PLAN.tool, PLAN.created, (), (), Scope(), PLAN.digests, (change,)))
    with pytest.raises(PlanFileError, match=f"x:2: no plan contains such a change: {wrong}"):
        loads(data, "x")


def test_only_a_plan_that_undoes_takes_groups_away_and_gives_users_back_to_nobody() -> None:
    changes = (
        Change("group", "delete", "x", {"name": "x"}, None, "", "", "main"),
        Change("user", "update", "x", {"source": "corp"}, {"source": None}, "", "", "main"),
        Change("grant", "create", "a/b", None, {"user": "a", "role": "b"}, "", "", "main"),
        Change(
            "user",
            "update",
            "y",
            {"departed_at": None},
            {"departed_at": "2026-01-01T00:00:00Z"},
            "",
            "",
            "main",
        ),
    )
    undo = Plan(PLAN.tool, PLAN.created, (), (), Scope(undo="a run"), PLAN.digests, changes)
    assert loads(dumps(undo), "x") == undo


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "yesterday",
        "2026-01-01T00:00:00",
        "2026-02-30T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "9" * 5000,
    ],
)
def test_a_time_that_is_none_is_refused(moment: str) -> None:
    with pytest.raises(PlanFileError, match=r"x:1: .* is not a time"):
        loads(dumps(msgspec.structs.replace(PLAN, created=moment)), "x")


@pytest.mark.parametrize("code", ["users_lost:main/corp:10", "min_admins:main:1", ""])
def test_a_forged_acceptance_is_refused(code: str) -> None:
    forged = msgspec.structs.replace(PLAN, accepted=(Acceptance(code, "mallory", ""),))
    with pytest.raises(PlanFileError, match="which is not a violation"):
        loads(dumps(forged), "x")
