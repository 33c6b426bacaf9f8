"""A plan from a file is data: it chooses nothing and is judged by what it does.

Anyone who can write a plan file can make its SHA-256 right. So the configuration is the operator's
own, and the guards look at what the changes do to the platform, whatever they are called.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from reconcile.app import inputs
from reconcile.applying import invalid_reason
from reconcile.errors import PlanFileError, UsageError
from reconcile.model.change import Plan
from reconcile.model.platform import Abilities
from reconcile.model.text.printing import quoted
from reconcile.render import wording


def refuse_other_files(named: Sequence[str], plan_file: Path) -> None:
    """Raises UsageError if a plan file names other desired-state files than the folder's own.

    The names are compared as text; the files are never opened.
    """
    if [Path(name).absolute() for name in named] != [Path(inputs.DEFAULT_PATH).absolute()]:
        raise UsageError(
            f"{plan_file} was made from {wording.listed(map(shlex.quote, named)) or 'no file'}, but"
            " a plan file does not choose the configuration, which is"
            f" {inputs.DEFAULT_PATH} here. To apply it with another one, give --config PATH"
        )


def refuse_unfit(made: Plan, abilities: Abilities, plan_file: Path) -> None:
    """Raises PlanFileError for a text that an entry of a directory could not have put there."""
    undo = bool(made.scope.undo)
    for change in made.changes:
        if why := invalid_reason(change, undo=undo, lengths=abilities.lengths):
            what = f"{change.action} {change.kind} {quoted(change.key)}: {quoted(why)}"
            raise PlanFileError(
                f"{plan_file}: no plan contains such a change: {what}. Make a new plan"
            )
