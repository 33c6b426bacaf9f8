"""Carries out a plan: under the lock, still true, in batches, every change with its outcome."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from typing import Final

import msgspec

from reconcile import interrupts
from reconcile.applying.judge import GuardRules, Judge
from reconcile.applying.record import Recorder
from reconcile.applying.stale import Difference, differences
from reconcile.errors import OutcomeUnknown, ReconcileError, StalePlan
from reconcile.model.change import (
    ENDS,
    Change,
    Kind,
    Plan,
    Violation,
    makes,
    nested_in,
    refusal,
    refused,
    requirements,
)
from reconcile.model.history import Losses, Origin
from reconcile.model.platform import PlatformState
from reconcile.model.report import Outcome, Report, Trouble, Written
from reconcile.model.text.department_path import titles
from reconcile.model.text.folding import fold_name
from reconcile.model.text.printing import LONGEST_SENTENCE, quoted
from reconcile.ports import Holder, ManagedPlatform, Progress, Writer, no_progress

logger = logging.getLogger(__name__)


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
    _refuse(plan.violations, plan)
    look = _Look(plan, Judge(plan, platform, rules, clock or (lambda: holder.started)))

    def lock(names: Sequence[str]) -> AbstractContextManager[None]:
        return platform.lock(names, holder, force=force)

    # Only reading and writing may be broken off: what takes and releases locks, commits and undoes
    # is done to its end.
    with interrupts.masked() as restored:
        run = _Run(
            platform, look, Recorder(plan, holder, origin, clock), progress, restored, whole=whole
        )
        return run.all(parts, lock, together=together)


def _parts(plan: Plan) -> dict[str, list[Change]]:
    """The changes by workspace; none for a workspace that only has to record readings."""
    parts: dict[str, list[Change]] = {}
    for change in plan.changes:
        parts.setdefault(change.workspace, []).append(change)
    for workspace in plan.to_remember:
        parts.setdefault(workspace, [])
    return parts


def _wrote(outcomes: Iterable[Outcome]) -> bool:
    """Whether anything was written that was, or may have been, kept."""
    return any(one.result in ("applied", "unknown") for one in outcomes)


def _notes(error: BaseException) -> list[str]:
    """What was said of an exception on its way: that a lock could not be released."""
    return list(getattr(error, "__notes__", ()))


class _Look:
    """Looks at workspaces before they are written to."""

    def __init__(self, plan: Plan, judge: Judge) -> None:
        self.plan = plan
        self._judge = judge

    def losses(self, outcomes: Iterable[Outcome], state: PlatformState) -> Losses:
        """What was taken away; `state` is as it was before."""
        applied = [outcome.change for outcome in outcomes if outcome.result == "applied"]
        return self._judge.losses(applied, state)

    def __call__(
        self, parts: Mapping[str, Sequence[Change]], states: Sequence[PlatformState]
    ) -> None:
        """Raises StalePlan, or GuardRefused for what the plan does not accept."""
        stale: list[Difference] = []
        for state in states:
            stale += differences(parts[state.workspace], state)
        _refuse_stale(stale)
        found: list[Violation] = []
        for state in states:
            found += self._judge.violations(parts[state.workspace], state)
        _refuse(found, self.plan)


def _refuse(found: Sequence[Violation], plan: Plan) -> None:
    """Raises GuardRefused for what the plan does not accept."""
    left = refused(found, plan.accepted)
    if left:
        kept = [one.code for one in found if one not in left]
        raise refusal(left, kept)


class _Run:
    """Carries out the plan, workspace after workspace.

    Everything but the work itself is masked from signals.
    """

    def __init__(
        self,
        platform: ManagedPlatform,
        look: _Look,
        recorder: Recorder,
        progress: Progress,
        restored: interrupts.Restored,
        *,
        whole: bool,
    ) -> None:
        self._platform = platform
        self._look = look
        self._recorder = recorder
        self._progress = progress
        self._restored = restored
        self._whole = whole

    def all(
        self,
        parts: Mapping[str, Sequence[Change]],
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
            error.add_note(
                "nothing was written to the platform"
                if _notes(error)
                else interrupts.NOTHING_WRITTEN
            )
            raise
        except ReconcileError as error:
            if not _wrote(report.outcomes):
                raise
            trouble = _trouble(list(parts)[-1], error)
            report = Report(report.outcomes, (*report.troubles, trouble))
        if _wrote(report.outcomes):
            interrupts.settle()
        return report

    def _look_ahead(self, parts: Mapping[str, Sequence[Change]]) -> None:
        """Looks at all workspaces before the first is written: transactions are one at a time."""
        if len(parts) > 1:
            with self._restored():
                self._look(parts, [self._platform.read(name) for name in parts])

    def each(
        self,
        parts: Mapping[str, Sequence[Change]],
        opening: Callable[[str], AbstractContextManager[None]],
        *,
        first_raises: bool,
    ) -> Report:
        """`first_raises`: what goes wrong before anything is written ends it all."""
        outcomes: list[Outcome] = []
        troubles: list[Trouble] = []
        errors: list[Exception] = []
        for at, (workspace, changes) in enumerate(parts.items()):
            written = _Written(changes)
            try:
                with opening(workspace):
                    with self._platform.transaction(workspace) as writer, self._restored():
                        written.at_once = writer.kept_at_once
                        self._write(parts, workspace, writer, written, len(outcomes))
                    written.kept = True
                    written.finished = writer.broken is None
                    _raise(writer.broken)
            except KeyboardInterrupt as error:
                written.broke_off("interrupted")
                outcomes += written.outcomes()
                if not _wrote(outcomes):
                    raise
                later = list(parts)[at + 1 :]
                outcomes += (
                    Outcome(change, "failed", "interrupted")
                    for name in later
                    for change in parts[name]
                )
                troubles += _interrupted(workspace, written, later, _notes(error))
                return Report(tuple(outcomes), tuple(troubles))
            except OutcomeUnknown as error:
                written.unknown()
                troubles.append(_unsettled(workspace, error, self._recorder.id))
            except Exception as error:
                if first_raises and not outcomes and not written.any_kept:
                    raise
                errors.append(error)
                trouble = _trouble(workspace, error)
                troubles.append(trouble)
                written.broke_off(trouble.detail.partition("\n")[0])
            outcomes += written.outcomes()
        if len(errors) == 1 and not _wrote(outcomes):
            raise errors[0]
        return Report(tuple(outcomes), tuple(troubles))

    def _write(
        self,
        parts: Mapping[str, Sequence[Change]],
        workspace: str,
        writer: Writer,
        written: "_Written",
        before: int,
    ) -> None:
        """All that is done within the transaction of a workspace.

        `before`: how many outcomes there are already.
        """
        changes, plan = parts[workspace], self._look.plan
        state = writer.read()
        self._look(parts, [state])
        if changes:
            writer.begin(self._recorder.run(workspace, (), {}))
        _carry_out(changes, writer, written, _counting(self._progress, workspace, before))
        outcomes = written.outcomes()
        if self._whole and not writer.kept_at_once:
            _refuse_failures(outcomes)
        if workspace in plan.to_remember and writer.broken is None:
            writer.remember(plan.readings)
        if changes:
            lost = self._look.losses(outcomes, state)
            writer.record(self._recorder.run(workspace, outcomes, lost), outcomes)


class _Written:
    """The outcomes of the changes of one workspace, at every moment."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes
        self.at: dict[int, Outcome] = {}
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
        return self.kept or (self.at_once and _wrote(self.at.values()))

    def outcomes(self) -> list[Outcome]:
        """One for each change, in order."""
        places = range(len(self._changes))
        return [self.at.get(at) or Outcome(self._changes[at], *self._rest) for at in places]

    def unknown(self) -> None:
        """What was applied may not have been kept; what failed has failed in any case."""
        for at, outcome in self.at.items():
            if outcome.result == "applied":
                self.at[at] = msgspec.structs.replace(outcome, result="unknown")

    def broke_off(self, why: str) -> None:
        """An error ended the writing: nothing is kept, or what was kept at once and no more."""
        if self.kept:
            return
        if not self.at_once:
            self.at.clear()
        self._rest = Written("failed", why)


