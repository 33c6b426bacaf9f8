"""Shows a run: its plan, the question, its report, and the exit code."""

import logging
from collections.abc import Callable
from typing import Final

import click

from reconcile.app import run as running
from reconcile.app.approval.saved_plan import SavedPlan
from reconcile.app.run import Prepared, Task
from reconcile.app.watching.watch import Watch
from reconcile.cli import output
from reconcile.cli.exit_codes import reported
from reconcile.cli.parameters.metrics import watched
from reconcile.cli.progress import progress
from reconcile.cli.review.options import NO_REVIEW, Review
from reconcile.cli.strict import strict_exit
from reconcile.cli.terminal.quiet import quiet
from reconcile.config import Loaded
from reconcile.errors import OutputLost, StalePlan
from reconcile.model.change import Plan
from reconcile.model.report import Report
from reconcile.render.wording import configuration as configuration_named
from reconcile.render.wording import is_complete, outcome_line, printable

_FAILURES_SHOWN: Final = 20
_log = logging.getLogger(__name__)


def run(
    task: Task,
    watch: Watch,
    *,
    form: str,
    colour: bool,
    ask: Callable[[str], None] | None = None,
    review: Review = NO_REVIEW,
) -> int:
    """As `_begun`, watched to its end. `review`: whether what is shown names people."""
    return watched(
        watch, lambda: _begun(task, watch, form=form, colour=colour, ask=ask, review=review)
    )


def _begun(
    task: Task,
    watch: Watch,
    *,
    form: str,
    colour: bool,
    ask: Callable[[str], None] | None,
    review: Review,
) -> int:
    """Plans unless there is a plan file, applies, shows both, and returns the exit code.

    `ask` is called with the name of the configuration before anything is written, and raises if the
    answer is no. Raises what planning and applying raise. A plan file is started in all its
    workspaces or in none; a plan made here is applied workspace by workspace.
    """
    saved, loaded = running.begin(task)
    watch.loaded(loaded)
    try:
        return _run(task, saved, loaded, watch, form=form, colour=colour, ask=ask, review=review)
    except StalePlan as stale:
        again = running.renewed(task, saved, loaded, stale)
        if saved is not None:
            click.echo(_renewed(stale, saved.plan), err=form != "text")
    return _run(again, None, loaded, watch, form=form, colour=colour, ask=ask, review=review)


def _run(
    task: Task,
    saved: SavedPlan | None,
    loaded: Loaded,
    watch: Watch,
    *,
    form: str,
    colour: bool,
    ask: Callable[[str], None] | None,
    review: Review,
) -> int:
    with progress() as tell:
        prepared = running.prepare(task, saved, loaded, tell)
    watch.planned(prepared.plan)
    # A plan file that is not asked about was looked at before.
    asks = ask if prepared.applied is None else None
    shows = asks is not None or (form == "text" and saved is None and not quiet())
    lost = None
    if shows:
        lost = _show_plan(prepared, form, colour=colour, asks=asks is not None, review=review)
    if prepared.applied is None:
        prepared.refuse()
    if prepared.plan.changes and asks:
        asks(configuration_named(prepared.shown))
    with progress(len(prepared.plan.changes)) as tell:
        report = running.carry_out(prepared, tell)
    watch.applied(report)
    skips = not shows and prepared.applied is None
    lost = _show(prepared.shown, report, form, colour=colour, skips=skips, review=review) or lost
    _name_failures(report)
    if lost is not None:  # the work is done, and the log reports it
        _log.error("%s. %s", lost, outcome_line(report))
    lost_code = lost.exit_code if lost is not None else 0
    code = reported() or running.exit_code(report) or lost_code
    return code or (strict_exit(prepared.plan.not_clean) if task.strict else 0)


def _renewed(stale: StalePlan, saved: Plan) -> str:
    """The message between a stale plan and the new one."""
    lines = [
        "The plan is stale. What has changed since it was made:",
        *(f"  {line}" for line in stale.moved),
    ]
    if saved.accepted:
        codes = ", ".join(acceptance.code for acceptance in saved.accepted)
        lines.append(f"Acceptances recorded in the old plan no longer apply: {codes}")
    return "\n".join(map(printable, [*lines, "This is a new plan.", ""]))


def _show_plan(
    prepared: Prepared, form: str, *, colour: bool, asks: bool, review: Review
) -> OutputLost | None:
    """Shows the plan; returns why it could not. Raises OutputLost if a question follows."""
    saved = prepared.task.plan_file
    try:
        text = output.plan(
            prepared.shown,
            "text",
            full=False,
            saved=saved,
            colour=colour,
            review=review,
            last_full=prepared.last_full,
        )
        click.echo(text, err=form != "text")
    except OutputLost as error:
        if asks:  # a plan that is not visible cannot be approved
            raise
        return error
    return None


def _show(
    made: Plan, report: Report, form: str, *, colour: bool, skips: bool, review: Review
) -> OutputLost | None:
    """Shows the report; returns why it could not."""
    try:
        nothing = form == "text" and not (made.changes or report.troubles)
        if not nothing and not (quiet() and is_complete(report)):
            click.echo(output.report(made, report, form, colour=colour, skips=skips, review=review))
    except OutputLost as error:
        return error
    return None


def _name_failures(report: Report) -> None:
    """Logs the changes that failed by themselves: standard error may be all that cron shows."""
    troubled = {trouble.workspace for trouble in report.troubles}
    failed = [
        outcome
        for outcome in report.outcomes
        if outcome.result == "failed" and outcome.change.workspace not in troubled
    ]
    for number, outcome in enumerate(failed[:_FAILURES_SHOWN]):
        change = outcome.change
        impersonal = "" if number else f"{len(failed)} changes failed: -v logs which"
        text = f"{change.action} {change.kind} {change.key}: {outcome.detail}"
        _log.error("failed: %s", text, extra={"impersonal": impersonal})
    if len(failed) > _FAILURES_SHOWN:
        _log.error("failed: %d more, which the report names", len(failed) - _FAILURES_SHOWN)
