"""What happened to each change of a plan."""

from typing import Literal, TypeAlias

import msgspec

from reconcile.model.change import Change

Result: TypeAlias = Literal["applied", "failed", "skipped"]
"""`skipped`: something the change needs failed."""


class Outcome(msgspec.Struct, frozen=True):
    """What happened to one change; `detail` says why it failed or was skipped."""

    change: Change
    result: Result
    detail: str = ""


class Trouble(msgspec.Struct, frozen=True):
    """Why nothing was done in a workspace, though it was in others: the exit code it would have had alone."""

    workspace: str
    exit_code: int
    detail: str


class Report(msgspec.Struct, frozen=True):
    """What happened to all changes, in the plan's order, and which workspaces were given up as a whole."""

    outcomes: tuple[Outcome, ...] = ()
    troubles: tuple[Trouble, ...] = ()

    def count(self, result: Result) -> int:
        """How many changes ended so."""
        return sum(outcome.result == result for outcome in self.outcomes)
