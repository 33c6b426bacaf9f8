"""A platform that keeps a whole run in one transaction with its ledger: all of it, or nothing.

Whatever breaks off, at every single call: neither the platform nor the ledger nor the history has
anything of it, and the next run does it all.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reconcile.errors import Locked, OutcomeUnknown, PlatformUnreadable, ReconcileError
from reconcile.model.login import person_key
from reconcile.platforms.database import database
from reconcile.platforms.database.database import CommitLost
from reconcile.platforms.ledger import settling
from reconcile.ports import ManagedPlatform
from reconcile.testing import Case
from reconcile.testing.builders import CORP, ERASED, HOLDER, change, users
from reconcile.testing.contract.history import *
from reconcile.testing.contract.objects import *
from reconcile.testing.contract.transactions import *
from tests.contract.joint import WholeApplication, joint
from tests.contract.test_driver import CALLS, FIRST, SECOND, Died, fuse, mine
from tests.contract.test_joint import JointHouse


class WholeHouse(JointHouse):
    kind = WholeApplication


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    refused: set[str] = set()

    def refuse(_kind: object, row: dict[str, Any]) -> str:
        return "the application says no" if row.get("username") in refused else ""

    with closing(joint(WholeApplication(tmp_path, refuse=refuse))) as platform:
        yield Case("joint", platform, refused.add)


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    return case.platform


@pytest.fixture
def house(tmp_path: Path) -> WholeHouse:
    return WholeHouse(tmp_path)


class Begun(NamedTuple):
    """A company whose first changes are made."""

    folder: Path
    undisturbed: dict[str, Any]
    """What it is after the second ones, if nothing goes wrong."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    house, other = (WholeHouse(tmp_path_factory.mktemp(name)) for name in ("first", "second"))
    house.apply(FIRST)
    other.apply(FIRST)
    other.apply(SECOND)
    return Begun(house.folder, other.seen())


def rows(folder: Path, table: str) -> int:
    with closing(sqlite3.connect(folder / "acme.db")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_no_journal_is_kept_and_the_platform_finishes_once(
    house: WholeHouse, tmp_path: Path
) -> None:
    house.apply(FIRST)
    assert rows(tmp_path, "journal") == 0
    assert rows(tmp_path, "history_runs") == 1
    assert house.application.finished == 1
    with closing(sqlite3.connect(tmp_path / "acme.db")) as connection:
        ever = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'journal'")
        assert ever.fetchall() in ([], [(0,)])


class Broke(Exception):
    """What no adapter may raise."""


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (PlatformUnreadable("gone"), "gone"),
        (KeyboardInterrupt("stop"), "stop"),
        (Broke("oops"), "fault of the adapter: Broke: oops"),
    ],
)
def test_what_breaks_off_is_raised_and_nothing_is_kept(
    house: WholeHouse, error: BaseException, raised: str
) -> None:
    def hook(call: str) -> None:
        if call == "create user dan":
            raise error

    house.application.after = hook
    kind = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else ReconcileError
    with pytest.raises(kind, match=raised):
        house.apply(FIRST)
    house.calm()
    assert users(house.reopened()) == {}
    assert not house.reopened().history.runs("main")
    assert house.application.finished == 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "number",
    [pytest.param(number, marks=[] if number % 6 == 3 else pytest.mark.full) for number in CALLS],
)
def test_killed_at_any_call_nothing_is_kept_and_the_next_run_does_it_all(
    number: int, when: str, tmp_path: Path, begun: Begun
) -> None:
    shutil.copytree(begun.folder, tmp_path, dirs_exist_ok=True)
    house = WholeHouse(tmp_path)
    before = house.seen()
    setattr(house.application, when, fuse(number, Died))
    try:
        house.apply(SECOND)
    except Died:
        house.calm()
        house.platform = house.reopened()
        assert house.seen() == before
        assert len(house.platform.history.runs("main")) == 1
        report = house.apply(SECOND)
        assert {one.result for one in report.outcomes} == {"applied"}
    assert house.seen() == begun.undisturbed
    assert len(house.platform.history.runs("main")) == 2


def test_what_one_call_is_refused_for_hinders_no_other(tmp_path: Path) -> None:
    house = WholeHouse(tmp_path, refuse=lambda _, row: "no" if row.get("username") == "cid" else "")
    report = house.apply(FIRST)
    failed = {one.change.key: one.result for one in report.outcomes if one.result != "applied"}
    assert failed == {"cid": "failed", "cid/staff": "skipped"}
    assert set(users(house.reopened())) == {"ann", "bob", "dan"}
    (link,) = house.platform.history.runs("main")
    assert (link.run.outcome, link.run.failed) == ("in part", 1)


@pytest.mark.parametrize("kept", [True, False])
def test_a_commit_that_is_not_answered_is_looked_up(
    house: WholeHouse, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _lose_the_commit(house, monkeypatch, kept=kept)
    if kept:
        assert {one.result for one in house.apply(FIRST).outcomes} == {"applied"}
    else:
        with pytest.raises(PlatformUnreadable, match="nothing of it was kept"):
            house.apply(FIRST)
    assert bool(users(house.reopened())) is kept


def test_a_commit_that_cannot_be_looked_up_is_unknown(
    house: WholeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _lose_the_commit(house, monkeypatch, kept=True)

    def silent(*_: object) -> bool:
        raise PlatformUnreadable("still away")

    monkeypatch.setattr(settling, "was_kept", silent)
    report = house.apply(FIRST)
    assert {one.result for one in report.outcomes} == {"unknown"}
    with pytest.raises(OutcomeUnknown):
        settling.settle(house.platform._ledger._store.database, "main", "", CommitLost("gone"))


def _lose_the_commit(house: WholeHouse, monkeypatch: pytest.MonkeyPatch, *, kept: bool) -> None:
    """The transaction of the next run is kept or not, and the answer is lost."""
    with house.platform.lock(["main"], HOLDER):
        pass  # the tables exist
    store = house.platform._ledger._store
    writing = store.writing

    class Losing:
        def __init__(self, workspace: str) -> None:
            self._block = writing(workspace)

        def __enter__(self) -> Any:
            return self._block.__enter__()

        def __exit__(self, *raised: object) -> None:
            if raised[0] is not None or not house.application.calls:
                self._block.__exit__(*raised)
                return
            if kept:
                self._block.__exit__(None, None, None)
            else:
                self._block.__exit__(ValueError, ValueError("undone"), None)
            raise CommitLost("the connection broke")

    monkeypatch.setattr(store, "writing", Losing)


def test_failed_logins_of_the_erased_are_forgotten_once_it_is_kept(house: WholeHouse) -> None:
    house.apply([CORP, mine("dan")])
    house.platform.attempts.begin("main", person_key("corp", "id-dan", ""), 1)
    before = {"username": "dan", "source": "corp", "external_id": "id-dan"}
    house.apply([change("user", "erase", "dan", ERASED, before)])
    assert rows(house.folder, "login_failures") == 0


def test_a_run_in_the_middle_of_which_another_wants_to_write_keeps_it_out(
    house: WholeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY", 0.1)

    def other(call: str) -> None:
        if call == "create user dan":
            with pytest.raises(Locked), house.reopened().lock(["main"], HOLDER):
                pass

    house.application.after = other
    assert {one.result for one in house.apply(FIRST).outcomes} == {"applied"}
