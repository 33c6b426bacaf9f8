"""Several workspaces in one file, and one that is broken: the others go on, and the exit code says so."""

import json
import os
from contextlib import closing
from pathlib import Path

import pytest

from reconcile.platforms.sql import SqlPlatform
from reconcile.ports import Holder
from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED, Stage

TWO = DESIRED["platform"] | {"workspaces": ["one", "two"]}
BREAK = (
    "update departments set parent_id = id where workspace_id = (select id from workspaces where name = 'two')",
    "update departments set parent_id = null",
)


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    shell = Shell(tmp_path, capsys, monkeypatch)
    rules = {"departments": [{"source": "corp", "select": ["ou=Sales"]}]}
    shell.company({"ou=Sales": None, "uid=ann,ou=Sales": None}, platform=TWO, **rules)
    shell.run("apply", "--yes")
    shell.company(
        {"ou=Sales": None, "uid=ann,ou=Sales": None, "uid=bob,ou=Sales": None},
        platform=TWO,
        **rules,
    )
    return shell


def test_one_that_cannot_be_read(shell: Shell) -> None:
    shell.sql(BREAK[0])
    out, err = shell.run("plan", "--out", "the.plan", code=7)
    assert "workspace two is left out: table departments" in err
    assert "+ user bob" in out
    assert "  only workspace one" in out
    assert "1 applied" in shell.run("apply", "the.plan", "--yes")[0], (
        "the plan file is of the readable one"
    )
    shell.run("plan", "--check", code=7)
    out, _ = shell.run("apply", "--yes", code=7)
    assert "! workspace two: table departments" in out, "nothing is left to do in the other"
    shell.sql("delete from users where username = 'bob'")
    out, _ = shell.run("apply", "--yes", "--format", "json", code=6)
    report = json.loads(out)
    assert {how: report["summary"][how] for how in ("applied", "failed", "skipped")} == {
        "applied": 1,
        "failed": 0,
        "skipped": 0,
    }
    assert [(one["workspace"], one["exit_code"]) for one in report["troubles"]] == [("two", 7)]
    shell.run("apply", "--yes", "--workspace", "two", code=7)
    shell.run("apply", "--yes", "--workspace", "one")
    shell.sql(BREAK[1])
    assert "1 applied" in shell.run("apply", "--yes")[0]
    shell.run("plan", "--check")


def test_one_that_is_locked(shell: Shell) -> None:
    shell.run("plan", "--out", "the.plan")
    held = Holder("kim", os.uname().nodename, os.getpid(), "2026-01-01T00:00:00Z")
    with (
        closing(SqlPlatform(Stage(shell.folder).settings())) as platform,
        platform.lock(["two"], held),
    ):
        shell.run("apply", "the.plan", "--yes", code=8)
        assert shell.sql("select count(*) from users") == [(2,)], (
            "a plan file is begun in all or in none"
        )
        out, _ = shell.run("apply", "--yes", code=6)
        assert "! workspace two: the workspace 'two' is locked by kim" in out
        assert "1 applied" in out
        shell.run("apply", "--yes", code=8)
    shell.run("apply", "--yes")
    shell.run("plan", "--check")


def test_none_that_can_be_read(shell: Shell) -> None:
    shell.sql("update departments set parent_id = id")
    _, err = shell.run("apply", "--yes", code=7)
    assert "is below itself" in err
    _, err = shell.run("plan", code=7)
    assert "is below itself" in err


def test_a_source_that_cannot_be_read_stops_all(shell: Shell) -> None:
    (shell.folder / "corp.ldif").unlink()
    shell.run("apply", "--yes", code=7)
    assert shell.sql("select count(*) from users") == [(2,)]
