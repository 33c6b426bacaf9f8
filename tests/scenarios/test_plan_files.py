"""Plans as files: written, shown, carried out to the letter, and refused when damaged, moved or stale."""

import json
import re
import stat
from typing import Any

import msgspec
import pytest

from reconcile.applying import dumps, loads
from reconcile.model.change import Violation
from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED, ldif


def test_a_plan_file_is_applied_exactly_and_holds_the_same_bytes(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    shell.run("plan", "--out", "one.plan")
    shell.run("plan", "--out", "two.plan")
    one, two = ((shell.folder / name).read_bytes() for name in ("one.plan", "two.plan"))

    def timeless(data: bytes) -> list[bytes]:
        return [re.sub(rb'"created":"[^"]*"', b"", line) for line in data.splitlines()[:-1]]

    assert timeless(one) == timeless(two)
    assert stat.S_IMODE((shell.folder / "one.plan").stat().st_mode) == 0o600
    (shell.folder / "corp.ldif").write_text(ldif({"uid=ann": {}, "uid=late": {}}), encoding="utf-8")
    out, _ = shell.run("apply", "one.plan", "--yes")
    assert "2 applied" in out
    out, _ = shell.run("users", "--format", "json")
    assert [user["username"] for user in json.loads(out)] == ["ann"], (
        "what came later is not in the plan"
    )
    out, _ = shell.run("apply", "one.plan", "--yes")
    assert "already applied" in out


def test_showing_a_plan_file_needs_nothing_else(shell: Shell) -> None:
    shell.company({f"uid=user{number:02}": None for number in range(30)})
    out, _ = shell.run("plan", "--out", "the.plan")
    assert "… and 27 more: user create" in out
    assert out.splitlines()[-3] == "Output truncated. Full plan: reconcile show the.plan"
    for name in ("reconcile.yml", "corp.ldif"):
        (shell.folder / name).unlink()
    out, _ = shell.run("show", "the.plan")
    assert out.count("+ user user") == 30
    data = json.loads(shell.run("show", "the.plan", "--format", "json")[0])
    assert len(data["changes"]) == 31
    out, _ = shell.run("show", "the.plan", "--format", "markdown")
    assert out.count("| + | user user") == 30


def test_the_json_of_a_plan(shell: Shell) -> None:
    shell.company(
        {"uid=ann": None, "uid=bob": {"mail": None}},
        sources=[DESIRED["sources"][0] | {"users": {"create": "all", "require": ["email"]}}],
    )
    out, err = shell.run("plan", "--format", "json")
    assert err == ""
    data = json.loads(out)
    assert data["format"] == 1
    (counts,) = data["summary"].pop("counts")
    assert (counts["workspace"], counts["source"]) == ("main", "corp")
    assert {how: number for how, number in counts["users"].items() if number} == {
        "created": 1,
        "impossible": 1,
        "needs_action": 1,
    }
    assert data["summary"] == {
        "changes": 2,
        "by_kind": {"source": {"create": 1}, "user": {"create": 1}},
        "skips": {"missing_field": 1},
        "violations": 0,
        "refused": 0,
        "notices": 0,
    }
    assert set(data["digests"]) == {"configuration", "sources", "current"}
    change = data["changes"][1]
    assert change.pop("after")["email"] == "ann@example.com"
    assert change == {
        "kind": "user",
        "action": "create",
        "key": "ann",
        "before": None,
        "reason": "found in corp",
        "source": "corp",
        "workspace": "main",
    }
    (skip,) = data["skips"]
    assert (skip["source"], skip["dn"], skip["username"], skip["code"]) == (
        "corp",
        "uid=bob,dc=example,dc=com",
        "bob",
        "missing_field",
    )
    assert skip["exists"] is False
    assert (data["violations"], data["notices"]) == ([], [])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data.replace(b"ann@", b"eve@"), "was changed after it was written"),
        (lambda data: data[:-10], "the plan file is cut off"),
        (lambda data: data[: data.index(b"\n") + 1], "the plan file is cut off"),
        (lambda data: b"".join(data.splitlines(keepends=True)[:-1]), "the plan file is cut off"),
        (lambda _: b"", "the plan file is empty"),
        (
            lambda data: data.replace(b'"format":2', b'"format":3'),
            "has format 3, written by reconcile",
        ),
        (lambda _: b"\x00\xff\n", "not a plan file"),
        (lambda _: b'{"type":"change"}\n', "its first line is not a header"),
    ],
)
def test_a_damaged_plan_file_is_refused(shell: Shell, damage: Any, message: str) -> None:
    shell.company({"uid=ann": None})
    shell.run("plan", "--out", "the.plan")
    path = shell.folder / "the.plan"
    path.write_bytes(damage(path.read_bytes()))
    for command in (["show", "the.plan"], ["apply", "the.plan", "--yes"]):
        _, err = shell.run(*command, code=2)
        assert message in err
    assert not (shell.folder / "platform.db").exists()


