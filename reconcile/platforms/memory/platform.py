"""A platform in memory, for tests and for trying things out.

It passes the same contract tests as `sql`.

Changes can be made to fail, and the process to "die" in the middle:

    MemoryPlatform(fault=lambda change: "no more licences" if change.key == "jdoe" else None)

`fault` is asked before each change; the text it returns is why that change fails, and what it
raises ends the transaction at this very point.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from msgspec.structs import replace

from reconcile.errors import Locked
from reconcile.model import desired
from reconcile.model.change import Change
from reconcile.model.history import Run
from reconcile.model.platform import Abilities, PlatformState, Reading
from reconcile.model.report import APPLIED, Outcome, Written
from reconcile.platforms.ledger.attempt_rules import MemoryAttempts, keys
from reconcile.platforms.ledger.history.people import erases
from reconcile.platforms.memory.draft import Draft
from reconcile.platforms.memory.history import MemoryHistory
from reconcile.platforms.resolve import Names
from reconcile.ports import Check, Fault, Holder, Progress, Writer, no_progress

FaultHook: TypeAlias = Callable[[Change], str | None]


class MemoryPlatform:
    """A platform in memory; see `reconcile.ports.Transactional` for what each method promises."""

    def __init__(
        self,
        settings: desired.Platform | None = None,
        progress: Progress = no_progress,
        *,
        states: Iterable[PlatformState] = (),
        fault: FaultHook | None = None,
        abilities: Abilities | None = None,
    ) -> None:
        """Takes the workspaces to begin with, and what is to fail."""
        self.abilities = abilities or Abilities(any_role=True, nested_groups=True)
        self.attempts = MemoryAttempts()
        self.history = MemoryHistory(self.read)
        self._settings = settings or desired.Platform(type="memory")
        self._progress = progress
        self._states = {state.workspace: state for state in states}
        self._fault = fault
        self._holders: dict[str, Holder] = {}
        self._highest: dict[str, int] = {}

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """It has no settings."""
        if settings.url is not None:
            yield ("url",), "a platform in memory has none"

    def read(self, workspace: str) -> PlatformState:
        """The workspace as it is; an empty state if nothing has ever been applied."""
        return self._states.get(workspace, PlatformState(workspace))

    @contextmanager
    def lock(
        self, workspaces: Collection[str], holder: Holder, *, force: bool = False
    ) -> Iterator[None]:
        """Keeps other runs out.

        The holder is part of this very process: `force` finds none dead.
        """
        del force
        for workspace in sorted(self._holders.keys() & set(workspaces)):
            held = self._holders[workspace]
            raise Locked(
                f"the workspace {workspace!r} is locked by {held.user} on {held.host}, "
                f"process {held.pid}, "
                f"since {held.started}, last heartbeat just now: wait until it is done"
            )
        self._holders |= dict.fromkeys(workspaces, holder)
        try:
            yield
        finally:
            for workspace in workspaces:
                self._holders.pop(workspace, None)

    def unlock(self, workspace: str, host: str) -> Holder | None:
        """There is never a lock to remove: a holder is part of this very process.

        Raises Locked for a held one.
        """
        with self.lock([workspace], Holder("", host, 0, "")):
            return None

    @contextmanager
    def transaction(self, workspace: str) -> Iterator[Writer]:
        """A writer whose work is kept when the block ends, and undone when it raises.

        Needs the lock.
        """
        if workspace not in self._holders:
            raise RuntimeError("transaction() without lock(): another run could be writing")
        now = self._holders[workspace].started
        writer = MemoryWriter(self.read(workspace), self._fault or (lambda _: None), now)
        writer.highest = self._highest.get(workspace, 0)
        yield writer
        self._states[workspace] = writer.state
        self._highest[workspace] = writer.highest
        for run, outcomes, before in writer.recorded:
            self.history.record(run, outcomes, before, Names(writer.state), now)
            erased = [outcome.change for outcome in filter(erases, outcomes)]
            for key in keys(erased):
                self.attempts.forget(workspace, key)

    def check(self) -> Iterable[Check]:
        """One line for each workspace."""
        for workspace in self._settings.workspaces:
            yield Check(f"workspace {workspace}", True, f"{len(self.read(workspace).users)} users")

    def close(self) -> None:
        """There is nothing to let go of."""


class MemoryWriter:
    """One workspace inside its transaction; see `reconcile.ports.Writer`."""

    def __init__(self, state: PlatformState, fault: FaultHook, now: str) -> None:
        """Takes the state to start from, what is to fail, and when the run began (RFC 3339)."""
        self._now = now
        self.state = state
        self._fault = fault
        self._names = Names(state)
        self.highest = 0
        """The highest id so far: none is reused, because the history names objects by them."""
        self.recorded: list[tuple[Run, Sequence[Outcome], Names]] = []
        """Runs to be added to the history, with the names that were there before."""

    def read(self) -> PlatformState:
        """The workspace as it is now."""
        self._names = Names(self.state)
        return self.state

    kept_at_once = False
    broken = None

    def begin(self, run: Run) -> None:
        """Nothing: a transaction that is not kept leaves nothing to remember."""

    def write(self, changes: Sequence[Change]) -> Sequence[Written]:
        """Carries out changes of one kind and action; returns what became of each."""
        return [Written("failed", reason) if reason else APPLIED for reason in self._write(changes)]

    def _write(self, changes: Sequence[Change]) -> list[str]:
        """For each change "" or why it failed.

        All that have no fault are tried together, without those that fail again, until what is left
        stands.
        """
        reasons = [self._fault(change) or "" for change in changes]
        while True:
            going = {place: change for place, change in enumerate(changes) if not reasons[place]}
            draft = Draft(self.state, self._names, self._now, self.highest)
            failed = draft.apply(going)
            if not failed:
                break
            for place, reason in failed.items():
                reasons[place] = reason
        self.state, self.highest = draft.state(), draft.highest
        return reasons

    def remember(self, readings: Collection[Reading]) -> None:
        """Records how much each source had, replacing earlier readings; without unknown sources."""
        known = {source.name for source in self.state.sources}
        kept = {reading.source: reading for reading in self.state.readings}
        kept |= {reading.source: reading for reading in readings if reading.source in known}
        self.state = replace(self.state, readings=tuple(kept.values()))

    def record(self, run: Run, outcomes: Sequence[Outcome]) -> None:
        """Adds the run to the history of the workspace, with every change."""
        self.recorded.append((run, outcomes, self._names))
