"""The commands as a user types them: output, exit codes, files left behind, and the mistakes a beginner makes."""

import csv
import io
import json
import os
import pty
import re
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from reconcile import cli
from reconcile.applying import dumps, loads
from reconcile.model.change import Violation
from reconcile.platforms.sql import SqlPlatform
from reconcile.ports import Holder
from tests.scenarios.stage import DESIRED, Stage, ldif

RECONCILE = [sys.executable, "-m", "reconcile"]


class Shell:
    """A folder to type commands in."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        monkeypatch.chdir(folder)

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """Runs a command in this process and answers what it wrote to stdout and stderr."""
        self._monkeypatch.setattr(sys, "argv", ["reconcile", *arguments])
        handler = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        signal.signal(signal.SIGTERM, handler)
        out, err = self._capsys.readouterr()
        assert ended.value.code == code, (arguments, out, err)
        assert "Traceback" not in err
        return out, err

    def company(self, people: dict[str, Any], **more: Any) -> None:
        """Writes reconcile.yml and corp.ldif."""
        self.desired(**more)
        (self.folder / "corp.ldif").write_text(ldif(people), encoding="utf-8")

    def desired(self, **more: Any) -> None:
        (self.folder / "reconcile.yml").write_text(yaml.safe_dump(DESIRED | more), encoding="utf-8")

    def sql(self, statement: str) -> list[Any]:
        with sqlite3.connect(self.folder / "platform.db") as connection:
            rows = connection.execute(statement).fetchall()
        connection.close()
        return rows


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, capsys, monkeypatch)


def test_a_first_run_and_a_second_with_nothing_to_do(shell: Shell) -> None:
    shell.company({"uid=ann": None, "uid=bob": None})
    out, _ = shell.run("plan")
    assert "+ user ann  # found in corp" in out
    assert out.endswith("Plan: 3 to add, 0 to change, 0 to take away.\n  corp   created\n  users        2\n")
    assert {path.name for path in shell.folder.iterdir()} == {"reconcile.yml", "corp.ldif"}, "a plan creates nothing"
    shell.run("plan", "--check", code=3)
    out, _ = shell.run("apply", "--yes")
    assert out.endswith("Done: 3 applied, 0 failed, 0 skipped.\n  corp   created\n  users        2\n")
    out, _ = shell.run("plan", "--check")
    assert out == (
        "No changes. The platform is as the directories and the rules say.\n  corp   existing\n  users         2\n"
    )
    before = (shell.folder / "platform.db").read_bytes()
    shell.run("apply", "--yes")
    assert (shell.folder / "platform.db").read_bytes() == before


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
    assert [user["username"] for user in json.loads(out)] == ["ann"], "what came later is not in the plan"
    shell.run("apply", "two.plan", "--yes", code=5)


def test_showing_a_plan_file_needs_nothing_else(shell: Shell) -> None:
    shell.company({f"uid=user{number:02}": None for number in range(30)})
    out, _ = shell.run("plan", "--out", "the.plan")
    assert "… and 27 more: user create" in out
    assert out.endswith("This plan is shortened. All of it: reconcile show the.plan\n")
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
    assert {how: number for how, number in counts["users"].items() if number} == {"created": 1, "impossible": 1}
    assert data["summary"] == {
        "changes": 2,
        "by_kind": {"source": {"create": 1}, "user": {"create": 1}},
        "skips": {"missing_field": 1},
        "violations": 0,
        "refused": 0,
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
    assert data["violations"] == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data.replace(b"ann@", b"eve@"), "was changed after it was written"),
        (lambda data: data[:-10], "the plan file is cut off"),
        (lambda data: data[: data.index(b"\n") + 1], "the plan file is cut off"),
        (lambda data: b"".join(data.splitlines(keepends=True)[:-1]), "the plan file is cut off"),
        (lambda _: b"", "the plan file is empty"),
        (lambda data: data.replace(b'"format":1', b'"format":2'), "has format 2, this version reads 1"),
        (lambda _: b"\x00\xff\n", "not a plan file"),
        (lambda _: b'{"type":"change"}\n', "its first line is no header"),
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
    assert "user bob is gone" in err
    assert "user dan exists by now" in err
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
    assert shell.sql("select email, first_name from users where username = 'ann'") == [("new@example.com", "By hand")]


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


def test_apply_asks_on_a_terminal_and_refuses_without(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    done = subprocess.run([*RECONCILE, "apply"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no terminal to ask on" in done.stderr
    assert not (shell.folder / "platform.db").exists()
    for answer, code in ((b"n\n", 1), (b"\n", 1), (b"y\n", 0)):
        ours, theirs = pty.openpty()
        child = subprocess.Popen([*RECONCILE, "apply"], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
        os.close(theirs)
        seen = b""
        while b"[y/N]" not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, answer)
        while chunk := _read(ours):
            seen += chunk
        os.close(ours)
        assert child.wait() == code, seen
        assert b"\x1b[32m+\x1b[0m user ann" in seen, "coloured on a terminal"
        assert (shell.folder / "platform.db").exists() == (code == 0)
        assert (b"Aborted" in seen) == (code == 1)


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, 4096)
    except OSError:  # a pty whose other side is closed answers EIO
        return b""


def test_output_is_plain_where_it_should_be(shell: Shell) -> None:
    shell.company({"uid=ann": {"sn": "esc\x1b[31m"}, "uid=bob": {"mail": "\u202eevil@example.com"}})
    out, err = shell.run("plan")
    assert "\x1b" not in out + err
    assert "control character U+001B" in out
    assert r"\u202eevil@example.com" in out
    environment = os.environ | {"TERM": "xterm"}
    for arguments, extra in ((["plan", "--no-color"], {}), (["plan"], {"NO_COLOR": "1"})):
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            [*RECONCILE, *arguments], stdout=theirs, stderr=subprocess.DEVNULL, env=environment | extra
        )
        os.close(theirs)
        seen = b""
        while chunk := _read(ours):
            seen += chunk
        os.close(ours)
        assert child.wait() == 0
        assert b"user bob" in seen
        assert b"\x1b" not in seen


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
    refused = msgspec.structs.replace(made, violations=(Violation("main", "users_lost:main/corp:1", "all of them"),))
    path.write_bytes(dumps(refused))
    assert "users_lost:main/corp:1: all of them" in shell.run("show", "the.plan")[0]
    _, err = shell.run("apply", "the.plan", "--yes", code=4)
    assert err == (
        "error: refused by the guards, nothing was applied:\n"
        "error:   users_lost:main/corp:1: all of them\n"
        "error: If that is meant: reconcile plan --accept users_lost:main/corp:1 --out FILE, "
        "then reconcile apply FILE\n"
    )
    assert not (shell.folder / "platform.db").exists()


def test_a_change_that_fails_is_isolated_and_what_needs_it_is_skipped(shell: Shell) -> None:
    shell.company({"uid=zoe": None}, groups=[])
    shell.run("apply", "--yes")
    shell.company(
        {"uid=ann": None, "uid=bob": None, "uid=zoe": None, "cn=team": {"member": ["uid=ann", "uid=bob"]}},
        role_mappings=[{"role": "operator", "default": True}],
        groups=[{"source": "corp", "select": ["cn=team"]}],
    )
    shell.sql(
        "create trigger no_ann before insert on users when new.username = 'ann'"
        " begin select raise(abort, 'no more licences'); end"
    )
    out, _ = shell.run("apply", "--yes", code=6)
    assert "! failed: user ann: " in out
    assert "no more licences" in out
    assert "! skipped: grant ann/operator: needs user ann, which failed" in out
    assert "! skipped: membership ann/team: needs user ann, which failed" in out
    assert "failed, 2 skipped." in out
    users = json.loads(shell.run("users", "--format", "json")[0])
    assert [(user["username"], user["roles"], user["groups"]) for user in users] == [
        ("bob", ["operator"], ["team"]),
        ("zoe", ["operator"], []),
    ]
    report = json.loads(shell.run("apply", "--yes", "--format", "json", code=6)[0])
    (counts,) = report["summary"].pop("counts")
    assert [counts[what]["failed"] for what in ("users", "grants", "memberships")] == [1, 1, 1]
    assert (counts["users"]["existing"], counts["users"]["created"]) == (2, 0)
    assert report["summary"] == {"applied": 0, "failed": 1, "skipped": 2}
    assert [(one["result"], one["change"]["kind"]) for one in report["outcomes"]] == [
        ("failed", "user"),
        ("skipped", "grant"),
        ("skipped", "membership"),
    ]
    out, _ = shell.run("apply", "--yes", "--format", "markdown", code=6)
    assert "| failed | user ann |" in out
    shell.sql("drop trigger no_ann")
    shell.run("apply", "--yes")
    shell.run("plan", "--check")


def test_a_second_run_is_locked_out_and_named(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    shell.run("apply", "--yes")
    shell.company({"uid=ann": None, "uid=bob": None})
    held = Holder("kim", os.uname().nodename, os.getpid(), "2026-01-01T00:00:00Z")
    with closing(SqlPlatform(Stage(shell.folder).settings())) as platform, platform.lock(["main"], held):
        _, err = shell.run("apply", "--yes", code=8)
        assert "kim" in err
        assert str(os.getpid()) in err
        assert shell.sql("select count(*) from users") == [(1,)]
        shell.run("apply", "--yes", "--force", code=8)
        shell.run("plan", "--check", code=3)
    shell.run("apply", "--yes")


def test_targets_narrow_a_plan_to_what_they_need(shell: Shell) -> None:
    shell.company(
        {
            "ou=Sales": None,
            "uid=ann,ou=Sales": None,
            "uid=bob": None,
            "cn=team": {"member": ["uid=ann,ou=Sales", "uid=bob"]},
            "cn=other": None,
        },
        role_mappings=[{"role": "operator", "default": True}],
        groups=[{"source": "corp", "select": ["cn=*"]}],
        departments=[{"source": "corp", "select": ["ou=*"]}],
    )
    data = json.loads(shell.run("plan", "--format", "json", "--target", "user:ANN")[0])
    assert [(one["kind"], one["key"]) for one in data["changes"]] == [
        ("source", "corp"),
        ("department", "Sales"),
        ("group", "team"),
        ("user", "ann"),
        ("grant", "ann/operator"),
        ("membership", "ann/team"),
    ]
    data = json.loads(
        shell.run("plan", "--format", "json", "--target", "group:other", "--target", "department:Sales")[0]
    )
    assert [(one["kind"], one["key"]) for one in data["changes"]] == [
        ("source", "corp"),
        ("department", "Sales"),
        ("group", "other"),
    ]
    assert data["scope"]["targets"] == ["department:Sales", "group:other"]
    assert "only user:ann" in shell.run("plan", "--target", "user:ann")[0]
    _, err = shell.run("plan", "--target", "user:nobody", code=2)
    assert "there is no user 'nobody': not on the platform, not in the plan, not among the skipped" in err
    _, err = shell.run("plan", "--target", "ann", code=2)
    assert "A target is one of user:NAME, group:NAME, department:PATH" in err


def test_a_target_brings_all_that_it_needs(shell: Shell) -> None:
    rules: dict[str, Any] = {
        "sources": [DESIRED["sources"][0] | {"users": {"create": "all", "manager_attribute": "manager"}}],
        "departments": [{"source": "corp", "select": ["ou=*"]}],
    }
    shell.company({"ou=A": None, "ou=B,ou=A": None, "uid=bob": None, "uid=other": None}, **rules)
    shell.run("apply", "--yes")
    shell.company(
        {
            "ou=A2": {"entryUUID": "id-A"},
            "ou=B,ou=A2": None,
            "uid=bob,ou=B,ou=A2": {"entryUUID": "new", "manager": "uid=boss"},
            "uid=old": {"entryUUID": "id-bob"},
            "uid=boss": None,
            "uid=other": {"sn": "Moved"},
        },
        **rules,
    )
    shell.run("plan", "--target", "user:bob", "--out", "bob.plan")
    out, _ = shell.run("apply", "bob.plan", "--yes")
    assert "0 failed, 0 skipped" in out
    users = {user["username"]: user for user in json.loads(shell.run("users", "--format", "json")[0])}
    assert (users["bob"]["manager"], users["bob"]["department"]) == ("boss", "A2/B")
    assert users["other"]["last_name"] == "Other", "what was not asked for stays"


def test_a_report_that_nobody_can_read_does_not_change_what_was_done(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    shell.run("plan", "--out", "the.plan")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*RECONCILE, "apply", "the.plan", "--yes"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 0
    assert (
        done.stderr
        == "error: the report cannot be written: No space left on device. Done: 2 applied, 0 failed, 0 skipped.\n"
    )
    shell.run("plan", "--check")


@pytest.mark.parametrize("closed", [1, 2])
def test_closed_streams(shell: Shell, closed: int) -> None:
    shell.company({"uid=ann": None})
    command = " ".join([*RECONCILE, "apply", "--yes", f"{closed}>&-"])
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shell.run("plan", "--check")


def test_a_plan_that_was_applied_already_says_so_briefly(shell: Shell) -> None:
    shell.company({f"uid=u{number:02}": None for number in range(30)})
    shell.run("plan", "--out", "the.plan")
    shell.run("apply", "the.plan", "--yes")
    _, err = shell.run("apply", "the.plan", "--yes", code=5)
    assert "… and 11 more" in err
    assert "Was it applied already? Make a new plan." in err
    assert len(err.splitlines()) == 23


def test_sources_and_workspaces_narrow_what_is_read(shell: Shell) -> None:
    source = DESIRED["sources"][0]
    shell.company(
        {"uid=ann": None},
        platform=DESIRED["platform"] | {"workspaces": ["one", "two"]},
        sources=[source, source | {"name": "gone", "files": ["gone.ldif"]}],
    )
    _, err = shell.run("plan", code=7)
    assert "gone.ldif" in err
    shell.run("apply", "--yes", "--source", "corp", "--workspace", "two")
    users = json.loads(shell.run("users", "--format", "json")[0])
    assert [(user["workspace"], user["username"]) for user in users] == [("two", "ann")]
    assert json.loads(shell.run("users", "--format", "json", "--workspace", "one")[0]) == []
    assert json.loads(shell.run("users", "--format", "json", "--source", "gone")[0]) == []
    _, err = shell.run("plan", "--source", "nobody", code=2)
    assert err == "error: there is no source 'nobody'; declared are: corp, gone\n"
    _, err = shell.run("plan", "--workspace", "three", code=2)
    assert err == "error: there is no workspace 'three'; declared are: one, two\n"
    out, _ = shell.run("apply", "--yes", "--source", "corp")
    assert "2 applied" in out
    out, _ = shell.run("plan", "--source", "corp", "--check")


def test_two_workspaces_in_one_plan(shell: Shell) -> None:
    shell.company({"uid=ann": None}, platform=DESIRED["platform"] | {"workspaces": ["one", "two"]})
    out, _ = shell.run("plan", "--out", "the.plan")
    assert "Workspace one" in out
    assert "Workspace two" in out
    assert "two: user ann" in shell.run("show", "the.plan", "--format", "markdown")[0]
    shell.run("apply", "the.plan", "--yes")
    shell.run("plan", "--check")


def test_listings(shell: Shell) -> None:
    shell.company(
        {"ou=Sales": None, "uid=ann,ou=Sales": {"sn": "=1+1"}, "cn=team": {"member": ["uid=ann,ou=Sales"]}},
        role_mappings=[{"role": "operator", "default": True}],
        groups=[{"source": "corp", "select": ["cn=team"]}],
        departments=[{"source": "corp", "select": ["ou=Sales"]}],
    )
    assert shell.run("users")[0].splitlines() == [
        "WORKSPACE  USERNAME  FIRST NAME  LAST NAME  EMAIL  STATUS  SOURCE  ROLES  GROUPS  DEPARTMENT"
    ]
    shell.run("apply", "--yes")
    (user,) = json.loads(shell.run("users", "--format", "json")[0])
    assert user == {
        "workspace": "main",
        "username": "ann",
        "first_name": "The",
        "last_name": "=1+1",
        "email": "ann@example.com",
        "status": "active",
        "source": "corp",
        "external_id": "id-ann",
        "dn": "uid=ann,ou=Sales,dc=example,dc=com",
        "roles": ["operator"],
        "groups": ["team"],
        "department": "Sales",
        "manager": None,
        "attributes": {},
    }
    (row,) = csv.DictReader(io.StringIO(shell.run("users", "--format", "csv")[0]))
    assert row["last_name"] == "'=1+1", "no formula for a spreadsheet"
    (group,) = json.loads(shell.run("groups", "--format", "json")[0])
    assert (group["name"], group["members"]) == ("team", ["ann"])
    (department,) = json.loads(shell.run("departments", "--format", "json")[0])
    assert (department["path"], department["members"]) == ("Sales", ["ann"])
    assert "team" in shell.run("groups")[0]
    assert "Sales" in shell.run("departments")[0]


def test_validate_in_every_form(shell: Shell) -> None:
    shell.company({})
    assert shell.run("validate")[0] == "Valid: reconcile.yml\n"
    assert json.loads(shell.run("validate", "--format", "json")[0]) == {"valid": True, "problems": []}
    (shell.folder / "reconcile.yml").write_text("version: 1\nplatfrom: {}\n", encoding="utf-8")
    out, _ = shell.run("validate", code=2)
    assert "reconcile.yml:2:1: " in out
    assert "did you mean `platform`?" in out
    problems = json.loads(shell.run("validate", "--format", "json", code=2)[0])["problems"]
    assert {"file", "line", "column", "path", "message"} == set(problems[0])
    out, _ = shell.run("validate", "--format", "github", code=2)
    assert "::error file=reconcile.yml,line=2,col=1::" in out
    _, err = shell.run("plan", code=2)
    assert "error: reconcile.yml:2:1: " in err


def test_the_effective_configuration(shell: Shell) -> None:
    shell.company({"uid=ann": None, "cn=team": {"member": ["uid=ann"]}}, groups=[{"source": "corp", "select": ["*"]}])
    out, err = shell.run("validate", "--effective", "--var", "who=me")
    assert err == ""
    assert re.search(r"^  who: me +# --var$", out, re.MULTILINE)
    assert re.search(r"^  type: sql +# reconcile.yml:\d+$", out, re.MULTILINE)
    assert re.search(r"^      identifier: uid +# type ldif$", out, re.MULTILINE)
    assert re.search(r"^      # member_attribute: member, uniquemember, memberuid +# type ldif$", out, re.MULTILINE)
    assert re.search(r"^  on_missing: block +# built-in$", out, re.MULTILINE)
    settings = json.loads(shell.run("validate", "--effective", "--format", "json")[0])
    assert {"path": "lifecycle.on_missing", "value": "block", "origin": "built-in"} in settings
    lines = (shell.folder / "reconcile.yml").read_text(encoding="utf-8").splitlines()
    place = f"reconcile.yml:{lines.index('  files:') + 1}"
    assert {"path": "sources[0].files", "value": ["corp.ldif"], "origin": place} in settings
    # What it prints is a desired-state file: the same plan comes of it.
    (shell.folder / "effective.yml").write_text(out, encoding="utf-8")
    plans = [json.loads(shell.run("plan", name, "--format", "json")[0]) for name in ("reconcile.yml", "effective.yml")]
    assert plans[0]["changes"] == plans[1]["changes"]
    assert len(plans[0]["changes"]) == 4
    again = shell.run("validate", "--effective", "effective.yml")[0]
    assert re.sub(" +#.*", "", again) == re.sub(" +#.*", "", out)


def test_the_effective_configuration_with_mistakes(shell: Shell) -> None:
    for form in ("github", "text"):
        arguments = ("--effective", "--format", "github") if form == "github" else ("--format", "yaml")
        out, err = shell.run("validate", *arguments, code=2)
        assert (out, "--effective prints yaml or json" in err) == ("", True)
    shell.desired(preset="procesmaker")
    for arguments in ((), ("--format", "json")):
        out, err = shell.run("validate", "--effective", *arguments, code=2)
        assert out == "", "what goes into a file is a configuration or nothing"
        assert "did you mean `processmaker`?" in err


def test_init_writes_a_file_that_only_lacks_its_secret(shell: Shell) -> None:
    _, err = shell.run("plan", code=2)
    assert "reconcile init" in err
    shell.run("init")
    assert shell.run("validate")[0] == "Valid: reconcile.yml\n"
    before = (shell.folder / "reconcile.yml").read_text(encoding="utf-8")
    _, err = shell.run("init", code=2)
    assert "is there already: it is not overwritten" in err
    assert (shell.folder / "reconcile.yml").read_text(encoding="utf-8") == before
    _, err = shell.run("init", "no/such/folder.yml", code=2)
    assert "cannot be written" in err


def test_testing_what_can_be_reached(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    out, _ = shell.run("test")
    assert "corp      ok      persons         1 found below" in out
    assert "platform  ok      " in out
    shell.company({"uid=ann": None}, platform=DESIRED["platform"] | {"workspaces": ["one", "two"]})
    shell.run("apply", "--yes")
    out, _ = shell.run("test", "--workspace", "two")
    assert "workspace two   1 users" in out
    assert "workspace one" not in out
    (shell.folder / "corp.ldif").unlink()
    out, _ = shell.run("test", code=7)
    assert "corp      FAILED  " in out
    assert "corp.ldif" in out


def test_searching_for_people(shell: Shell) -> None:
    users = {
        "create": "selected",
        "select": ["ann", "new*"],
        "exclude": ["svc-*"],
        "require": ["email"],
        "require_groups": [],
    }
    shell.company({"uid=ann": None, "ou=Sales": None}, sources=[DESIRED["sources"][0] | {"users": users}])
    shell.run("apply", "--yes")
    shell.sql("insert into users (workspace_id, username) values (1, 'Local')")
    people = {
        "uid=ann": None,
        "uid=newby": {"givenName": "Jörg", "sn": "M(*)ller"},
        "uid=other": {"cn": "Kathryn Beck"},
        "uid=svc-x": None,
        "uid=local": None,
        "uid=nomail": {"mail": None},
    }
    (shell.folder / "corp.ldif").write_text(ldif(people), encoding="utf-8")

    def found(keyword: str) -> dict[str, tuple[str, str]]:
        rows = json.loads(shell.run("search", "corp", keyword, "--format", "json")[0])
        return {row["username"]: (row["status"], row["why"]) for row in rows}

    assert found("*") == {
        "ann": ("IMPORTED", "active"),
        "newby": ("NOT IMPORTED", "the next apply creates it: named in select of corp"),
        "other": ("NOT IMPORTED", "not selected"),
        "svc-x": ("NOT IMPORTED", "on the exclude list"),
        "local": ("CANNOT IMPORT", "exists_locally: the platform has a local 'Local'"),
        "nomail": ("CANNOT IMPORT", "missing_field: email is required and the directory has none"),
    }
    assert set(found("KAT*beck")) == {"other"}
    assert set(found("(*)")) == {"newby"}, "a parenthesis is a parenthesis"
    assert set(found("jörg m")) == {"newby"}
    assert set(found("ANN@example")) == {"ann"}
    assert set(found("uid=ann,dc=")) == {"ann"}
    assert found("nobody") == {}
    out, err = shell.run("search", "corp", "ann")
    assert out.splitlines()[1].split()[:2] == ["ann", "The"]
    assert err == "1 of 6 found.\n"
    out, err = shell.run("search", "corp", "ann", "--format", "csv")
    assert out.startswith("username,first_name,last_name,email,dn,status,why\nann,The,Ann,ann@example.com,")
    assert err == ""
    assert "there is no source 'x'" in shell.run("search", "x", "ann", code=2)[1]


def test_what_a_search_shows_can_be_searched_for(shell: Shell) -> None:
    """Usernames and mail that templates made of something else, and a DN however it is written."""
    fields = {
        "username": "{{ identifier }}@{{ domain }}",
        "first_name": "{{ displayName }}",
        "email": "{{ employeeNumber }}@mail.example.org",
    }
    people = {
        "uid=ann": {"displayName": "Änne", "employeeNumber": "4711"},
        "ou=Sales\\2C EU": None,
        "uid=bob,ou=Sales\\2C EU": {"displayName": "Bob", "employeeNumber": "4712"},
    }
    shell.company(people, sources=[DESIRED["sources"][0] | {"users": {"create": "all", "fields": fields}}])
    shell.run("apply", "--yes")

    def found(keyword: str) -> list[str]:
        rows = json.loads(shell.run("search", "corp", keyword, "--format", "json")[0])
        return [row["username"].partition("@")[0] for row in rows]

    assert found("ann@example.com") == found("ÄNNE ann") == found("4711@mail.example.org") == ["ann"]
    assert found("OU = sales\\, eu, DC = Example") == found(r'ou="Sales, E*",dc=example') == ["bob"]
    shell.sql("update users set username = 'handmade' where username like 'bob%'")
    assert found("handmade") == ["handmade"]


def test_a_person_outside_the_required_groups_is_not_imported(shell: Shell) -> None:
    users = {"create": "all", "require_groups": ["cn=in"]}
    shell.company({"uid=ann": None, "cn=in": {"member": []}}, sources=[DESIRED["sources"][0] | {"users": users}])
    (row,) = json.loads(shell.run("search", "corp", "ann", "--format", "json")[0])
    assert (row["status"], row["why"]) == ("NOT IMPORTED", "in none of the required groups")


def test_a_source_as_trees(shell: Shell) -> None:
    shell.company(
        {
            "ou=Sales": None,
            "ou=North,ou=Sales": None,
            "ou=Other": None,
            "uid=ann,ou=North,ou=Sales": None,
            "uid=bob,ou=Sales": None,
            "cn=top": {"member": ["cn=low", "uid=bob,ou=Sales"]},
            "cn=low": {"member": ["uid=ann,ou=North,ou=Sales", "cn=low"]},
            "cn=round": {"member": ["cn=about"]},
            "cn=about": {"member": ["cn=round"]},
        },
        role_mappings=[{"role": "operator", "groups": ["cn=top"]}],
        groups=[{"source": "corp", "select": ["cn=low"]}],
        departments=[{"source": "corp", "select": ["ou=Sales"]}],
    )
    assert (
        shell.run("tree", "corp")[0]
        == """\
