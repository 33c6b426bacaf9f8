"""Every way to end that a program may count on: the exit code and what is said with it."""

import json
import os
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reconcile.cli import cli
from reconcile.platforms.sql import SqlPlatform
from reconcile.ports import Holder
from tests.scenarios.shell import Shell
from tests.scenarios.stage import Stage

PEOPLE: dict[str, Any] = {f"uid=u{number}": None for number in range(8)}


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    """Eight users, in line with their directory."""
    made = Shell(tmp_path, capsys, monkeypatch)
    made.company(PEOPLE)
    made.run("apply", "--yes")
    return made


def nothing(shell: Shell) -> None:
    """All is as it was."""


def one_more(shell: Shell) -> None:
    shell.company(PEOPLE | {"uid=new": None})


def saved(shell: Shell) -> None:
    one_more(shell)
    shell.run("plan", "--out", "the.plan")


def all_gone(shell: Shell) -> None:
    shell.company({})


def refused(shell: Shell) -> None:
    all_gone(shell)
    shell.run("plan", "--out", "the.plan", code=4)


def cut(shell: Shell) -> None:
    saved(shell)
    (shell.folder / "the.plan").write_bytes((shell.folder / "the.plan").read_bytes()[:-20])


def stale(shell: Shell) -> None:
    saved(shell)
    shell.run("apply", "--yes")


def reconfigured(shell: Shell) -> None:
    saved(shell)
    shell.desired(role_mappings=[{"role": "operator", "default": True}])


def one_fails(shell: Shell) -> None:
    shell.company(PEOPLE | {"uid=new": None, "uid=unlucky": None})
    shell.sql(
        "CREATE TRIGGER t BEFORE INSERT ON users WHEN NEW.username = 'unlucky' "
        "BEGIN SELECT RAISE(ABORT, 'no more licences'); END"
    )


def no_directory(shell: Shell) -> None:
    (shell.folder / "corp.ldif").unlink()


def half_a_directory(shell: Shell) -> None:
    file = shell.folder / "corp.ldif"
    file.write_text(file.read_text().replace("mail: u7@", "mail:: ?"), encoding="utf-8")


def no_platform(shell: Shell) -> None:
    (shell.folder / "platform.db").write_bytes(b"SQLite format 4" + bytes(5000))


def mistyped(shell: Shell) -> None:
    shell.desired(lifecyle={"on_missing": "block"})


def misspelt(shell: Shell) -> None:
    shell.desired(groups=[{"source": "corp", "select": ["cn=no-such"]}])


def misspelt_and_one_more(shell: Shell) -> None:
    one_more(shell)
    misspelt(shell)


def misspelt_and_saved(shell: Shell) -> None:
    misspelt_and_one_more(shell)
    shell.run("plan", "--out", "the.plan")


def misspelt_and_all_gone(shell: Shell) -> None:
    all_gone(shell)
    misspelt(shell)


def misspelt_and_one_fails(shell: Shell) -> None:
    one_fails(shell)
    misspelt(shell)


def misspelt_and_no_directory(shell: Shell) -> None:
    no_directory(shell)
    misspelt(shell)


def no_file(shell: Shell) -> None:
    (shell.folder / "reconcile.yml").unlink()


def no_place(shell: Shell) -> None:
    one_more(shell)
    (shell.folder / "folder").mkdir()
    (shell.folder / "folder").chmod(0o500)


