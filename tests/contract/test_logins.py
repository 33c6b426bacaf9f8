"""Logging in while a run is at work, and by whose origin, on every platform; the directory is in memory."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

import reconcile
from reconcile.app import adapters
from reconcile.app.login import refusal_time
from reconcile.directories.ldif.memory import MemoryDirectory
from reconcile.errors import Locked, LoginRefused, SourceUnreadable
from reconcile.model import desired
from reconcile.model.login import Login
from reconcile.model.platform import PlatformState
from reconcile.model.report import APPLIED
from reconcile.platforms.database import database
from reconcile.platforms.ledger.attempt_rules import FREE
from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import HOLDER, change
from tests.contract.platforms import transactional

RIGHT = "Kein-Wörtchen-davon"
BROKEN = "the server breaks off"
BASE = "dc=example,dc=com"
CONFIGURATION = {
    "version": 1,
    "platform": {"type": "sql", "url": "sqlite:///unused.db"},
    "sources": [
        {
            "name": "corp",
            "type": "openldap",
            "servers": ["ldap://ldap.example.com"],
            "bind": {"anonymous": True},
            "base_dn": BASE,
            "register_on_login": True,
            "refuse_login_after": "0s",
            "users": {"create": "never", "disabled_when": "{{ employeeType == 'gone' }}"},
        }
    ],
    "role_mappings": [{"role": "guest", "default": True}],
}


class Directory(MemoryDirectory):
    """Lets everybody in who is there and has the one password."""

    asked: ClassVar[list[str]] = []
    """The DNs that somebody tried to bind as, with any password."""

    def refusal(self, dn: str, password: str) -> str:
        self.asked.append(dn)
        if password == BROKEN:
            raise SourceUnreadable("the server is gone")
        return (
            "" if password == RIGHT and dn.lower() in map(str.lower, self._given) else "result 49"
        )


def person(uid: str, **more: str) -> dict[str, list[str]]:
    values = {
        "objectClass": "inetOrgPerson",
        "uid": uid,
        "cn": uid,
        "sn": uid,
        "entryUUID": f"id-{uid}",
    } | more
    return {name: [value] for name, value in values.items()}


Enter = Callable[..., Login]


@pytest.fixture
def entries() -> dict[str, dict[str, list[str]]]:
    return {
        BASE: {"objectClass": ["domain"], "dc": ["example"]},
        f"uid=anna,{BASE}": person("anna"),
        f"uid=ben,{BASE}": person("ben"),
    }


@pytest.fixture
def enter(
    platform: ManagedPlatform,
    entries: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Enter:
    """Logs somebody in as an application does."""
    file = tmp_path / "reconcile.yml"
    file.write_text(yaml.safe_dump(CONFIGURATION), encoding="utf-8")

    def opened(source: desired.Source, _progress: object) -> Directory:
        return Directory(source, entries=entries)

    monkeypatch.setattr(adapters, "directory", opened)
    monkeypatch.setattr(adapters, "platform", lambda *_: platform)
    monkeypatch.setattr(platform, "close", lambda: None)

    def enter(name: str, password: str = RIGHT, origin: str = "") -> Login:
        return reconcile.authenticate(name, password, file, origin=origin)

    return enter


def refused(enter: Enter, *arguments: str) -> str:
    with pytest.raises(LoginRefused) as error:
        enter(*arguments)
    return error.value.reason


def accounts(state: PlatformState) -> dict[str, tuple[str, str]]:
    return {user.username: (user.status, user.last_name) for user in state.users}


def test_a_run_that_holds_the_lock_is_not_written_into(
    enter: Enter, platform: ManagedPlatform, entries: Any
) -> None:
    enter("anna")
    before = platform.read("main")
    entries[f"uid=anna,{BASE}"] = person("anna", sn="Neu")
    with platform.lock(["main"], HOLDER):
        seen = enter("anna")
        assert (seen.username, seen.updated) == ("anna", False)
        with pytest.raises(Locked, match="ben has no account yet"):
            enter("ben")
        assert platform.read("main") == before
    assert enter("anna").updated
    assert accounts(platform.read("main")) == {"anna": ("active", "Neu")}


@transactional
def test_who_is_about_to_be_blocked_is_let_in_until_the_run_has_kept_it(
    enter: Enter, platform: ManagedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody but the run knows before; on SQLite nobody logs in while a run writes."""
    monkeypatch.setattr(database, "BUSY", 0.2)
    enter("anna")
    blocked = {"status": "blocked", "status_origin": "corp", "status_cause": "missing"}
    was = dict.fromkeys(blocked) | {"status": "active"}
    with platform.lock(["main"], HOLDER):
        with platform.transaction("main") as writer:
            writer.read()
            assert list(writer.write([change("user", "block", "anna", blocked, was)])) == [APPLIED]
            with contextlib.suppress(Locked):
                assert enter("anna").updated is False
        assert refused(enter, "anna") == "out_of_service"
    assert refused(enter, "anna") == "out_of_service"


