"""The sql platform on a database server: locks, races, killed runs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from reconcile.errors import Locked
from reconcile.model.report import APPLIED
from reconcile.platforms.ledger import lock
from reconcile.platforms.sql import SqlPlatform
from reconcile.testing.builders import ok, user
from tests.contract.child import USERS
from tests.contract.platforms import HERE, Acme, prepare
from tests.contract.servers import Opened, application, is_mariadb, refusal, usernames, wait_until

pytestmark = pytest.mark.server


def test_the_lock_is_renewed_while_the_run_writes_and_nobody_takes_it(
    db: Acme, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "BEAT", 0.05)
    platform, second = opened(db), opened(db)
    with platform.lock(["main", "other"], HERE), platform.transaction("main") as writer:
        writer.read()
        writer.write([user("anna")])
        db.by_hand("UPDATE locks SET heartbeat_at = '2020-01-01 00:00:00', host = 'elsewhere'")
        with (
            pytest.raises(Locked, match=r"anna.*being written; wait"),
            second.lock(["main"], HERE, force=True),
        ):
            pass
        wait_until(lambda: not db.by_hand("SELECT 1 FROM locks WHERE heartbeat_at < '2021-01-01'"))
        assert "last renewed" in other_refusal(second)
    assert db.by_hand("SELECT * FROM locks") == []
    assert usernames(platform) == ["anna"]


def other_refusal(platform: SqlPlatform) -> str:
    with pytest.raises(Locked) as refused, platform.lock(["other"], HERE, force=True):
        pass
    return str(refused.value)


def test_a_silent_lock_of_another_machine_is_taken_over_and_its_run_writes_nothing(
    db: Acme, opened: Opened
) -> None:
    platform, second = opened(db), opened(db)

    def robbed() -> None:
        with platform.lock(["main", "other"], HERE):
            db.by_hand("UPDATE locks SET heartbeat_at = '2020-01-01 00:00:00', host = 'elsewhere'")
            assert "run again with --force" in refusal(second)
            with second.lock(["main"], HERE, force=True):
                ok_within(second)
                with pytest.raises(Locked, match="taken over"), platform.transaction("main"):
                    raise AssertionError("it went on")

    robbed()
    assert usernames(platform) == ["ben"]


def ok_within(platform: SqlPlatform) -> None:
    with platform.transaction("main") as writer:
        assert list(writer.write([user("ben")])) == [APPLIED]


@contextmanager
def child(folder: Path, point: str, db: Acme) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.contract.child", str(folder), point, db.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={"PATH": os.defpath},
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("point", ["locked", "began", "written", "committed"])
def test_a_killed_run_leaves_before_or_after(
    db: Acme, opened: Opened, tmp_path: Path, point: str
) -> None:
    platform = opened(db)
    ok(platform, user("anna"))
    with child(tmp_path, point, db) as process:
        assert "still running" in refusal(platform, force=True) or point in ("began", "written")
        process.kill()
        process.wait()
    expected = ["anna", *USERS] if point == "committed" else ["anna"]
    assert usernames(platform) == expected
    wait_until(lambda: "being written" not in refusal(platform))
    assert "that process is gone" in refusal(platform)
    with platform.lock(["main"], HERE, force=True), platform.transaction("main") as writer:
        assert sorted(one.username for one in writer.read().users) == expected
        assert list(writer.write([user("zoe")])) == [APPLIED]


def test_a_run_killed_within_a_statement_leaves_before(
    db: Acme, opened: Opened, tmp_path: Path
) -> None:
    platform = opened(db)
    prepare(platform)
    last = USERS[400]
    if is_mariadb(db):
        db.by_hand(
            f"CREATE TRIGGER t AFTER INSERT ON users FOR EACH ROW IF NEW.username = '{last}' THEN "
            "SET @got = GET_LOCK('half', 60); SET @got = RELEASE_LOCK('half'); END IF"
        )
    else:
        db.by_hand(
            "CREATE FUNCTION half() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN PERFORM pg_advisory_xact_lock(17); RETURN NEW; END$$",
            f"CREATE TRIGGER t AFTER INSERT ON users FOR EACH ROW WHEN (NEW.username = '{last}') "
            "EXECUTE FUNCTION half()",
        )
    with application(db) as app:
        app("SELECT GET_LOCK('half', 0)" if is_mariadb(db) else "SELECT pg_advisory_xact_lock(17)")
        with child(tmp_path, "began", db) as process:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            wait_until(lambda: held_up(db))
            process.kill()
            process.wait()
        assert usernames(platform) == []
    wait_until(lambda: "being written" not in refusal(platform))
    assert usernames(platform) == []
    with platform.lock(["main"], HERE, force=True):
        pass


def held_up(db: Acme) -> bool:
    if is_mariadb(db):
        return db.by_hand(
            "SELECT count(*) FROM information_schema.processlist WHERE state = 'User lock'"
        ) != [(0,)]
    return db.by_hand(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    ) != [(0,)]


def test_of_several_first_runs_one_creates_the_tables(db: Acme, tmp_path: Path) -> None:
    with racing(db, tmp_path) as answers:
        assert sorted(answers) == ["lost", "lost", "won"]


@contextmanager
def racing(db: Acme, folder: Path) -> Iterator[list[str]]:
    with ExitStack() as stack:
        racers = [stack.enter_context(child(folder, "race", db)) for _ in range(3)]
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        yield [racer.stdout.readline().strip() for racer in racers if racer.stdout is not None]
