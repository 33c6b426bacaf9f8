"""The lock in an SQLite file: who holds it, who may take it over, and what killed and racing runs leave behind."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from reconcile.errors import Locked, PlatformUnreadable
from reconcile.model.report import APPLIED
from reconcile.platforms.database import database
from reconcile.platforms.ledger import lock, processes
from reconcile.platforms.sql import SqlPlatform
from reconcile.ports import Holder
from reconcile.testing.builders import ok, user
from tests.contract.child import USERS
from tests.contract.platforms import HERE, prepare, sql
from tests.contract.servers import refusal
from tests.contract.sqlite import by_hand


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[SqlPlatform]:
    made = sql(tmp_path)
    yield made
    made.close()


def test_another_program_that_writes_is_waited_for_and_then_said(
    tmp_path: Path, platform: SqlPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY", 0.05)
    ok(platform, user("anna"))
    with closing(sqlite3.connect(tmp_path / "acme.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert len(platform.read("main").users) == 1
        with pytest.raises(PlatformUnreadable, match="another program has kept it busy"):
            prepare(platform)
        other.execute("ROLLBACK")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(PlatformUnreadable, match="another program has kept it busy"):
            platform.read("main")
    prepare(platform)


def test_a_commit_that_readers_hinder_is_a_plain_failure(
    tmp_path: Path, platform: SqlPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY", 0.05)
    ok(platform, user("anna"))
    before = by_hand(tmp_path, "SELECT username FROM users")
    with (
        closing(sqlite3.connect(tmp_path / "acme.db", isolation_level=None)) as reader,
        platform.lock(["main"], HERE),
    ):
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM users").fetchone()
        with (
            pytest.raises(PlatformUnreadable, match="another program has kept it busy"),
            platform.transaction("main") as writer,
        ):
            writer.write([user("ben")])
        reader.execute("ROLLBACK")
        assert by_hand(tmp_path, "SELECT username FROM users") == before
        with platform.transaction("main") as writer:
            assert list(writer.write([user("ben")])) == [APPLIED]
    assert by_hand(tmp_path, "SELECT * FROM locks") == []


def test_a_run_that_writes_is_named_to_the_next(
    tmp_path: Path, platform: SqlPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY", 0.05)
    second = sql(tmp_path)
    with platform.lock(["main"], HERE), platform.transaction("main") as writer:
        writer.write([user(name, dn="x" * 1000) for name in USERS])
        assert second.read("main").users == ()
        with (
            pytest.raises(Locked, match=r"anna.*being written; wait"),
            second.lock(["main"], HERE, force=True),
        ):
            pass


def held(folder: Path, **columns: object) -> None:
    """A lock as another run would have left it."""
    row = {
        "workspace_id": 1,
        "token": "t",
        "login": "joe",
        "host": "elsewhere",
        "pid": 4711,
        "started_at": "2026-03-01T07:00:00Z",
        "heartbeat_at": "2020-01-01 00:00:00",
        **columns,
    }
    with closing(sqlite3.connect(folder / "acme.db")) as connection, connection:
        connection.execute(
            f"INSERT INTO locks ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            tuple(row.values()),
        )


def test_a_lock_of_another_machine_dies_with_its_heartbeat(
    tmp_path: Path, platform: SqlPlatform
) -> None:
    prepare(platform)
    held(tmp_path)
    assert "joe on elsewhere, process 4711, since 2026-03-01T07:00:00Z" in refusal(platform)
    assert "--force" in refusal(platform)
    by_hand(tmp_path, "UPDATE locks SET heartbeat_at = datetime('now', '-200 seconds')")
    assert "last renewed 20" in refusal(platform, force=True)
    by_hand(tmp_path, "UPDATE locks SET heartbeat_at = datetime('now', '-301 seconds')")
    with platform.lock(["main"], HERE, force=True):
        assert by_hand(tmp_path, "SELECT login, pid FROM locks") == [("anna", os.getpid())]
    assert by_hand(tmp_path, "SELECT * FROM locks") == []


def test_a_process_number_given_again_is_not_the_holder(
    tmp_path: Path, platform: SqlPlatform
) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("this machine does not tell when a process started")
    prepare(platform)
    held(tmp_path, host=HERE.host, pid=os.getpid(), process_started=f"{processes.place()}/1")
    by_hand(tmp_path, "UPDATE locks SET heartbeat_at = datetime('now')")
    assert "that process is gone" in refusal(platform)
    with platform.lock(["main"], HERE, force=True):
        pass


def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


@pytest.mark.parametrize(
    "identity",
    ["{boot}/pid:[1]/17", "another boot/{namespace}/17", "another boot/pid:[1]/17", None],
    ids=["another container", "before a restart", "another machine", "not told"],
)
def test_a_process_number_of_elsewhere_proves_nothing(
    tmp_path: Path, platform: SqlPlatform, identity: str | None
) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("this machine does not tell when a process started")
    prepare(platform)
    boot, _, namespace = processes.place().partition("/")
    told = identity and identity.format(boot=boot, namespace=namespace)
    held(tmp_path, host=HERE.host, pid=gone(), process_started=told)
    by_hand(tmp_path, "UPDATE locks SET heartbeat_at = datetime('now', '-200 seconds')")
    assert "in another container or machine of this name" in refusal(platform, force=True)
    with pytest.raises(Locked, match="wait until it is done"):
        platform.unlock("main", HERE.host)
    by_hand(
        tmp_path,
        f"UPDATE locks SET heartbeat_at = datetime('now', '-301 seconds'), pid = {os.getpid()}",
    )
    assert "make sure that nothing runs there" in refusal(platform)
    with platform.lock(["main"], HERE, force=True):
        assert by_hand(tmp_path, "SELECT login FROM locks") == [("anna",)]


def test_a_run_in_another_pid_namespace_is_not_robbed(
    tmp_path: Path, platform: SqlPlatform
) -> None:
    unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("namespaces cannot be made here")
    prepare(platform)
    with child(tmp_path, "locked", *unshare):
        [(pid, told)] = by_hand(tmp_path, "SELECT pid, process_started FROM locks")
        assert (pid, processes.place_of(str(told)) == processes.place()) == (1, False)
        by_hand(tmp_path, f"UPDATE locks SET pid = {gone()}, host = '{HERE.host}'")
        assert "in another container" in refusal(platform, force=True)


def test_a_lock_is_renewed_while_it_is_held(
    tmp_path: Path, platform: SqlPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT", 0.01)
    with platform.lock(["main"], HERE):
        by_hand(tmp_path, "UPDATE locks SET heartbeat_at = '2020-01-01 00:00:00'")
        deadline = time.monotonic() + 20
        while by_hand(tmp_path, "SELECT 1 FROM locks WHERE heartbeat_at < '2021'"):
            assert time.monotonic() < deadline


def test_writing_renews_the_lock(tmp_path: Path, platform: SqlPlatform) -> None:
    with platform.lock(["main"], HERE):
        by_hand(tmp_path, "UPDATE locks SET heartbeat_at = '2020-01-01 00:00:00'")
        with platform.transaction("main"):
            pass
        assert by_hand(tmp_path, "SELECT 1 FROM locks WHERE heartbeat_at < '2021'") == []


def test_who_lost_the_lock_writes_nothing(tmp_path: Path, platform: SqlPlatform) -> None:
    with platform.lock(["main"], HERE):
        by_hand(tmp_path, "UPDATE locks SET token = 'of another'")
        with pytest.raises(Locked, match="taken over"), platform.transaction("main"):
            raise AssertionError("it went on")
    assert by_hand(tmp_path, "SELECT token FROM locks") == [("of another",)]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_whatever_ends_the_run_releases_the_lock(
    tmp_path: Path, platform: SqlPlatform, error: type[BaseException]
) -> None:
    with pytest.raises(error), platform.lock(["main"], HERE):
        raise error
    assert by_hand(tmp_path, "SELECT * FROM locks") == []


@contextmanager
def child(folder: Path, point: str, *within: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*within, sys.executable, "-m", "tests.contract.child", str(folder), point],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("first", [True, False], ids=["first apply", "later apply"])
@pytest.mark.parametrize("point", ["locked", "began", "half", "written", "committed"])
def test_a_killed_run_leaves_before_or_after(
    tmp_path: Path, platform: SqlPlatform, point: str, first: bool
) -> None:
    before = [] if first else ["anna"]
    prepare(platform)
    if not first:
        ok(platform, user("anna"))
    by_hand(
        tmp_path, "CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT pause(NEW.username); END"
    )
    with child(tmp_path, point) as process:
        process.kill()
        process.wait()
    if point == "half":
        assert (tmp_path / "acme.db-journal").exists()
    reader = sql(tmp_path)
    expected = [*before, *USERS] if point == "committed" else before
    assert [one.username for one in reader.read("main").users] == expected
    assert "that process is gone: run again with --force" in refusal(platform).replace(";", ":")
    by_hand(tmp_path, "DROP TRIGGER t")
    with platform.lock(["main"], HERE, force=True), platform.transaction("main") as writer:
        assert [one.username for one in writer.read().users] == expected
        assert list(writer.write([user("zoe")])) == [APPLIED]
    assert [one.username for one in reader.read("main").users] == [*expected, "zoe"]


def test_an_interrupted_run_leaves_nothing_and_no_lock(
    tmp_path: Path, platform: SqlPlatform
) -> None:
    with child(tmp_path, "written") as process:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert platform.read("main").users == ()
    assert by_hand(tmp_path, "SELECT * FROM locks") == []
    assert not (tmp_path / "acme.db-journal").exists()


def test_of_runs_that_race_one_wins(tmp_path: Path) -> None:
    with ExitStack() as stack:
        racers = [stack.enter_context(child(tmp_path, "race")) for _ in range(4)]
        for racer in racers:
            say(racer, "go")
        assert sorted(answers(racers)) == ["lost", "lost", "lost", "won"]


def say(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{text}\n")
    process.stdin.flush()


def answers(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    return [
        process.stdout.readline().strip() for process in processes if process.stdout is not None
    ]


def test_another_process_cannot_take_a_living_lock(tmp_path: Path, platform: SqlPlatform) -> None:
    with child(tmp_path, "locked"):
        assert "ben" in refusal(platform, force=True)
        assert platform.read("main").users == ()
        other = Holder("anna", HERE.host, os.getpid(), "2026-03-01T08:00:00Z")
        with platform.lock(["other"], other):
            pass
