"""What happened to each change of a plan."""

from collections import Counter
from functools import cached_property
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

import msgspec

from reconcile.model.change import Change
from reconcile.model.signature import Signature

Result: TypeAlias = Literal["applied", "failed", "skipped", "unknown"]
"""`skipped`: something the change needs failed. `unknown`: it was written, but it is not known
whether it was kept."""

RESULTS: tuple[Result, ...] = get_args(Result)


class Written(NamedTuple):
    """The result of one change that a writer received."""

    result: Result = "applied"
    detail: str = ""
    """Why it failed, was skipped or is unknown; for an applied change, what it lacks."""


APPLIED: Final = Written()


class Outcome(msgspec.Struct, frozen=True):
    """What happened to one change; `detail` says why it failed or was skipped."""

    change: Change
    result: Result
    detail: str = ""


class Trouble(msgspec.Struct, frozen=True):
    """What went wrong in a workspace as a whole, though not in others.

    `exit_code` is the one it would have had alone.
    """

    workspace: str
    exit_code: int
    detail: str


class Report(msgspec.Struct, frozen=True, dict=True):
    """The outcomes of all changes, in the plan's order, and what failed in whole workspaces."""

    outcomes: tuple[Outcome, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    signatures: tuple[Signature, ...] = ()
    """Who signed the plan file, if signatures were demanded."""
    already_applied: str = ""
    """The run that had applied the plan file before: nothing was done then. "" for none."""
    later_runs: tuple[str, ...] = ()
    """With `already_applied`, the runs that have written to its workspaces since."""
    last_full: str = ""
    """When the last full run was, RFC 3339, UTC, if this one was quiet; otherwise ""."""

    def count(self, result: Result) -> int:
        """How many changes ended so."""
        return self._counts[result]

    @cached_property
    def _counts(self) -> Counter[Result]:
        """Counted once: of a large run every line of its report asks."""
        return Counter([outcome.result for outcome in self.outcomes])


class Showing(NamedTuple):
    """How to show a plan or a report, for formats with such a choice."""

    colour: bool = False
    full: bool = True
    """Every change, skip and notice; otherwise long runs are cut."""
    pointer: str = ""
    """Where the rest is, for a shortened plan."""
    skips: bool = False
    """Whether a report lists what was skipped, too."""
    name: str = ""
    """The name of the plan among others of one merge request."""
    digest: str = ""
    """The digest of the plan, in hexadecimal digits; "" if it is not known."""
    commit: str = ""
    """The Git commit of the desired state; "" if it is not known."""
    redacted: bool = False
    """Whether the plan has no names, addresses and values."""
    width: int = 0
    """The columns of the terminal; 0 for output that is no terminal's, of any width."""
    last_full: str = ""
    """When the last full run was, RFC 3339, UTC, if this one was quiet; otherwise ""."""
