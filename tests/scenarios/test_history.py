"""`history`, `plan --undo` and `unlock` as a user types them."""

import json
import os
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from reconcile.model import desired
from reconcile.platforms.sql import SqlPlatform
from reconcile.ports import Holder
from tests.contract.platforms import Text
from tests.scenarios.shell import Shell


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    made = Shell(tmp_path, capsys, monkeypatch)
    made.company({"uid=ann": {"sn": "One"}, "uid=bob": None})
    return made


def runs(shell: Shell) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(shell.run("history", "--format", "json")[0])
    return found


def test_before_the_first_run(shell: Shell) -> None:
    assert "No runs yet" in shell.run("history")[0]
    assert json.loads(shell.run("history", "--format", "json")[0]) == []
    assert "no run yet" in shell.run("history", "--verify")[0]
    assert "No run has changed a user" in shell.run("history", "--user", "ann")[0]
    assert "nothing has been applied yet" in shell.run("history", "2026", code=2)[1]
    assert "nothing has been applied yet" in shell.run("plan", "--undo", "2026", code=2)[1]
    assert "'main' is not locked" in shell.run("unlock")[0]
    assert not (shell.folder / "platform.db").exists()


def test_runs_are_listed_shown_and_found_by_user(shell: Shell) -> None:
    shell.run("apply", "--yes")
    shell.run("apply", "--yes")  # keeps a memo, and no history
    content = (shell.folder / "platform.db").read_bytes()
    shell.run("apply", "--yes")
    assert (shell.folder / "platform.db").read_bytes() == content, (
        "a run without changes writes not a byte"
    )
    shell.company({"uid=ann": {"sn": "Two"}, "uid=bob": None})
    shell.run("apply", "--yes")
    first, second = runs(shell)
    assert (first["applied"], second["applied"], second["outcome"], second["commit"]) == (
        3,
        1,
        "applied",
        "",
    )
    out, err = shell.run("history", "--limit", "1")
    assert str(second["run"]) in out
    assert str(first["run"]) not in out
    assert "The last 1 of 2 runs" in err
    out, _ = shell.run("history", str(second["run"]).partition("-")[2], "reconcile.yml")
    assert 'last_name  "One" → "Two"' in out
    assert "~ user ann  # changed in corp" in out
    (shown,) = json.loads(shell.run("history", str(second["run"]), "--format", "json")[0])
    assert shown["changes"][0]["before"] == {"last_name": "One"}
    out, _ = shell.run("history", "--user", "ANN")
    assert out.count("user ann") == 2
    assert "bob" not in out
    assert "there is no run 'x'" in shell.run("history", "x", code=2)[1]
    assert "cannot be combined" in shell.run("history", "x", "--verify", code=2)[1]
    assert "could be any" in shell.run("history", "2", code=2)[1]


def test_what_was_altered_is_found(shell: Shell) -> None:
    shell.run("apply", "--yes")
    shell.company({"uid=ann": {"sn": "Two"}, "uid=bob": None})
    shell.run("apply", "--yes")
    out, _ = shell.run("history", "--verify")
    assert "2 runs, 4 changes; nothing was altered" in out
    assert str(runs(shell)[-1]["hash"]) in out
    for statement, why in (
        (
            "UPDATE history_changes SET payload = replace(payload, 'Two', 'Three')",
            "the text of change 1 was altered",
        ),
        (
            "UPDATE history_changes SET result = 'failed' WHERE position = 2",
            "list of changes, was altered",
        ),
        ("UPDATE history_runs SET login = 'eve' WHERE id = 1", "its record"),
        ("DELETE FROM history_changes WHERE run_id = 1 AND position = 2", "change 2 is missing"),
        ("DELETE FROM history_runs WHERE id = 1", "it does not follow the run before it"),
        ("UPDATE history_runs SET accepted = 'x' WHERE id = 1", "its record"),
        ("UPDATE history_runs SET lost = '[]' WHERE id = 1", "its record"),
        (
            "UPDATE history_changes SET payload = 'x' WHERE run_id = 2",
            "the text of change 1 was altered",
        ),
        ("UPDATE history_changes SET kind = 'x' WHERE run_id = 2", "list of changes, was altered"),
    ):
        content = (shell.folder / "platform.db").read_bytes()
        shell.sql(statement)
        out, _ = shell.run("history", "--verify", code=1)
        assert "BROKEN at run" in out
        assert why in out
        (row,) = json.loads(shell.run("history", "--verify", "--format", "json", code=1)[0])
        assert why in row["broken"]
        for command in (["history"], ["history", "--user", "ann"]):
            assert "fault of reconcile" not in "".join(shell.run(*command))
        (shell.folder / "platform.db").write_bytes(content)


def test_an_empty_history_of_a_platform_that_was_written_is_found(shell: Shell) -> None:
    shell.run("history", "--verify")
    shell.run("apply", "--yes")
    shell.sql("DELETE FROM history_changes")
    shell.sql("DELETE FROM history_runs")
    assert "no runs: all of them were removed" in shell.run("history", "--verify", code=1)[0]


