"""The commands as a user types them: output, exit codes, files left behind, and the mistakes a beginner makes."""

import importlib
import json
import os
import pty
import re
import shutil
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reconcile import cli
from reconcile.cli.guide import registry
from reconcile.platforms.sql import SqlPlatform
from reconcile.ports import Holder
from tests.scenarios.shell import RECONCILE, Shell, terminal_output
from tests.scenarios.stage import DESIRED, Stage


def test_a_first_run_and_a_second_with_nothing_to_do(shell: Shell) -> None:
    shell.company({"uid=ann": None, "uid=bob": None})
    out, _ = shell.run("plan")
    assert "+ user ann  # found in corp" in out
    assert out.endswith(
        "Plan: 3 to add, 0 to change, 0 to remove.\n  corp   created\n  users        2\n"
    )
    assert {path.name for path in shell.folder.iterdir()} == {"reconcile.yml", "corp.ldif"}, (
        "a plan creates nothing"
    )
    shell.run("plan", "--check", code=3)
    out, _ = shell.run("apply", "--yes")
    done = "Done: 3 applied, 0 failed, 0 skipped.\n  corp   created\n  users        2\n"
    assert re.search(
        re.escape(done) + r"  configuration: reconcile.yml \(sha256 [0-9a-f]{12}\)\n\Z", out
    )
    out, _ = shell.run("plan", "--check")
    assert out == (
        "No changes. The platform matches the directories and the rules.\n  corp   existing\n  users         2\n"
    )
    shell.run("apply", "--yes")  # keeps a memo, and nothing else
    before = (shell.folder / "platform.db").read_bytes()
    shell.run("apply", "--yes")
    assert (shell.folder / "platform.db").read_bytes() == before


def test_apply_asks_on_a_terminal_and_refuses_without(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    done = subprocess.run(
        [*RECONCILE, "apply"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "there is no terminal to ask on" in done.stderr
    assert not (shell.folder / "platform.db").exists()
    for answer, code in ((b"n\n", 1), (b"\n", 1), (b"y\n", 0)):
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            [*RECONCILE, "apply"], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
        )
        os.close(theirs)
        seen = b""
        while b"[y/N]" not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, answer)
        while chunk := terminal_output(ours):
            seen += chunk
        os.close(ours)
        assert child.wait() == code, seen
        assert b"\x1b[32m+\x1b[0m user ann" in seen, "coloured on a terminal"
        assert (shell.folder / "platform.db").exists() == (code == 0)
        assert (b"Aborted" in seen) == (code == 1)


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
            [*RECONCILE, *arguments],
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            env=environment | extra,
        )
        os.close(theirs)
        seen = b""
        while chunk := terminal_output(ours):
            seen += chunk
        os.close(ours)
        assert child.wait() == 0
        assert b"user bob" in seen
        assert b"\x1b" not in seen


def test_a_change_that_fails_is_isolated_and_what_needs_it_is_skipped(shell: Shell) -> None:
    shell.company({"uid=zoe": None}, groups=[])
    shell.run("apply", "--yes")
    shell.company(
        {
            "uid=ann": None,
            "uid=bob": None,
            "uid=zoe": None,
            "cn=team": {"member": ["uid=ann", "uid=bob"]},
        },
        role_mappings=[{"role": "operator", "default": True}],
        groups=[{"source": "corp", "select": ["cn=team"]}],
    )
    shell.sql(
        "create trigger no_ann before insert on users when new.username = 'ann'"
        " begin select raise(abort, 'no more licences'); end"
    )
    out, err = shell.run("apply", "--yes", code=6)
    assert err == "error: failed: create user ann: no more licences\n"
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
    assert report["summary"] == {"applied": 0, "failed": 1, "skipped": 2, "unknown": 0}
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
    with (
        closing(SqlPlatform(Stage(shell.folder).settings())) as platform,
        platform.lock(["main"], held),
    ):
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
        shell.run(
            "plan", "--format", "json", "--target", "group:other", "--target", "department:Sales"
        )[0]
    )
    assert [(one["kind"], one["key"]) for one in data["changes"]] == [
        ("source", "corp"),
        ("department", "Sales"),
        ("group", "other"),
    ]
    assert data["scope"]["targets"] == ["department:Sales", "group:other"]
    assert "only user:ann" in shell.run("plan", "--target", "user:ann")[0]
    _, err = shell.run("plan", "--target", "user:nobody", code=2)
    assert (
        "there is no user 'nobody': not on the platform, not in the plan, not among the skipped"
        in err
    )
    _, err = shell.run("plan", "--target", "ann", code=2)
    assert "A target is one of user:NAME, group:NAME, department:PATH" in err


def test_a_target_brings_all_that_it_needs(shell: Shell) -> None:
    rules: dict[str, Any] = {
        "sources": [
            DESIRED["sources"][0] | {"users": {"create": "all", "manager_attribute": "manager"}}
        ],
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
    users = {
        user["username"]: user for user in json.loads(shell.run("users", "--format", "json")[0])
    }
    assert (users["bob"]["manager"], users["bob"]["department"]) == ("boss", "A2/B")
    assert users["other"]["last_name"] == "Other", "what was not asked for stays"


def test_a_report_that_nobody_can_read_does_not_change_what_was_done(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    shell.run("plan", "--out", "the.plan")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*RECONCILE, "apply", "the.plan", "--yes"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "error: standard output cannot be written: No space left on device. Done: 2 applied, 0 failed, 0 skipped.\n"
    )
    shell.run("plan", "--check")


@pytest.mark.parametrize(
    ("closed", "code", "said"),
    [
        (
            1,
            1,
            "error: standard output cannot be written: it is closed. Done: 2 applied, 0 failed, 0 skipped.\n",
        ),
        (2, 0, ""),
    ],
)
def test_closed_streams(shell: Shell, closed: int, code: int, said: str) -> None:
    shell.company({"uid=ann": None})
    command = " ".join([*RECONCILE, "apply", "--yes", f"{closed}>&-"])
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, said)
    shell.run("plan", "--check")


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


