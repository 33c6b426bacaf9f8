"""What may be written under `schedule`, and when it comes: days, months, and the two nights on which clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.config.sections import schedule as schedules
from reconcile.config.sections.schedule import upcoming
from reconcile.model.desired import Schedule
from tests.unit.config.reading import loaded

BERLIN = ZoneInfo("Europe/Berlin")


def comes(value, after, *, count=3, where=UTC):
    """The next times, as `Sun 2026-11-22 10:15 +0100`."""
    assert not list(schedules.faults(value)), value
    schedule = schedules.schedule(value)
    moment = datetime.fromisoformat(after)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=where)
    found = []
    for _ in range(count):
        moment = upcoming(schedule, moment, where)
        found.append(
            f"{moment:%a %Y-%m-%d %H:%M %z}" if where is BERLIN else f"{moment:%a %Y-%m-%d %H:%M}"
        )
    return found


@pytest.mark.parametrize(
    ("value", "cron"),
    [
        ("hourly", "0 * * * *"),
        ("hourly at :15", "15 * * * *"),
        ("daily at 01:30", "30 1 * * *"),
        (" Daily  AT 1:30 ", "30 1 * * *"),
        ("daily at 00:00", "0 0 * * *"),
        ("weekly on monday at 01:30", "30 1 * * 1"),
        ("weekly on Sun at 23:59", "59 23 * * 0"),
        ("weekly on saturday at 12:00", "0 12 * * 6"),
        ("15 10 * * 0", "15 10 * * 0"),
        ("  15   10 * jan-mar MON,fri  ", "15 10 * jan-mar MON,fri"),
        ("@Daily", "0 0 * * *"),
        ({"cron": "*/15 * * * *"}, "*/15 * * * *"),
        ({"run": "daily at 01:30"}, "30 1 * * *"),
    ],
)
def test_what_may_be_written(value, cron):
    assert list(schedules.faults(value)) == []
    assert schedules.schedule(value).cron == cron


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "expected hourly, daily at 01:30, weekly on monday at 01:30, or a cron line"),
        ("01:30", "this has 1"),
        ("daily", "got 'daily'"),
        ("daily at 24:00", "hours go from 00 to 23"),
        ("daily at 01:60", "minutes from 00 to 59"),
        ("hourly at :75", "minutes from 00 to 59"),
        ("daily at 01:30 Europe/Berlin", "got 'daily at 01:30 Europe/Berlin'"),
        ("weekly on mondey at 01:30", "did you mean `monday`?"),
        ("@reboot", "expected @hourly"),
        ("* * *", "this has 3"),
        ("60 * * * *", "the minute is wrong"),
        ("* 24 * * *", "the hour is wrong"),
        ("* * 0 * *", "the day of the month is wrong"),
        ("* * * 13 *", "the month is wrong"),
        ("* * * * 8", "the weekday is wrong"),
        ("0 0 30 feb *", "the day of the month is wrong"),
        ("* * */20 * 1L", "never comes"),
        ("*/0 * * * *", "the minute is wrong"),
        ("١٢ * * * *", "the minute is wrong"),
        ("15 10 * * * 0", 'as in VMmanager, write "15 10 * * 0"'),
        ("00 12 1,16 * * *", 'as in VMmanager, write "00 12 1,16 * *"'),
        ("0 15 10 * * 0", 'the first are seconds, write "15 10 * * 0"'),
        ("1," * 100_000 + "1 * * * *", "more than 200 characters"),
        ("every 30s", "as in every 5m or every 2h; got 'every 30s'"),
        ("every 5 m", "as in every 5m or every 2h; got 'every 5 m'"),
        ("every", "as in every 5m or every 2h; got 'every'"),
        ("every day", "as in every 5m or every 2h; got 'every day'"),
        ("every -5m", "as in every 5m or every 2h; got 'every -5m'"),
        ("every ٥m", "as in every 5m or every 2h; got 'every ٥m'"),
        ("every 0m", "is too short: write every 1m or more"),
        ("every 25h", "is too long: write every 24h or less, or a time of day"),
        ("every 1441m", "is too long"),
        ({"cron": "every 5m"}, "this has 2"),
        ({"run": "every 5m", "timezone": "UTC"}, "an interval has no time of day: remove timezone"),
        ({}, "either run"),
        ({"run": "hourly", "cron": "* * * * *"}, "either run"),
        ({"run": "* * * * *"}, "expected hourly"),
        ({"cron": ""}, "this has none"),
        ({"cron": "hourly"}, "this has 1"),
        ({"run": "hourly", "timezone": "europe/berln"}, "did you mean `Europe/Berlin`?"),
        ({"run": "hourly", "timezone": ""}, "there is no time zone"),
        ({"run": "hourly", "timezone": "../../etc/passwd"}, "there is no time zone"),
        ({"run": "hourly", "timezone": "Europe"}, "there is no time zone"),
    ],
)
def test_what_may_not(value, message):
    assert [said for _, said in schedules.faults(value) if message in said], list(
        schedules.faults(value)
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("every 1m", 60),
        (" Every  5M ", 300),
        ("every 24h", 86_400),
        ({"run": "every 1440m"}, 86_400),
    ],
)
def test_an_interval(value, seconds):
    assert list(schedules.faults(value)) == []
    assert schedules.schedule(value).every == seconds
    assert schedules.zone(schedules.schedule(value)) is UTC


def test_days_of_the_week():
    sundays = ["Sun 2026-11-22 10:15", "Sun 2026-11-29 10:15", "Sun 2026-12-06 10:15"]
    for day in "0", "7", "sun":
        assert comes(f"15 10 * * {day}", "2026-11-22T01:00") == sundays
    assert comes("0 9 * * 1", "2026-11-22T01:00", count=1) == ["Mon 2026-11-23 09:00"]
    assert comes("weekly on monday at 01:30", "2026-11-22T01:00", count=1) == [
        "Mon 2026-11-23 01:30"
    ]
    assert comes("0 9 * * 5-7", "2026-11-22T10:00", count=3)[1:] == [
        "Sat 2026-11-28 09:00",
        "Sun 2026-11-29 09:00",
    ]


def test_a_day_of_the_month_or_a_weekday():
    assert comes("0 12 1 * mon", "2026-11-22T00:00") == [
        "Mon 2026-11-23 12:00",
        "Mon 2026-11-30 12:00",
        "Tue 2026-12-01 12:00",
    ]
    assert comes("00 12 1,16 * *", "2026-11-22T00:00", count=2) == [
        "Tue 2026-12-01 12:00",
        "Wed 2026-12-16 12:00",
    ]


def test_ends_of_months_and_the_29th_of_february():
    assert comes("0 0 31 * *", "2026-11-22T00:00") == [
        "Thu 2026-12-31 00:00",
        "Sun 2027-01-31 00:00",
        "Wed 2027-03-31 00:00",
    ]
    assert comes("0 0 29 2 *", "2026-11-22T00:00", count=2) == [
        "Tue 2028-02-29 00:00",
        "Sun 2032-02-29 00:00",
    ]
    assert comes("0 0 L * *", "2027-02-01T00:00", count=1) == ["Sun 2027-02-28 00:00"]


def test_a_time_that_spring_leaves_out_runs_once():
    assert comes("daily at 02:30", "2026-03-28T12:00", where=BERLIN) == [
        "Sun 2026-03-29 03:00 +0200",
        "Mon 2026-03-30 02:30 +0200",
        "Tue 2026-03-31 02:30 +0200",
    ]
    assert comes("hourly", "2026-03-29T00:30", where=BERLIN) == [
        "Sun 2026-03-29 01:00 +0100",
        "Sun 2026-03-29 03:00 +0200",
        "Sun 2026-03-29 04:00 +0200",
    ]


def test_a_time_that_autumn_shows_twice_runs_once():
    assert comes("daily at 02:30", "2026-10-24T12:00", where=BERLIN) == [
        "Sun 2026-10-25 02:30 +0200",
        "Mon 2026-10-26 02:30 +0100",
        "Tue 2026-10-27 02:30 +0100",
    ]
    started_between = "2026-10-25T02:10:00+01:00"
    assert comes("daily at 02:30", started_between, where=BERLIN, count=1) == [
        "Mon 2026-10-26 02:30 +0100"
    ]
    assert comes("hourly", "2026-10-25T01:30", where=BERLIN) == [
        "Sun 2026-10-25 02:00 +0200",
        "Sun 2026-10-25 02:00 +0100",
        "Sun 2026-10-25 03:00 +0100",
    ]


TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds it


@given(
    TIMES,
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]),
)
def test_daily_comes_every_day_once(after, hour, minute, name):
    schedule, where = Schedule(f"{minute} {hour} * * *", ""), ZoneInfo(name)
    days = [upcoming(schedule, after, where)]
    assert timedelta(0) < days[0] - after <= timedelta(hours=25)
    for _ in range(3):
        days.append(upcoming(schedule, days[-1], where))
    dates = [day.date() for day in days]
    assert dates == [dates[0] + timedelta(days=number) for number in range(4)]
    assert all(day.hour in (hour, hour + 1) for day in days), "in spring an hour later"


@given(
    TIMES,
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_hourly_comes_within_the_hour(after, name):
    following = upcoming(Schedule("0 * * * *", ""), after, ZoneInfo(name))
    assert timedelta(0) < following.astimezone(UTC) - after <= timedelta(hours=1)


@given(st.text(st.sampled_from("0123456789*/,-#L @montueja:"), max_size=30))
def test_no_text_breaks_it(text):
    if not list(schedules.faults(text)):
        assert (
            upcoming(schedules.schedule(text), datetime(2026, 1, 1, tzinfo=UTC), UTC).year >= 2026
        )


def test_the_time_zone_is_the_files_or_the_machines(monkeypatch):
    assert schedules.zone(Schedule("0 * * * *", "", "Europe/Berlin")) == BERLIN
    monkeypatch.setenv("TZ", "America/New_York")
    assert str(schedules.zone(Schedule("0 * * * *", ""))) == "America/New_York"
    monkeypatch.setenv("TZ", "Nowhere/Land")
    with pytest.raises(ValueError, match=r"name one in `schedule.timezone`"):
        schedules.zone(Schedule("0 * * * *", ""))


def test_a_plan_stays_good_when_the_schedule_changes(tmp_path):
    text = "version: 1\nsources: []\nplatform: {type: sql, url: sqlite:///a.db}\n"
    digests = set()
    for more in ("", "schedule: hourly\n", "schedule: {run: daily at 01:30, timezone: UTC}\n"):
        (tmp_path / "a.yml").write_text(text + more)
        state = loaded(tmp_path / "a.yml")
        digests.add(state.digest)
    assert len(digests) == 1
    assert state.desired.schedule == Schedule("30 1 * * *", "daily at 01:30", "UTC")
