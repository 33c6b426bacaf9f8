"""Captures: what was read of a directory, planned without it, applied only if it is still the same."""

import gzip
import hashlib
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

import reconcile
from reconcile.errors import CaptureError
from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED, ldif

PEOPLE: dict[str, Any] = {
    "ou=Sales": None,
    "uid=jdoe,ou=Sales": {
        "givenName": "Jane",
        "sn": "Doe",
        "cn": "Jane Doe",
        "mail": "jane.doe@example.com",
        "employeeType": "staff",
    },
    "uid=boss": {"givenName": "Max", "sn": "Boss", "cn": "Max Boss"},
    "cn=team": {"member": ["uid=jdoe,ou=Sales,dc=example,dc=com", "uid=boss,dc=example,dc=com"]},
}
RULES: dict[str, Any] = {
    "groups": [{"source": "corp", "select": ["cn=team"]}],
    "departments": [{"source": "corp", "select": ["ou=*"]}],
    "role_mappings": [{"role": "user", "groups": ["cn=team"]}],
    "safety": {"limits": {"users_lost": "none"}},
}


@pytest.fixture
def company(shell: Shell) -> Shell:
    shell.company(PEOPLE, **RULES)
    return shell


def captured(company: Shell, *more: str) -> Path:
    company.run("capture", "corp", "--out", "corp.capture", *more)
    return company.folder / "corp.capture"


def unpacked(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def packed(path: Path, lines: list[dict[str, Any]]) -> None:
    """With a footer that is right, as whoever tampers would make it."""
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines[:-1])
    footer = lines[-1] | {"sha256": hashlib.sha256(body).hexdigest()}
    path.write_bytes(gzip.compress(body + json.dumps(footer).encode() + b"\n"))


def parts(company: Shell, *more: str, code: int = 0) -> tuple[Any, Any]:
    document = json.loads(company.run("plan", "--format", "json", *more, code=code)[0])
    return document["changes"], document["digests"]


def away(company: Shell) -> None:
    """The directory is not there any more."""
    (company.folder / "corp.ldif").rename(company.folder / "away.ldif")


def test_a_plan_from_a_capture_is_that_of_the_directory(company: Shell) -> None:
    path = captured(company)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    live = parts(company)
    away(company)
    assert parts(company, "--capture", "corp.capture") == live
    assert [one.key for one in reconcile.plan(captures=[path]).changes] == [
        change["key"] for change in live[0]
    ]
    header = unpacked(path)[0]
    assert header["servers"] == ["corp.ldif"]
    assert header["tool"]
    _, err = company.run("plan", "--capture", "corp.capture", "--out", "the.plan")
    said = f"source corp was planned from a capture of {header['created']}"
    assert said in err
    assert said in company.run("show", "the.plan")[0]
    plan = json.loads(company.run("show", "the.plan", "--format", "json")[0])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert [(one["source"], one["digest"]) for one in plan["captures"]] == [("corp", digest)]


def test_it_is_applied_if_the_directory_is_still_the_same(company: Shell) -> None:
    captured(company)
    company.run("plan", "--capture", "corp.capture", "--out", "the.plan")
    away(company)
    company.run("apply", "the.plan", "--yes", code=7)
    more = PEOPLE | {"uid=late": {}}
    (company.folder / "corp.ldif").write_text(ldif(more), encoding="utf-8")
    _, err = company.run("apply", "the.plan", "--yes", code=5)
    assert "source corp is no longer as it was captured at 20" in err
    assert "2 persons then, 3 now" in err
    assert not (company.folder / "platform.db").exists()
    (company.folder / "corp.ldif").write_text(ldif(PEOPLE), encoding="utf-8")
    out, _ = company.run("apply", "the.plan", "--yes")
    assert "0 failed" in out
    company.run("plan", "--check")


def test_people_whom_the_rules_do_not_find_are_looked_up_when_capturing(company: Shell) -> None:
    """One is out of scope, the other is gone: the capture has to know which is which."""
    company.run("apply", "--yes")
    filtered = [DESIRED["sources"][0] | {"users": {"filter": "(&(uid=*)(!(employeeType=staff)))"}}]
    people = {name: entry for name, entry in PEOPLE.items() if name != "uid=boss"}
    people["cn=team"] = {"member": "uid=jdoe,ou=Sales,dc=example,dc=com"}
    free = {"limits": {"users_lost": "none", "memberships_lost": "none", "grants_lost": "none"}}
    company.company(people, **(RULES | {"sources": filtered, "safety": free}))
    captured(company)
    live = parts(company, code=4)
    causes = {one["after"]["status_cause"] for one in live[0] if one["kind"] == "user"}
    assert causes == {"out_of_scope", "missing"}
    away(company)
    assert parts(company, "--capture", "corp.capture", code=4) == live
    # A user who came after the capture was not looked up.
    company.sql(
        "INSERT INTO users (workspace_id, username, source_id, external_id, dn)"
        " SELECT workspace_id, 'new', source_id, 'id-9', 'uid=new' FROM users LIMIT 1"
    )
    _, err = company.run("plan", "--capture", "corp.capture", code=2)
    assert "1 user of source corp, such as id-9" in err
    assert "Capture again" in err


