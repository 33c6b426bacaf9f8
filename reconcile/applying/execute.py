"""Carries out a plan: under the lock, still true, in batches, every change with its outcome."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby

import msgspec

from reconcile.applying.stale import moved
from reconcile.errors import ReconcileError, StalePlan
from reconcile.model.change import Change, Kind, Plan, makes, requirements
from reconcile.model.path import titles
from reconcile.model.report import Outcome, Report, Trouble
from reconcile.ports import Holder, Platform, Progress, Writer, no_progress

logger = logging.getLogger(__name__)


def apply(
    plan: Plan,
    platform: Platform,
    holder: Holder,
    *,
    together: bool = True,
    force: bool = False,
    progress: Progress = no_progress,
) -> Report:
    """Applies every change of the plan, and answers what became of each.

    `together`: the plan is begun in all of its workspaces or in none. Otherwise each is locked and looked at for
    itself, and one that cannot be written is a trouble of the report, unless it is the only one.

    Raises, before the first write, StalePlan when the platform is not as the plan expects; Locked when another run
    holds it (`force` takes over from a dead one); PlatformUnreadable. A workspace's work is kept as a whole once all of
    its changes have an outcome; an exception or a killed process leaves that workspace as it was. What breaks off or
    interrupts a run that has written another workspace is a trouble of the report.
    """
    parts: dict[str, list[Change]] = {}
    for change in plan.changes:
        parts.setdefault(change.workspace, []).append(change)
    if not together or not parts:
        return _each(
            parts, platform, lambda name: platform.lock([name], holder, force=force), progress, first_raises=False
        )
    with platform.lock(list(parts), holder, force=force):
        if len(parts) > 1:  # one transaction at a time: all are looked at before the first is written
            _refuse_stale([line for name in parts for line in moved(plan.changes, platform.read(name))])
        return _each(parts, platform, lambda _: nullcontext(), progress, first_raises=True)


def _each(
    parts: Mapping[str, Sequence[Change]],
    platform: Platform,
    opening: Callable[[str], AbstractContextManager[None]],
    progress: Progress,
    *,
    first_raises: bool,
) -> Report:
    """Workspace after workspace. `first_raises`: what goes wrong before anything is written ends it all."""
    outcomes: list[Outcome] = []
    troubles: list[Trouble] = []
    errors: list[Exception] = []
    for at, (workspace, changes) in enumerate(parts.items()):
        written: list[Outcome] = []
        kept = False
        try:
            with opening(workspace):
                with platform.transaction(workspace) as writer:
                    _refuse_stale(moved(changes, writer.read()))
                    written = _carry_out(changes, writer, _counting(progress, workspace, len(outcomes)))
                kept = True
        except KeyboardInterrupt:
            if not any(one.result == "applied" for one in (*outcomes, *(written if kept else ()))):
                raise
            left = list(parts)[at + kept :]
            outcomes += written if kept else ()
            outcomes += (Outcome(one, "failed", "interrupted") for name in left for one in parts[name])
            troubles += (Trouble(name, ReconcileError.exit_code, "interrupted before it was written") for name in left)
            return Report(tuple(outcomes), tuple(troubles))
        except Exception as error:
            if first_raises and not outcomes and not kept:
                raise
            errors.append(error)
            trouble = _trouble(workspace, error)
            troubles.append(trouble)
            if not kept:
                written = [Outcome(one, "failed", trouble.detail.partition("\n")[0]) for one in changes]
        outcomes += written
    if len(errors) == 1 and not any(one.result == "applied" for one in outcomes):
        raise errors[0]
    return Report(tuple(outcomes), tuple(troubles))


def _trouble(workspace: str, error: Exception) -> Trouble:
    if isinstance(error, ReconcileError):
        return Trouble(workspace, error.exit_code, str(error))
    logger.debug("traceback", exc_info=error)
    detail = f"unexpected {type(error).__name__}: {error}. This is a fault of reconcile: please report it"
    return Trouble(workspace, ReconcileError.exit_code, detail)


def _refuse_stale(lines: Sequence[str]) -> None:
    if lines:
        raise StalePlan(lines)


def _counting(progress: Progress, workspace: str, before: int) -> Callable[[int], None]:
    return lambda done: progress(f"applying {workspace}", before + done)


def _carry_out(changes: Sequence[Change], writer: Writer, progress: Callable[[int], None]) -> list[Outcome]:
    """Writes batch after batch; a change that needs something that failed is skipped."""
    failed: dict[tuple[Kind, str], str] = {}
    outcomes: dict[int, Outcome] = {}
    leaving = {
        change.key: at for at, change in enumerate(changes) if change.kind == "user" and change.action == "delete"
    }
    waiting = {at: leaving[_taken_from(one)] for at, one in enumerate(changes) if _taken_from(one) in leaving}
    written = ((at, change) for at, change in enumerate(changes) if at not in waiting)
    for _, group in groupby(written, key=lambda item: _batch(item[1])):
        batch = dict(group)
        blocked = {at: need for at, change in batch.items() if (need := _missing(change, failed)) is not None}
        going = {at: change for at, change in batch.items() if at not in blocked}
        outcomes |= zip(going, _write(list(going.values()), writer), strict=True)
        for at, (kind, name) in blocked.items():
            outcomes[at] = Outcome(batch[at], "skipped", f"needs {kind} {name}, which failed")
        for at, change in batch.items():
            made = makes(change)
            if outcomes[at].result != "applied" and made is not None:
                failed[made[0], made[1].casefold()] = outcomes[at].detail
        progress(len(outcomes))
    for at, user in waiting.items():
        if outcomes[user].result == "applied":
            outcomes[at] = Outcome(changes[at], "applied")
        else:
            outcomes[at] = Outcome(changes[at], "skipped", f"user {changes[user].key} is not deleted")
    return [outcomes[at] for at in range(len(changes))]


def _taken_from(change: Change) -> str:
    """Whose grant or membership is deleted; "" else. Those of a user who is deleted too go with it, or stay with it."""
    if change.kind in ("grant", "membership") and change.action == "delete":
        return str((change.before or {})["user"])
    return ""


def _batch(change: Change) -> tuple[str, str, int]:
    """What can be written at once: one kind and action, new departments level by level."""
    level = len(titles(change.key)) if change.kind == "department" and change.action == "create" else 0
    return change.kind, change.action, level


def _write(changes: Sequence[Change], writer: Writer) -> list[Outcome]:
    """One batch. Who fails only because the manager does is written once more, without one, and that is said."""
    outcomes = {at: Outcome(change, "applied") for at, change in enumerate(changes)}
    waiting = dict(enumerate(changes))
    while waiting:
        answers = dict(zip(waiting, writer.write(list(waiting.values())), strict=True))
        failed = {at for at, why in answers.items() if why}
        newcomers = {
            changes[at].key.casefold(): at for at in failed if makes(changes[at]) and changes[at].kind == "user"
        }
        followers = {at for at in failed if newcomers.get(_manager(waiting[at]), at) != at}
        for at in failed - followers or failed:  # where managers lead each other in a circle, all of it fails
            outcomes[at] = Outcome(changes[at], "failed", answers[at])
        if followers == failed:
            break
        for at in followers:
            manager = _manager(waiting[at])
            if newcomers[manager] not in followers:
                outcomes[at] = Outcome(changes[at], "applied", f"without its manager {manager}, which failed")
                waiting[at] = msgspec.structs.replace(waiting[at], after={**(waiting[at].after or {}), "manager": None})
        waiting = {at: waiting[at] for at in sorted(followers)}
    return [outcomes[at] for at in range(len(changes))]


def _manager(change: Change) -> str:
    return str((change.after or {}).get("manager") or "").casefold()


def _missing(change: Change, failed: dict[tuple[Kind, str], str]) -> tuple[Kind, str] | None:
    if not failed:
        return None
    return next((need for need in requirements(change) if (need[0], need[1].casefold()) in failed), None)