corp: dc=example,dc=com

departments: 3
    [ ] Other  # ou=Other,dc=example,dc=com
    [x] Sales  # ou=Sales,dc=example,dc=com
        [ ] North  # ou=North,ou=Sales,dc=example,dc=com

groups: 4
    [ ] top  role operator  # cn=top,dc=example,dc=com
        [x] low  # cn=low,dc=example,dc=com
            [x] low  (shown above)  # cn=low,dc=example,dc=com
    [ ] about  # cn=about,dc=example,dc=com
        [ ] round  # cn=round,dc=example,dc=com
            [ ] about  (shown above)  # cn=about,dc=example,dc=com

persons: 2

persons in departments:
    Sales (1, 2 with all within)  # ou=Sales,dc=example,dc=com
        North (1)  # ou=North,ou=Sales,dc=example,dc=com

persons in groups:
    top (1, 2 with all within)  # cn=top,dc=example,dc=com
        low (1)  # cn=low,dc=example,dc=com
"""
    )
    data = json.loads(shell.run("tree", "corp", "--format", "json")[0])
    assert data["groups"][0]["within"][0]["dn"] == "cn=low,dc=example,dc=com"


def test_trees_go_to_standard_output_whatever_the_terminal_shows(shell: Shell) -> None:
    shell.company({"ou=Sales": None, "uid=ann,ou=Sales": None})
    for form in ("text", "json"):
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            [*RECONCILE, "tree", "corp", "--format", form], stdout=subprocess.PIPE, stderr=theirs, text=True
        )
        os.close(theirs)
        while _read(ours):
            pass
        os.close(ours)
        out, _ = child.communicate()
        assert out == shell.run("tree", "corp", "--format", form)[0]
        assert child.returncode == 0


def test_a_directory_deeper_than_anybody_would_make(shell: Shell) -> None:
    units = [",".join(f"ou=o{level}" for level in range(depth, -1, -1)) for depth in range(120)]
    groups: dict[str, Any] = {f"cn=g{number}": {"member": [f"cn=g{number + 1}"]} for number in range(1200)}
    shell.company(
        {**dict.fromkeys(units), "uid=ann": None, **groups, "cn=g1200": {"member": ["uid=ann"]}},
        groups=[{"source": "corp", "select": ["cn=g0"]}],
        departments=[{"source": "corp", "select": ["ou=*"]}],
    )
    trees, _, counts = shell.run("tree", "corp")[0].partition("\npersons: 1\n")
    lines = trees.splitlines()
    assert sum("ou=o" in line for line in lines) == 120
    assert sum("  # cn=g" in line for line in lines) == 1201
    assert "(goes on below)" in trees
    assert counts.count("  # cn=g") == 1201
    json.loads(shell.run("tree", "corp", "--format", "json")[0])
    out, _ = shell.run("apply", "--yes")
    assert " 0 failed, 0 skipped.\n" in out
    shell.run("plan", "--check")


def test_mistakes_at_the_command_line(shell: Shell) -> None:
    shell.company({})
    assert "No such command" in shell.run("paln", code=2)[1]
    assert "No such option" in shell.run("plan", "--chekc", code=2)[1]
    assert "is not one of" in shell.run("plan", "--format", "html", code=2)[1]
    assert "nothere.plan" in shell.run("show", "nothere.plan", code=2)[1]
    assert "--config goes with a plan file" in shell.run("apply", "--config", "x.yml", code=2)[1]
    assert "belong to the plan command" in shell.run("apply", "x.plan", "--source", "corp", code=2)[1]
    assert "a plan file is applied alone" in shell.run("apply", "x.plan", "reconcile.yml", code=2)[1]
    (shell.folder / "notes.txt").write_text("mine", encoding="utf-8")
    _, err = shell.run("plan", "--out", "notes.txt", code=2)
    assert "is not a plan file: it is not overwritten" in err
    _, err = shell.run("plan", "--out", "the.yml", code=2)
    assert "a plan file does not end in .yml" in err
    os.mkfifo(shell.folder / "pipe")
    for device in ("pipe", "/dev/null"):
        _, err = shell.run("plan", "--out", device, code=2)
        assert "is no file" in err
    assert stat.S_ISFIFO((shell.folder / "pipe").stat().st_mode)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    (shell.folder / "link.plan").symlink_to("real.plan")
    shell.run("plan", "--out", "link.plan")
    assert (shell.folder / "link.plan").is_symlink()
    assert (shell.folder / "real.plan").stat().st_size
    _, err = shell.run("plan", "--out", "no/such/the.plan", code=1)
    assert "the plan file cannot be written" in err


def test_logs_as_json_and_what_was_searched(shell: Shell) -> None:
    shell.company({}, role_mappings=[{"role": "x", "groups": ["cn=none,dc=example,dc=com"]}])
    _, err = shell.run("plan", "--log-format", "json")
    nobody, line = map(json.loads, err.splitlines())
    assert nobody["message"].startswith("corp: no person is found: nothing at all is seen below dc=example,dc=com: ")
    assert nobody["message"].endswith("it is empty, or was not exported")
    assert (line["level"], line["logger"]) == ("warning", "reconcile.cli.assembling")
    assert "cn=none" in line["message"]
    _, err = shell.run("plan", "--workspace", "x", "--log-format", "json", code=2)
    assert json.loads(err)["level"] == "error"


def test_help_is_quick_and_complete() -> None:
    done = subprocess.run([*RECONCILE, "--help"], capture_output=True, text=True, check=True)
    commands = {"init", "validate", "test", "plan", "apply", "show", "users", "groups", "departments"}
    assert commands <= set(re.findall(r"^  (\w+)", done.stdout, re.MULTILINE))
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, reconcile.cli; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    heavy = {"sqlalchemy", "ldap3", "jinja2", "yaml", "jsonschema", "alembic", "rich", "deepdiff", "msgspec"}
    assert heavy.isdisjoint(loaded), "`--help` loads what it does not need"


# Preview


def test_a_preview_tells_who_would_be_synchronised(shell: Shell) -> None:
    rules = {"create": "all", "require": ["email"], "exclude": ["zoe"]}
    source = DESIRED["sources"][0] | {"users": rules}
    more: dict[str, Any] = {"sources": [source], "role_mappings": [{"role": "operator", "default": True}]}
    shell.company({"uid=ann": None, "uid=zoe": None, "uid=nomail": None}, **more)
    shell.run("apply", "--yes")
    shell.company(
        {
            "uid=ann": None,
            "uid=bob": {"givenName": "=1+1", "pwdAccountLockedTime": "000001010000Z"},
            "uid=nomail": {"mail": None},
            "uid=other": {"mail": None},
            "uid=zoe": None,
        },
        **more,
    )
    before = (shell.folder / "platform.db").read_bytes()
    out, err = shell.run("preview")
    lines = out.splitlines()
    assert lines[0].split() == [
        *("SOURCE", "USERNAME", "FIRST", "NAME", "LAST", "NAME", "EMAIL", "ROLES", "STATUS", "EXISTS", "ACTION", "DN"),
    ]
    assert [line.split()[1] for line in lines[1:3]] == ["ann", "bob"]
    assert "  active    yes     none    uid=ann," in lines[1]
    assert "  inactive  no      create  uid=bob," in lines[2]
    assert lines[4] == "Skipped, left as they are:"
    assert ["yes" in lines[6], "no " in lines[7]] == [True, True]
    assert "missing_field: email is required and the directory has none" in lines[6]
    assert err == "2 would be synchronised, 2 cannot be.\n"
    rows = list(csv.DictReader(io.StringIO(shell.run("preview", "--format", "csv")[0])))
    assert [(row["username"], row["exists"], row["action"], row["skip"].partition(":")[0]) for row in rows] == [
        ("ann", "yes", "none", ""),
        ("bob", "no", "create", ""),
        ("nomail", "yes", "", "missing_field"),
        ("other", "no", "", "missing_field"),
    ]
    assert rows[1]["first_name"] == "'=1+1", "no spreadsheet computes it"
    data = json.loads(shell.run("preview", "--format", "json")[0])
    assert [(one["username"], one["roles"], one["exists"]) for one in data["users"]] == [
        ("ann", ["operator"], True),
        ("bob", ["operator"], False),
    ]
    assert [(one["username"], one["code"]) for one in data["skips"]] == [
        ("nomail", "missing_field"),
        ("other", "missing_field"),
    ]
    assert (shell.folder / "platform.db").read_bytes() == before
    shell.run("preview", "--source", "nowhere", code=2)


def test_a_preview_says_update_for_a_new_role_alone(shell: Shell) -> None:
    shell.company({"uid=ann": None, "uid=bob": {"mail": "b@example.com"}})
    shell.run("apply", "--yes")
    shell.company({"uid=ann": None, "uid=bob": None}, role_mappings=[{"role": "boss", "groups": ["cn=x"]}])
    data = json.loads(shell.run("preview", "--format", "json")[0])
    assert [(one["username"], one["action"]) for one in data["users"]] == [("ann", "none"), ("bob", "update")]
    shell.company(
        {"uid=ann": None, "uid=bob": {"mail": "b@example.com"}}, role_mappings=[{"role": "a", "default": True}]
    )
    data = json.loads(shell.run("preview", "--format", "json")[0])
    assert {one["action"] for one in data["users"]} == {"update"}
    shell.company({"ou=nobody": None}, sources=[DESIRED["sources"][0] | {"users": {"create": "selected"}}])
    assert shell.run("preview")[0] == "Nobody is in scope.\n"
