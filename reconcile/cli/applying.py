"""`apply`."""

import getpass
import logging
import os
import signal
import socket
import sys
from contextlib import closing
from pathlib import Path

import click

from reconcile.cli.running import (
    colour,
    format_option,
    output_options,
    progress,
    scope_options,
    variable_option,
)
from reconcile.errors import GuardRefused, StalePlan, UsageError

EXIT_PARTIAL = 6


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PLANFILE | PATH...]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--config",
    "configs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where the desired-state files of a plan file are now.",
)
@click.option("--force", is_flag=True, help="Take over the lock of a run that is dead.")
@format_option("text", "json", "markdown")
@scope_options
@variable_option
@output_options
@click.pass_context
def apply(
    context: click.Context,
    paths: tuple[Path, ...],
    yes: bool,
    configs: tuple[Path, ...],
    force: bool,
    form: str,
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Carry out a plan file exactly, or plan and carry out.

    What ends in .yml or .yaml, or is a folder, is desired state; anything else is a plan file. Without --yes the plan
    is shown and a question asked.
    """
    from reconcile.applying import apply as carry_out
    from reconcile.cli import assembling, planfiles, showing
    from reconcile.model.change import Scope
    from reconcile.ports import Holder
    from reconcile.render.words import outcome_line

    plan_file = _plan_file(paths)
    if plan_file is None and configs:
        raise UsageError("--config goes with a plan file")
    if plan_file is not None and (workspaces or sources):
        raise UsageError("a plan file is applied as it is: --workspace and --source belong to the plan command")
    saved = planfiles.read(plan_file) if plan_file is not None else None
    files = paths if saved is None else configs or tuple(map(Path, saved.files))
    loaded = assembling.configuration(files, variables)
    if saved is not None and saved.digests.configuration != loaded.digest:
        raise StalePlan([_moved(files, saved.variables, variables)])
    if saved is not None:
        assembling.chosen_workspaces(loaded.desired, [change.workspace for change in saved.changes])

    with progress() as tell, closing(assembling.platform(loaded.desired.platform, tell)) as target:
        scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)))
        made = saved if saved is not None else assembling.plan(loaded, scope, variables, target, tell)
    shown = not yes or (form == "text" and saved is None)  # a plan file not asked about was looked at before
    if shown:
        click.echo(showing.plan(made, "text", full=False, saved=plan_file, colour=colour()), err=form != "text")
    if made.violations:
        found = "; ".join(f"{one.code}: {one.detail}" for one in made.violations)
        raise GuardRefused(f"refused by the guards, nothing was applied: {found}")
    if made.changes and not yes:
        _ask()

    holder = Holder(getpass.getuser(), socket.gethostname(), os.getpid(), assembling.now())
    signal.signal(
        signal.SIGTERM, _interrupt
    )  # so that a stop from outside undoes the transaction and lets go of the lock
    with progress() as tell, closing(assembling.platform(loaded.desired.platform, tell)) as target:
        report = carry_out(made, target, holder, force=force, progress=tell)
    try:
        if made.changes or form != "text":
            click.echo(showing.report(made, report, form, colour=colour(), skips=not shown))
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:  # nobody reads it, or the disk is full: what was done is done, and the exit code says so
        outcome = outcome_line(report)
        logging.getLogger(__name__).error("the report cannot be written: %s. %s", error.strerror, outcome)  # noqa: TRY400 - no fault of ours
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device, and what flushes at exit
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
    context.exit(0 if report.count("applied") == len(report.outcomes) else EXIT_PARTIAL)


def _plan_file(paths: tuple[Path, ...]) -> Path | None:
    """The plan file among the arguments; None when they are desired state."""
    files = [path for path in paths if path.suffix not in (".yml", ".yaml") and not path.is_dir()]
    if files and len(paths) > 1:
        raise UsageError(f"{files[0]} is not desired state (.yml, .yaml or a folder), and a plan file is applied alone")
    return files[0] if files else None


def _moved(files: tuple[Path, ...], planned: tuple[str, ...], given: dict[str, str]) -> str:
    line = f"the desired state in {', '.join(map(str, files))} is not the one the plan was made from"
    if planned or given:
        now = ", ".join(sorted(given))
        line += f" (planned with --var {', '.join(planned) or 'nothing'}; given now: {now or 'nothing'})"
    return line


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "apply asks before it writes, and there is no terminal to ask on: look at the plan, then use --yes"
        )
    if not click.confirm("\nApply these changes?"):
        raise click.Abort


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


COMMANDS = (apply,)
