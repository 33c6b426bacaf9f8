"""A plan on disk, and a plan carried out: is it still true, and then every change with its outcome.

- `planfile`: bytes ↔ plan; a damaged file is refused, and so is a forged one (`soundness`).
- `stale`: what has moved since the plan was made.
- `execute`: lock, transaction, changes in batches, report.
"""

from reconcile.applying.execute import Guard, apply
from reconcile.applying.planfile import FORMAT, dumps, loads

__all__ = ["FORMAT", "Guard", "apply", "dumps", "loads"]
