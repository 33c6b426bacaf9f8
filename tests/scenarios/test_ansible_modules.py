"""The Ansible modules in this process: options, failures, sizes, locks and signals.

Playbooks against real servers are in `tests/servers/test_ansible.py`.
"""

import importlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import reconcile
from reconcile.app import adapters, inputs, run_identity
from reconcile.errors import StalePlan
from tests.scenarios.stage import ldif

PLUGINS = "ansible_collections.reconcile.identity.plugins"
SECRET = "s3cret-of-the-vault"
basic: Any = importlib.import_module("ansible.module_utils.basic")  # it has no types
Module: TypeAlias = Callable[..., dict[str, Any]]


@pytest.fixture
def module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Module:
    """Runs a module in a folder of its own; gives what it returns. It prints that alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", os.environ.copy())

    def run(name: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
        monkeypatch.setattr(
            basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        )
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit):
            importlib.import_module(f"{PLUGINS}.modules.{name}").main()
        printed = capsys.readouterr()
        assert printed.err == ""
        result: dict[str, Any] = json.loads(printed.out)
        return result | {"failed": result.get("failed", False)}

    return run


def persons(*names: str, **attributes: str) -> None:
    """The persons of the directory, from now on."""
    Path("corp.ldif").write_text(
        ldif({f"uid={name}": attributes or None for name in names}), encoding="utf-8"
    )


def config(**more: Any) -> dict[str, Any]:
    """A desired state: everybody in corp.ldif has a user."""
    source = {"name": "corp", "type": "ldif", "base_dn": "dc=example,dc=com"}
    source |= {"files": ["corp.ldif"], "users": {"create": "all"}}
    return {
        "version": 1,
        "platform": {"type": "sql", "url": "sqlite:///acme.db"},
        "sources": [source],
    } | more


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"path": ""}, "path is empty"),
    ({"path": "nope.yml"}, "nope.yml: no such file"),
    ({"path": "nope.yml", "config": {}}, "mutually exclusive"),
    ({}, "one of the following is required: path, config"),
    ({"config": {}}, "the key `platform` is missing"),
    ({"config": "a: ["}, "unable to convert to dict"),
    ({"plan_file": ""}, "plan_file is empty"),
    ({"plan_file": "."}, "is not a file"),
    ({"max_changes": -1}, "max_changes is -1: it must not be negative"),
    ({"lock_timeout": -1}, "lock_timeout is -1: it must not be negative"),
    ({"secrets": {"A=B": "x"}}, "'A=B' cannot be the name of a variable"),
    ({"secrets": {"": "x"}}, "secrets: '' cannot be the name of a variable"),
    ({"secrets": {"A": None}}, "secrets.A is null: it must be a text or a number"),
    ({"secrets": {"A": {"b": SECRET}}}, "secrets.A is a dict: it must be a text or a number"),
    ({"secrets": {"A": f"{SECRET}\0"}}, "secrets.A contains a null character"),
    ({"variables": {"a": [SECRET]}}, "variables.a is a list: it must be a text or a number"),
    ({"variables": {"region": "eu"}}, "neither `vars` nor a template uses it"),
    ({"workspaces": ["nope"]}, "no workspace 'nope'; declared are: main"),
    ({"sources": ["nope"]}, "no source 'nope'; declared are: corp"),
    ({"targets": ["ann"]}, "A target is one of user:NAME"),
    ({"targets": ["user:nobody"]}, "nobody"),
    ({"accept": ["nonsense"]}, "no violation of this plan has the code 'nonsense'"),
    ({"state": "absent"}, "value of state must be one of: planned, applied"),
]


@pytest.mark.parametrize(("options", "message"), UNUSABLE, ids=[text for _, text in UNUSABLE])
def test_options_that_cannot_be_used_are_named(
    module: Module, options: dict[str, Any], message: str
) -> None:
    persons("ann")
    given = {} if not options or {"path", "config"} & options.keys() else {"config": config()}
    for check in (True, False):
        if not check and "plan_file" in options:
            continue
        result = module("sync", check=check, **given, **options)
        assert (result["failed"], result.get("exit_code", 2)) == (True, 2), result
        assert message in result["msg"]
        assert "exception" not in result or "Traceback" not in result["exception"]
        assert SECRET not in json.dumps({**result, "invocation": None})
    assert not Path("acme.db").exists()


def test_problems_of_the_desired_state_have_their_places(module: Module) -> None:
    Path("broken.yml").write_text("version: 1\nsorces: []\n", encoding="utf-8")
    result = module("sync", path="broken.yml")
    assert {problem["line"] for problem in result["problems"]} == {1, 2}
    assert {problem["file"] for problem in result["problems"]} == {"broken.yml"}


def test_a_source_or_a_platform_that_cannot_be_read(module: Module) -> None:
    persons("ann")
    closed = {"type": "sql", "url": f"postgresql://u:{SECRET}@127.0.0.1:1/x"}
    for result in (
        module("sync", config=config(platform=closed)),
        module("info", config=config(platform=closed)),
    ):
        assert (result["failed"], result["exit_code"]) == (True, 7)
        assert "127.0.0.1:1: it cannot be reached" in result["msg"]
        assert SECRET not in json.dumps(result)
    Path("corp.ldif").unlink()
    result = module("sync", config=config())
    assert (result["exit_code"], "corp.ldif" in result["msg"]) == (7, True)


def test_a_refusal_says_what_to_accept(module: Module) -> None:
    persons(*(f"p{number}" for number in range(10)))
    module("sync", config=config())
    persons("p0")
    planned = module("sync", config=config(), state="planned")
    refused = module("sync", config=config())
    codes = [violation["code"] for violation in planned["violations"]]
    for result in (planned, refused):
        assert (result["failed"], result["exit_code"]) == (True, 4)
        assert result["msg"].endswith(f"If this is intended, set accept: {json.dumps(codes)}")
        assert [violation["code"] for violation in result["violations"]] == codes
    assert (planned["changed"], refused["changed"]) == (True, False)
    accepted = module("sync", config=config(), accept=codes)
    assert (accepted["failed"], accepted["changed"], accepted["exit_code"]) == (False, True, 0)
    assert all(violation["accepted"] for violation in accepted["violations"])


def test_a_plan_file_is_written_in_check_mode_and_applied_once(module: Module) -> None:
    persons("ann")
    planned = module("sync", check=True, config=config(), plan_file="x.plan")
    shown = module("plan_info", plan_file="x.plan")
    assert not Path("acme.db").exists()
    assert shown["plan_digest"] == planned["plan_digest"]
    assert shown["text"] == planned["diff"]["prepared"]
    applied = module("sync", config=config(), plan_file="x.plan")
    assert (applied["changed"], applied["plan_digest"]) == (True, planned["plan_digest"])
    again = module("sync", config=config(), plan_file="x.plan")
    assert (again["failed"], again["exit_code"], again["changed"]) == (False, 0, False)
    assert again["already_applied"] == applied["run"]
    persons("ann", "bob")
    module("sync", check=True, config=config(), plan_file="y.plan")
    module("sync", config=config())
    stale = module("sync", config=config(), plan_file="y.plan")
    assert (stale["failed"], stale["exit_code"], stale["changed"]) == (True, 5, False)
    assert stale["moved"]
    Path("x.plan").write_text("{}", encoding="utf-8")
    damaged = module("sync", config=config(), plan_file="x.plan")
    assert (damaged["exit_code"], module("plan_info", plan_file="x.plan")["exit_code"]) == (2, 2)


def test_the_task_that_wrote_a_plan_file_applies_it(module: Module) -> None:
    """What narrows or accepts is in the file; with anything else the file is refused."""
    persons(*(f"p{number}" for number in range(10)))
    module("sync", config=config())
    persons("p0", "new")
    task: dict[str, Any] = {"config": config(), "workspaces": ["main"], "sources": ["corp"]}
    codes = [violation["code"] for violation in module("sync", check=True, **task)["violations"]]
    task |= {"accept": codes, "plan_file": "x.plan"}
    planned = module("sync", check=True, **task)
    assert (planned["exit_code"], len(planned["changes"])) == (0, 10)
    for others in ({"accept": ["other"]}, {"targets": ["user:new"]}, {"workspaces": ["west"]}):
        refused = module("sync", **task | others)
        assert (refused["failed"], refused["exit_code"]) == (True, 2)
        assert "the plan in x.plan was made with" in refused["msg"]
    done = module("sync", **task)
    assert (done["failed"], done["plan_digest"]) == (False, planned["plan_digest"]), done


def test_what_was_applied_in_part_is_reported(module: Module) -> None:
    persons("ann")
    module("sync", config=config())
    with closing(sqlite3.connect("acme.db")) as database:
        database.executescript(
            "CREATE TRIGGER no_bob BEFORE INSERT ON users WHEN NEW.username = 'bob'"
            " BEGIN SELECT RAISE(ABORT, 'bob is not wanted'); END;"
        )
    persons("ann", "bob", "cid")
    result = module("sync", config=config())
    assert (result["failed"], result["exit_code"], result["changed"]) == (True, 6, True)
    assert result["report"]["counts"]["applied"] == 1
    (failed,) = result["report"]["not_applied"]
    assert (failed["result"], failed["change"]["key"]) == ("failed", "bob")
    assert "1 applied, 1 failed" in result["msg"]


def test_strict_says_which_rule_finds_nothing(module: Module) -> None:
    persons("ann")
    state = config(groups=[{"source": "corp", "select": ["cn=nobody"]}])
    for check in (True, False):
        result = module("sync", config=state, check=check, strict=True)
        assert (result["failed"], result["exit_code"]) == (True, 9)
        assert "1 rule finds nothing" in result["msg"]
        assert [notice["path"] for notice in result["notices"]] == ["groups[0].select[0]"]
        assert any("groups[0].select[0]" in str(warning) for warning in result["warnings"])
    relaxed = module("sync", config=state)
    assert (relaxed["failed"], relaxed["changed"], len(relaxed["notices"])) == (False, False, 1)


def test_a_large_plan_is_cut(module: Module) -> None:
    persons(*(f"p{number}" for number in range(700)))
    state = config()
    result = module("sync", config=state, check=True, max_changes=10, plan_file="all.plan")
    assert (len(result["changes"]), result["changes_omitted"]) == (10, 691)
    assert result["diff"]["prepared"].endswith("  … and 201 more changes\n")
    shown = module("plan_info", plan_file="all.plan", max_changes=0)
    assert (shown["changes"], shown["changes_omitted"]) == ([], 701)
    persons("s0", "s1", "s2", sn="Smith\x1b[31m")
    skips = module("sync", config=state, check=True, max_changes=1)
    assert (len(skips["skips"]), skips["skips_omitted"]) == (1, 2)


def test_hostile_values_are_text_and_reach_no_terminal(module: Module) -> None:
    """Control characters are a skip; what looks like a template is data."""
    persons("ann", sn="{{ 7 * 7 }}", title="x\x1b[31mred\u202e\r\nLOSS")
    result = module("sync", config=config(), check=True)
    assert [change["after"].get("last_name") for change in result["changes"][1:]] == ["{{ 7 * 7 }}"]
    state = config()
    state["sources"][0]["users"]["fields"] = {"last_name": "{{ title }}"}
    result = module("sync", config=state, check=True)
    (skip,) = result["skips"]
    texts = [result["diff"]["prepared"], result["summary"], skip["detail"]]
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", "".join(texts))


def test_a_platform_in_use_is_waited_for_and_planned_anew(
    module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the other run did in the meantime is in the plan; the pauses grow."""
    persons("ann")
    module("sync", config=config())
    persons("ann", "bob")
    (Path("reconcile.yml")).write_text(json.dumps(config()), encoding="utf-8")
    target = adapters.platform(
        inputs.configuration([Path("reconcile.yml")], {}).desired.platform, lambda *_: None
    )
    lock = target.lock(["main"], run_identity.holder("night"))
    lock.__enter__()
    failed = module("sync", config=config())
    assert (failed["failed"], failed["exit_code"]) == (True, 8)
    assert "night" in failed["msg"]
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            persons("ann", "bob", "cid")
            lock.__exit__(None, None, None)

    monkeypatch.setattr(time, "sleep", pause)
    done = module("sync", config=config(), lock_timeout=60)
    target.close()
    assert pauses == [1, 2]
    assert [change["key"] for change in done["changes"]] == ["bob", "cid"]