def test_a_stale_plan_is_refused_with_what_moved(shell: Shell) -> None:
    shell.company({"uid=ann": None, "uid=bob": None, "uid=cid": None})
    shell.run("apply", "--yes")
    shell.company({"uid=ann": {"mail": "new@example.com"}, "uid=dan": None, "uid=cid": None})
    shell.run("plan", "--out", "the.plan")
    shell.sql("update users set email = 'moved@example.com' where username = 'ann'")
    shell.sql("delete from users where username = 'bob'")
    shell.sql("insert into users (workspace_id, username) values (1, 'Dan')")
    before = (shell.folder / "platform.db").read_bytes()
    _, err = shell.run("apply", "the.plan", "--yes", code=5)
    assert "user ann: email was 'ann@example.com', is 'moved@example.com'" in err
    assert "user bob no longer exists" in err
    assert "user dan already exists" in err
    assert "nothing was applied" in err
    assert shell.sql("select count(*) from users where source_id is not null") == [(2,)]
    assert len(before) == len((shell.folder / "platform.db").read_bytes())


def test_what_moved_elsewhere_does_not_make_a_plan_stale(shell: Shell) -> None:
    shell.company({"uid=ann": None, "uid=bob": None})
    shell.run("apply", "--yes")
    shell.company({"uid=ann": {"mail": "new@example.com"}, "uid=bob": None})
    shell.run("plan", "--out", "the.plan")
    shell.sql("update users set first_name = 'By hand' where username in ('ann', 'bob')")
    shell.run("apply", "the.plan", "--yes")
    assert shell.sql("select email, first_name from users where username = 'ann'") == [
        ("new@example.com", "By hand")
    ]


def test_a_plan_is_stale_when_its_configuration_moved(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    shell.run("plan", "--out", "the.plan")
    shell.desired(lifecycle={"on_missing": "keep"})
    _, err = shell.run("apply", "the.plan", "--yes", code=5)
    assert "the desired state in reconcile.yml is not the one the plan was made from" in err
    shell.desired()
    (shell.folder / "reconcile.yml").rename(shell.folder / "moved.yml")
    _, err = shell.run("apply", "the.plan", "--yes", code=2)
    assert "reconcile.yml" in err
    shell.run("apply", "the.plan", "--yes", "--config", "moved.yml")


def test_variables_are_named_when_they_make_a_plan_stale(shell: Shell) -> None:
    shell.company(
        {"uid=ann": None},
        vars={"title": "x"},
        groups=[{"source": "corp", "select": ["cn=*"], "name": "{{ vars.title }}{{ cn }}"}],
    )
    shell.run("plan", "--out", "the.plan", "--var", "title=y")
    _, err = shell.run("apply", "the.plan", "--yes", code=5)
    assert "(planned with --var title; given now: nothing)" in err
    shell.run("apply", "the.plan", "--yes", "--var", "title=y")
    _, err = shell.run("plan", "--var", "title", code=2)
    assert "'title' is not of the form name=value" in err


def test_a_plan_for_a_workspace_that_is_not_declared_is_refused(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    shell.run("plan", "--out", "the.plan")
    path = shell.folder / "the.plan"
    made = loads(path.read_bytes(), "the.plan")
    changes = tuple(msgspec.structs.replace(change, workspace="ghost") for change in made.changes)
    path.write_bytes(dumps(msgspec.structs.replace(made, changes=changes)))
    _, err = shell.run("apply", "the.plan", "--yes", code=2)
    assert err == "error: there is no workspace 'ghost'; declared are: main\n"


def test_a_plan_that_a_guard_refused_is_not_applied(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    shell.run("plan", "--out", "the.plan")
    path = shell.folder / "the.plan"
    made = loads(path.read_bytes(), "the.plan")
    refused = msgspec.structs.replace(
        made, violations=(Violation("main", "users_lost", "corp", "", 1, "all of them"),)
    )
    path.write_bytes(dumps(refused))
    assert "users_lost:main/corp:1: all of them" in shell.run("show", "the.plan")[0]
    _, err = shell.run("apply", "the.plan", "--yes", code=4)
    assert err == (
        "error: refused by the guards, nothing was applied:\n"
        "error:   users_lost:main/corp:1: all of them\n"
        "error: If this is intended: reconcile plan --accept users_lost:main/corp:1 --out FILE, "
        "then reconcile apply FILE\n"
    )
    assert not (shell.folder / "platform.db").exists()


def test_a_plan_whose_changes_were_made_already_says_so_briefly(shell: Shell) -> None:
    shell.company({f"uid=u{number:02}": None for number in range(30)})
    shell.run("plan", "--out", "the.plan")
    shell.run("apply", "--yes")
    _, err = shell.run("apply", "the.plan", "--yes", code=5)
    assert "… and 11 more" in err
    assert "Was it applied already? Make a new plan." in err
    assert len(err.splitlines()) == 23
