"""A quiet run answers as a full one would, or is none: each part of what goes into a plan by itself."""

import json
import logging
import os
import sqlite3
import sys
import threading
import unicodedata
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import reconcile
from reconcile.app import adapters, inputs
from reconcile.app.quiet import memo as memos
from reconcile.app.quiet import parts, planned
from reconcile.app.quiet.seal import Broken, opened, seal
from reconcile.directories.ldif.adapter import LdifDirectory
from reconcile.errors import FullRunDisagrees, UsageError
from reconcile.model.history import Losses
from reconcile.model.platform import Abilities
from reconcile.planning import make_plan
from reconcile.platforms.ledger.store import Store
from reconcile.platforms.sql import SqlPlatform
from tests.effort import sample
from tests.scenarios.shell import Shell
from tests.scenarios.stage import HOLDER, ldif

pytestmark = pytest.mark.skipif(
    "RECONCILE_TEST_QUIET" in os.environ, reason="quiet runs are forced on or off"
)

PEOPLE: dict[str, Any] = {
    "uid=ann": None,
    "uid=bob": None,
    "uid=cem": {"mail": None},
    "cn=sales": {"member": ["uid=ann", "uid=bob", "uid=zoe"]},
    "cn=staff": {"member": "cn=sales"},
}
RULES: dict[str, Any] = {"groups": [{"source": "corp", "select": ["*", "cn=nothing"]}]}


class Clock:
    """What `inputs.now` returns."""

    def __init__(self) -> None:
        self.now = "2026-01-10T12:00:00Z"

    def __call__(self) -> str:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(inputs, "now", made)
    return made


@pytest.fixture
def settled(shell: Shell, clock: Clock) -> Shell:
    """A company of which a full run has found that there is nothing to do."""
    shell.company(PEOPLE, **RULES)
    reconcile.apply()
    assert reconcile.apply().planned.last_full == ""
    assert reconcile.plan().last_full == clock.now
    return shell