def _raise(broken: BaseException | None) -> None:
    """Raises what broke off a writer whose work is kept as far as it went."""
    if broken is not None:
        raise broken


def _interrupted(
    workspace: str, written: _Written, later: Sequence[str], notes: Sequence[str]
) -> list[Trouble]:
    """Of a workspace during which a signal came, and of those after it.

    `notes` say that a lock could not be released.
    """
    details = {}
    if not written.any_kept:
        details[workspace] = "interrupted before it was written"
    elif not written.finished:
        details[workspace] = "interrupted while it was written; what was written is kept"
    details |= dict.fromkeys(later, "interrupted before it was written")
    for note in notes:
        details[workspace] = f"{details[workspace]}; {note}" if workspace in details else note
    return [Trouble(name, ReconcileError.exit_code, detail) for name, detail in details.items()]


def _unsettled(workspace: str, error: OutcomeUnknown, run: str) -> Trouble:
    detail = (
        f"it is not known whether this was kept: {error}. Once the platform answers, `reconcile"
        f" history {run}` shows the run if it was kept, and otherwise does not know it. Either way,"
        " the next plan continues from the current state"
    )
    return Trouble(workspace, error.exit_code, detail)


def _trouble(workspace: str, error: Exception) -> Trouble:
    if isinstance(error, ReconcileError):
        return Trouble(workspace, error.exit_code, str(error))
    logger.debug("traceback", exc_info=error)
    detail = (
        f"unexpected {type(error).__name__}: {error}. This is a fault of reconcile: please report"
        " it"
    )
    return Trouble(workspace, ReconcileError.exit_code, detail)


