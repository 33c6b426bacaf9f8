"""A plan on disk and a plan carried out: whether it still holds, then every change and its outcome.

- `plan_file`: bytes ↔ plan. A damaged file is refused, and so is a forged one (`change_validity`).
- `stale`: what has changed on the platform since the plan was made.
- `judge`: the guards of `planning`, on the platform as it is under the lock.
- `execute`: lock, transaction, report. `batches`: the changes of a workspace, written together.
- `troubles`: what refuses a plan or breaks it off, in words.
- `record`: what the history keeps of a run. `run_history`: what it says of earlier runs.
"""

from reconcile.applying.change_validity import invalid_reason
from reconcile.applying.execute import apply
from reconcile.applying.judge import GuardRules
from reconcile.applying.plan_file import FORMAT, dumps, loads
from reconcile.applying.record import run_id
from reconcile.applying.run_history import entries_of_run, recent_losses

__all__ = [
    "FORMAT",
    "GuardRules",
    "apply",
    "dumps",
    "entries_of_run",
    "invalid_reason",
    "loads",
    "recent_losses",
    "run_id",
]