@pytest.mark.parametrize("plan_file", [None, "x.plan"])
def test_a_plan_that_another_run_has_overtaken_is_made_again(
    module: Module, monkeypatch: pytest.MonkeyPatch, plan_file: str | None
) -> None:
    """A plan file is not: it was reviewed."""
    persons("ann")
    module("sync", check=True, config=config(), plan_file="x.plan")
    attempts = []
    apply = reconcile.apply

    def overtaken(*paths: Any, **options: Any) -> Any:
        attempts.append(options)
        if len(attempts) == 1:
            raise StalePlan(["user ann has been created"])
        return apply(*paths, **options)

    monkeypatch.setattr(reconcile, "apply", overtaken, raising=False)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    result = module("sync", config=config(), lock_timeout=60, plan_file=plan_file)
    if plan_file is None:
        assert (result["failed"], result["changed"], len(attempts)) == (False, True, 2)
    else:
        assert (result["exit_code"], result["moved"]) == (5, ["user ann has been created"])


def test_the_lock_of_a_killed_run_is_taken_over_with_force(module: Module) -> None:
    persons("ann")
    module("sync", config=config())
    Path("reconcile.yml").write_text(json.dumps(config()), encoding="utf-8")
    killed = (
        "import os\nfrom pathlib import Path\n"
        "from reconcile.app import adapters, inputs, run_identity\n"
        "loaded = inputs.configuration([Path('reconcile.yml')], {})\n"
        "platform = adapters.platform(loaded.desired.platform, lambda *_: None)\n"
        "lock = platform.lock(['main'], run_identity.holder('night'))\n"
        "lock.__enter__()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == -9
    persons("ann", "bob")
    locked = module("sync", config=config())
    assert (locked["failed"], locked["exit_code"]) == (True, 8)
    assert "that process is gone; run again with force: true" in locked["msg"]
    assert module("sync", config=config(), force=True)["changed"]


def test_a_signal_breaks_off_and_leaves_no_lock(
    module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons("ann")
    plan = reconcile.plan

    def interrupted(*_paths: Any, **_options: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    monkeypatch.setattr(reconcile, "plan", interrupted, raising=False)
    before = signal.getsignal(signal.SIGTERM)
    result = module("sync", config=config(), check=True)
    assert (result["failed"], result["exit_code"]) == (True, 143)
    assert "Interrupted" in result["msg"]
    assert signal.getsignal(signal.SIGTERM) is before
    monkeypatch.setattr(reconcile, "plan", plan, raising=False)
    assert module("sync", config=config())["changed"]


def test_an_unexpected_error_shows_no_secret_and_nothing_else_is_printed(
    module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_paths: Any, **_options: Any) -> None:
        sys.stdout.write(f"a library says {SECRET}\n")
        sys.stderr.write(f"a library says {SECRET}\n")
        raise RuntimeError(f"cannot use {SECRET}")

    persons("ann")
    monkeypatch.setattr(reconcile, "plan", broken, raising=False)
    result = module("sync", config=config(), check=True, secrets={"WORD": SECRET})
    assert (result["failed"], result["exit_code"]) == (True, 1)
    assert result["msg"] == "Unexpected error: RuntimeError: cannot use ********"
    assert SECRET not in json.dumps(result)


def _bind(bind: object) -> dict[str, Any]:
    source = {"name": "corp", "type": "openldap", "servers": ["ldap://127.0.0.1:1"]}
    return config(sources=[{**source, "base_dn": "dc=example,dc=com", "bind": bind}])


def _platform(**platform: Any) -> dict[str, Any]:
    return config(platform=platform)


@pytest.mark.parametrize(
    "state",
    [
        _bind({"dn": "cn=reader", "password": SECRET}),
        _bind({"dn": "cn=reader", "pasword": SECRET}),
        _bind({"dn": "cn=reader", "password": [SECRET]}),
        _bind({"dn": "cn=reader", "password": f"{{{{ '{SECRET}' }}}}"}),
        _bind(SECRET),
        {**_bind({"dn": "cn=reader", "password": "{{ word }}"}), "vars": {"word": SECRET}},
        _platform(type="sql", url=f"postgresql://reader:{SECRET}@127.0.0.1:1/x"),
        _platform(type="scim", url="http://127.0.0.1:1", auth={"baerer": SECRET}),
    ],
)
def test_a_secret_in_the_configuration_is_nowhere(
    module: Module, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any]
) -> None:
    """Wherever it was written by mistake: neither in the result nor in the log of the system."""
    logged: list[Any] = []
    monkeypatch.setattr(basic, "has_journal", False)
    monkeypatch.setattr(basic.syslog, "syslog", lambda *texts: logged.extend(texts))
    persons("ann")
    for name in ("sync", "info"):
        assert SECRET not in json.dumps(module(name, config=state, check=True))
    wrong = module("sync", config=state, state="absent")
    assert "value of state must be one of" in wrong["msg"]
    library = importlib.import_module(f"{PLUGINS}.module_utils.library")
    monkeypatch.setattr(library, "IMPORT_ERROR", "Traceback: no module named reconcile")
    missing = module("sync", config=state)
    assert "Failed to import" in missing["msg"]
    assert SECRET not in json.dumps([wrong, missing])
    assert SECRET not in repr(logged)


def test_a_missing_package_and_one_of_another_version_are_named(
    module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = importlib.import_module(f"{PLUGINS}.module_utils.library")
    monkeypatch.setattr(library, "VERSION", "0.0.1")
    for name, options in (("sync", {"path": "x"}), ("info", {"path": "x"}), ("plan_info", {})):
        result = module(name, **{"plan_file": "x", **options} if name == "plan_info" else options)
        assert (result["failed"], result["collection_version"]) == (True, "0.0.1")
        assert (
            f"0.0.1 found the package reconcile-identity {reconcile.__version__}" in result["msg"]
        )
    monkeypatch.setattr(library, "IMPORT_ERROR", "Traceback: no module named reconcile")
    result = module("sync", path="x")
    assert "Failed to import the required Python library (reconcile-identity)" in result["msg"]


def test_info_filters_users(module: Module) -> None:
    persons("ann", "bob")
    module("sync", config=config())

    def names(**filters: Any) -> list[str]:
        result = module("info", config=config(), gather=["users"], **filters)
        assert (result["changed"], "roles" in result) == (False, False)
        return [user["username"] for user in result["users"]]

    assert names() == ["ann", "bob"]
    assert names(users=["ANN", "zoe"]) == ["ann"]
    assert names(status=["active"]) == ["ann", "bob"]
    assert names(status=["blocked"], users=["ann"]) == []
    assert names(roles=["clerk"]) == names(groups=["sales"]) == []


def test_a_plan_is_narrowed_and_variables_are_set(module: Module) -> None:
    """`variables` as --var; a folder as path; true as YAML writes it."""
    persons("ann", "bob")
    state = config(platform=config()["platform"] | {"workspaces": ["east", "west"]})
    state["vars"] = {"title": "", "everybody": "false"}
    state["sources"][0]["users"]["fields"] = {"last_name": "{{ vars.title }} {{ vars.everybody }}"}
    Path("state").mkdir()
    state["sources"][0]["files"] = ["../corp.ldif"]
    Path("state", "reconcile.yml").write_text(json.dumps(state), encoding="utf-8")
    options = {
        "path": "state",
        "workspaces": ["west"],
        "sources": ["corp"],
        "targets": ["user:bob"],
        "variables": {"title": "Dr", "everybody": True},
    }
    result = module("sync", **options)
    assert not result["failed"], result["msg"]
    users = [change for change in result["changes"] if change["kind"] == "user"]
    assert not result["failed"], result["msg"]
    assert [(user["workspace"], user["key"]) for user in users] == [("west", "bob")]
    assert users[0]["after"]["last_name"] == "Dr true"
    names = {name: options[name] for name in ("path", "variables")}
    held = module("info", **names)
    assert [(user["workspace"], user["username"]) for user in held["users"]] == [("west", "bob")]
    assert module("info", workspaces=["east"], **names)["users"] == []


def test_the_diff_has_losses_first(module: Module) -> None:
    persons("ann", "bob", "cid", "dan", "eve", "zoe")
    module("sync", config=config())
    persons("abe", "bob", "cid", "dan", "eve", "zoe")
    result = module("sync", config=config(), check=True)
    signs = re.findall("^  ([-+~]) user (\\w+)", result["diff"]["prepared"], re.MULTILINE)
    assert signs == [("-", "ann"), ("+", "abe")]


def test_info_has_groups_departments_and_roles(module: Module) -> None:
    entries: dict[str, Any] = {"ou=Sales": None, "uid=ann,ou=Sales": None}
    entries["cn=staff"] = {"member": ["uid=ann,ou=Sales,dc=example,dc=com"]}
    Path("corp.ldif").write_text(ldif(entries), encoding="utf-8")
    rules = {
        "groups": [{"source": "corp", "select": ["cn=staff"]}],
        "departments": [{"source": "corp", "select": ["*"]}],
        "role_mappings": [
            {"role": "clerk", "source": "corp", "groups": ["cn=staff,dc=example,dc=com"]}
        ],
    }
    applied = module("sync", config=config(**rules))
    assert (applied["failed"], applied["exit_code"]) == (False, 0), applied["msg"]
    held = module("info", config=config(**rules))
    assert [(group["name"], group["members"]) for group in held["groups"]] == [("staff", ["ann"])]
    assert [(role["name"], role["users"]) for role in held["roles"]] == [("clerk", ["ann"])]
    assert held["departments"][0]["path"] == "Sales"
    for filters in ({"roles": ["clerk"]}, {"groups": ["staff"]}):
        (user,) = module("info", config=config(**rules), **filters)["users"]
        assert (user["username"], user["department"]) == ("ann", "Sales")
