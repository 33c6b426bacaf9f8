"""A platform that is in the database of its ledger: each window of calls is one transaction with it.

Whatever breaks off, at every single call: the platform, the ledger and the history say the same.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reconcile.errors import PlatformUnreadable
from reconcile.model.platform import Abilities
from reconcile.platforms.database.database import CommitLost
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.ledger.bulk_edits import edit_all
from reconcile.ports import ManagedPlatform
from reconcile.testing import Case
from reconcile.testing.builders import CORP, HOLDER, change, group, member, ok, user, users, view
from reconcile.testing.contract.history import *
from reconcile.testing.contract.names import *
from reconcile.testing.contract.nesting import *
from reconcile.testing.contract.objects import *
from reconcile.testing.contract.quiet import *
from tests.contract.joint import JointApplication, joint
from tests.contract.platforms import HERE
from tests.contract.test_driver import CALLS, FIRST, SECOND, Died, House, fuse


class JointHouse(House):
    application: JointApplication
    platform: Any
    kind = JointApplication

    def __init__(self, folder: Path, **hooks: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.application = self.kind(
            folder,
            abilities=Abilities(any_role=True, nested_groups=True, links_per_call=2),
            **hooks,
        )
        self.platform = self.reopened()

    def reopened(self) -> Any:
        return joint(self.application)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    refused: set[str] = set()

    def refuse(_kind: object, row: dict[str, Any]) -> str:
        return "the application says no" if row.get("username") in refused else ""

    with closing(joint(JointApplication(tmp_path, refuse=refuse))) as platform:
        yield Case("joint", platform, refused.add)


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    return case.platform


@pytest.fixture
def house(tmp_path: Path) -> JointHouse:
    return JointHouse(tmp_path)


def steps(folder: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(folder / "acme.db")) as connection:
        return connection.execute("SELECT state FROM journal WHERE state <> 'run'").fetchall()


def test_windows_are_kept_with_their_journal(house: JointHouse, tmp_path: Path) -> None:
    with house.platform.lock(["main"], HOLDER), house.platform.transaction("main") as writer:
        writer.read()
        writer.write([user(f"u{n}") for n in range(7)])
        assert steps(tmp_path) == [("kept",)] * 7
    assert [call.operation for call in house.application.ended] == ["create"] * 7


class Broke(Exception):
    """What no adapter may raise."""


@pytest.mark.parametrize("error", [PlatformUnreadable("gone"), KeyboardInterrupt(), Broke("oops")])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_window_that_breaks_off_is_undone_as_a_whole_and_those_before_stay(
    house: JointHouse, error: BaseException, when: str
) -> None:
    def hook(call: str) -> None:
        if call == "create user u4":
            raise error

    setattr(house.application, when, hook)
    with house.platform.lock(["main"], HOLDER), house.platform.transaction("main") as writer:
        writer.read()
        written = writer.write([user(f"u{n}") for n in range(7)])
        assert writer.broken is not None
    assert [one.result for one in written] == ["applied"] * 3 + ["failed"] * 4
    house.calm()
    assert set(users(house.reopened())) == {"u0", "u1", "u2"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", CALLS)
def test_killed_at_any_call_the_history_has_what_the_platform_has(
    house: JointHouse, number: int, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DrivenPlatform, "_settle", lambda *_: None)  # the dead settle nothing
    setattr(house.application, when, fuse(number, Died))
    try:
        house.apply(FIRST)
    except Died:
        pass
    else:
        return  # there are not so many calls
    house.calm()
    house.platform = house.reopened()
    with house.platform.lock(["main"], HERE, force=True), house.platform.transaction("main"):
        pass
    (recorded,) = house.platform.history.runs("main")
    entries = house.platform.history.entries("main", recorded.run.id)
    assert {entry.result for entry in entries} <= {"applied"}
    kept = {(entry.kind, entry.read().key) for entry in entries}  # type: ignore[union-attr]
    state = house.seen()
    for kind, listed in (("user", "users"), ("group", "groups"), ("department", "departments")):
        assert {key for one, key in kept if one == kind} == set(state[listed])
    for kind, listed in (("membership", "memberships"), ("grant", "grants")):
        assert {key for one, key in kept if one == kind} == {
            "/".join(pair) for pair in state[listed]
        }
    assert all(fields.get("source") == "corp" for fields in state["users"].values())


@pytest.mark.parametrize("kept", [True, False])
def test_a_commit_that_is_not_answered_is_looked_up(
    house: JointHouse, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok(house.platform, CORP)
    store = house.platform._ledger._store
    writing = store.writing
    lost: list[str] = []

    class Losing:
        """The second transaction of the window is kept or not, and the answer is lost."""

        def __init__(self, workspace: str) -> None:
            self._block = writing(workspace)

        def __enter__(self) -> Any:
            self.connection = self._block.__enter__()
            return self.connection

        def __exit__(self, *raised: object) -> None:
            if lost or raised[0] is not None or not house.application.calls:
                self._block.__exit__(*raised)
                return
            lost.append("lost")
            if kept:
                self._block.__exit__(None, None, None)
            else:
                self._block.__exit__(ValueError, ValueError("undone"), None)
            raise CommitLost("the connection broke")

    monkeypatch.setattr(store, "writing", Losing)
    with house.platform.lock(["main"], HOLDER), house.platform.transaction("main") as writer:
        writer.read()
        written = writer.write([user("anna")])
    assert written[0].result == ("applied" if kept else "failed")
    assert written[0].detail == ("" if kept else "the connection broke; none of this was kept")
    assert set(users(house.reopened())) == ({"anna"} if kept else set())


def test_a_commit_that_cannot_be_looked_up_is_unknown(
    house: JointHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok(house.platform, CORP)
    ledger = house.platform._ledger
    with house.platform.lock(["main"], HOLDER), house.platform.transaction("main") as writer:
        writer.read()
        with monkeypatch.context() as patch:
            patch.setattr(ledger, "together", lambda *_: _raise_unknown())
            written = writer.write([user("anna")])
    assert written[0].result == "unknown"


def _raise_unknown() -> None:
    from reconcile.errors import OutcomeUnknown

    raise OutcomeUnknown("nobody knows")


def test_many_edits_at_once_say_what_single_ones_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for few in (0, 10_000):
        monkeypatch.setattr(f"{edit_all.__module__}._FEW", few)
        folder = tmp_path / str(few)
        folder.mkdir()
        house = JointHouse(folder)
        house.application.calls_together = 100
        for changes in (FIRST, SECOND):
            house.apply(changes)
        ok(house.platform, [group("g"), group("h")], [member("cid", "g"), member("bob", "h")])
        ok(house.platform, change("membership", "update", "cid/g", {"origin": "other"}))
        ok(
            house.platform,
            change(
                "membership",
                "delete",
                "bob/h",
                None,
                {"user": "bob", "group": "h", "origin": "corp"},
            ),
        )
        ok(house.platform, change("user", "delete", "cid"))
        seen.append(view(house.platform.read("main")))
    assert seen[0] == seen[1]
