"""The changes of a plan as the diff that a tool such as Ansible prints: losses first."""

from collections.abc import Iterable, Iterator

from reconcile.model.change import Change, Plan
from reconcile.render import wording
from reconcile.render.paint import paint_for
from reconcile.render.status_words import StatusWords
from reconcile.render.text import change_lines


def diff(plan: Plan, limit: int) -> str:
    """The first `limit` changes, each with its differences, and how many were left out.

    What takes something away comes before the rest; "" where the plan has no changes.
    """
    several = len({change.workspace for change in plan.changes}) > 1
    ordered = sorted(plan.changes, key=lambda change: wording.sign(change) != "-")
    lines = list(_lines(ordered[:limit], wording.status_words(plan), several=several))
    if len(ordered) > limit:
        lines.append(f"  … and {len(ordered) - limit} more changes")
    return "".join(f"{line}\n" for line in lines)


def _lines(changes: Iterable[Change], status: StatusWords, *, several: bool) -> Iterator[str]:
    """With a line for each workspace whose changes follow, where there are several."""
    workspace = None
    for change in changes:
        if several and change.workspace != workspace:
            workspace = change.workspace
            yield f"Workspace {wording.printable(workspace)}"
        yield from change_lines(change, paint_for(colour=False), status)