@pytest.mark.parametrize(
    "less",
    [
        {"groups": [], "role_mappings": []},
        {"departments": []},
        {"sources": [DESIRED["sources"][0] | {"users": {"fields": {"email": None}}}]},
        {"groups": [], "departments": [], "role_mappings": []},
    ],
)
def test_rules_that_ask_for_less_get_what_the_directory_would_give(
    company: Shell, less: dict[str, Any]
) -> None:
    captured(company)
    company.desired(**(RULES | less))
    live = parts(company)
    away(company)
    assert parts(company, "--capture", "corp.capture") == live


def source(**users: Any) -> dict[str, Any]:
    return {"sources": [DESIRED["sources"][0] | {"users": users}]}


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (
            source(fields={"first_name": "{{ displayName }}"}),
            "the attribute displayname of persons",
        ),
        (
            {"groups": [{"source": "corp", "select": ["cn=team"], "name": "{{ description }}"}]},
            "the attribute description of groups",
        ),
        (source(filter="(uid=*)"), "users.filter was not set, is (uid=*)"),
        (source(base="ou=Sales"), "users.base was not set, is ou=Sales"),
        (
            {"sources": [DESIRED["sources"][0] | {"base_dn": "ou=Sales,dc=example,dc=com"}]},
            "base_dn",
        ),
    ],
)
def test_rules_that_ask_for_more_say_so(company: Shell, rules: dict[str, Any], why: str) -> None:
    captured(company)
    company.desired(**(RULES | rules))
    _, err = company.run("plan", "--capture", "corp.capture", code=2)
    assert why in err
    assert "Capture again: reconcile capture corp" in err


def test_groups_that_were_not_captured(company: Shell) -> None:
    company.desired()
    captured(company)
    company.desired(**RULES)
    _, err = company.run("plan", "--capture", "corp.capture", code=2)
    assert "the groups, the organizational units" in err


def test_which_source_a_capture_is_of(company: Shell) -> None:
    path = captured(company)
    two = [DESIRED["sources"][0], DESIRED["sources"][0] | {"name": "other"}]
    company.desired(sources=two)
    company.run("capture", "nobody", "--out", "x.capture", code=2)
    _, err = company.run("plan", "--source", "other", "--capture", "corp.capture", code=2)
    assert "it is a capture of source corp, and planned are: other" in err
    (company.folder / "again.capture").write_bytes(path.read_bytes())
    twice = ("--capture", "corp.capture", "--capture", "again.capture")
    _, err = company.run("plan", *twice, code=2)
    assert "are captures of one source" in err
    _, err = company.run("plan", "--undo", "x", "--capture", "corp.capture", code=2)
    assert "an undo reads no source" in err


def bad(path: Path, kind: str) -> None:
    data, lines = path.read_bytes(), unpacked(path)
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut off":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "no footer":
        text = b"".join(json.dumps(line).encode() + b"\n" for line in lines[:-1])
        path.write_bytes(gzip.compress(text))
    elif kind == "changed":
        text = gzip.decompress(data).replace(b"Jane", b"Eve!")
        path.write_bytes(gzip.compress(text))
    elif kind == "another file":
        path.write_text("version: 1\n")
    elif kind == "another gzip":
        path.write_bytes(gzip.compress(b"hello\n"))
    elif kind == "more":
        path.write_bytes(data + data)
    elif kind == "version":
        packed(path, [lines[0] | {"format": 9}, *lines[1:]])
    elif kind == "twice":
        packed(path, [lines[0], lines[1], *lines[1:-1], lines[-1] | {"persons": 3}])
    elif kind == "field":
        packed(path, [lines[0], lines[1] | {"admin": True}, *lines[2:]])
    elif kind == "type":
        packed(path, [lines[0], lines[1] | {"attributes": {"cn": 5}}, *lines[2:]])
    elif kind == "deep":
        path.write_bytes(gzip.compress(b"[" * 100_000 + b"\n"))


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("cut off", "cut off"),
        ("no footer", "its last line is not a footer"),
        ("changed", "its SHA-256 differs"),
        ("another file", "not a capture"),
        ("version", "this version reads format 1 only"),
        ("twice", "is twice, or out of order"),
        pytest.param("empty", "cut off", marks=pytest.mark.full),
        pytest.param("another gzip", "not a capture", marks=pytest.mark.full),
        pytest.param("more", "something after its end", marks=pytest.mark.full),
        pytest.param("field", "is damaged", marks=pytest.mark.full),
        pytest.param("type", "is damaged", marks=pytest.mark.full),
        pytest.param("deep", "not a capture", marks=pytest.mark.full),
    ],
)
def test_a_bad_file_is_refused(company: Shell, kind: str, why: str) -> None:
    bad(captured(company), kind)
    _, err = company.run("plan", "--capture", "corp.capture", code=2)
    assert why in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("limits", "text", "why"),
    [
        ({"total_size": "1MiB"}, b" " * 4 * 2**20, "limits.total_size"),
        ({"entry_size": "1MiB"}, b" " * 4 * 2**20, "limits.entry_size"),
    ],
)
def test_a_bomb_is_not_unpacked(
    company: Shell, limits: dict[str, Any], text: bytes, why: str
) -> None:
    path = captured(company)
    company.desired(**RULES, sources=[DESIRED["sources"][0] | {"limits": limits}])
    header = gzip.decompress(path.read_bytes()).splitlines(keepends=True)[0]
    path.write_bytes(gzip.compress(header + text))
    _, err = company.run("plan", "--capture", "corp.capture", code=2)
    assert why in err