def _refuse_failures(outcomes: Sequence[Outcome]) -> None:
    failed = [
        f"  {one.change.kind} {one.change.key}: {one.detail}"
        for one in outcomes
        if one.result != "applied"
    ]
    if failed:
        raise ReconcileError(
            "\n".join(
                [f"nothing was changed, because {len(failed)} of the changes failed:", *failed]
            )
        )


def _refuse_stale(stale: Sequence[Difference]) -> None:
    if stale:
        lines = [quoted(difference.line, LONGEST_SENTENCE) for difference in stale]
        raise StalePlan(lines, all_exist=all(difference.exists for difference in stale))


def _counting(progress: Progress, workspace: str, before: int) -> Callable[[int], None]:
    return lambda done: progress(f"applying {workspace}", before + done)


def _carry_out(
    changes: Sequence[Change],
    writer: Writer,
    written: _Written,
    progress: Callable[[int], None],
) -> None:
    """Writes batch after batch; a change that needs something that failed is skipped."""
    failed: dict[tuple[Kind, str], str] = {}
    outcomes = written.at
    leaving = {
        change.key: at
        for at, change in enumerate(changes)
        if change.kind == "user" and change.action in ENDS
    }
    waiting = {
        at: leaving[_taken_from(one)]
        for at, one in enumerate(changes)
        if _taken_from(one) in leaving
    }
    direct = ((at, change) for at, change in enumerate(changes) if at not in waiting)
    for _, group in groupby(direct, key=lambda item: _batch_key(item[1])):
        batch = dict(group)
        blocked = {
            at: need
            for at, change in batch.items()
            if (need := _missing(change, failed)) is not None
        }
        going = {at: change for at, change in batch.items() if at not in blocked}
        outcomes |= zip(going, _write(list(going.values()), writer, failed.keys()), strict=True)
        for at, (kind, name) in blocked.items():
            outcomes[at] = Outcome(batch[at], "skipped", f"needs {kind} {name}, which failed")
        for at, change in batch.items():
            made = makes(change)
            if outcomes[at].result not in _THERE and made is not None:
                failed[made[0], fold_name(made[1])] = outcomes[at].detail
        progress(len(outcomes))
    for at, user in waiting.items():
        if outcomes[user].result in _THERE:
            outcomes[at] = Outcome(changes[at], outcomes[user].result)
        else:
            stays = f"user {changes[user].key} stays: {outcomes[user].detail}"
            outcomes[at] = Outcome(changes[at], "skipped", stays)


_THERE: Final = ("applied", "unknown")
"""After these what a change makes has to be taken as existing."""


def _taken_from(change: Change) -> str:
    """Whose grant or membership is deleted, otherwise "".

    Those of a user who is deleted or erased are part of that.
    """
    if change.kind in ("grant", "membership") and change.action == "delete":
        return str((change.before or {})["user"])
    return ""


def _batch_key(change: Change) -> tuple[str, str, int]:
    """What can be written at once: one kind and action, new departments level by level."""
    level = (
        len(titles(change.key)) if change.kind == "department" and change.action == "create" else 0
    )
    action = (
        "update" if change.action == "relink" else change.action
    )  # they may pass names on to each other
    return change.kind, action, level


