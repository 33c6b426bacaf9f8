"""People who get no user because of a rule: every output has their number, -v who they are, explain why."""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconcile.applying import dumps, loads
from reconcile.errors import PlanFileError
from reconcile.model.notice import LeftOut, LeftOutPerson
from reconcile.render import wording
from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED, Stage, ldif
from tests.scenarios.test_outputs import valid

LOCKED = {"pwdAccountLockedTime": "000001010000Z"}
PEOPLE: dict[str, Any] = {
    **dict.fromkeys(("uid=ann", "uid=bob", "uid=cid")),
    "uid=off": LOCKED,
    "cn=staff": {"member": ["uid=ann", "uid=off"]},
}
USERS = {
    "create": "all",
    "require_groups": ["cn=staff,dc=example,dc=com"],
    "create_disabled": False,
}
RULES = {"sources": [DESIRED["sources"][0] | {"users": USERS}]}
OUTSIDE = "2 people of corp are outside require_groups"
MARKED = OUTSIDE.replace("_", "\\_")
"""The same in Markdown."""
OFF = "1 person of corp is disabled, and not created"
NUMBERS = [
    {"workspace": "main", "source": "corp", "code": "outside_required_groups", "number": 2},
    {"workspace": "main", "source": "corp", "code": "disabled", "number": 1},
]


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    shell = Shell(tmp_path, capsys, monkeypatch)
    shell.company(PEOPLE, **RULES)
    return shell


def test_every_output_has_the_number(shell: Shell) -> None:
    out, err = shell.run("plan", "--out", "the.plan")
    assert f"  {OUTSIDE} (-v lists them)\n  {OFF} (-v lists them)\n" in out
    assert "bob" not in out + err
    # A plan file counts them; it does not know who they are.
    assert b"bob" not in Path("the.plan").read_bytes()
    assert f"  {OUTSIDE}\n  {OFF}\n" in shell.run("show", "the.plan")[0]
    assert valid("plan", shell.run("plan", "--format", "json")[0])["left_out"] == NUMBERS
    assert f"- {MARKED}\n- {OFF}\n" in shell.run("plan", "--format", "markdown")[0]
    assert f'["Without user","{OUTSIDE}; {OFF}"]' in shell.run("plan", "--format", "html")[0]
    out, err = shell.run("preview")
    assert f"\n{OUTSIDE} (-v lists them).\n{OFF} (-v lists them).\n" in err
    assert valid("preview", shell.run("preview", "--format", "json")[0])["left_out"] == NUMBERS
    assert f"  without user  {OUTSIDE}\n  without user  {OFF}\n" in shell.run("status")[0]
    status = json.loads(shell.run("status", "--format", "json")[0])
    assert status["workspaces"][0]["left_out"] == NUMBERS
    report = shell.run("apply", "--yes", "--format", "json", "--metrics", "run.prom")[0]
    assert valid("report", report)["left_out"] == NUMBERS
    metrics = Path("run.prom").read_text(encoding="utf-8")
    assert 'reconcile_left_out{source="corp",code="outside_required_groups"} 2\n' in metrics
    assert f"  {OUTSIDE} (-v lists them)\n" in shell.run("apply", "--yes")[0]


def test_who_they_are(shell: Shell) -> None:
    listed = [
        "info: corp: outside_required_groups: bob (uid=bob,dc=example,dc=com)",
        "info: corp: outside_required_groups: cid (uid=cid,dc=example,dc=com)",
        "info: corp: disabled: off (uid=off,dc=example,dc=com)",
    ]
    for command in ("plan", "preview"):
        err = shell.run(command, "-v")[1]
        assert [line for line in err.splitlines() if "example,dc=com)" in line] == listed
    for person, why in (
        ("bob", "left out by users.require_groups: in none of cn=staff,dc=example,dc=com"),
        ("off", "left out by users.create_disabled: disabled in the directory"),
    ):
        assert shell.run("explain", person)[0].startswith(f"{person}: {why}\n")
    assert shell.run("search", "corp", "off")[0].rstrip().endswith("disabled in the directory")
    # One of them is a target like any other.
    out, _ = shell.run("plan", "--target", "user:bob")
    assert out.endswith(
        "  1 person of corp is outside require_groups (-v lists them)\n  only user:bob\n"
    )
    shell.run("plan", "--target", "user:nobody", code=2)


def test_names_are_redacted_with_the_rest(shell: Shell) -> None:
    out, err = shell.run("plan", "--redact", "--format", "markdown")
    assert f"- {MARKED}\n" in out
    assert "bob" not in out + err


def test_the_words() -> None:
    def of(workspace: str, number: int) -> LeftOut:
        return LeftOut(workspace, "corp", "outside_create_groups", number)

    assert list(wording.left_out([of("main", 1204)])) == [
        "1,204 people of corp are in no group of create"
    ]
    assert list(wording.left_out([of("main", 1), of("test", 2)])) == [
        "main: 1 person of corp is in no group of create",
        "test: 2 people of corp are in no group of create",
    ]


def test_a_plan_file_that_names_them_is_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write(DESIRED | RULES, {"corp": ldif(PEOPLE)})
    made, _ = stage.plan()
    data = dumps(made)
    assert loads(data, "plan").left_out == made.left_out
    named = msgspec.structs.replace(made.left_out[0], people=(LeftOutPerson("bob", "uid=bob"),))
    header, *_ = data.splitlines()
    changed = msgspec.json.decode(header)
    changed["left_out"] = [msgspec.to_builtins(named)]
    for forged in (changed, changed | {"left_out": [NUMBERS[0] | {"number": 0}]}):
        body = b"".join(
            line + b"\n" for line in [msgspec.json.encode(forged), *data.splitlines()[1:-1]]
        )
        footer = msgspec.json.decode(data.splitlines()[-1])
        footer["sha256"] = hashlib.sha256(body).hexdigest()
        with pytest.raises(PlanFileError):
            loads(body + msgspec.json.encode(footer) + b"\n", "plan")
