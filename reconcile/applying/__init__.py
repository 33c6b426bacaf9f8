"""A plan on disk, and a plan carried out: is it still true, and then every change with its outcome.

- `planfile`: bytes ↔ plan; a damaged file is refused, and so is a forged one (`soundness`).
- `stale`: what has moved since the plan was made.
- `execute`: lock, transaction, changes in batches, report.
- `record`: what the history keeps of a run.
"""

from reconcile.applying.change_validity import fault
from reconcile.applying.execute import Count, Guard, apply
from reconcile.applying.plan_file import FORMAT, dumps, loads
from reconcile.applying.record import run_id

__all__ = ["FORMAT", "Count", "Guard", "apply", "dumps", "fault", "loads", "run_id"]