def _write(
    changes: Sequence[Change], writer: Writer, lost: Collection[tuple[Kind, str]]
) -> list[Outcome]:
    """Writes one batch. `lost`: what failed before, by kind and name."""
    batch = _Batch(changes)
    batch.leave_lost(lost)
    while batch.waiting:
        batch.take(writer.write(list(batch.waiting.values())))
    return batch.outcomes()


class _Batch:
    """What can be written at once.

    A change that fails only for what it can do without (a manager, or a group that a new one is to
    be nested in) is written once more without it, and its outcome says so.
    """

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes
        self._outcomes = {at: Outcome(change, "applied") for at, change in enumerate(changes)}
        self.waiting = dict(enumerate(changes))
        """What has to be written, or written once more, by its place."""

    def outcomes(self) -> list[Outcome]:
        """One for each change, in order."""
        return [self._outcomes[at] for at in range(len(self._changes))]

    def leave_lost(self, lost: Collection[tuple[Kind, str]]) -> None:
        """Lets new ones do without what failed before."""
        for at, change in self.waiting.items():
            gone = {name for name in _leans_on(change) if (change.kind, name) in lost}
            if gone and change.action == "create":
                self._leave(at, gone, "which failed")

    def take(self, answers: Sequence[Written]) -> None:
        """Records the outcomes of all that waited; what may still succeed waits again."""
        given = dict(zip(self.waiting, answers, strict=True))
        for at, answer in given.items():
            if answer.result != "failed":
                detail = _joined(self._outcomes[at].detail, answer.detail)
                self._outcomes[at] = Outcome(self._changes[at], answer.result, detail)
        failed = {at for at, answer in given.items() if answer.result == "failed"}
        newcomers = {
            fold_name(made[1]): at
            for at in failed
            if (made := makes(self._changes[at])) is not None
        }
        final = self._final(failed, newcomers)
        for at in final:
            self._outcomes[at] = Outcome(self._changes[at], "failed", given[at].detail)
        self.waiting = {at: self.waiting[at] for at in sorted(failed - final)}
        self._leave_failed(final or failed, newcomers, circle=not final)

    def _final(self, failed: set[int], newcomers: Mapping[str, int]) -> set[int]:
        """Those of the failed that do not lean on another of them."""
        final = {
            at
            for at in failed
            if all(newcomers.get(name, at) == at for name in _leans_on(self.waiting[at]))
        }
        if not final and self._changes[0].kind == "user":
            return failed  # where managers lead each other in a circle, all of it fails
        return final

    def _leave_failed(
        self, failed: set[int], newcomers: Mapping[str, int], *, circle: bool
    ) -> None:
        """Lets what waits do without those that failed."""
        why = "because one of them in a circle failed" if circle else "which failed"
        for at, change in self.waiting.items():
            gone = {name for name in _leans_on(change) if newcomers.get(name, at) in failed - {at}}
            if gone:
                self._leave(at, gone, why)

    def _leave(self, at: int, names: Collection[str], why: str) -> None:
        self.waiting[at], detail = _without(self.waiting[at], names, why)
        detail = _joined(self._outcomes[at].detail, detail)
        self._outcomes[at] = Outcome(self._changes[at], "applied", detail)


def _joined(*details: str) -> str:
    return ", ".join(filter(None, details))


def _leans_on(change: Change) -> tuple[str, ...]:
    """The names, case-folded, of those of its kind that a change can do without."""
    if change.kind == "user":
        manager = fold_name(str((change.after or {}).get("manager") or ""))
        return (manager,) if manager else ()
    return tuple(map(fold_name, nested_in(change))) if change.action == "create" else ()


def _without(change: Change, names: Collection[str], why: str) -> tuple[Change, str]:
    """The change without those it leans on, and what that means in words."""
    after = dict(change.after or {})
    if change.kind == "user":
        detail = f"without its manager {after['manager']}, {why}"
        after["manager"] = None
    else:
        gone = [name for name in nested_in(change) if fold_name(name) in names]
        detail = f"but not within group {', '.join(gone)}, {why}"
        groups = after.get("groups")
        after["groups"] = (
            {name: origin for name, origin in groups.items() if name not in gone}
            if isinstance(groups, dict)
            else {}
        )
    return msgspec.structs.replace(change, after=after), detail


def _missing(change: Change, failed: dict[tuple[Kind, str], str]) -> tuple[Kind, str] | None:
    if not failed:
        return None
    return next(
        (need for need in requirements(change) if (need[0], fold_name(need[1])) in failed), None
    )
