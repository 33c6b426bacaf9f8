"""Applies a plan: under the lock, while it still holds, every change with its outcome."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

import msgspec

from reconcile import interrupts
from reconcile.applying import troubles as say
from reconcile.applying.batches import carry_out
from reconcile.applying.judge import GuardRules, Judge
from reconcile.applying.record import Recorder
from reconcile.applying.stale import Difference, differences
from reconcile.errors import OutcomeUnknown, ReconcileError
from reconcile.model.change import Change, Plan, Violation
from reconcile.model.history import Losses, Origin
from reconcile.model.platform import PlatformState
from reconcile.model.report import Outcome, Report, Trouble, Written
from reconcile.ports import Holder, ManagedPlatform, Progress, Writer, no_progress

Parts: TypeAlias = Mapping[str, Sequence[Change]]
"""Workspace → its changes."""


def apply(  # noqa: PLR0913 - all but three have a default; each is the caller's to decide
    plan: Plan,
    platform: ManagedPlatform,
    holder: Holder,
    *,
    rules: GuardRules | None = None,
    together: bool = True,
    whole: bool = False,
    force: bool = False,
    progress: Progress = no_progress,
    origin: Origin | None = None,
    clock: Callable[[], str] | None = None,
) -> Report:
    """Applies every change of the plan and returns the outcome of each; the history records it.

    `rules`: by what the guards judge each workspace as it is under the lock; None judges nothing,
    and counts no losses. The plan says what of their findings is accepted. `together`: the plan is
    started in all of its workspaces or in none. Otherwise each is locked and judged by itself, and
    one that cannot be written is a trouble of the report, unless it is the only one. `origin` and
    `clock` (the time in RFC 3339, UTC) are for the history.

    `whole`: a change that fails undoes all of its workspace, which is an error.

    Raises, before the first write, GuardRefused for a violation that the plan does not accept;
    StalePlan when the platform is not as the plan expects; Locked when another run holds it
    (`force` takes over from a dead one); PlatformUnreadable. If the platform does not say whether
    it kept a workspace's work, what was written there has the outcome `unknown`, and the workspace
    a trouble that says how to find out. Otherwise a workspace's work is kept as a whole once all of
    its changes have an outcome; an exception or a killed process leaves that workspace as it was.
    What breaks off or interrupts a run that has written another workspace is a trouble of the
    report. A KeyboardInterrupt before that is raised, with a note of what became of the lock.
    """
    parts = _parts(plan)
    say.refuse_violations(plan.violations, plan)
    inspection = _Inspection(plan, Judge(plan, platform, rules, clock or (lambda: holder.started)))
    recorder = Recorder(plan, holder, origin, clock)

    def lock(names: Sequence[str]) -> AbstractContextManager[None]:
        return platform.lock(names, holder, force=force)

    # Only reading and writing may be broken off: what takes and releases locks, commits and undoes
    # is done to its end.
    with interrupts.masked() as restored:
        run = _Run(platform, inspection, recorder, progress, restored, whole=whole)
        return run.all(parts, lock, together=together)


def _parts(plan: Plan) -> dict[str, list[Change]]:
    """The changes by workspace; none for a workspace that only has to record readings."""
    parts: dict[str, list[Change]] = {}
    for change in plan.changes:
        parts.setdefault(change.workspace, []).append(change)
    for workspace in plan.to_remember:
        parts.setdefault(workspace, [])
    return parts


class _Inspection:
    """Looks at workspaces before they are written to."""

    def __init__(self, plan: Plan, judge: Judge) -> None:
        self.plan = plan
        self._judge = judge

    def losses(self, outcomes: Iterable[Outcome], state: PlatformState) -> Losses:
        """What was taken away; `state` is as it was before."""
        applied = [outcome.change for outcome in outcomes if outcome.result == "applied"]
        return self._judge.losses(applied, state)

    def __call__(self, parts: Parts, states: Sequence[PlatformState]) -> None:
        """Raises StalePlan, or GuardRefused for what the plan does not accept."""
        stale: list[Difference] = []
        for state in states:
            stale += differences(parts[state.workspace], state)
        say.refuse_stale(stale)
        violations: list[Violation] = []
        for state in states:
            violations += self._judge.violations(parts[state.workspace], state)
        say.refuse_violations(violations, self.plan)


class _Results:
    """What has become of a plan so far, and what went wrong in whole workspaces."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.troubles: list[Trouble] = []
        self.errors: list[Exception] = []

    @property
    def report(self) -> Report:
        """All of it."""
        return Report(tuple(self.outcomes), tuple(self.troubles))

    def fail(self, workspace: str, written: "_Written", error: Exception) -> None:
        """An error ended the work on a workspace."""
        trouble = say.trouble(workspace, error)
        self.errors.append(error)
        self.troubles.append(trouble)
        written.broke_off(trouble.detail.partition("\n")[0])

    def interrupt(
        self, workspace: str, written: "_Written", later: Parts, error: KeyboardInterrupt
    ) -> None:
        """A signal ended the work on a workspace, and on those after it.

        Raises it where nothing was written.
        """
        written.broke_off("interrupted")
        self.outcomes += written.outcomes()
        if not _wrote(self.outcomes):
            raise error
        for changes in later.values():
            self.outcomes += (Outcome(change, "failed", "interrupted") for change in changes)
        self.troubles += say.interruption(
            workspace,
            list(later),
            say.notes(error),
            kept=written.any_kept,
            finished=written.finished,
        )