def test_mistakes_at_the_command_line(shell: Shell) -> None:
    shell.company({})
    assert "No such command" in shell.run("paln", code=2)[1]
    assert "No such option" in shell.run("plan", "--chekc", code=2)[1]
    assert "is not one of" in shell.run("plan", "--format", "pdf", code=2)[1]
    assert "nothere.plan" in shell.run("show", "nothere.plan", code=2)[1]
    assert "--config needs a plan file" in shell.run("apply", "--config", "x.yml", code=2)[1]
    assert (
        "belong to the plan command" in shell.run("apply", "x.plan", "--source", "corp", code=2)[1]
    )
    assert (
        "a plan file is applied alone" in shell.run("apply", "x.plan", "reconcile.yml", code=2)[1]
    )
    (shell.folder / "notes.txt").write_text("mine", encoding="utf-8")
    _, err = shell.run("plan", "--out", "notes.txt", code=2)
    assert "is not a plan file: it is not overwritten" in err
    _, err = shell.run("plan", "--out", "the.yml", code=2)
    assert "a plan file must not end in .yml" in err
    os.mkfifo(shell.folder / "pipe")
    for device in ("pipe", "/dev/null"):
        _, err = shell.run("plan", "--out", device, code=2)
        assert "is not a file" in err
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
    assert nobody["message"].startswith(
        "corp: no person is found: nothing is visible below dc=example,dc=com: "
    )
    assert nobody["message"].endswith("it is empty, or was not exported")
    assert (line["level"], line["logger"]) == ("warning", "reconcile.app.notices")
    assert "cn=none" in line["message"]
    _, err = shell.run("plan", "--workspace", "x", "--log-format", "json", code=2)
    assert json.loads(err)["level"] == "error"


def test_help_says_every_command_whole_and_what_path_means() -> None:
    done = subprocess.run([*RECONCILE, "--help"], capture_output=True, text=True, check=True)
    listed = dict(
        re.findall(r"^  ([\w-]+)  +(.+)$", done.stdout.partition("\nSet up:\n")[2], re.MULTILINE)
    )
    assert list(listed)[:3] == ["init", "validate", "test"], "in the order of use"
    assert listed.keys() == cli.cli.commands.keys()
    assert not [line for line in listed.values() if line.endswith("...")]
    for command in ("plan", "apply", "history", "connection import"):
        done = subprocess.run(
            [*RECONCILE, *command.split(), "-h"], capture_output=True, text=True, check=True
        )
        assert "PATH is a desired-state file or a folder of them" in done.stdout


HEAVY = {
    *("alembic", "attr", "cronsim", "deepdiff", "http.client", "jsonschema", "psycopg", "pymysql"),
    *("referencing", "rich", "sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql"),
    *("sqlalchemy.orm", "tzlocal", "urllib3", "zoneinfo"),
    *("reconcile.config.schema.refusal", "reconcile.app.watching.sending"),
    *(f"reconcile.planning.{part}" for part in ("explain", "login", "renames", "undo", "views")),
}
"""What no ordinary run needs."""


def loaded_by(folder: Path, *arguments: str) -> tuple[int, set[str]]:
    """The exit code of a command in a process of its own, and the modules that it has imported."""
    program = """
import sys
from reconcile.cli import cli
try:
    cli.main(sys.argv[1:], standalone_mode=True)
except SystemExit as ended:
    print(ended.code, *sys.modules, file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    return int(code), set(modules)


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code, loaded = loaded_by(tmp_path, "--help")
    more = {"sqlalchemy", "ldap3", "jinja2", "yaml", "msgspec"}
    assert code == 0
    assert (HEAVY | more).isdisjoint(loaded), "`--help` loads what it does not need"


@pytest.mark.parametrize(
    ("command", "more"),
    [
        (["plan", "--check"], set()),
        (["validate"], {"sqlalchemy"}),
    ],
    ids=["plan", "validate"],
)
def test_a_small_site_loads_nothing_that_it_does_not_need(
    tmp_path: Path, command: list[str], more: set[str]
) -> None:
    example = Path(__file__).parents[2] / "examples" / "quickstart"
    for name in ("reconcile.yml", "company.ldif"):
        shutil.copy(example / name, tmp_path)
    code, loaded = loaded_by(tmp_path, *command)
    assert code == (3 if command[0] == "plan" else 0)
    assert (HEAVY | more) & loaded == set()
    others = {name for name in loaded if name.startswith("reconcile.cli.commands.")}
    assert len(others) == 1, "a command starts without the other commands"


def test_every_command_is_in_the_registry_under_its_name() -> None:
    folder = Path(registry.__file__).parents[1]
    written = {
        ".".join(file.relative_to(folder).with_suffix("").parts)
        for file in folder.rglob("*.py")
        if re.search(r"^COMMANDS\b", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert written == set(registry.MODULES)
    for module, names in registry.MODULES.items():
        commands = importlib.import_module(f"reconcile.cli.{module}").COMMANDS
        assert tuple(command.name for command in commands) == names
