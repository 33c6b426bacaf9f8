"""A platform with its ledger, as planning and applying see it."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from reconcile.model import desired
from reconcile.model.change import Change
from reconcile.model.history import Run
from reconcile.model.platform import Abilities, PlatformState, Reading
from reconcile.model.report import Outcome, Written
from reconcile.ports.common import Check, Fault, Progress, no_progress
from reconcile.ports.records import Attempts, History, Holder


class Writer(Protocol):
    """One workspace while a run writes to it."""

    def read(self) -> PlatformState:
        """The workspace as it is now; no other run can change it until the block ends."""
        ...

    def begin(self, run: Run) -> None:
        """What the history will say about this run, as far as known, if the process dies."""
        ...

    def write(self, changes: Sequence[Change]) -> Sequence[Written]:
        """Carries out changes of one kind and action; returns what became of each.

        A change that fails leaves no trace and does not affect the others. Call `read` first: names
        in a change's `before` mean what they meant then, names in `after` include what was written
        since. Raises only if nothing of the workspace is kept.
        """
        ...

    @property
    def kept_at_once(self) -> bool:
        """Whether every change is kept as soon as it is written, and nothing is undone."""
        ...

    @property
    def broken(self) -> BaseException | None:
        """What stopped the writing, if what was written before is kept; otherwise None."""
        ...

    def remember(self, readings: Collection[Reading]) -> None:
        """Records how much each source had, replacing earlier readings; without unknown sources."""
        ...

    def record(self, run: Run, outcomes: Sequence[Outcome]) -> None:
        """Adds the run to the workspace's history, with every change; the block's last call.

        What earlier runs recorded of a user that this one erased is removed.
        """
        ...


class ManagedPlatform(Protocol):
    """A platform with its ledger, as planning and applying see it.

    Either the driver made it of a Platform and a Ledger, or it is Transactional. Reads are complete
    or raise PlatformUnreadable, and change nothing.
    """

    @property
    def abilities(self) -> Abilities:
        """What the platform can do and hold. Raises PlatformUnreadable."""
        ...

    @property
    def attempts(self) -> Attempts:
        """The logins that failed."""
        ...

    @property
    def history(self) -> History:
        """What runs did."""
        ...

    def read(self, workspace: str) -> PlatformState:
        """The workspace as it is; an empty state if nothing has ever been applied."""
        ...

    def lock(
        self, workspaces: Collection[str], holder: Holder, *, force: bool = False
    ) -> AbstractContextManager[None]:
        """Keeps every other run out, and prepares the platform for its first apply if necessary.

        Raises Locked, naming the holder. `force` takes over from a dead holder, never from a live
        one.
        """
        ...

    def unlock(self, workspace: str, host: str) -> Holder | None:
        """Removes the lock of a run that is dead, as seen from `host`, and returns its holder.

        None if there is no lock. Raises Locked for a run that is alive.
        """
        ...

    def transaction(self, workspace: str) -> AbstractContextManager[Writer]:
        """A writer for the workspace. Needs the lock.

        If the platform is Transactional, the work is kept when the block ends, and undone when it
        raises. Otherwise every change is kept at once.

        Raises OutcomeUnknown if the platform was asked to keep the work and does not say whether it
        did.
        """
        ...

    def check(self) -> Iterable[Check]:
        """Connects; ends with the first step that fails, as one Check with ok False."""
        ...

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        ...


class Transactional(ManagedPlatform, Protocol):
    """A platform that keeps its own ledger and writes both in one transaction: `sql`.

    A run is kept as a whole or not at all; its writer is never `broken`.
    """

    def __init__(self, settings: desired.Platform, progress: Progress = no_progress) -> None: ...

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """What is wrong with the settings, as far as can be seen without I/O."""
        ...
