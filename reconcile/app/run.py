"""A run: makes a plan or takes one from a file, and applies it.

`apply --yes` and the service do this. The caller decides what happens between `prepare` and
`carry_out`: the command line shows the plan there and asks.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

import msgspec

from reconcile import interrupts
from reconcile.app import adapters, captures, foreign_plan, inputs, run_identity, run_log
from reconcile.app.approval import saved_plan
from reconcile.app.approval.applied_before import Applied
from reconcile.app.approval.saved_plan import SavedPlan
from reconcile.app.notices import report as report_notices
from reconcile.app.quiet import planned as quiet
from reconcile.app.quiet.planned import Made, planned
from reconcile.applying import GuardRules
from reconcile.applying import apply as carry_out_plan
from reconcile.config import Loaded
from reconcile.errors import Locked, StalePlan, UsageError
from reconcile.model.change import Plan, Scope, refusal
from reconcile.model.desired import RequiredSignatures
from reconcile.model.report import RESULTS, Report, Trouble
from reconcile.model.text.printing import quoted
from reconcile.planning import accepted
from reconcile.ports import Holder, ManagedPlatform, Progress
from reconcile.render.wording import listed, outcome_line

EXIT_PARTIAL: Final = 6
_ACCEPTED_SHOWN: Final = 20
_log = logging.getLogger(__name__)


class Task(msgspec.Struct, frozen=True):
    """What is to be applied: a plan file, or desired state of which a plan is made first."""

    files: tuple[Path, ...] = ()
    """Desired state, () for reconcile.yml in the working folder; a plan file never chooses it."""
    variables: Mapping[str, str] = {}
    plan_file: Path | None = None
    scope: Scope = Scope()
    force: bool = False
    refresh: bool = False
    """If the plan file is stale, make a new plan with its scope, and ask again."""
    strict: bool = False
    """Exit code 9 instead of 0 if the plan is not clean."""
    user: str = ""
    """Who applies it; "" for the account of the process."""
    contents: Mapping[Path, bytes] = {}
    """Desired state that is used instead of what is on disk."""
    accept: tuple[str, ...] = ()
    """Codes of violations of the plan that is made; those of a plan file are in the file."""
    expect_digest: str = ""
    """What the plan file has to be, as in `sha256:…`; "" for any."""
    signatures: RequiredSignatures | None = None
    """Who has to sign the plan file, in addition to what the desired state demands."""
    full: bool = False
    """Everything is decided anew, whatever the last run found."""


class Prepared(msgspec.Struct, frozen=True):
    """A plan that is ready to be applied, with the desired state it belongs to."""

    task: Task
    loaded: Loaded
    plan: Plan
    saved: SavedPlan | None = None
    """The plan as it was read from a plan file; None if it was made just now."""
    applied: Applied | None = None
    """The run that has applied the plan file already: there is nothing to do then."""
    troubles: tuple[Trouble, ...] = ()
    """The workspaces that could not be read; the plan covers the others."""
    last_full: str = ""
    """When the last full run was, RFC 3339, UTC, if this one is quiet; otherwise ""."""
    memo: str = ""
    """What the ledger keeps of this run, if nothing was to do."""

    @property
    def shown(self) -> Plan:
        """The plan with the files of the operator: a plan file may name any."""
        return msgspec.structs.replace(self.plan, files=self.loaded.files)

    def refuse(self) -> None:
        """Raises GuardRefused for violations that are not accepted."""
        if self.plan.refused:
            raise refusal(self.plan.refused, (acceptance.code for acceptance in self.plan.accepted))


def make_plan(  # noqa: PLR0913 - each is an option of the command
    loaded: Loaded,
    scope: Scope,
    variables: Mapping[str, str],
    progress: Progress,
    *,
    undo: str = "",
    accept: Iterable[str] = (),
    user: str = "",
    capture_files: Sequence[Path] = (),
    full: bool = False,
    keeps_memo: bool = False,
) -> Made:
    """The plan of the desired state, or with `undo` the plan that reverses a run.

    `accept` holds codes of violations, which `user` accepts. `capture_files` are read instead of
    their sources. `full`: the run is not quiet. `keeps_memo`: the plan is going to be applied.
    Raises as `captures.read`, `planned` of quiet runs and `undo.plan` do.
    """
    if undo and capture_files:
        raise UsageError("an undo reads no source: it cannot be made from a capture")
    captured = captures.read(capture_files, loaded, scope)
    with closing(adapters.platform(loaded.desired.platform, progress)) as target:
        if undo:
            # Imported here: most plans undo nothing.
            from reconcile.app import undo as undoing

            made = Made(*undoing.plan(loaded, scope, undo, variables, target))
        elif capture_files:
            read, troubles = inputs.plan(
                loaded, scope, variables, target, progress, captured.directory
            )
            made = Made(captured.marked(read), troubles)
        else:
            made = planned(
                loaded, scope, tuple(variables), target, progress, full=full, keeps=keeps_memo
            )
    codes = tuple(accept)
    if codes:
        made = made._replace(plan=accepted(made.plan, codes, user or run_identity.account()))
    named = msgspec.structs.replace(made.plan, made_by=run_identity.named(user))
    return made._replace(plan=named)


def begin(task: Task) -> tuple[SavedPlan | None, Loaded]:
    """Reads the plan file, if there is one, and the desired state; verifies the plan file.

    Raises PlanFileError, ConfigError, and NotApproved: also if the desired state demands a signed
    plan file and there is none.
    """
    file = task.plan_file
    if file is None:
        loaded = inputs.configuration(task.files, task.variables, task.contents)
        saved_plan.refuse_unsigned(loaded.desired.safety)
        return None, loaded
    saved, data = saved_plan.read(file, task.expect_digest)
    if not task.files:
        foreign_plan.refuse_other_files(saved.plan.files, file)
    loaded = inputs.configuration(task.files, task.variables, task.contents)
    safety = loaded.desired.safety
    if task.refresh:
        saved_plan.refuse_refresh(safety)
    required = (safety.require_signatures, task.signatures)
    return saved_plan.verified(saved, data, file, required), loaded


def prepare(task: Task, saved: SavedPlan | None, loaded: Loaded, progress: Progress) -> Prepared:
    """The plan to apply: the one from the file, or one that is made now. Writes nothing."""
    if saved is not None:
        plan = _from_file(saved.plan, loaded, task.variables, task.user)
        captures.refuse_redacted(plan)
        with closing(adapters.platform(loaded.desired.platform, progress)) as target:
            applied = saved.applied_before(target.history)
            if applied is None:
                captures.refuse_changed(plan, loaded, target, progress)
        return Prepared(task, loaded, plan, saved, applied=applied)
    made = make_plan(
        loaded,
        task.scope,
        task.variables,
        progress,
        accept=task.accept,
        user=task.user,
        full=task.full,
        keeps_memo=True,
    )
    return Prepared(
        task, loaded, made.plan, troubles=made.troubles, last_full=made.last_full, memo=made.memo
    )


def renewed(task: Task, saved: SavedPlan | None, loaded: Loaded, stale: StalePlan) -> Task:
    """The task of making a new plan, because the one in the file is stale.

    Raises `stale` itself unless the task asks for a new plan, and UsageError if none can be made.
    """
    if saved is None or not task.refresh:
        raise stale
    scope, variables = saved.plan.scope, saved.plan.variables
    if scope.undo:  # a plan by the rules would not be an undo
        why = f"--refresh follows the rules, and this plan undoes run {quoted(scope.undo)}"
        raise UsageError(f"{why}: make a new one with `reconcile plan --undo`") from stale
    if set(variables) != task.variables.keys():
        raise UsageError(_moved(loaded, saved.plan, task.variables)) from stale
    return msgspec.structs.replace(task, plan_file=None, scope=scope, refresh=False)


def carry_out(prepared: Prepared, progress: Progress, run: str = "") -> Report:
    """Applies the plan. `run` is the id of the run, "" for that of this process.

    The troubles of reading are in the report, too. Nothing is done if a run has applied the plan
    file already. Raises GuardRefused and whatever `applying.apply` raises.
    """
    if prepared.applied is not None:
        return _nothing_left(prepared, prepared.applied)
    prepared.refuse()
    task, loaded, saved = prepared.task, prepared.loaded, prepared.saved
    with closing(adapters.platform(loaded.desired.platform, progress)) as target:
        if saved is not None and task.plan_file is not None:
            foreign_plan.refuse_unfit(saved.plan, target.abilities, task.plan_file)
        try:
            report = _written(prepared, target, progress, run)
        except StalePlan as stale:
            # Another run may have applied the file since it was looked for in the history.
            applied = saved.applied_before(target.history) if saved is not None else None
            if applied is None:
                raise stale.made(_made(prepared.plan, task.user)) from stale
            return _nothing_left(prepared, applied)
        if prepared.memo and not report.troubles:
            holder = run_identity.holder(task.user)
            quiet.keep(target, loaded, task.scope, prepared.memo, holder)
    signatures = saved.signatures if saved is not None else ()
    troubles = (*prepared.troubles, *report.troubles)
    report = msgspec.structs.replace(
        report, troubles=troubles, signatures=signatures, last_full=prepared.last_full
    )
    _note(report)
    return report


def _written(prepared: Prepared, target: ManagedPlatform, progress: Progress, run: str) -> Report:
    """Applies the plan to the platform."""
    task, loaded, made = prepared.task, prepared.loaded, prepared.plan
    saved = prepared.saved
    holder = run_identity.holder(task.user)
    origin = run_identity.origin(loaded.files, run) if made.changes else None
    if origin is not None and saved is not None:
        origin = saved.origin(origin)
    report = carry_out_plan(
        made,
        target,
        holder,
        rules=GuardRules(loaded.desired, foreign=saved is not None),
        together=saved is not None,
        force=task.force,
        progress=progress,
        origin=origin,
        clock=inputs.now,
    )
    if task.force:
        workspaces = inputs.chosen_workspaces(loaded.desired, made.scope.workspaces)
        _bury(target, workspaces, made, holder)
    return report


def _nothing_left(prepared: Prepared, applied: Applied) -> Report:
    """The report on a plan file that a run has applied already."""
    signatures = prepared.saved.signatures if prepared.saved is not None else ()
    report = Report(signatures=signatures, already_applied=applied.run, later_runs=applied.later)
    _note(report)
    return report


def _note(report: Report) -> None:
    """Logs what became of the changes."""
    for trouble in report.troubles:
        facts = {"workspace": trouble.workspace, "exit_code": trouble.exit_code}
        run_log.note("workspace %s was given up with exit code %d", facts)
    counts = {name: report.count(name) for name in RESULTS}
    run_log.run_log.info("%s", outcome_line(report), extra={"facts": counts})


def _from_file(saved: Plan, loaded: Loaded, variables: Mapping[str, str], user: str) -> Plan:
    """Checks a plan from a file; trusts nothing in it unless it has the current configuration."""
    if saved.digests.configuration != loaded.digest:
        raise StalePlan([_moved(loaded, saved, variables)], made=_made(saved, user))
    workspaces = [*(change.workspace for change in saved.changes), *saved.to_remember]
    inputs.chosen_workspaces(loaded.desired, workspaces)
    inputs.chosen_sources(loaded.desired, [reading.source for reading in saved.readings])
    report_notices(saved.notices)
    for acceptance in saved.accepted[:_ACCEPTED_SHOWN]:
        who, when, what = map(quoted, (acceptance.by, acceptance.at, acceptance.code))
        _log.warning("accepted by %s, %s: %s", who, when, what)
    if more := len(saved.accepted[_ACCEPTED_SHOWN:]):
        _log.warning("accepted: %d more, which `reconcile show` lists", more)
    return saved


def _bury(target: ManagedPlatform, workspaces: Iterable[str], made: Plan, holder: Holder) -> None:
    """Removes the locks of dead runs from workspaces without changes, which were not locked."""
    busy = {change.workspace for change in made.changes}
    for workspace in workspaces:
        if workspace not in busy:
            with (
                suppress(Locked),
                interrupts.masked(),
                target.lock([workspace], holder, force=True),
            ):
                pass


def exit_code(report: Report) -> int:
    """6 if some but not all was, or may have been, applied; otherwise that of the first trouble."""
    if report.troubles and not report.count("applied") and not report.count("unknown"):
        return report.troubles[0].exit_code
    complete = report.count("applied") == len(report.outcomes) and not report.troubles
    return 0 if complete else EXIT_PARTIAL


def _made(saved: Plan, user: str) -> str:
    """Who made a plan, and when; "" if that is who applies it, or not known."""
    here = run_identity.named(user)
    if saved.made_by in ("", here):
        return ""
    return f"It was made by {quoted(saved.made_by)}, {quoted(saved.created)}; this is {here}."


def _moved(loaded: Loaded, saved: Plan, variables: Mapping[str, str]) -> str:
    line = f"the desired state in {', '.join(loaded.files)} is not the one the plan was made from"
    if list(saved.files) != list(loaded.files):
        line += f", which was {listed(saved.files) or 'in no file'}"
    planned, known = saved.variables, loaded.desired.platform.workspaces
    foreign = sorted({change.workspace for change in saved.changes}.difference(known))
    if foreign:
        line += f"; the plan is for workspace {listed(foreign)}, and here there are {listed(known)}"
    if planned or variables:
        now = ", ".join(sorted(variables))
        then = ", ".join(planned)
        line += f" (planned with --var {then or 'nothing'}; given now: {now or 'nothing'})"
    return line