Arrange = Callable[[Shell], None]
WAYS: list[tuple[int, Arrange, list[str], str]] = [
    (0, nothing, ["plan"], "No changes."),
    (0, nothing, ["plan", "--check"], "No changes."),
    (0, one_more, ["plan"], "Plan: 1 to add, 0 to change, 0 to remove."),
    (0, one_more, ["apply", "--yes"], "Done: 1 applied, 0 failed, 0 skipped."),
    (0, nothing, ["apply", "--yes"], "No changes."),
    (0, saved, ["show", "the.plan"], "Plan: 1 to add"),
    (0, saved, ["apply", "the.plan", "--yes"], "Done: 1 applied, 0 failed, 0 skipped."),
    (0, nothing, ["validate"], "Valid: reconcile.yml"),
    (
        1,
        one_more,
        ["plan", "--out", "missing/the.plan"],
        "the plan file cannot be written: No such file or directory",
    ),
    (1, nothing, ["login", "nobody"], "login failed"),
    (2, nothing, ["plan", "--no-such-option"], "--no-such-option"),
    (
        2,
        nothing,
        ["plan", "--workspace", "other"],
        "there is no workspace 'other'; declared are: main",
    ),
    (2, one_more, ["apply"], "look at the plan, then use --yes"),
    (2, mistyped, ["plan"], "lifecyle: unknown key"),
    (2, mistyped, ["validate"], "lifecyle: unknown key"),
    (2, no_file, ["apply", "--yes"], "there is no reconcile.yml here"),
    (2, cut, ["apply", "the.plan", "--yes"], "the plan file is cut off"),
    (2, cut, ["show", "the.plan"], "the plan file is cut off"),
    (3, one_more, ["plan", "--check"], "Plan: 1 to add"),
    (4, all_gone, ["plan"], "users_lost:main/corp:8"),
    (4, all_gone, ["plan", "--check"], "users_lost:main/corp:8"),
    (4, all_gone, ["apply", "--yes"], "refused by the guards, nothing was applied:"),
    (4, all_gone, ["serve", "--schedule", "--once"], "users_lost:main/corp:8"),
    (4, refused, ["apply", "the.plan", "--yes"], "users_lost:main/corp:8"),
    (5, stale, ["apply", "the.plan", "--yes"], "user new already exists"),
    (5, reconfigured, ["apply", "the.plan", "--yes"], "is not the one the plan was made from"),
    (6, one_fails, ["apply", "--yes"], "failed: user unlucky: no more licences"),
    (7, no_directory, ["plan"], "corp.ldif cannot be read: No such file or directory"),
    (7, no_directory, ["apply", "--yes"], "corp.ldif cannot be read: No such file or directory"),
    (7, half_a_directory, ["apply", "--yes"], "base64"),
    (7, no_platform, ["plan"], "it is not an SQLite database"),
    (7, no_platform, ["apply", "--yes"], "it is not an SQLite database"),
    (7, no_platform, ["users"], "it is not an SQLite database"),
    (0, nothing, ["plan", "--strict"], "No changes."),
    (0, nothing, ["preview", "--strict"], "8 would be synchronised"),
    (0, nothing, ["test", "--strict"], "ok      persons"),
    (0, one_more, ["apply", "--yes", "--strict"], "Done: 1 applied"),
    (0, misspelt, ["plan"], "has no group 'cn=no-such'"),
    (3, one_more, ["plan", "--check", "--strict"], "Plan: 1 to add"),
    (3, misspelt_and_one_more, ["plan", "--check"], "Plan: 1 to add"),
    (4, misspelt_and_all_gone, ["plan", "--strict"], "users_lost:main/corp:8"),
    (4, misspelt_and_all_gone, ["apply", "--yes", "--strict"], "users_lost:main/corp:8"),
    (6, misspelt_and_one_fails, ["apply", "--yes", "--strict"], "failed: user unlucky"),
    (7, misspelt_and_no_directory, ["plan", "--strict"], "corp.ldif cannot be read"),
    (7, misspelt_and_no_directory, ["test", "--strict"], "corp.ldif cannot be read"),
    (
        9,
        misspelt,
        ["plan", "--strict"],
        "not clean: 1 rule finds nothing; --strict ends with exit code 9",
    ),
    (9, misspelt_and_one_more, ["plan", "--strict", "--check"], "Plan: 1 to add"),
    (9, misspelt, ["preview", "--strict"], "not clean: 1 rule finds nothing"),
    (9, misspelt, ["test", "--strict"], "not clean: 1 rule finds nothing"),
    (9, misspelt, ["apply", "--yes", "--strict"], "No changes."),
    (9, misspelt_and_one_more, ["apply", "--yes", "--strict"], "Done: 1 applied, 0 failed"),
    (
        9,
        misspelt_and_saved,
        ["apply", "the.plan", "--yes", "--strict"],
        "Done: 1 applied, 0 failed",
    ),
]


@pytest.mark.parametrize(
    ("code", "arrange", "arguments", "message"),
    WAYS,
    ids=[
        f"{code}-{arrange.__name__}-{' '.join(arguments)}" for code, arrange, arguments, _ in WAYS
    ],
)
def test_the_code_and_what_is_said(
    code: int,
    arrange: Arrange,
    arguments: list[str],
    message: str,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arrange(shell)
    if "serve" in arguments:
        shell.desired(schedule="daily at 01:30")
    database = shell.folder / "platform.db"
    before = database.read_bytes()
    monkeypatch.setattr(sys, "stdin", None)
    out, err = shell.run(*arguments, code=code)
    assert message in out + err
    if code not in (0, 6, 9) and arguments[0] in ("plan", "apply", "serve") and code != 5:
        assert database.read_bytes() == before


def test_another_run_holds_the_platform(shell: Shell) -> None:
    one_more(shell)
    holder = Holder("anna", socket.gethostname(), os.getpid(), "2026-01-01T00:00:00Z")
    with (
        closing(SqlPlatform(Stage(shell.folder).settings())) as platform,
        platform.lock(["main"], holder),
    ):
        for force in ([], ["--force"]):
            _, err = shell.run("apply", "--yes", *force, code=8)
            assert f"locked by anna on {holder.host}, process {os.getpid()}" in err
        shell.run("plan")
    shell.run("apply", "--yes")


def test_every_code_is_here_and_in_the_help(shell: Shell) -> None:
    assert {code for code, *_ in WAYS} | {8} == set(range(10))
    help_, _ = shell.run("--help")
    told = " ".join(help_.split())
    for words in (
        "0 done",
        "1 failed",
        "2 usage",
        "3 changes",
        "4 refused",
        "5 stale",
        "6 applied in part",
        "7 a source",
    ):
        assert words in told
    assert "8 locked" in told
    assert "9 done but not clean (--strict)" in told
    assert cli.commands.keys() >= {
        arguments[0] for _, _, arguments, _ in WAYS if not arguments[0].startswith("-")
    }


def test_an_error_in_json_is_one_object_a_line(shell: Shell) -> None:
    mistyped(shell)
    _, err = shell.run("plan", "--log-format", "json", code=2)
    (line,) = [json.loads(line) for line in err.splitlines()]
    assert line["level"] == "error"
    assert "lifecyle: unknown key" in line["message"]
