"""A clock that is set back, or ahead, between runs: nobody is erased too early, nothing is lost, the order stays."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconcile.app import inputs, run_identity
from tests.scenarios.shell import Shell
from tests.scenarios.stage import ldif

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
PEOPLE: dict[str, Any] = {f"uid={name}": None for name in ("ann", "bob", "cid", "dan")}
SAFETY = {"limits": {"users_lost": 1}, "window": "7d", "shrink": "none"}


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    made = Shell(tmp_path, capsys, monkeypatch)
    made.company(PEOPLE)
    return made


def at(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """From now on the clock of the machine shows so many days after the start."""
    moment = (START + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    monkeypatch.setattr(inputs, "now", lambda: moment)
    holder = run_identity.holder
    monkeypatch.setattr(
        run_identity, "holder", lambda user="": holder(user)._replace(started=moment)
    )


def statuses(shell: Shell) -> list[str]:
    return [row[0] for row in shell.sql("SELECT status FROM users ORDER BY id")]


WITHOUT_DAN = {name: one for name, one in PEOPLE.items() if name != "uid=dan"}
LOCKED = {"uid=dan": {"pwdAccountLockedTime": "000001010000Z"}}


@pytest.mark.parametrize(
    ("rule", "after"),
    [("on_missing", WITHOUT_DAN), ("on_disabled", WITHOUT_DAN | LOCKED)],
    ids=["missing", "disabled"],
)
def test_a_grace_period_ends_no_sooner(
    rule: str, after: dict[str, Any], shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    grace = {rule: {"action": "block", "after": "30d", "then": "erase"}}
    shell.company(PEOPLE, lifecycle=grace)
    at(monkeypatch, 10)
    shell.run("apply", "--yes")
    (shell.folder / "corp.ldif").write_text(ldif(after), encoding="utf-8")
    shell.run("apply", "--yes")
    began = shell.sql("SELECT departed_at FROM users WHERE username = 'dan'")
    for days in (0, -400, 39):
        at(monkeypatch, days)
        shell.run("apply", "--yes")
        assert "erased" not in statuses(shell), days
        assert shell.sql("SELECT departed_at FROM users WHERE username = 'dan'") == began
    at(monkeypatch, 41)
    shell.run("apply", "--yes")
    assert statuses(shell)[-1] == "erased"


def test_runs_stay_in_their_order_and_losses_are_added_up(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.company(PEOPLE, safety=SAFETY)
    at(monkeypatch, 5)
    shell.run("apply", "--yes")
    shell.company(dict(list(PEOPLE.items())[:3]), safety=SAFETY)
    shell.run("apply", "--yes")
    at(monkeypatch, 0)
    shell.company(dict(list(PEOPLE.items())[:2]), safety=SAFETY)
    assert "users_lost" in shell.run("apply", "--yes", code=4)[0], (
        "what is lost in the future counts too"
    )
    shell.company({**PEOPLE, "uid=eve": None}, safety=SAFETY)
    shell.run("apply", "--yes")
    runs = json.loads(shell.run("history", "--format", "json")[0])
    assert [one["started"][:10] for one in runs] == ["2026-03-06", "2026-03-06", "2026-03-01"]
    out, _ = shell.run("history", "--verify")
    assert "3 runs" in out
    assert "nothing was altered" in out