class _Run:
    """Applies the plan, workspace after workspace.

    Everything but the work itself is masked from signals.
    """

    def __init__(
        self,
        platform: ManagedPlatform,
        inspect: _Inspection,
        recorder: Recorder,
        progress: Progress,
        restored: interrupts.Restored,
        *,
        whole: bool,
    ) -> None:
        self._platform = platform
        self._inspect = inspect
        self._recorder = recorder
        self._progress = progress
        self._restored = restored
        self._whole = whole

    def all(
        self,
        parts: Parts,
        lock: Callable[[Sequence[str]], AbstractContextManager[None]],
        *,
        together: bool,
    ) -> Report:
        """Locks and writes all parts; what goes wrong after anything was written is a trouble."""
        report = Report()
        try:
            if together and parts:
                with lock(list(parts)):
                    self._look_ahead(parts)
                    report = self.each(parts, lambda _: nullcontext(), first_raises=True)
            else:
                report = self.each(parts, lambda name: lock([name]), first_raises=False)
        except KeyboardInterrupt as error:
            released = not say.notes(error)
            error.add_note(interrupts.NOTHING_WRITTEN if released else _NOTHING_WRITTEN)
            raise
        except ReconcileError as error:
            if not _wrote(report.outcomes):
                raise
            trouble = say.trouble(list(parts)[-1], error)
            report = Report(report.outcomes, (*report.troubles, trouble))
        if _wrote(report.outcomes):
            interrupts.settle()
        return report

    def _look_ahead(self, parts: Parts) -> None:
        """Looks at all workspaces before the first is written: transactions are one at a time."""
        if len(parts) > 1:
            with self._restored():
                self._inspect(parts, [self._platform.read(name) for name in parts])

    def each(
        self,
        parts: Parts,
        opening: Callable[[str], AbstractContextManager[None]],
        *,
        first_raises: bool,
    ) -> Report:
        """`first_raises`: what goes wrong before anything is written ends it all."""
        results = _Results()
        later = dict(parts)
        for workspace, changes in parts.items():
            del later[workspace]
            written = _Written(changes)
            try:
                with opening(workspace):
                    self._transact(workspace, changes, written, len(results.outcomes))
            except KeyboardInterrupt as error:
                results.interrupt(workspace, written, later, error)
                return results.report
            except OutcomeUnknown as error:
                written.unknown()
                results.troubles.append(say.unsettled(workspace, error, self._recorder.id))
            except Exception as error:
                if first_raises and not results.outcomes and not written.any_kept:
                    raise
                results.fail(workspace, written, error)
            results.outcomes += written.outcomes()
        if len(results.errors) == 1 and not _wrote(results.outcomes):
            raise results.errors[0]
        return results.report

    def _transact(
        self, workspace: str, changes: Sequence[Change], written: "_Written", before: int
    ) -> None:
        """Writes a workspace in its transaction, and raises what broke the writer off.

        `before`: how many outcomes there are already.
        """
        with self._platform.transaction(workspace) as writer, self._restored():
            written.at_once = writer.kept_at_once
            self._write(workspace, changes, writer, written, before)
        written.kept = True
        written.finished = writer.broken is None
        if writer.broken is not None:
            raise writer.broken

    def _write(
        self,
        workspace: str,
        changes: Sequence[Change],
        writer: Writer,
        written: "_Written",
        before: int,
    ) -> None:
        """All that is done within the transaction of a workspace."""
        state = writer.read()
        self._inspect({workspace: changes}, [state])
        if changes:
            writer.begin(self._recorder.run(workspace, (), {}))
        progress = self._progress
        carry_out(
            changes,
            writer,
            written.by_place,
            lambda done: progress(f"applying {workspace}", before + done),
        )
        outcomes = written.outcomes()
        if self._whole and not writer.kept_at_once:
            say.refuse_failures(outcomes)
        plan = self._inspect.plan
        if workspace in plan.to_remember and writer.broken is None:
            writer.remember(plan.readings)
        if changes:
            lost = self._inspect.losses(outcomes, state)
            writer.record(self._recorder.run(workspace, outcomes, lost), outcomes)


_NOTHING_WRITTEN = "nothing was written to the platform"


def _wrote(outcomes: Iterable[Outcome]) -> bool:
    """Whether anything was written that was, or may have been, kept."""
    return any(outcome.result in ("applied", "unknown") for outcome in outcomes)


class _Written:
    """The outcomes of the changes of one workspace, at every moment."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes
        self.by_place: dict[int, Outcome] = {}
        """By position of the change; those without an outcome yet are missing."""
        self.kept = False
        """Whether the transaction ended well."""
        self.finished = False
        """Whether nothing broke off the writing."""
        self.at_once = False
        """Whether every change is kept as soon as it is written."""
        self._rest = Written("failed", "interrupted")

    @property
    def any_kept(self) -> bool:
        """Whether what has been written so far is kept."""
        return self.kept or (self.at_once and _wrote(self.by_place.values()))

    def outcomes(self) -> list[Outcome]:
        """One for each change, in order."""
        return [
            self.by_place.get(place) or Outcome(change, *self._rest)
            for place, change in enumerate(self._changes)
        ]

    def unknown(self) -> None:
        """What was applied may not have been kept; what failed has failed in any case."""
        for place, outcome in self.by_place.items():
            if outcome.result == "applied":
                self.by_place[place] = msgspec.structs.replace(outcome, result="unknown")

    def broke_off(self, why: str) -> None:
        """An error ended the writing: nothing is kept, or what was kept at once and no more."""
        if self.kept:
            return
        if not self.at_once:
            self.by_place.clear()
        self._rest = Written("failed", why)
