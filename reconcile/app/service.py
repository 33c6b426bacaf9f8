"""The loop of a service: waits for the schedule, runs, logs that, and ends when asked to.

Runs are sequential, in the main thread: so a signal can end a run as it ends `apply`, and no run
overlaps the previous one. Waits are short and use the wall clock, so that a machine that slept or
whose clock was set is noticed.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Final, Protocol

from reconcile.app.run_log import service_log
from reconcile.config.sections.schedule import upcoming
from reconcile.model.desired import Schedule

_TICK = 30.0
"""Seconds after which the clock is checked again."""

_LATE = timedelta(minutes=2)
_COUNTED = 1000
_JITTER: Final = 60.0
"""Seconds that are added to an interval at most; never more than a tenth of it."""


class Timetable:
    """A schedule in its time zone."""

    def __init__(
        self,
        schedule: Schedule,
        where: tzinfo,
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """Takes the result of `config.sections.schedule`; `chance` is for the jitter."""
        self._schedule = schedule
        self._where = where
        self._every = timedelta(seconds=schedule.every)
        self._chance = chance

    def due(self, began: datetime | None, now: datetime) -> datetime:
        """When to run after a run that began then, or after none. It may be now.

        An interval counts from the start of the last run. What has passed is skipped. A little is
        added by chance, so that the services of many machines do not read a directory at once.
        """
        if not self._every:
            return self.next(now)
        jitter = timedelta(seconds=self._chance(0, min(_JITTER, self._schedule.every / 10)))
        if began is None:
            return now + jitter
        steps = max(0, (now - began) // self._every) + 1
        return min(began, now) + steps * self._every + jitter

    def next(self, after: datetime) -> datetime:
        """The first time after a moment."""
        if self._every:
            return after + self._every
        return upcoming(self._schedule, after, self._where)

    def between(self, after: datetime, until: datetime) -> str:
        """How often it comes after one moment, up to and including another; "" for never."""
        count = 0
        while count < _COUNTED and (after := self.next(after)) <= until:
            count += 1
        more = "more than " if count == _COUNTED else ""
        return f"{more}{count} time{'s'[: count != 1]}" if count else ""

    def __str__(self) -> str:
        return self._schedule.text if self._every else f"{self._schedule.text} ({self._where})"


class Bell(Protocol):
    """Wakes a service up."""

    stopping: bool
    """Whether the service is to end."""

    def wait(self, seconds: float) -> bool:
        """Waits, or returns early; returns whether to read the files again."""
        ...


_RESULTS: Final = {
    0: "done",
    1: "failed",
    2: "the files cannot be used",
    4: "refused by a guard, nothing was written",
    5: "the platform changed in the meantime, nothing was written",
    6: "applied in part, or it is not known",
    7: "a source or the platform cannot be read, nothing was written",
    8: "another run holds the platform, nothing was written",
}
"""Exit code of a run → what it means, for the log."""


def serve(
    timetable: Callable[[Timetable | None], Timetable],
    run: Callable[[], int],
    now: Callable[[], datetime],
    bell: Bell,
) -> None:
    """Runs whenever the timetable says, until the bell says stop.

    `timetable` reads the files again and returns the previous one if they cannot be read. `run`
    never raises; it returns an exit code.
    """
    table = timetable(None)
    began: datetime | None = None
    due = table.due(began, now())
    service_log.info("schedule: %s; the next run is at %s", table, _time(due))
    seen = now()
    while not bell.stopping:
        moment = now()
        if moment < seen - _LATE:
            began = None if began is None else min(began, moment)
            due = table.due(began, moment)
            service_log.info("the clock was set back; the next run is at %s", _time(due))
        seen = moment
        if moment < due:
            if bell.wait(min(_TICK, (due - moment).total_seconds())) and not bell.stopping:
                table = timetable(table)
                due = table.due(began, moment)  # what came while it waited is not left out
                service_log.info("schedule: %s; the next run is at %s", table, _time(due))
            continue
        if moment - due > _LATE:
            missed = table.between(due, moment)
            service_log.warning(
                "the run of %s was missed%s; it runs once now",
                _time(due),
                f", and {missed} more" if missed else "",
            )
        began = moment
        code = run()
        seen = ended = now()
        say = service_log.warning if code else service_log.info
        say(
            "the run took %d s and ended with exit code %d: %s",
            round((ended - moment).total_seconds()),
            code,
            _RESULTS.get(code, "interrupted"),
        )
        if overlapped := table.between(moment, ended):
            service_log.warning("due during that run, and skipped: %s", overlapped)
        if not bell.stopping:
            table = timetable(table)
            # A clock that was set back by seconds shows the time of this run once more.
            due = table.due(began, max(ended, due) if due - ended < _LATE else ended)
            service_log.info("the next run is at %s", _time(due))


def _time(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="minutes")
