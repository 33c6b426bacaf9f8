"""Failed logins are counted alike on every platform, and none is lost where many come at once."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reconcile.errors import Locked
from reconcile.platforms.attempts import FREE, MEMORY
from reconcile.platforms.sql import database
from reconcile.ports import Platform
from tests.contract.platforms import CASES, HOLDER, SERVERS, Servers, ok, sql, user

NOW = 1_800_000_000
KEY, OTHER = "a" * 64, "b" * 64


def fill(platform: Platform, workspace: str = "main", key: str = KEY) -> None:
    assert [platform.attempts.begin(workspace, key, NOW) for _ in range(FREE)] == [0] * FREE


def test_five_are_free_on_a_platform_where_nothing_was_ever_applied(platform: Platform) -> None:
    fill(platform)
    assert platform.attempts.begin("main", KEY, NOW) == 30
    assert platform.attempts.begin("main", KEY, NOW + 29) == 1
    assert platform.attempts.begin("main", KEY, NOW + 30) == 0
    assert platform.attempts.begin("main", KEY, NOW + 30) == 60
    assert platform.read("main").users == ()


def test_everybody_is_counted_for_themselves(platform: Platform) -> None:
    fill(platform)
    assert platform.attempts.begin("main", OTHER, NOW) == 0
    assert platform.attempts.begin("other", KEY, NOW) == 0


def test_a_login_forgets(platform: Platform) -> None:
    fill(platform)
    fill(platform, key=OTHER)
    platform.attempts.forget("main", KEY)
    platform.attempts.forget("main", "c" * 64)
    fill(platform)
    assert platform.attempts.begin("main", OTHER, NOW) == 30


def test_a_day_forgets(platform: Platform) -> None:
    fill(platform)
    assert platform.attempts.begin("main", OTHER, NOW + 31 + MEMORY) == 0  # takes the old rows away
    assert platform.attempts.begin("main", KEY, NOW + 31 + MEMORY) == 0


def test_a_run_that_holds_the_lock_hinders_no_login(platform: Platform) -> None:
    with platform.lock(["main"], HOLDER):
        fill(platform)
        assert platform.attempts.begin("main", KEY, NOW) == 30
        platform.attempts.forget("main", KEY)


def test_many_at_once_are_no_more_than_five(platform: Platform) -> None:
    answers: list[int] = []
    barrier = threading.Barrier(8)

    def attempt() -> None:
        barrier.wait()
        answers.append(platform.attempts.begin("main", KEY, NOW))

    platform.attempts.begin("main", OTHER, NOW)
    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [0] * FREE + [30] * 3


def test_two_processes_share_one_count(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.contract.platforms import sql\n"
        f"platform = sql(Path(sys.argv[1])); print([platform.attempts.begin('main', {KEY!r}, {NOW}) for _ in range(5)])"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0].decode() for process in running]
    assert sum(output.count("0") - output.count("30") for output in outputs) == FREE
    assert sum(output.count("30") for output in outputs) == FREE


@pytest.mark.server
@pytest.mark.parametrize("kind", SERVERS)
def test_on_a_server_a_run_that_is_writing_hinders_no_login(kind: str, tmp_path: Path, servers: Servers) -> None:
    with CASES[kind](tmp_path, servers) as made:
        ok(made.platform, user("anna"))
        with made.platform.lock(["main"], HOLDER), made.platform.transaction("main") as writer:
            writer.read()
            assert list(writer.write([user("ben")])) == [""]
            fill(made.platform)
            made.platform.attempts.forget("main", KEY)


def test_on_sqlite_it_is_refused_while_somebody_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY", 0.1)
    platform = sql(tmp_path)
    ok(platform, user("anna"))
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        writer.read()
        with pytest.raises(Locked, match="no login can be counted"):
            platform.attempts.begin("main", KEY, NOW)
        platform.attempts.forget("main", KEY)
    assert platform.attempts.begin("main", KEY, NOW) == 0
