"""What the history of a platform says about earlier runs, for guards and for an undo."""

from collections.abc import Sequence

from reconcile.errors import ReconcileError
from reconcile.model.desired import Safety
from reconcile.model.history import Entry, Losses
from reconcile.model.verification import fault
from reconcile.planning import total, window_start
from reconcile.ports import ManagedPlatform


def recent_losses(platform: ManagedPlatform, safety: Safety, workspace: str, now: str) -> Losses:
    """What runs took away from a workspace within the window before `now` (RFC 3339).

    Raises PlatformUnreadable.
    """
    since = window_start(now, safety)
    if not since:
        return {}
    return total(link.run for link in platform.history.runs(workspace, since))


def entries_of_run(platform: ManagedPlatform, workspace: str, run: str) -> Sequence[Entry]:
    """The entries of a run in a workspace; none if it did not take place there.

    Raises ReconcileError if the history of the run was altered: otherwise anyone who can write to
    the history could make an undo do anything. Raises PlatformUnreadable.
    """
    entries = platform.history.entries(workspace, run)
    for link in platform.history.runs(workspace):
        why = fault(link, link.previous, entries) if link.run.id == run else ""
        if why:
            raise ReconcileError(
                f"run {run} in workspace {workspace} is not undone, because its history was"
                f" altered: {why}. `reconcile history --verify` checks all of it"
            )
    return entries
