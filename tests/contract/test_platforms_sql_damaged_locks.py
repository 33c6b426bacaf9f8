"""What stands in the row of a lock and is no lock that a run would write: it is shown, removed and taken over."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from reconcile.errors import Locked
from reconcile.platforms.ledger import processes
from reconcile.platforms.sql import SqlPlatform
from tests.contract.platforms import HERE, Acme, Servers, acme, parameters, prepare, sql
from tests.contract.servers import is_mariadb

Damage: TypeAlias = Callable[..., None]
ROW = {
    "workspace_id": 1,
    "token": "t",
    "login": "joe",
    "host": "elsewhere",
    "pid": 4711,
    "started_at": "2026-03-01T07:00:00Z",
    "heartbeat_at": "2020-01-01 00:00:00",
}
NO_TIMES = {
    "sqlite": (
        "soon",
        "",
        -5,
        20.5,
        b"\xff\x00",
        "2026-13-45 99:99:99",
        "x" * 5000,
        "\x1b[2J",
        "99999-01-01",
    ),
    "postgresql": ("infinity", "-infinity", "294276-01-01", "0044-03-15 BC"),
    "mariadb": ("0000-00-00",),
}
FUTURES = {
    "sqlite": ("9999-12-31 23:59:59", "2126-01-01"),
    "postgresql": ("9999-12-31 23:59:59+00", "2126-01-01"),
    "mariadb": ("9999-12-31 23:59:59", "2126-01-01"),
}


@pytest.fixture(params=parameters(FUTURES))
def kind(request: pytest.FixtureRequest) -> str:
    """A kind of database."""
    return str(request.param)


@pytest.fixture
def opened(kind: str, tmp_path: Path, servers: Servers) -> Iterator[tuple[SqlPlatform, Damage]]:
    """A platform, and what puts a row into `locks`."""
    if kind == "sqlite":
        platform = sql(tmp_path)
        prepare(platform)

        def damage(**columns: Any) -> None:
            row = ROW | columns
            with closing(sqlite3.connect(tmp_path / "acme.db")) as connection, connection:
                places = ", ".join("?" * len(row))
                connection.execute("DELETE FROM locks")
                connection.execute(
                    f"INSERT INTO locks ({', '.join(row)}) VALUES ({places})", tuple(row.values())
                )

        yield platform, damage
        platform.close()
        return
    with acme(servers(kind)) as db, closing(sql(tmp_path, db.url)) as platform:
        prepare(platform)
        yield platform, lambda **columns: _insert(db, ROW | columns)


def _insert(db: Acme, row: dict[str, Any]) -> None:
    values = ", ".join(str(one) if isinstance(one, int) else f"'{one}'" for one in row.values())
    lax = ["SET sql_mode = ''"] if is_mariadb(db) else []
    db.by_hand("DELETE FROM locks", *lax, f"INSERT INTO locks ({', '.join(row)}) VALUES ({values})")


def refused(platform: SqlPlatform, *, force: bool = False) -> str:
    with pytest.raises(Locked) as error, platform.lock(["main"], HERE, force=force):
        pass
    said = str(error.value)
    assert "\n" not in said
    assert len(said) < 3000
    return said


def gone(platform: SqlPlatform, damage: Damage, **columns: Any) -> None:
    """Such a lock can be removed, and taken over."""
    damage(**columns)
    held = platform.unlock("main", HERE.host)
    assert held is not None
    damage(**columns)
    with platform.lock(["main"], HERE, force=True):
        pass
    assert platform.unlock("main", HERE.host) is None


@pytest.mark.each
def test_a_heartbeat_that_is_no_time(kind: str, opened: tuple[SqlPlatform, Damage]) -> None:
    platform, damage = opened
    for heartbeat in NO_TIMES[kind]:
        damage(heartbeat_at=heartbeat)
        assert (
            "which is not a time: make sure that nothing runs there, then run again with --force"
            in refused(platform)
        )
        gone(platform, damage, heartbeat_at=heartbeat)


def test_a_heartbeat_from_the_future(kind: str, opened: tuple[SqlPlatform, Damage]) -> None:
    platform, damage = opened
    for heartbeat in FUTURES[kind]:
        damage(heartbeat_at=heartbeat)
        assert (
            "s in the future: the clock of the database was set back: make sure that nothing runs"
            in refused(platform)
        )
        gone(platform, damage, heartbeat_at=heartbeat)


def test_what_is_no_number_of_a_process(kind: str, opened: tuple[SqlPlatform, Damage]) -> None:
    platform, damage = opened
    more = ("abc", b"\xff", 4.5, "", 10**18, "9" * 5000) if kind == "sqlite" else ()
    for pid in (0, -1, -4711, *more):
        for host in (HERE.host, "elsewhere"):
            damage(pid=pid, host=host)
            assert "without a process number" in refused(platform)
            gone(platform, damage, pid=pid, host=host)


def test_a_holder_of_any_text(kind: str, opened: tuple[SqlPlatform, Damage]) -> None:
    platform, damage = opened
    texts = ["", "a\nb\r\x1b[2J\u2028{held} %s"]
    texts += ["x" * 100_000] if kind == "sqlite" else ["Ä" * 255]
    for text in (*texts, *((b"\xff\xfe", 5) if kind == "sqlite" else ())):
        for column in ("login", "host", "started_at", "process_started", "token"):
            damage(**{column: text})
            assert "run again with --force" in refused(platform)
            gone(platform, damage, **{column: text})


def test_one_that_lives_here_is_alive_whatever_its_heartbeat(
    kind: str, opened: tuple[SqlPlatform, Damage]
) -> None:
    platform, damage = opened
    parent = os.getppid()
    for heartbeat in (*NO_TIMES[kind], *FUTURES[kind]):
        damage(
            host=HERE.host,
            pid=parent,
            process_started=processes.started(parent),
            heartbeat_at=heartbeat,
        )
        assert "it is still running; wait until it is done" in refused(platform, force=True)


def test_what_this_process_left_itself_is_taken_over_once_nobody_renews_it(
    kind: str, opened: tuple[SqlPlatform, Damage]
) -> None:
    platform, damage = opened
    ours = {
        "host": HERE.host,
        "pid": os.getpid(),
        "process_started": processes.started(os.getpid()),
    }
    damage(**ours, heartbeat_at="2020-01-01 00:00:00")
    with platform.lock(["main"], HERE):
        pass
    with platform.lock(["main"], HERE):
        assert "it is still running" in refused(platform)
