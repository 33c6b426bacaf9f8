"""The Python API does what the commands do, and docs/python.md is true."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import reconcile
from reconcile.errors import ConfigError, GuardRefused, PlanFileError, UsageError
from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED

TOP = Path(__file__).parents[2]
FREE: dict[str, Any] = {"safety": {"limits": {"users_lost": "none"}, "shrink": "none"}}
PEOPLE: dict[str, Any] = {"uid=ann": None, "uid=bob": None}


@pytest.fixture
def company(shell: Shell) -> Shell:
    shell.company(PEOPLE)
    return shell


def plain(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))


def users(shell: Shell) -> list[str]:
    return [row[0] for row in shell.sql("SELECT username FROM users ORDER BY username")]


def test_a_plan_is_that_of_the_command(company: Shell) -> None:
    planned = reconcile.plan()
    out, _ = company.run("plan", "--format", "json")
    document = json.loads(out)
    assert plain(planned.changes) == document["changes"]
    assert plain(planned.skips) == document["skips"]
    assert plain(planned.violations) == document["violations"]
    assert planned.exit_code == 0
    numbers = {(one.workspace, one.source): one.numbers for one in planned.counts}
    assert sum(one["users"]["created"] for one in numbers.values()) == 2
    assert planned.digest == reconcile.plan().digest != reconcile.plan(targets=["user:ann"]).digest


def test_a_run_is_that_of_the_command_and_in_the_history(company: Shell) -> None:
    result = reconcile.apply(user="scheduler")
    assert {one.result for one in result.outcomes} == {"applied"}
    assert (result.changed, result.exit_code, users(company)) == (True, 0, ["ann", "bob"])
    out, _ = company.run("history", "--format", "json")
    (run,) = json.loads(out)
    assert (run["run"], run["login"]) == (result.run, "scheduler")
    again = reconcile.apply()
    assert (again.outcomes, again.changed, again.run, again.exit_code) == ((), False, "", 0)
    company.run("plan", "--check")
    undone = reconcile.plan(undo=result.run)
    assert len(undone.changes) + len(undone.skips) > 0


def test_plan_files_go_both_ways(company: Shell) -> None:
    planned = reconcile.plan(plan_file="api.plan")
    company.run("show", "api.plan")
    result = reconcile.apply(plan_file=company.folder / "api.plan")
    assert [one.change for one in result.outcomes] == list(planned.changes)
    assert reconcile.apply(plan_file="api.plan").already_applied == result.run
    (company.folder / "api.plan").write_text("{}", encoding="utf-8")
    with pytest.raises(PlanFileError):
        reconcile.apply(plan_file="api.plan")
    with pytest.raises(UsageError, match="belong to plan"):
        reconcile.apply(plan_file="api.plan", sources=["corp"])


@pytest.mark.parametrize("form", ["mapping", "text"])
def test_a_configuration_needs_no_file(company: Shell, form: str) -> None:
    (company.folder / "reconcile.yml").unlink()
    configuration = DESIRED if form == "mapping" else yaml.safe_dump(DESIRED)
    result = reconcile.apply(configuration=configuration)
    assert (result.exit_code, users(company)) == (0, ["ann", "bob"])
    broken = DESIRED | {"sorces": []}
    with pytest.raises(ConfigError, match=r"\(configuration\):\d+:\d+: sorces"):
        reconcile.plan(configuration=broken)


def test_what_cannot_be_meant_is_a_usage_error(company: Shell) -> None:
    with pytest.raises(UsageError, match="not both"):
        reconcile.plan("reconcile.yml", configuration=DESIRED)
    with pytest.raises(UsageError, match="not plain data"):
        reconcile.plan(configuration={"version": object()})
    with pytest.raises(UsageError, match="expected a list"):
        reconcile.plan(sources="corp")
    with pytest.raises(UsageError, match="no source"):
        reconcile.plan(sources=["crop"])
    assert company.folder.exists()


def test_violations_are_values_in_a_plan_and_an_error_in_a_run(company: Shell) -> None:
    reconcile.apply()
    company.company({})
    planned = reconcile.plan()
    assert planned.refused
    assert planned.exit_code == 4
    company.run("plan", code=4)
    with pytest.raises(GuardRefused):
        reconcile.apply()
    assert users(company) == ["ann", "bob"]
    codes = [one.code for one in planned.refused if one.acceptable]
    accepted = reconcile.plan(accept=codes, user="eve")
    assert {one.by for one in accepted.accepted} <= {"eve"}


def test_nothing_is_printed_and_no_handler_is_installed(company: Shell) -> None:
    company.desired(role_mappings=[{"role": "r", "source": "corp", "groups": ["cn=nothing"]}])
    script = (
        "import signal, reconcile\n"
        "numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)\n"
        "before = [signal.getsignal(number) for number in numbers]\n"
        "assert reconcile.plan(strict=True).exit_code == 9\n"
        "assert reconcile.apply(strict=True).exit_code == 9\n"
        "assert [signal.getsignal(number) for number in numbers] == before\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=company.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_examples_of_the_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("reconcile.yml", "company.ldif"):
        shutil.copy(TOP / "examples" / "quickstart" / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    page = (TOP / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    space: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), space)
    assert (tmp_path / "one-user.plan").exists()
    assert "create user" in capsys.readouterr().out
    with sqlite3.connect(tmp_path / "acme.db") as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone()[0] > 100
    connection.close()


def test_the_names_of_the_package_are_these() -> None:
    assert {"plan", "apply", "authenticate", "PlanResult", "ApplyResult"} <= set(dir(reconcile))
    with pytest.raises(AttributeError):
        reconcile.nothing  # noqa: B018 - it has to fail


def test_a_plan_file_is_shown_and_what_the_platform_holds_is_listed(company: Shell) -> None:
    planned = reconcile.plan(plan_file="api.plan")
    shown = reconcile.load_plan("api.plan")
    assert (shown.digest, shown.as_dict()) == (planned.digest, planned.as_dict())
    assert shown.as_dict()["summary"]["changes"] == len(planned.changes)
    reconcile.apply(plan_file="api.plan")
    found = reconcile.inventory()
    assert [(row["username"], row["source"]) for row in found.users] == [
        ("ann", "corp"),
        ("bob", "corp"),
    ]
    granted = company.sql("SELECT COUNT(*) FROM grants")[0][0]
    assert sum(len(row["users"]) for row in found.roles) == granted
    assert reconcile.inventory(sources=["corp"]).users == found.users
    with pytest.raises(UsageError, match="there is no workspace 'x'"):
        reconcile.inventory(workspaces=["x"])


def test_the_diff_has_losses_first_and_says_what_it_leaves_out(company: Shell) -> None:
    reconcile.apply()
    company.company({"uid=bob": None, "uid=cid": None, "uid=dan": None}, **FREE)
    planned = reconcile.plan()
    lines = planned.diff().splitlines()
    assert lines[0].startswith("  - user ann: ")
    assert sum(line.startswith("  + user ") for line in lines) == 2
    assert planned.diff(1).splitlines()[-1] == f"  … and {len(planned.changes) - 1} more changes"
    assert reconcile.plan(targets=["user:bob"]).diff() == ""


def test_apply_accepts_and_narrows_as_plan_does(company: Shell) -> None:
    reconcile.apply()
    company.company({"uid=cid": None}, safety={"limits": {"users_lost": 1}, "at_least": 0})
    with pytest.raises(GuardRefused) as refused:
        reconcile.apply()
    assert "users_lost" in str(refused.value)
    codes = [one.code for one in reconcile.plan().refused]
    result = reconcile.apply(accept=codes, targets=["user:ann", "user:bob"])
    assert {one.change.key for one in result.outcomes} == {"ann", "bob"}
    assert [
        row[0] for row in company.sql("SELECT username FROM users WHERE status = 'active'")
    ] == []
