"""A plan that comes from a file: data, which chooses nothing and is judged by what it does.

Whoever can write a plan file can make its SHA-256 right. So the configuration is the operator's
own, and the guards look at what the changes do to the platform, whatever they are called.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from reconcile.app import inputs
from reconcile.app import undo as undoing
from reconcile.applying import Guard, fault
from reconcile.config import Loaded
from reconcile.errors import PlanFileError, StalePlan, UsageError
from reconcile.model.change import Change, Plan, Violation
from reconcile.model.platform import Limits, PlatformState
from reconcile.model.text.printing import quoted
from reconcile.planning import beyond_rules
from reconcile.ports import Platform
from reconcile.render import wording


def refuse_other_files(named: Sequence[str], plan_file: Path) -> None:
    """Raises UsageError where a plan file names other desired-state files than the folder's own.

    What it names is compared as text, and never opened.
    """
    if [Path(name).absolute() for name in named] != [Path(inputs.DEFAULT_PATH).absolute()]:
        raise UsageError(
            f"{plan_file} was made from {wording.listed(map(shlex.quote, named)) or 'no file'}, but a plan"
            f" file does not choose the configuration, which is {inputs.DEFAULT_PATH} here. To apply it with"
            " another one, give --config PATH"
        )


def refuse_unfit(made: Plan, limits: Limits, plan_file: Path) -> None:
    """Raises PlanFileError for a text that an entry of a directory could not have put there."""
    undo = bool(made.scope.undo)
    for change in made.changes:
        if why := fault(change, undo=undo, lengths=limits.lengths):
            what = f"{change.action} {change.kind} {quoted(change.key)}: {quoted(why)}"
            raise PlanFileError(
                f"{plan_file}: no plan holds such a change: {what}. Make a new plan"
            )


def guard(loaded: Loaded, made: Plan, target: Platform) -> Guard:
    """The guards over a plan from a file. They raise StalePlan for an undo that undoes something else."""
    usual = inputs.guard(loaded, made, target)

    def look(changes: Sequence[Change], state: PlatformState) -> Sequence[Violation]:
        if made.scope.undo:
            _refuse_other_undo(loaded, made.scope.undo, target, changes, state)
            return usual(changes, state)
        return *usual(changes, state), *beyond_rules(changes, state, loaded.desired)

    return look


def _refuse_other_undo(
    loaded: Loaded, run: str, target: Platform, changes: Sequence[Change], state: PlatformState
) -> None:
    """An undo may put back what no rule says: so it has to be the very undo of that run."""
    made = undoing.made(loaded, run, target, (state,))
    if tuple(changes) != made.changes:
        raise StalePlan(
            [
                f"the changes in workspace {state.workspace} are not those that undo run {quoted(run)} now"
            ]
        )
