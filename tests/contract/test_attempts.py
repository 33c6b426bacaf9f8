"""Failed logins are counted alike on every platform, and none is lost where many come at once."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reconcile.applying import apply
from reconcile.errors import Locked
from reconcile.model.change import Digests, Fields, Plan, Scope
from reconcile.model.login import person_key
from reconcile.model.report import APPLIED
from reconcile.platforms.database import database
from reconcile.platforms.ledger.attempt_rules import BURST, FREE, MEMORY, REFILL
from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import CORP, ERASED, HOLDER, change, ok, user
from tests.contract.platforms import CASES, SERVERS, Servers, sql
from tests.effort import turns

NOW = 1_800_000_000
KEY, OTHER = "a" * 64, "b" * 64


def fill(platform: ManagedPlatform, workspace: str = "main", key: str = KEY) -> None:
    assert [platform.attempts.begin(workspace, key, NOW) for _ in range(FREE)] == [0] * FREE


def test_nothing_is_remembered_of_who_is_erased(platform: ManagedPlatform) -> None:
    anna, ben = person_key("corp", "e1", ""), person_key("corp", "e2", "")
    ok(
        platform,
        CORP,
        [
            user("anna", source="corp", external_id="e1"),
            user("ben", source="corp", external_id="e2"),
        ],
    )
    for key in (anna, ben):
        fill(platform, key=key)
        for _ in range(FREE):
            platform.attempts.begin("main", key, NOW, "203.0.113.1")
    before: Fields = {"username": "anna", "source": "corp", "external_id": "e1"}
    gone = change("user", "erase", "anna", {**ERASED, "source": "corp"}, before)
    plan = Plan("test", "", (), (), Scope(), Digests("", {}, {}), (gone,))
    assert apply(plan, platform, HOLDER).count("applied") == 1
    assert [
        platform.attempts.begin("main", anna, NOW, origin) for origin in ("", "203.0.113.1")
    ] == [0, 0]
    assert [
        platform.attempts.begin("main", ben, NOW, origin) for origin in ("", "203.0.113.1")
    ] == [30, 30]


def test_five_are_free_on_a_platform_where_nothing_was_ever_applied(
    platform: ManagedPlatform,
) -> None:
    fill(platform)
    assert platform.attempts.begin("main", KEY, NOW) == 30
    assert platform.attempts.begin("main", KEY, NOW + 29) == 1
    assert platform.attempts.begin("main", KEY, NOW + 30) == 0
    assert platform.attempts.begin("main", KEY, NOW + 30) == 60
    assert platform.read("main").users == ()


def test_everybody_is_counted_for_themselves(platform: ManagedPlatform) -> None:
    fill(platform)
    assert platform.attempts.begin("main", OTHER, NOW) == 0
    assert platform.attempts.begin("other", KEY, NOW) == 0


def test_a_login_forgets(platform: ManagedPlatform) -> None:
    fill(platform)
    fill(platform, key=OTHER)
    platform.attempts.passed("main", KEY, NOW)
    platform.attempts.passed("main", "c" * 64, NOW)
    fill(platform)
    assert platform.attempts.begin("main", OTHER, NOW) == 30


def test_a_day_forgets(platform: ManagedPlatform) -> None:
    fill(platform)
    assert platform.attempts.begin("main", OTHER, NOW + 31 + MEMORY) == 0  # takes the old rows away
    assert platform.attempts.begin("main", KEY, NOW + 31 + MEMORY) == 0


def test_each_origin_has_a_count_of_its_own(platform: ManagedPlatform) -> None:
    for origin in ("203.0.113.1", "203.0.113.2"):
        assert [platform.attempts.begin("main", KEY, NOW, origin) for _ in range(FREE)] == [
            0
        ] * FREE
        assert platform.attempts.begin("main", KEY, NOW, origin) == 30
    assert platform.attempts.begin("main", KEY, NOW) == 0, "without an origin is another count"
    platform.attempts.passed("main", KEY, NOW, "203.0.113.1")
    assert platform.attempts.begin("main", KEY, NOW, "203.0.113.1") == 0
    assert platform.attempts.begin("main", KEY, NOW, "203.0.113.2") == 30
    assert platform.attempts.begin("other", KEY, NOW, "203.0.113.2") == 0
    assert platform.attempts.begin("main", OTHER, NOW, "203.0.113.2") == 0


def test_new_origins_together_are_bounded_and_a_known_one_is_let_in(
    platform: ManagedPlatform,
) -> None:
    platform.attempts.begin("main", KEY, NOW, "home")
    platform.attempts.passed("main", KEY, NOW, "home")
    answers = [
        platform.attempts.begin("main", KEY, NOW, f"203.0.113.{number}")
        for number in range(BURST + 5)
    ]
    assert answers == [0] * BURST + [REFILL] * 5
    assert platform.attempts.begin("main", KEY, NOW, "home") == 0
    assert platform.attempts.begin("main", KEY, NOW + REFILL, "203.0.113.99") == 0
    assert platform.attempts.begin("main", KEY, NOW + REFILL, "203.0.113.98") == REFILL


def test_old_origins_go_and_known_ones_stay(platform: ManagedPlatform) -> None:
    platform.attempts.begin("main", KEY, NOW, "home")
    platform.attempts.passed("main", KEY, NOW, "home")
    platform.attempts.begin("main", OTHER, NOW, "away")
    later = NOW + 2 * MEMORY
    platform.attempts.begin("main", "c" * 64, later, "elsewhere")  # takes the old rows away
    for number in range(BURST):
        platform.attempts.begin("main", KEY, later, f"203.0.113.{number}")
    assert platform.attempts.begin("main", KEY, later, "away") > 0
    assert platform.attempts.begin("main", KEY, later, "home") == 0


def test_many_at_once_from_one_origin_are_no_more_than_five(platform: ManagedPlatform) -> None:
    answers: list[int] = []
    barrier = threading.Barrier(8)

    def attempt() -> None:
        barrier.wait()
        answers.append(platform.attempts.begin("main", KEY, NOW, "203.0.113.1"))

    platform.attempts.begin("main", OTHER, NOW)
    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [0] * FREE + [30] * 3


def test_a_run_that_holds_the_lock_hinders_no_login(platform: ManagedPlatform) -> None:
    with platform.lock(["main"], HOLDER):
        fill(platform)
        assert platform.attempts.begin("main", KEY, NOW) == 30
        platform.attempts.forget("main", KEY)


def test_many_at_once_are_no_more_than_five(platform: ManagedPlatform) -> None:
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


def test_logins_of_one_person_at_once_do_not_hinder_each_other(platform: ManagedPlatform) -> None:
    """As of a program that sends the same name and password with every request."""
    wrong: list[object] = []

    def log_in() -> None:
        for _ in range(10):
            try:
                if wait := platform.attempts.begin("main", KEY, NOW):
                    wrong.append(wait)
            except Locked as error:
                wrong.append(error)
            platform.attempts.passed("main", KEY, NOW)

    platform.attempts.begin("main", OTHER, NOW)
    threads = [threading.Thread(target=log_in) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_two_processes_share_one_count(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.contract.platforms import sql\n"
        f"platform = sql(Path(sys.argv[1])); print([platform.attempts.begin('main', {KEY!r}, {NOW}) for _ in range(5)])"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0].decode() for process in running]
    assert sum(output.count("0") - output.count("30") for output in outputs) == FREE
    assert sum(output.count("30") for output in outputs) == FREE


@pytest.mark.server
@pytest.mark.parametrize("kind", turns(*SERVERS))
def test_on_a_server_a_run_that_is_writing_hinders_no_login(
    kind: str, tmp_path: Path, servers: Servers
) -> None:
    with CASES[kind](tmp_path, servers) as made:
        ok(made.platform, user("anna"))
        with made.platform.lock(["main"], HOLDER), made.platform.transaction("main") as writer:
            writer.read()
            assert list(writer.write([user("ben")])) == [APPLIED]
            fill(made.platform)
            made.platform.attempts.forget("main", KEY)


def test_on_sqlite_it_is_refused_while_somebody_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY", 0.1)
    platform = sql(tmp_path)
    ok(platform, user("anna"))
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        writer.read()
        with pytest.raises(Locked, match="failed logins cannot be counted"):
            platform.attempts.begin("main", KEY, NOW)
        platform.attempts.forget("main", KEY)
    assert platform.attempts.begin("main", KEY, NOW) == 0
