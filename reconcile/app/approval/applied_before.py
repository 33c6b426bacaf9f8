"""Whether a run has applied a plan file before, from the history.

A plan file is approved once. Applied completely, it is done: a pipeline that is repeated does
nothing and succeeds. Applied in part, or undone since, it is stale: a new plan has to be reviewed.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from reconcile.errors import StalePlan
from reconcile.model.change import Plan
from reconcile.model.history import Run
from reconcile.ports import History


class Applied(NamedTuple):
    """The run that applied a plan file completely."""

    run: str
    later: tuple[str, ...]
    """Runs that have written to its workspaces since, the oldest first."""


def applied_before(plan: Plan, digest: str, history: History) -> Applied | None:
    """The run that applied the plan file of a digest (64 hexadecimal digits); None for no run.

    Raises StalePlan if a run applied only part of it, or if it was undone; PlatformUnreadable.
    """
    runs, later, faults = [], [], []
    missing = False
    for workspace, number in Counter(change.workspace for change in plan.changes).items():
        recorded = [link.run for link in history.runs(workspace) if link.run.applied]
        at = next((at for at, run in enumerate(recorded) if run.plan_file == digest), None)
        if at is None:
            missing = True
            continue
        run, since = recorded[at], recorded[at + 1 :]
        runs.append(run.id)
        later += [later_run.id for later_run in since]
        faults += _faults(run, number, since)
    if not runs:
        return None
    if missing:
        faults.append(f"run {runs[0]} applied this plan file in some of its workspaces only")
    if faults:
        raise StalePlan(faults)
    return Applied(runs[0], tuple(dict.fromkeys(later)))


def _faults(run: Run, number: int, since: Sequence[Run]) -> list[str]:
    """Why a run that applied the file is not the end of it."""
    where = f"of this plan file in workspace {run.workspace}"
    if run.applied < number:
        return [f"run {run.id} applied {run.applied} of {number} changes {where}"]
    if by := _undone_by(run.id, since):
        return [f"run {run.id} applied the changes {where}, and run {by} has undone it"]
    return []


def _undone_by(run: str, since: Sequence[Run]) -> str:
    """The run that undid a run and was not undone itself; "" for none."""
    for at, later in enumerate(since):
        if later.undoes == run and not _undone_by(later.id, since[at + 1 :]):
            return later.id
    return ""