def test_what_was_cut_off_is_found_by_a_hash_that_was_noted(shell: Shell) -> None:
    shell.run("apply", "--yes")
    shell.company({"uid=ann": {"sn": "Two"}, "uid=bob": None})
    shell.run("apply", "--yes")
    first, last = (str(one["hash"]) for one in runs(shell))
    shell.run("history", "--verify", "--expect", first, "--expect", last.upper())
    shell.sql("DELETE FROM history_runs WHERE id = 2")
    out, _ = shell.run("history", "--verify", code=1)
    assert (
        f"the runs after it were removed: the workspace records a different last hash ({last})"
        in out
    )
    shell.sql(f"UPDATE workspaces SET history_hash = '{first}'")
    shell.run("history", "--verify")
    shell.run("history", "--verify", "--expect", first)
    assert (
        f"BROKEN: no run has the hash {last}"
        in shell.run("history", "--verify", "--expect", last, code=1)[0]
    )
    out, err = shell.run("history", "--verify", "--expect", last, "--format", "json", code=1)
    assert json.loads(out)
    assert last in err
    assert "needs --verify" in shell.run("history", "--expect", last, code=2)[1]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history_changes SET payload = replace(payload, 'Two', 'Three') WHERE run_id = 2",
        "UPDATE history_changes SET payload = 'x' WHERE run_id = 2",
        "UPDATE history_changes SET kind = 'x' WHERE run_id = 2",
        "UPDATE history_changes SET result = 'failed' WHERE run_id = 2",
    ],
)
def test_what_was_altered_is_not_undone(shell: Shell, statement: str) -> None:
    shell.run("apply", "--yes")
    shell.company({"uid=ann": {"sn": "Two"}, "uid=bob": None})
    shell.run("apply", "--yes")
    run = str(runs(shell)[-1]["run"])
    shell.run("plan", "--undo", run)
    shell.sql(statement)
    out, err = shell.run("plan", "--undo", run, code=1)
    assert out == ""
    assert f"run {run} in workspace main is not undone, because its history was altered" in err


def test_a_run_is_undone_by_way_of_a_plan_file(shell: Shell) -> None:
    shell.run("apply", "--yes")
    shell.company({"uid=ann": {"sn": "Two"}, "uid=bob": None, "uid=cid": None})
    shell.run("apply", "--yes")
    run = str(runs(shell)[-1]["run"])
    (shell.folder / "corp.ldif").unlink()
    out, _ = shell.run("plan", "--undo", run, "--out", "u.plan", "--check", code=3)
    assert f"~ user ann  # undoes run {run}" in out
    assert f"undoes run {run}" in out.splitlines()[-3]
    shown = json.loads(shell.run("show", "u.plan", "--format", "json")[0])
    assert shown["scope"]["undo"] == run
    assert [(one["action"], one["key"]) for one in shown["changes"]] == [
        ("update", "ann"),
        ("delete", "cid"),
    ]
    assert "Undoes run" in shell.run("plan", "--undo", run, "--format", "markdown")[0]
    shell.company({"uid=ann": {"sn": "Two"}})
    shell.run("apply", "u.plan", "--yes")
    assert shell.sql("SELECT username, last_name FROM users") == [("ann", "One"), ("bob", "Bob")]
    assert runs(shell)[-1]["undoes"] == run
    assert "Nothing is left to undo" in shell.run("plan", "--undo", run, "--check")[0]
    shell.sql("UPDATE users SET last_name = 'Hand' WHERE username = 'ann'")
    out, _ = shell.run("plan", "--undo", str(runs(shell)[-1]["run"]))
    assert "not_undone: ann" in out
    assert "changed since: last_name" in out
    assert "cid: was deleted" in out
    assert (
        "cannot be combined with"
        in shell.run("plan", "--undo", run, "--target", "user:ann", code=2)[1]
    )


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_commit_of_the_desired_state_is_noted(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(shell.folder, "init", "-q")
    git(shell.folder, "add", "reconcile.yml")
    git(shell.folder, "commit", "-qm", "first")
    shell.run("apply", "--yes")
    commit = git(shell.folder, "rev-parse", "HEAD")
    assert (runs(shell)[-1]["commit"], runs(shell)[-1]["dirty"]) == (commit, False)
    shell.company({"uid=ann": None}, vars={"x": "y"})
    shell.run("apply", "--yes")
    assert (runs(shell)[-1]["commit"], runs(shell)[-1]["dirty"]) == (commit, True)
    monkeypatch.setenv("PATH", str(shell.folder))
    shell.company({"uid=ann": {"sn": "Without git"}})
    shell.run("apply", "--yes")
    assert (runs(shell)[-1]["commit"], runs(shell)[-1]["dirty"]) == ("", False)


def test_only_a_dead_lock_is_removed(shell: Shell) -> None:
    shell.run("apply", "--yes")
    settings = desired.Platform("sql", Text("sqlite:///platform.db"), folder=str(shell.folder))
    holder = Holder("kim", socket.gethostname(), os.getpid(), "2026-01-01T00:00:00Z")
    with closing(SqlPlatform(settings)) as platform, platform.lock(["main"], holder):
        _, err = shell.run("unlock", code=8)
        for part in (
            "locked by kim",
            socket.gethostname(),
            "since 2026-01-01T00:00:00Z",
            "last heartbeat 20",
        ):
            assert part in err
        shell.sql("UPDATE locks SET process_started = process_started || '0'")
        out, _ = shell.run("unlock")
        assert "Removed the lock of the workspace 'main': it was of kim" in out
        assert "last heartbeat 20" in out
        assert shell.sql("SELECT * FROM locks") == []
        assert "is not locked" in shell.run("unlock")[0]
