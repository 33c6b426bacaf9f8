"""The loop of a service under a clock of its own: nothing waits, nothing is read or written."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reconcile.app import service
from reconcile.app.service import Timetable
from reconcile.model.desired import Schedule

START = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
HOURLY = Timetable(Schedule("0 * * * *", "hourly"), UTC)


class World:
    """A clock that moves when somebody waits; runs that take time; a bell that rings at `end`."""

    def __init__(self, end: timedelta, *, lasts: timedelta = timedelta(seconds=5)) -> None:
        self.now = START
        self.end = START + end
        self.lasts = lasts
        self.codes: Iterator[int] = iter(())
        self.runs: list[datetime] = []
        self.stopping = False
        self.waits: list[Callable[[], bool | None]] = []
        self.table = HOURLY

    def wait(self, seconds: float) -> bool:
        assert 0 < seconds <= 30
        self.now += timedelta(seconds=seconds)
        self.stopping = self.now >= self.end
        return bool(self.waits.pop(0)()) if self.waits else False

    def run(self) -> int:
        self.runs.append(self.now)
        self.now += self.lasts
        return next(self.codes, 0)

    def times(self) -> list[str]:
        service.serve(lambda _: self.table, self.run, lambda: self.now, self)
        return [f"{moment:%d %H:%M:%S}" for moment in self.runs]


@pytest.fixture
def said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logging.getLogger("reconcile"), "propagate", True)
    caplog.set_level(logging.INFO, "reconcile.service")
    return caplog


def test_it_runs_when_it_is_time_and_says_when(said: pytest.LogCaptureFixture) -> None:
    assert World(timedelta(hours=3, minutes=30)).times() == [
        "22 02:00:00",
        "22 03:00:00",
        "22 04:00:00",
    ]
    assert said.messages[:3] == [
        "schedule: hourly (UTC); the next run is at 2026-11-22 02:00+00:00",
        "the run took 5 s and ended with exit code 0: done",
        "the next run is at 2026-11-22 03:00+00:00",
    ]


def test_what_comes_due_during_a_run_is_skipped_and_said(said: pytest.LogCaptureFixture) -> None:
    world = World(timedelta(hours=8), lasts=timedelta(hours=2, minutes=30))
    assert world.times() == ["22 02:00:00", "22 05:00:00", "22 08:00:00"]
    assert "due during that run, and skipped: 2 times" in said.messages


def test_a_machine_that_slept_runs_once(said: pytest.LogCaptureFixture) -> None:
    world = World(timedelta(hours=11))

    def sleeps() -> None:
        world.now += timedelta(hours=9, minutes=20)

    world.waits = [sleeps]
    assert world.times() == ["22 10:20:30", "22 11:00:00", "22 12:00:00"][:2]
    assert (
        "the run of 2026-11-22 02:00+00:00 was missed, and 8 times more; it runs once now"
        in said.text
    )


def test_a_clock_that_is_set_back_does_not_stop_it(said: pytest.LogCaptureFixture) -> None:
    world = World(timedelta(hours=2, minutes=30))

    def back() -> None:
        world.now -= timedelta(days=365)
        world.end -= timedelta(days=365)

    world.waits = [back]
    assert world.times() == ["22 02:00:00", "22 03:00:00"]
    assert world.runs[0].year == 2025
    assert "the clock was set back; the next run is at 2025-11-22 02:00+00:00" in said.messages


def test_a_clock_that_is_set_right_by_seconds_runs_nothing_twice() -> None:
    world = World(timedelta(hours=1, minutes=30))
    world.lasts = timedelta(seconds=-40)  # the clock at its end shows less than at its beginning
    assert world.times() == ["22 02:00:00"]


def test_a_failed_run_is_a_warning_and_the_next_comes(said: pytest.LogCaptureFixture) -> None:
    world = World(timedelta(hours=3))
    world.codes = iter([7, 0])
    assert len(world.times()) == 2
    failed, fine = (record for record in said.records if "exit code" in record.message)
    assert (failed.levelname, "exit code 7" in failed.message) == ("WARNING", True)
    assert fine.levelname == "INFO"


def test_files_that_are_read_again_change_the_next_run(said: pytest.LogCaptureFixture) -> None:
    world = World(timedelta(hours=1))

    def changed() -> bool:
        world.table = Timetable(Schedule("15 * * * *", "hourly at :15"), UTC)
        return True

    world.waits = [changed]
    assert world.times() == ["22 01:15:00"]
    assert (
        "schedule: hourly at :15 (UTC); the next run is at 2026-11-22 01:15+00:00" in said.messages
    )


def test_a_stop_during_a_run_ends_it_all_after_the_run(said: pytest.LogCaptureFixture) -> None:
    world = World(timedelta(days=9))
    run = world.run

    def stopped() -> int:
        world.stopping = True
        return run()

    world.run = stopped  # type: ignore[method-assign] # only what the test needs
    assert world.times() == ["22 02:00:00"]
    assert said.messages[-1] == "the run took 5 s and ended with exit code 0: done"


def test_the_nights_on_which_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for start, expected in (
        (datetime(2026, 3, 28, 12, tzinfo=berlin), ["29 01:00:00", "30 00:30:00"]),
        (datetime(2026, 10, 24, 12, tzinfo=berlin), ["25 00:30:00", "26 01:30:00"]),
    ):
        world = World(timedelta())
        world.table = Timetable(Schedule("30 2 * * *", "daily at 02:30", "Europe/Berlin"), berlin)
        world.now, world.end = start.astimezone(UTC), start.astimezone(UTC) + timedelta(days=2)
        assert world.times() == expected, "in UTC"


def test_counting_what_was_missed_has_an_end() -> None:
    every_minute = Timetable(Schedule("* * * * *", ""), UTC)
    assert every_minute.between(START, START + timedelta(minutes=1)) == "1 time"
    assert every_minute.between(START, START) == ""
    assert every_minute.between(START, START + timedelta(days=900)) == "more than 1000 times"


def interval(text: str, seconds: int, jitter: float = 0) -> Timetable:
    """An interval whose jitter is a part of what it may be: 0 for none, 1 for all of it."""
    schedule = Schedule("", text, every=seconds)
    return Timetable(schedule, UTC, lambda least, most: least + jitter * (most - least))


def test_an_interval_counts_from_the_start_of_the_last_run(said: pytest.LogCaptureFixture) -> None:
    world = World(timedelta(minutes=16), lasts=timedelta(minutes=1))
    world.table = interval("every 5m", 300)
    assert world.times() == ["22 01:00:00", "22 01:05:00", "22 01:10:00", "22 01:15:00"]
    assert said.messages[0].startswith("schedule: every 5m; the next run is at 2026-11-22 01:00")


def test_a_run_that_takes_longer_than_its_interval(said: pytest.LogCaptureFixture) -> None:
    world = World(timedelta(minutes=25), lasts=timedelta(minutes=7))
    world.table = interval("every 5m", 300)
    assert world.times() == ["22 01:00:00", "22 01:10:00", "22 01:20:00"]
    assert "due during that run, and skipped: 1 time" in said.messages


@pytest.mark.parametrize(("seconds", "most"), [(60, 6), (300, 30), (86_400, 60)])
def test_jitter_is_a_tenth_of_the_interval_and_a_minute_at_most(seconds: int, most: int) -> None:
    table = interval("", seconds, jitter=1)
    every = timedelta(seconds=seconds)
    assert table.due(None, START) == START + timedelta(seconds=most)
    assert table.due(START, START) == START + every + timedelta(seconds=most)


def test_a_signal_does_not_put_off_the_run_of_an_interval() -> None:
    world = World(timedelta(minutes=11))
    world.table = interval("every 5m", 300)
    world.waits = [lambda: True] * 15
    assert world.times() == ["22 01:00:00", "22 01:05:00", "22 01:10:00"]


@pytest.mark.parametrize("jump", [timedelta(hours=-3), timedelta(hours=3)])
def test_a_clock_that_is_set_does_not_stop_an_interval(jump: timedelta) -> None:
    world = World(timedelta(days=9))
    world.table = interval("every 5m", 300)

    def moved() -> None:
        world.now += jump
        world.end = world.now + timedelta(minutes=11)

    world.waits = [moved]
    times = world.times()
    after = timedelta() if jump > timedelta() else timedelta(minutes=5)
    second = world.runs[1] - (START + timedelta(seconds=35) + jump)
    assert after <= second <= after + timedelta(seconds=30)
    assert len(times) == 3 + (not after)
