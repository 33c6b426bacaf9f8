"""When a service runs: what may be written under `schedule`, and when it comes next.

`every 5m` is an interval. Everything else becomes a cron line, and cronsim, which follows Debian's
cron, says when that comes: Sunday is 0 and 7; where both days are given one of them is enough; a
time of day that the clock skips in spring comes when it has moved on, and one that it shows twice
in autumn comes once.

Most commands need no time of a schedule: cronsim and the zones are imported for those that do.
"""

import re
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from reconcile.config.schema.wording import suggestion
from reconcile.config.yaml.nodes import Path, shortened
from reconcile.model.desired import Schedule

FORMS: Final = (
    'hourly, daily at 01:30, weekly on monday at 01:30, or a cron line such as "15 10 * * 0", '
    "or an interval such as every 5m"
)
_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_EVERY: Final = re.compile(r"every (?P<number>[0-9]{1,4})(?P<unit>[mh])")
_SECONDS: Final = {"m": 60, "h": 3600}
_SHORTEST, _LONGEST_INTERVAL = 60, 24 * 3600
_HOURLY: Final = re.compile(r"hourly(?: at :(?P<minute>\d\d))?")
_DAILY: Final = re.compile(
    r"(?:daily|weekly on (?P<day>[a-z]+)) at (?P<hour>\d\d?):(?P<minute>\d\d)"
)
_ALIASES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS: Final = "minute, hour, day of the month, month, weekday"
_LONGEST: Final = 200
_ANY_YEAR: Final = datetime(2000, 1, 1, tzinfo=UTC)


class _Wrong(ValueError):
    """What is wrong with a schedule."""


def faults(value: object) -> Iterator[tuple[Path, str]]:
    """What is wrong with `schedule`, by path below it; values the schema refuses are skipped."""
    if isinstance(value, str):
        yield from _fault((), value, _interval if _is_interval(value) else _cron)
    if not isinstance(value, dict):
        return
    if ("run" in value) == ("cron" in value):
        yield (), 'give it either run, as in "daily at 01:30", or cron, as in "15 10 * * 0"'
    if isinstance(value.get("run"), str):
        check = _interval if _is_interval(value["run"]) else _sentence
        yield from _fault(("run",), value["run"], check)
    if isinstance(value.get("cron"), str):
        yield from _fault(("cron",), value["cron"], _line)
    if isinstance(value.get("timezone"), str):
        if isinstance(value.get("run"), str) and _is_interval(value["run"]):
            yield ("timezone",), "an interval has no time of day: remove timezone"
        yield from _fault(("timezone",), value["timezone"], _zone)


def _fault(path: Path, text: str, check: Any) -> Iterator[tuple[Path, str]]:
    """What a check says of a text."""
    try:
        check(text)
    except _Wrong as error:
        yield path, str(error)


def schedule(value: str | dict[str, str] | None) -> Schedule | None:
    """The schedule of a value without faults."""
    if value is None:
        return None
    text = value if isinstance(value, str) else value.get("run", value.get("cron", ""))
    if _is_interval(text):
        return Schedule("", text.strip(), every=_interval(text))
    if isinstance(value, str):
        return Schedule(_cron(text), text.strip())
    return Schedule(_cron(text), text.strip(), value.get("timezone"))


def zone(schedule: Schedule) -> tzinfo:
    """The time zone of a schedule: its own, or the machine's; UTC for an interval.

    Raises ValueError if the machine's cannot be determined.
    """
    if schedule.every:
        return UTC
    if schedule.timezone is not None:
        return _zone(schedule.timezone)
    import zoneinfo

    import tzlocal

    try:
        with warnings.catch_warnings(
            action="ignore"
        ):  # a machine that says nothing has UTC, as documented
            return tzlocal.reload_localzone()
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            "the machine's time zone is unknown: name one in `schedule.timezone`"
        ) from error


def upcoming(schedule: Schedule, after: datetime, where: tzinfo) -> datetime:
    """The first time, in `where`, that the schedule comes after a moment (with a time zone)."""
    from cronsim import CronSim

    local = after.astimezone(where)
    # In the hour that a clock shows twice, cronsim answers for the first showing, which may have
    # passed.
    return next(
        time for time in CronSim(schedule.cron, local) if time.timestamp() > after.timestamp()
    )


