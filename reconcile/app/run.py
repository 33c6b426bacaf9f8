"""What `apply --yes` does, as one function: a run of the service does the same."""

import logging
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path

import click
import msgspec

from reconcile import interrupts
from reconcile.app import foreign_plan as foreign
from reconcile.app import inputs, plan_files, run_identity
from reconcile.app.notices import report as report_notices
from reconcile.app.notices import strict_exit
from reconcile.applying import apply as carry_out
from reconcile.cli import output
from reconcile.cli.exit_codes import reported
from reconcile.cli.logs import note, run_log
from reconcile.cli.progress import progress
from reconcile.config import Loaded
from reconcile.errors import Locked, OutputLost, StalePlan, UsageError
from reconcile.model.change import Plan, Scope, refusal
from reconcile.model.report import RESULTS, Report, Trouble
from reconcile.model.text.printing import quoted
from reconcile.ports import Holder, Platform
from reconcile.render.wording import configuration as configuration_named
from reconcile.render.wording import outcome_line, printable

EXIT_PARTIAL = 6
_FAILURES_SHOWN = 20
_ACCEPTED_SHOWN = 20
_log = logging.getLogger(__name__)


class Task(msgspec.Struct, frozen=True):
    """What is to be applied: a plan file, or desired state of which a plan is made first."""

    files: tuple[Path, ...] = ()
    """Desired state, () for that of the folder; a plan file never chooses it."""
    variables: dict[str, str] = {}
    plan_file: Path | None = None
    scope: Scope = Scope()
    force: bool = False
    refresh: bool = False
    """Where the plan file is stale, a new plan of its scope is made and asked about."""
    strict: bool = False
    """Ends with exit code 9 instead of 0 where the plan is not clean."""


def run(task: Task, *, form: str, colour: bool, ask: Callable[[str], None] | None = None) -> int:
    """Plans where there is no plan yet, applies, shows both, and answers the exit code.

    `ask` is called with the name of the configuration before anything is written, and raises where
    the answer is no. Raises what planning and applying raise. A plan file is begun in all its
    workspaces or in none; a plan made here goes workspace by workspace.
    """
    file = task.plan_file
    saved = plan_files.read(file, strict=task.strict) if file is not None else None
    if saved is not None and file is not None and not task.files:
        foreign.refuse_other_files(saved.files, file)
    loaded = inputs.configuration(task.files, task.variables)
    try:
        return _run(task, saved, loaded, form=form, colour=colour, ask=ask)
    except StalePlan as stale:
        if saved is None or not task.refresh:
            raise
        if saved.scope.undo:  # what the rules say would be no undo
            why = (
                f"--refresh follows the rules, and this plan undoes run {quoted(saved.scope.undo)}"
            )
            raise UsageError(f"{why}: make a new one with `reconcile plan --undo`") from stale
        if set(saved.variables) != task.variables.keys():
            raise UsageError(_moved(loaded, saved.variables, task.variables)) from stale
        click.echo(_renewed(stale, saved), err=form != "text")
    again = msgspec.structs.replace(task, plan_file=None, scope=saved.scope, refresh=False)
    return _run(again, None, loaded, form=form, colour=colour, ask=ask)


def _renewed(stale: StalePlan, saved: Plan) -> str:
    lines = [
        "The plan is stale. What moved since it was made:",
        *(f"  {line}" for line in stale.moved),
    ]
    if saved.accepted:
        codes = ", ".join(one.code for one in saved.accepted)
        lines.append(f"What was accepted in it holds no longer: {codes}")
    return "\n".join(map(printable, [*lines, "This is a new plan.", ""]))


def _run(
    task: Task,
    saved: Plan | None,
    loaded: Loaded,
    *,
    form: str,
    colour: bool,
    ask: Callable[[str], None] | None,
) -> int:
    made, troubles = (
        _from_file(saved, loaded, task.variables) if saved is not None else _planned(loaded, task)
    )
    own = msgspec.structs.replace(made, files=loaded.files)  # a file may call them anything
    shown = ask is not None or (
        form == "text" and saved is None
    )  # a plan file not asked about was looked at before
    lost = _show_plan(own, task, form, colour=colour, asks=ask is not None) if shown else None
    if made.refused:
        raise refusal(made.refused, (one.code for one in made.accepted))
    if made.changes and ask:
        ask(configuration_named(own))
    holder = run_identity.holder()
    with progress() as tell, closing(inputs.platform(loaded.desired.platform, tell)) as target:
        if saved is not None and task.plan_file is not None:
            foreign.refuse_unfit(saved, target.limits, task.plan_file)
        report = carry_out(
            made,
            target,
            holder,
            guard=inputs.guard(loaded, made, target)
            if saved is None
            else foreign.guard(loaded, made, target),
            count=inputs.counting(loaded),
            together=saved is not None,
            force=task.force,
            progress=tell,
            origin=run_identity.origin(loaded.files) if made.changes else None,
            clock=inputs.now,
        )
        if task.force:
            _bury(
                target,
                inputs.chosen_workspaces(loaded.desired, made.scope.workspaces),
                made,
                holder,
            )
    report = msgspec.structs.replace(report, troubles=(*troubles, *report.troubles))
    for trouble in report.troubles:
        facts = {"workspace": trouble.workspace, "exit_code": trouble.exit_code}
        note("workspace %s was given up with exit code %d", facts)
    run_log.info(
        "%s", outcome_line(report), extra={"facts": {name: report.count(name) for name in RESULTS}}
    )
    lost = _show(own, report, form, colour=colour, skips=not shown) or lost
    _name_failures(report)
    if lost is not None:  # what was done is done, and said here
        _log.error("%s. %s", lost, outcome_line(report))
    done = reported() or exit_code(report) or (lost.exit_code if lost is not None else 0)
    return done or (strict_exit(made.not_clean) if task.strict else 0)


