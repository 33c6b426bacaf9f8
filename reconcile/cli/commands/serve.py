"""`serve`."""

import gc
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconcile import interrupts
from reconcile.app import run_log
from reconcile.app.run_log import service_log
from reconcile.cli.exit_codes import ended
from reconcile.cli.logs import report_error
from reconcile.cli.options import (
    colour,
    full_option,
    output_options,
    paths_argument,
    scope_options,
    variable_option,
)
from reconcile.cli.parameters.metrics import metrics_option
from reconcile.errors import ConfigError, UsageError

if TYPE_CHECKING:  # they cost time to import, and every command imports this module
    from collections.abc import Callable

    from reconcile.app.run import Task
    from reconcile.app.service import Timetable
    from reconcile.app.watching.watch import Watch
    from reconcile.cli.signals import SignalBell


@click.command()
@paths_argument
@click.option(
    "--schedule",
    "scheduled",
    is_flag=True,
    help="Plan and apply on the schedule in the desired state; this is the default.",
)
@click.option(
    "--once", is_flag=True, help="Run once, immediately, and end with the exit code of the run."
)
@click.option("--force", is_flag=True, help="Take over the lock left by a dead run.")
@full_option
@metrics_option
@scope_options
@variable_option
@output_options
@click.pass_context
def serve(
    context: click.Context,
    paths: tuple[Path, ...],
    scheduled: bool,
    once: bool,
    force: bool,
    full: bool,
    metrics: Path | None,
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Run as a service: plan and apply on a schedule.

    Every run does what `apply --yes` does, and reads the files again. A run that fails is reported,
    and the service goes on. SIGTERM or Ctrl-C ends the service after the current run, a second
    signal interrupts that run, and SIGHUP reads the schedule again.
    """
    from reconcile.app import service
    from reconcile.app.run import Task
    from reconcile.app.watching.watch import Watch
    from reconcile.cli.account import account
    from reconcile.cli.signals import SignalBell
    from reconcile.model.change import Scope

    del scheduled  # there is nothing else to serve yet
    scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)))
    task = Task(
        files=paths, variables=variables, scope=scope, force=force, user=account(), full=full
    )
    bell = SignalBell()

    def read() -> service.Timetable:
        return _timetable(paths, variables, workspaces, sources)

    runs = _Runs(read, task, bell, lambda: Watch("serve", metrics))
    runs.check()
    with bell.listening(terminal=sys.stdin is not None and sys.stdin.isatty()):
        if once:
            read()
            context.exit(runs.run())
        service.serve(runs.again, runs.run, lambda: datetime.now(UTC), bell)
    context.exit(runs.last if bell.broken_off else 0)


def _timetable(
    paths: tuple[Path, ...],
    variables: dict[str, str],
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
) -> "Timetable":
    """The schedule of the files. Raises ConfigError, and UsageError if there is none."""
    from reconcile.app import inputs, service
    from reconcile.config.sections import schedule

    state = inputs.configuration(paths, variables).desired
    inputs.chosen_workspaces(state, workspaces)
    inputs.chosen_sources(state, sources)
    if state.schedule is None:
        raise UsageError(
            "the desired state has no schedule: add the key `schedule`, for example"
            " `schedule: daily at 01:30`"
        )
    try:
        return service.Timetable(state.schedule, schedule.zone(state.schedule))
    except ValueError as error:
        raise UsageError(str(error)) from error


class _Runs:
    """The runs of a service, one after the other."""

    def __init__(
        self,
        read: "Callable[[], Timetable]",
        task: "Task",
        bell: "SignalBell",
        watch: "Callable[[], Watch]",
    ) -> None:
        """`watch` begins to watch a run."""
        self._read = read
        self._task = task
        self._bell = bell
        self._watch = watch
        self._count = 0
        self.last = 0
        """The exit code of the last run."""

    def check(self) -> None:
        """Raises UsageError if a run could not be watched."""
        self._watch()

    def again(self, former: "Timetable | None") -> "Timetable":
        """The current schedule of the files; the previous one if they have an error."""
        try:
            return self._read()
        except (ConfigError, UsageError) as error:
            if former is None:
                raise
            if self.last != error.exit_code:  # otherwise the run has just said the same
                report_error(error)
            self.last = 0
            service_log.warning("the previous schedule stays in force: %s", former)
            return former

    def run(self) -> int:
        """Runs once and returns the exit code."""
        self._count += 1
        run_log.begin()
        interrupts.begin()
        service_log.info("run %d begins", self._count, extra={"facts": {"number": self._count}})
        self._bell.running = True
        self.last = ended(self._run)
        self._bell.running = False
        gc.collect()  # what one run held is not kept until the next
        return self.last

    def _run(self) -> int:
        """Plans and applies."""
        from reconcile.cli import run as carrying

        return carrying.run(self._task, self._watch(), form="text", colour=colour())


COMMANDS = (serve,)