@pytest.fixture
def why(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Says which part kept the last run from being quiet; "" for none."""
    caplog.set_level(logging.INFO, logger=planned.__name__)

    def last() -> str:
        said = [record.getMessage() for record in caplog.records if record.name == planned.__name__]
        caplog.clear()
        return said[-1].partition("as it was: ")[2] if said else ""

    return last


def plain(plan: Any) -> Any:
    return msgspec.structs.replace(plan, created="")


def test_a_quiet_run_says_what_the_full_one_said(
    settled: Shell, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="reconcile.run")
    full = reconcile.plan(full=True)
    said = [(record.name, record.levelno, record.getMessage()) for record in caplog.records]
    caplog.clear()
    quiet = reconcile.plan()
    assert plain(quiet.plan) == plain(full.plan)
    assert (quiet.digest, quiet.exit_code) == (full.digest, full.exit_code)
    assert quiet.plan.skips
    assert quiet.plan.notices
    again = [(record.name, record.levelno, record.getMessage()) for record in caplog.records]
    assert again == [line for line in said if line[0] != planned.__name__]
    assert (full.last_full, quiet.last_full) == ("", "2026-01-10T12:00:00Z")
    assert (full.as_dict()["quiet"], quiet.as_dict()["quiet"]) == (
        None,
        {"last_full": "2026-01-10T12:00:00Z"},
    )
    assert settled.sql("SELECT COUNT(*) FROM quiet_memos") == [(1,)]


def test_commands_say_when_the_last_full_run_was(settled: Shell) -> None:
    line = "Nothing has changed since the full run of 2026-01-10T12:00:00Z."
    for form, command in (("text", "plan"), ("markdown", "plan"), ("html", "plan")):
        assert line in settled.run(command, "--format", form)[0]
        assert line not in settled.run(command, "--format", form, "--full")[0]
    assert line in settled.run("apply", "--yes")[0]
    assert line in settled.run("apply", "--yes", "--format", "markdown")[0]
    report = json.loads(settled.run("apply", "--yes", "--format", "json")[0])
    assert report["quiet"] == {"last_full": "2026-01-10T12:00:00Z"}
    assert line in settled.run("plan", "--check", "--strict", code=9)[0]


def test_only_apply_leaves_a_memo(shell: Shell) -> None:
    shell.company(PEOPLE, **RULES)
    reconcile.apply()
    for _ in range(2):
        assert reconcile.plan().last_full == ""
    assert shell.sql("SELECT COUNT(*) FROM quiet_memos") == [(0,)]


def test_every_run_that_writes_empties_the_memos(settled: Shell) -> None:
    settled.company({**PEOPLE, "uid=dee": None}, **RULES)
    run = reconcile.apply().run
    assert settled.sql("SELECT COUNT(*) FROM quiet_memos") == [(0,)]
    reconcile.apply()
    assert settled.sql("SELECT COUNT(*) FROM quiet_memos") == [(1,)]
    settled.run("plan", "--undo", run, "--out", "undo.plan")
    settled.run("apply", "undo.plan", "--yes")
    assert settled.sql("SELECT COUNT(*) FROM quiet_memos") == [(0,)]


def test_a_run_for_targets_or_an_undo_is_never_quiet(settled: Shell) -> None:
    assert reconcile.plan(targets=["user:ann"]).last_full == ""
    settled.company(PEOPLE, **RULES, quiet_runs={"enabled": False})
    assert reconcile.plan().last_full == ""


def _with(**more: Any) -> Callable[[Shell], None]:
    return lambda shell: shell.desired(**{**RULES, **more})


def _sql(statement: str) -> Callable[[Shell], None]:
    def change(shell: Shell) -> None:
        with sqlite3.connect(shell.folder / "platform.db") as connection:
            connection.execute(statement)
        connection.close()

    return change


def _people(**more: Any) -> Callable[[Shell], None]:
    return lambda shell: shell.company(
        {**PEOPLE, **{f"uid={name}": entry for name, entry in more.items()}}, **RULES
    )


ROWS = {
    "users": "UPDATE users SET first_name = 'Eve' WHERE username = 'ann'",
    "a status": "UPDATE users SET status = 'blocked' WHERE username = 'ann'",
    "memberships": "DELETE FROM memberships WHERE id = (SELECT MIN(id) FROM memberships)",
    "an origin": "UPDATE memberships SET origin = NULL WHERE id = 1",
    "groups": "UPDATE groups SET name = 'others' WHERE name = 'sales'",
    "nested_groups": "INSERT INTO nested_groups (group_id, member_group_id) VALUES (1, 2)",
    "roles": "INSERT INTO roles (workspace_id, name) VALUES (1, 'chief')",
    "sources": "UPDATE sources SET note = 'x'",
    "readings": "UPDATE readings SET persons = persons + 1",
    "supplied": "INSERT INTO supplied (source_id, external_id) VALUES (1, 'id-zoe')",
    "departments": "INSERT INTO departments (workspace_id, title) VALUES (1, 'Law')",
}

CHANGES: dict[str, tuple[Callable[[Shell], None], str]] = {
    "a setting": (_with(roles={"mode": "multiple"}), "the desired state"),
    "an entry": (_people(dee={"mail": None}), "source corp: file corp.ldif"),
    "an assertion": (
        _with(
            assertions=[
                {"name": "n", "for": "users", "assert": "user.email != 'x'", "message": "m"}
            ]
        ),
        "the desired state",
    ),
    **{f"rows: {what}": (_sql(statement), "workspace main") for what, statement in ROWS.items()},
    "the history": (
        _sql("UPDATE workspaces SET history_hash = 'x'"),
        "the history of workspace main",
    ),
}


@pytest.mark.parametrize("name", sample(list(CHANGES)[:6], list(CHANGES)[6:]))
def test_what_differs_makes_a_full_run(settled: Shell, why: Callable[[], str], name: str) -> None:
    change, part = CHANGES[name]
    change(settled)
    made = reconcile.plan()
    assert (made.last_full, why()) == ("", part)
    assert plain(made.plan) == plain(reconcile.plan(full=True).plan)


PATCHES: dict[str, tuple[Any, str, Any, str]] = {
    "reconcile": (parts, "__version__", "0.0.1", "the programs"),
    "Python": (sys, "version", "3.99", "the programs"),
    "Unicode": (unicodedata, "unidata_version", "99", "the programs"),
    "Jinja2": (parts, "version", lambda _: "9", "the programs"),
    "an adapter": (adapters, "version", lambda *_: "9", "the programs"),
    "earlier losses": (parts, "recent_losses", lambda *_: Losses(a={"b": 1}), "the history of"),
}


@pytest.mark.parametrize(("where", "name", "value", "part"), PATCHES.values(), ids=PATCHES)
def test_another_program_or_history_makes_a_full_run(
    settled: Shell,
    why: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    value: Any,
    part: str,
) -> None:
    monkeypatch.setattr(where, name, value)
    assert reconcile.plan().last_full == ""
    assert why().startswith(part)
    assert settled.folder.exists()


def test_other_abilities_make_a_full_run(
    settled: Shell, why: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "reconcile.platforms.sql.abilities", lambda _: Abilities(any_role=True, nested_groups=True)
    )
    reconcile.plan()
    assert (why(), settled.folder.exists()) == ("what the platform can do", True)


def test_a_variable_the_scope_and_an_included_file_make_a_full_run(
    settled: Shell, why: Callable[[], str]
) -> None:
    (settled.folder / "more.yml").write_text("vars: {a: 1}\n", encoding="utf-8")
    paths = ("reconcile.yml", "more.yml")
    reconcile.apply(*paths)
    assert reconcile.plan(*paths).last_full
    assert reconcile.plan(*paths, variables={"a": "1"}).last_full == ""
    assert why() == "the desired state"
    (settled.folder / "more.yml").write_text("vars: {a: 2}\n", encoding="utf-8")
    assert reconcile.plan(*paths).last_full == ""
    (settled.folder / "more.yml").write_text("vars: {a: 1}\n", encoding="utf-8")
    assert reconcile.plan(*paths, sources=["corp"]).last_full == ""
    assert why() == "the scope"


def test_a_secret_counts_by_what_it_opens(
    settled: Shell, monkeypatch: pytest.MonkeyPatch, why: Callable[[], str]
) -> None:
    url = {"type": "sql", "url": "{{ env('RECONCILE_TEST_URL') }}"}
    settled.desired(**RULES, platform=url)
    monkeypatch.setenv("RECONCILE_TEST_URL", "sqlite:///platform.db")
    reconcile.apply()
    assert reconcile.plan().last_full
    copy = (settled.folder / "platform.db").read_bytes()
    (settled.folder / "copy.db").write_bytes(copy)
    monkeypatch.setenv("RECONCILE_TEST_URL", "sqlite:///copy.db")
    assert reconcile.plan().last_full  # a copy to the letter
    with sqlite3.connect(settled.folder / "copy.db") as connection:
        connection.execute(ROWS["users"])
    connection.close()
    assert reconcile.plan().changes
    assert why() == "workspace main"


def test_a_grace_period_ends(shell: Shell, clock: Clock, why: Callable[[], str]) -> None:
    lifecycle = {"on_missing": {"action": "deactivate", "after": "3d", "then": "block"}}
    rules = RULES | {"lifecycle": lifecycle, "safety": {"shrink": "none", "at_least": 99}}
    shell.company(PEOPLE, **rules)
    reconcile.apply()
    shell.company({name: entry for name, entry in PEOPLE.items() if name != "uid=bob"}, **rules)
    reconcile.apply()
    reconcile.apply()
    assert reconcile.plan().last_full
    settled_at = clock.now
    (memo,) = shell.sql("SELECT memo FROM quiet_memos")[0]
    known = memos.read(memo)
    assert known is not None
    departed = shell.sql("SELECT departed_at FROM users WHERE username = 'bob'")[0][0]
    assert known.until == memos.seconds(departed) + 3 * 86400
    end = memos.seconds(departed) + 3 * 86400
    for moment, quiet in ((end - 2, True), (end - 1, False), (end, False)):
        clock.now = at(moment)
        rules["quiet_runs"] = {"full_every": "99d"}
        shell.desired(**rules)
        assert bool(reconcile.plan().last_full) is quiet
    assert why() == "the time"
    assert [change.action for change in reconcile.plan().changes] == ["block"]
    clock.now = settled_at
    assert reconcile.plan().last_full


def at(moment: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def test_every_workspace_counts(shell: Shell, clock: Clock, why: Callable[[], str]) -> None:
    platform = {"type": "sql", "url": "sqlite:///platform.db", "workspaces": ["main", "other"]}
    shell.company(PEOPLE, **RULES, platform=platform)
    reconcile.apply()
    reconcile.apply()
    assert reconcile.plan().last_full == clock.now
    assert reconcile.plan(workspaces=["main"]).last_full == ""
    statement = (
        "UPDATE users SET email = 'x@example.com' WHERE workspace_id = 2 AND username = 'ann'"
    )
    _sql(statement)(shell)
    assert reconcile.plan().last_full == ""
    assert why() == "workspace other"


def test_a_plan_file_is_applied_as_it_is(settled: Shell) -> None:
    reconcile.plan(plan_file="the.plan")
    with pytest.raises(UsageError, match="full belongs to plan"):
        reconcile.apply(plan_file="the.plan", full=True)
    assert "--full" in settled.run("apply", "the.plan", "--yes", "--full", code=2)[1]


def test_a_clock_that_was_set_back_makes_a_full_run(
    settled: Shell, clock: Clock, why: Callable[[], str]
) -> None:
    clock.now = "2026-01-10T11:59:59Z"
    assert reconcile.plan().last_full == ""
    assert (why(), settled.folder.exists()) == ("the time", True)


def test_a_full_run_is_due_once_a_day(settled: Shell, clock: Clock) -> None:
    clock.now = "2026-01-11T11:59:59Z"
    assert reconcile.apply().planned.last_full
    clock.now = "2026-01-11T12:00:00Z"
    assert reconcile.plan().last_full == ""  # only apply writes it down
    assert reconcile.apply().planned.last_full == ""
    assert reconcile.plan().last_full == clock.now
    settled.desired(**RULES, quiet_runs={"full_every": "1h"})
    clock.now = "2026-01-11T13:00:00Z"
    assert reconcile.plan().last_full == ""


@pytest.mark.parametrize("way", ["full", "due"])
def test_a_full_run_that_disagrees_is_an_error(
    settled: Shell, clock: Clock, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    real = make_plan

    def forgetful(read: Any) -> Any:
        return msgspec.structs.replace(real(read), skips=())

    monkeypatch.setattr(inputs, "make_plan", forgetful)
    if way == "due":
        clock.now = "2026-01-12T12:00:00Z"
    with pytest.raises(FullRunDisagrees, match="skips differ"):
        reconcile.plan(full=way == "full")
    with pytest.raises(FullRunDisagrees, match="skips differ"):
        reconcile.apply(full=way == "full")
    # The memo is gone, and so is the disagreement.
    assert settled.sql("SELECT COUNT(*) FROM quiet_memos") == [(0,)]
    reconcile.plan(full=True)


def _edited(settled: Shell, edit: Callable[[dict[str, Any]], None]) -> None:
    ((text,),) = settled.sql("SELECT memo FROM quiet_memos")
    memo = json.loads(text)
    edit(memo)
    with sqlite3.connect(settled.folder / "platform.db") as connection:
        connection.execute("UPDATE quiet_memos SET memo = ?", (json.dumps(memo),))
    connection.close()


def _flip(memo: dict[str, Any]) -> None:
    sealed = memo["sealed"]
    memo["sealed"] = sealed[:200] + ("A" if sealed[200] != "A" else "B") + sealed[201:]


EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "the seal": _flip,
    "no seal": lambda memo: memo.update(sealed=""),
    "the end": lambda memo: memo.update(until=9e12),
    "the full run": lambda memo: memo.update(full_at="2026-01-10T11:00:00Z"),
    "a part less": lambda memo: memo["parts"].pop(),
    "no parts": lambda memo: memo.update(parts=[]),
    "the key": lambda memo: memo.update(key="A" * 43 + "="),
    "a short key": lambda memo: memo.update(key=""),
    "the format": lambda memo: memo.update(format=2),
    "a time that is none": lambda memo: memo.update(full_at="soon"),
    "an unknown field": lambda memo: memo.update(more=1),
}


@pytest.mark.parametrize("name", sample(list(EDITS)[:4], list(EDITS)[4:]))
def test_an_altered_memo_is_not_used(settled: Shell, name: str) -> None:
    _edited(settled, EDITS[name])
    made = reconcile.plan()
    assert (made.last_full, made.plan.skips != ()) == ("", True)
    reconcile.apply(full=True)
    assert reconcile.plan().last_full


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "x" * 100_000, '{"format": 1}'])
def test_a_memo_that_is_none_is_not_used(text: str) -> None:
    assert memos.read(text) is None


def test_a_memo_names_nobody(settled: Shell) -> None:
    ((text,),) = settled.sql("SELECT memo FROM quiet_memos")
    for name in ("ann", "cem", "uid=", "sales", "@example.com"):
        assert name not in text.partition('"sealed"')[0]
    sealed = json.loads(text)["sealed"]
    assert b"cem" not in msgspec.json.decode(f'"{sealed}"', type=bytes)


def test_a_seal_opens_with_its_key_alone() -> None:
    sealed = seal(b"text", b"k" * 64, b"about")
    assert opened(sealed, b"k" * 64, b"about") == b"text"
    assert opened(seal(b"", b"k" * 64, b""), b"k" * 64, b"") == b""
    for other in (
        (sealed, b"l" * 64, b"about"),
        (sealed, b"k" * 64, b"abou"),
        (sealed[:-1], b"k" * 64, b"about"),
        (sealed[:40], b"k" * 64, b"about"),
        (b"", b"k" * 64, b"about"),
        (sealed + b"x", b"k" * 64, b"about"),
    ):
        with pytest.raises(Broken):
            opened(*other)


def test_a_row_that_refers_to_nothing_is_an_error_in_a_quiet_run_too(settled: Shell) -> None:
    with sqlite3.connect(settled.folder / "platform.db") as connection:
        connection.execute("INSERT INTO memberships (user_id, group_id) VALUES (99, 1)")
    connection.close()
    _, err = settled.run("plan", code=7)
    assert "that does not exist: correct or delete the row" in err


def test_an_adapter_that_cannot_ask_again_has_no_quiet_runs(
    settled: Shell, monkeypatch: pytest.MonkeyPatch, why: Callable[[], str]
) -> None:
    monkeypatch.setattr(LdifDirectory, "ask", None)
    assert reconcile.apply(full=True).planned.last_full == ""
    assert reconcile.plan().last_full == ""
    assert (why(), settled.folder.exists()) == ("the adapter of source corp", True)


def test_a_warning_of_the_moment_leaves_no_memo(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.company(PEOPLE, **RULES)
    reconcile.apply()
    real = LdifDirectory.read

    def read(self: LdifDirectory, *arguments: Any) -> Any:
        logging.getLogger("reconcile.directories").warning("the server was slow")
        return real(self, *arguments)

    monkeypatch.setattr(LdifDirectory, "read", read)
    reconcile.apply()
    assert shell.sql("SELECT COUNT(*) FROM quiet_memos") == [(0,)]


def test_a_run_that_is_killed_while_the_memo_is_written_leaves_the_last(
    settled: Shell, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = settled.sql("SELECT * FROM quiet_memos")

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    clock.now = "2026-01-10T13:00:00Z"
    with monkeypatch.context() as patched:
        patched.setattr("reconcile.platforms.ledger.history.memos.t.quiet_memos.insert", die)
        with pytest.raises(KeyboardInterrupt):
            reconcile.apply(full=True)
    assert settled.sql("SELECT * FROM quiet_memos") == before
    assert settled.sql("SELECT COUNT(*) FROM locks") == [(0,)]
    assert reconcile.plan().last_full == "2026-01-10T12:00:00Z"


def test_a_run_that_cannot_keep_its_memo_is_done_all_the_same(
    settled: Shell, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.now = "2026-01-10T13:00:00Z"
    with sqlite3.connect(settled.folder / "platform.db") as connection:
        connection.execute(
            "INSERT INTO locks (workspace_id, token, login, host, pid, started_at)"
            " VALUES (1, 't', 'joe', 'elsewhere', 1, '2026-01-10T12:59:00Z')"
        )
    connection.close()
    assert reconcile.apply(full=True).exit_code == 0
    assert settled.sql("SELECT COUNT(*) FROM locks") == [(1,)]
    assert monkeypatch is not None


def test_many_runs_at_once_agree(settled: Shell) -> None:
    results: list[Any] = []

    def work(full: bool) -> None:
        results.append(reconcile.apply(full=full))

    threads = [threading.Thread(target=work, args=(number % 2 == 0,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    plans = {msgspec.json.encode(plain(result.planned.plan)) for result in results}
    assert (len(results), len(plans)) == (6, 1)
    assert settled.sql("SELECT COUNT(*) FROM quiet_memos") == [(1,)]
    assert reconcile.plan().last_full


def test_a_database_of_an_earlier_version_gets_its_memo(settled: Shell) -> None:
    with sqlite3.connect(settled.folder / "platform.db") as connection:
        connection.execute("DROP TABLE quiet_memos")
        connection.execute("UPDATE reconcile_revision SET version_num = '0006'")
    connection.close()
    assert reconcile.plan().last_full == ""
    reconcile.apply()
    assert reconcile.plan().last_full


def test_nothing_is_created_for_a_memo(shell: Shell) -> None:
    shell.company(PEOPLE)
    settings = inputs.configuration((), {}).desired.platform
    with closing(SqlPlatform(settings)) as platform:
        platform.keep_memo("main", "0" * 64, "x", HOLDER)
        assert platform.memo("main", "0" * 64) == ""
    assert list(shell.folder.glob("*.db")) == []


def test_a_new_file_of_the_same_content_is_the_same(settled: Shell) -> None:
    (settled.folder / "corp.ldif").unlink()
    (settled.folder / "corp.ldif").write_text(ldif(PEOPLE), encoding="utf-8")
    rules = yaml.safe_load((settled.folder / "reconcile.yml").read_text(encoding="utf-8"))
    Path(settled.folder / "reconcile.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    assert reconcile.plan().last_full


def test_the_store_empties_memos_in_the_transaction_that_writes(
    settled: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled.company({**PEOPLE, "uid=dee": None}, **RULES)
    monkeypatch.setattr(Store, "memo", lambda *_: "")

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("reconcile.platforms.sql.write.writer.SqlWriter.record", die)
        with pytest.raises(KeyboardInterrupt):
            reconcile.apply()
    # Nothing was written, so what was known still holds.
    assert settled.sql("SELECT COUNT(*) FROM quiet_memos") == [(1,)]