def test_more_entries_than_a_source_may_have(company: Shell) -> None:
    captured(company)
    company.desired(**RULES, sources=[DESIRED["sources"][0] | {"limits": {"entries": 1}}])
    _, err = company.run("plan", "--capture", "corp.capture", code=2)
    assert "limits.entries" in err


def test_no_other_file_is_overwritten(company: Shell) -> None:
    directory = company.folder / "corp.ldif"
    before = directory.read_bytes()
    company.run("capture", "corp", "--out", "corp.ldif", code=2)
    assert directory.read_bytes() == before
    company.run("capture", "corp", "--out", "x.yml", code=2)
    assert not (company.folder / "x.yml").exists()
    # An older capture gives way to a newer one.
    assert captured(company) == captured(company)
    company.run("capture", "corp", "--out", "x.capture", "--keep", "cn", code=2)
    assert not (company.folder / "x.capture").exists()


# Redacted


def test_a_redacted_capture_keeps_structure_and_no_names(company: Shell) -> None:
    live = parts(company)[0]
    path = captured(company, "--redact", "--keep", "title")
    text = gzip.decompress(path.read_bytes()).decode()
    assert not re.search("jane|doe|boss|max", text, re.IGNORECASE)
    assert str(company.folder) not in text
    away(company)
    changes, _ = parts(company, "--capture", "corp.capture")
    # As many of each, with the same groups, departments and roles.
    assert [(one["kind"], one["action"]) for one in changes] == [
        (one["kind"], one["action"]) for one in live
    ]
    assert {one["key"] for one in changes if one["kind"] in ("group", "department")} == {
        "team",
        "Sales",
    }
    users = {one["key"]: one["after"] for one in changes if one["kind"] == "user"}
    (jane,) = (user for user in users.values() if user["department"] == "Sales")
    local, at, domain = jane["email"].partition("@")
    assert (at, domain) == ("@", "example.com")
    assert local == f"{jane['first_name']}.{jane['last_name']}".lower()
    members = {one["after"]["user"] for one in changes if one["kind"] == "membership"}
    assert members == users.keys()


def test_a_redacted_capture_is_never_applied(company: Shell) -> None:
    captured(company, "--redact")
    _, err = company.run("plan", "--capture", "corp.capture", "--out", "the.plan")
    assert "the plan can never be applied" in err
    _, err = company.run("apply", "the.plan", "--yes", code=2)
    assert "redacted capture of source corp" in err
    company.run("apply", "--yes")
    _, err = company.run("plan", "--capture", "corp.capture", code=2)
    assert "plan it with an empty platform" in err


def test_two_redacted_captures_have_other_names(company: Shell) -> None:
    names = [unpacked(captured(company, "--redact"))[1]["dn"] for _ in range(2)]
    assert names[0] != names[1]


def test_the_python_api_refuses_what_the_command_refuses(company: Shell) -> None:
    with pytest.raises(CaptureError, match="cannot be read"):
        reconcile.plan(captures=["missing"])


def test_neither_server_nor_password_is_needed(company: Shell) -> None:
    path = captured(company)
    lines = unpacked(path)
    lines[0]["settings"]["type"] = "ldap"
    packed(path, lines)
    live = {"name": "corp", "type": "ldap", "base_dn": "dc=example,dc=com"}
    live |= {"servers": ["ldaps://127.0.0.1:1"], "users": {"create": "all"}}
    live["bind"] = {"dn": "cn=reader", "password": "{{ env('NOT_SET_ANYWHERE') }}"}
    company.desired(**RULES, sources=[live])
    changes, _ = parts(company, "--capture", "corp.capture")
    assert {one["key"] for one in changes if one["kind"] == "user"} == {"jdoe", "boss"}