def _is_interval(text: str) -> bool:
    """Whether it is meant as one, right or wrong."""
    return text[: _LONGEST + 1].casefold().split()[:1] == ["every"]


def _interval(text: str) -> int:
    """The seconds of `every 5m`."""
    match = _EVERY.fullmatch(" ".join(text[: _LONGEST + 1].casefold().split()))
    if match is None:
        raise _Wrong(
            "expected every, a blank, and a number with m or h, as in every 5m or every 2h; "
            f"got {shortened(text)}"
        )
    seconds = int(match["number"]) * _SECONDS[match["unit"]]
    if seconds < _SHORTEST:
        raise _Wrong(f"{shortened(text)} is too short: write every 1m or more")
    if seconds > _LONGEST_INTERVAL:
        raise _Wrong(
            f"{shortened(text)} is too long: write every 24h or less, or a time of day, as in "
            "weekly on monday at 01:30"
        )
    return seconds


def _cron(text: str) -> str:
    """The cron line of a text that is a sentence or one already."""
    word = text.split(maxsplit=1)[0].casefold() if text.strip() else ""
    return _sentence(text) if word.isalpha() or not word else _line(text)


def _sentence(text: str) -> str:
    """The cron line of `hourly`, `daily at 01:30` and the like."""
    plain = " ".join(text[: _LONGEST + 1].casefold().split())
    if match := _HOURLY.fullmatch(plain):
        return f"{_number(match['minute'] or '0', 59, text)} * * * *"
    if match := _DAILY.fullmatch(plain):
        minute, hour = _number(match["minute"], 59, text), _number(match["hour"], 23, text)
        return f"{minute} {hour} * * {'*' if match['day'] is None else _day(match['day'])}"
    raise _Wrong(f"expected {FORMS}; got {shortened(text)}")


def _number(digits: str, highest: int, text: str) -> int:
    """A minute or an hour."""
    if int(digits) > highest:
        raise _Wrong(
            f"{shortened(text)} is not a time of day: hours go from 00 to 23, minutes from 00 to 59"
        )
    return int(digits)


def _day(word: str) -> int:
    """A weekday as cron counts it."""
    for number, day in enumerate(_DAYS):
        if word in (day, day[:3]):
            return number
    raise _Wrong(
        f"expected a day such as monday or mon, got {shortened(word)}{suggestion(word, _DAYS)}"
    )


def _line(text: str) -> str:
    """The cron line, if it is one that ever comes."""
    line = " ".join(text.split()) if len(text) <= _LONGEST else text
    if line.startswith("@"):
        if line.casefold() not in _ALIASES:
            raise _Wrong(f"expected {', '.join(_ALIASES)} or five fields, got {shortened(line)}")
        return _ALIASES[line.casefold()]
    fields = line.split(" ")
    if len(line) > _LONGEST:
        raise _Wrong(f"a cron line of more than {_LONGEST} characters")
    if len(fields) == 6:
        first, fifth = " ".join(fields[1:]), " ".join((*fields[:4], fields[5]))
        raise _Wrong(
            f"a cron line has five fields ({_FIELDS}), this has six: if the first are seconds, "
            f'write "{first}"; if it is written as in VMmanager, write "{fifth}"'
        )
    if len(fields) != 5:
        raise _Wrong(
            f"a cron line has five fields ({_FIELDS}), this has {len(fields) if line else 'none'}"
        )
    from cronsim import CronSim, CronSimError

    try:
        comes = next(CronSim(line, _ANY_YEAR), None)
    except CronSimError as error:
        raise _Wrong(f"{shortened(line)} is not a cron line: {_said(error)}") from error
    if comes is None:
        raise _Wrong(f"{shortened(line)} never comes: there is no such day")
    return line


def _said(error: Exception) -> str:
    """An error of cronsim in the words of this project."""
    what = (
        str(error)
        .removeprefix("Bad ")
        .replace("day-of-week", "weekday")
        .replace("day-of-month", "day of the month")
    )
    return f"the {what} is wrong"


def _zone(name: str) -> tzinfo:
    """A time zone by its name in the tz database."""
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = suggestion(name, zoneinfo.available_timezones())
        raise _Wrong(
            f"there is no time zone {shortened(name)}{near or '; one is Europe/Berlin, or UTC'}"
        ) from error