def test_what_the_directory_says_counts_at_once_whatever_a_run_does(
    enter: Enter, platform: ManagedPlatform, entries: Any
) -> None:
    enter("anna")
    entries[f"uid=anna,{BASE}"] = person("anna", employeeType="gone")
    with platform.lock(["main"], HOLDER):
        assert refused(enter, "anna") == "disabled"
        del entries[f"uid=anna,{BASE}"]
        assert refused(enter, "anna") == "failed"
    assert accounts(platform.read("main")) == {"anna": ("active", "anna")}


def test_guesses_from_elsewhere_do_not_keep_the_owner_out(enter: Enter) -> None:
    home, away, other = "198.51.100.1", "203.0.113.7", "203.0.113.8"
    assert enter("anna", origin=home).registered
    assert [refused(enter, "anna", "wrong", away) for _ in range(FREE)] == ["failed"] * FREE
    assert refused(enter, "anna", RIGHT, away) == "wait"
    assert refused(enter, "anna@example.com", RIGHT, away) == "wait"
    assert enter("anna", origin=home).username == "anna"
    assert enter("anna", origin=other).username == "anna"
    assert enter("anna").username == "anna"
    assert enter("ben", origin=away).registered


def test_whoever_is_nobody_waits_as_others_do(enter: Enter) -> None:
    for name in ("anna", "nobody"):
        assert [refused(enter, name, "wrong", "203.0.113.7") for _ in range(FREE)] == [
            "failed"
        ] * FREE
        assert refused(enter, name, "wrong", "203.0.113.7") == "wait"


def test_every_refusal_takes_what_the_source_says(
    enter: Enter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    file = tmp_path / "reconcile.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("0s", "3s"), encoding="utf-8")

    @contextlib.contextmanager
    def evenly(unit: float) -> Any:
        with refusal_time.evenly(unit, lambda: 0.0, waited.append):
            yield

    monkeypatch.setattr("reconcile.app.login.attempt.evenly", evenly)
    enter("anna")
    assert waited == []
    for name, password in (
        ("anna", "wrong"),
        ("nobody", "wrong"),
        ("anna", ""),
        ("x" * 2000, RIGHT),
    ):
        assert refused(enter, name, password) == "failed"
    assert waited == [3.0] * 4


def test_where_nobody_is_found_somebody_who_does_not_exist_is_asked_for(enter: Enter) -> None:
    Directory.asked.clear()
    assert refused(enter, "nobody") == refused(enter, "anna", "wrong") == "failed"
    first, second = Directory.asked
    assert first.endswith(f",{BASE}")
    assert "nobody" not in first
    assert second == f"uid=anna,{BASE}"


def test_an_attempt_is_counted_before_it_is_made(enter: Enter) -> None:
    Directory.asked.clear()
    for _ in range(FREE):
        with pytest.raises(SourceUnreadable):
            enter("anna", BROKEN)
    assert refused(enter, "anna") == "wait"
    assert len(Directory.asked) == FREE


def test_a_login_that_changes_something_holds_the_platform(
    enter: Enter, platform: ManagedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    hindered: list[str] = []
    transaction = platform.transaction

    def watched(workspace: str) -> Any:
        with pytest.raises(Locked) as error, platform.lock(["main"], HOLDER):
            pass
        hindered.append(str(error.value))
        return transaction(workspace)

    monkeypatch.setattr(platform, "transaction", watched)
    assert enter("anna").registered
    assert len(hindered) == 1
    assert not enter("anna").updated
    assert len(hindered) == 1


def test_of_two_who_claim_one_username_the_first_gets_it(
    enter: Enter, tmp_path: Path, entries: Any
) -> None:
    file = tmp_path / "reconcile.yml"
    state = yaml.safe_load(file.read_text(encoding="utf-8"))
    state["sources"][0]["users"]["fields"] = {"username": "{{ sn }}"}
    file.write_text(yaml.safe_dump(state), encoding="utf-8")
    for uid in ("anna", "ben"):
        entries[f"uid={uid},{BASE}"] = person(uid, sn="Same")
    assert enter("ben").username == "Same"
    assert refused(enter, "anna") == "not_registered"
    assert enter("ben").username == "Same"
