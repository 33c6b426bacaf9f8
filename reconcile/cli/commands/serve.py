"""`serve`."""

import gc
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from reconcile import interrupts
from reconcile.app import run_log
from reconcile.app.run_log import service_log
from reconcile.cli.exit_codes import ended
from reconcile.cli.logs import report_error
from reconcile.cli.options import (
    colour,
    output_options,
    paths_argument,
    scope_options,
    variable_option,
)
from reconcile.errors import ConfigError, UsageError


@click.command()
@paths_argument
@click.option(
    "--schedule",
    "scheduled",
    is_flag=True,
    help="Plan and apply on the schedule of the desired state.",
)
@click.option("--once", is_flag=True, help="Run once, now, and end with the exit code of that run.")
@click.option("--force", is_flag=True, help="Take over the lock left by a dead run.")
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
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Run as a service: plan and apply again and again.

    Every run is what `apply --yes` does, and reads the files anew; one that fails is reported, and
    the service goes on. SIGTERM or Ctrl-C ends it after the current run, a second one breaks that
    run off; SIGHUP reads the schedule again.
    """
    from reconcile.app import inputs, service
    from reconcile.app.run import Task
    from reconcile.cli import run as carrying
    from reconcile.cli.account import account
    from reconcile.cli.signals import SignalBell
    from reconcile.config.sections import schedule
    from reconcile.model.change import Scope

    if not scheduled:
        raise UsageError(
            "say what to serve: `reconcile serve --schedule` plans and applies on the file's schedule"
        )

    def read() -> service.Timetable:
        state = inputs.configuration(paths, variables).desired
        inputs.chosen_workspaces(state, workspaces)
        inputs.chosen_sources(state, sources)
        if state.schedule is None:
            raise UsageError(
                "the desired state has no schedule: add the key `schedule`, for example `schedule: daily at 01:30`"
            )
        try:
            return service.Timetable(state.schedule, schedule.zone(state.schedule))
        except ValueError as error:
            raise UsageError(str(error)) from error

    runs, last = 0, 0

    def again(former: service.Timetable | None) -> service.Timetable:
        nonlocal last
        try:
            return read()
        except (ConfigError, UsageError) as error:
            if former is None:
                raise
            if last != error.exit_code:  # otherwise the run has just said the same
                report_error(error)
            last = 0
            service_log.warning("the previous schedule stays in force: %s", former)
            return former

    scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)))
    task = Task(files=paths, variables=variables, scope=scope, force=force, user=account())
    bell = SignalBell()

    def run() -> int:
        nonlocal runs, last
        runs += 1
        run_log.begin()
        interrupts.begin()
        service_log.info("run %d begins", runs, extra={"facts": {"number": runs}})
        bell.running = True
        last = ended(lambda: carrying.run(task, form="text", colour=colour()))
        bell.running = False
        gc.collect()  # what one run held is not kept until the next
        return last

    with bell.listening(terminal=sys.stdin is not None and sys.stdin.isatty()):
        if once:
            read()
            context.exit(run())
        service.serve(again, run, lambda: datetime.now(UTC), bell)
    context.exit(last if bell.broken_off else 0)


COMMANDS = (serve,)