def _planned(loaded: Loaded, task: Task) -> tuple[Plan, tuple[Trouble, ...]]:
    with progress() as tell, closing(inputs.platform(loaded.desired.platform, tell)) as target:
        return inputs.plan(loaded, task.scope, task.variables, target, tell)


def _from_file(
    saved: Plan, loaded: Loaded, variables: dict[str, str]
) -> tuple[Plan, tuple[Trouble, ...]]:
    """A plan from a file. Nothing of it is believed before the configuration is the one it was made from."""
    if saved.digests.configuration != loaded.digest:
        raise StalePlan([_moved(loaded, saved.variables, variables)])
    inputs.chosen_workspaces(
        loaded.desired, [*(one.workspace for one in saved.changes), *saved.to_remember]
    )
    inputs.chosen_sources(loaded.desired, [one.source for one in saved.readings])
    report_notices(saved.notices)
    for one in saved.accepted[:_ACCEPTED_SHOWN]:
        _log.warning("accepted by %s, %s: %s", *map(quoted, (one.by, one.at, one.code)))
    if more := len(saved.accepted[_ACCEPTED_SHOWN:]):
        _log.warning("accepted: %d more, which `reconcile show` lists", more)
    return saved, ()


def _show_plan(made: Plan, task: Task, form: str, *, colour: bool, asks: bool) -> OutputLost | None:
    """Shows the plan; answers why it could not. Raises OutputLost where it is asked about."""
    try:
        click.echo(
            output.plan(made, "text", full=False, saved=task.plan_file, colour=colour),
            err=form != "text",
        )
    except OutputLost as error:
        if asks:  # nobody can answer to what nobody sees
            raise
        return error
    return None


def _bury(target: Platform, workspaces: Iterable[str], made: Plan, holder: Holder) -> None:
    """Where there was nothing to write, nothing was locked: what a dead run left is put in order all the same."""
    busy = {change.workspace for change in made.changes}
    for workspace in workspaces:
        if workspace not in busy:
            with (
                suppress(Locked),
                interrupts.masked(),
                target.lock([workspace], holder, force=True),
            ):
                pass


def _show(made: Plan, report: Report, form: str, *, colour: bool, skips: bool) -> OutputLost | None:
    """Shows the report; answers why it could not."""
    try:
        if made.changes or report.troubles or form != "text":
            click.echo(output.report(made, report, form, colour=colour, skips=skips))
    except OutputLost as error:
        return error
    return None


def _name_failures(report: Report) -> None:
    """The changes that failed by themselves, on standard error too, which is all that cron and a journal may show."""
    troubled = {trouble.workspace for trouble in report.troubles}
    failed = [
        one
        for one in report.outcomes
        if one.result == "failed" and one.change.workspace not in troubled
    ]
    for number, one in enumerate(failed[:_FAILURES_SHOWN]):
        impersonal = "" if number else f"{len(failed)} changes failed: -v logs which"
        text = f"{one.change.action} {one.change.kind} {one.change.key}: {one.detail}"
        _log.error("failed: %s", text, extra={"impersonal": impersonal})
    if len(failed) > _FAILURES_SHOWN:
        _log.error("failed: %d more, which the report names", len(failed) - _FAILURES_SHOWN)


def exit_code(report: Report) -> int:
    """In part is what applied something, or may have; otherwise the first workspace that failed says why."""
    if report.troubles and not report.count("applied") and not report.count("unknown"):
        return report.troubles[0].exit_code
    complete = report.count("applied") == len(report.outcomes) and not report.troubles
    return 0 if complete else EXIT_PARTIAL


def _moved(loaded: Loaded, planned: tuple[str, ...], given: dict[str, str]) -> str:
    line = f"the desired state in {', '.join(loaded.files)} is not the one the plan was made from"
    if planned or given:
        now = ", ".join(sorted(given))
        line += f" (planned with --var {', '.join(planned) or 'nothing'}; given now: {now or 'nothing'})"
    return line
