"""Steps of a platform whose database holds the ledger too: many of them in one transaction.

The calls and what the ledger remembers of them are kept together or not at all. So nothing is
journaled before it is made, and nothing has to be looked up. Where a window of calls is a
transaction, the journal has after a crash exactly what the platform has. Where the whole workspace
is, no journal is needed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from reconcile import interrupts
from reconcile.errors import OutcomeUnknown, ReconcileError
from reconcile.model.book import Call, Settled, Step
from reconcile.model.change import Change
from reconcile.platforms.driver.running.agenda import Agenda
from reconcile.platforms.driver.running.steps import (
    Planned,
    Result,
    Runner,
    as_step,
    fault_of_adapter,
    first_line,
)
from reconcile.ports import Joint, JointLedger, Ledger, Platform, Progress, Rejected


def runner(platform: Platform, ledger: Ledger, workspace: str, progress: Progress) -> Runner:
    """Carries out steps together where the ledger can, otherwise one call at a time."""
    if not hasattr(ledger, "together"):
        return Runner(platform, ledger, workspace, progress)
    joint, together = cast("Joint", platform), cast("JointLedger", ledger)
    kind = WholeRunner if keeps_whole(platform, ledger) else JointRunner
    return kind(joint, together, workspace, progress)


def keeps_whole(platform: Platform, ledger: Ledger) -> bool:
    """Whether one transaction keeps all that is written to a workspace."""
    return hasattr(ledger, "whole") and bool(getattr(platform, "one_transaction", False))


class JointRunner(Runner):
    """Carries out steps for one workspace, each window in one transaction."""

    def __init__(
        self, platform: Joint, ledger: JointLedger, workspace: str, progress: Progress
    ) -> None:
        """Nothing is called before `run`."""
        super().__init__(platform, ledger, workspace, progress)
        self._joint = platform
        self._joint_ledger = ledger

    def _agenda(self, planned: Sequence[Planned]) -> Agenda:
        return Agenda(planned, lanes=False)

    def _size(self) -> int:
        return max(1, self._joint.calls_together)

    def _make(
        self,
        window: Sequence[int],
        planned: Sequence[Planned],
        results: Mapping[int, Result],
        changes: Mapping[int, Change],
        first: int,
    ) -> dict[int, Result]:
        """Makes a window of steps and settles them, all in one transaction."""
        steps = [as_step(planned[at], results, changes, first) for at in window]
        made: list[Result] = []
        if not self._kept(steps, made):
            lost = isinstance(self.broken, OutcomeUnknown)
            return dict.fromkeys(window, Result("unknown", first_line(self.broken))) if lost else {}
        self._remember(steps, made)
        return dict(zip(window, made, strict=True))

    def _kept(self, steps: Sequence[Step], made: list[Result]) -> bool:
        """Runs the transaction, and says whether it was kept.

        A signal breaks off the calls, which undoes them; while they are being kept it waits.
        """
        kept = False
        try:
            with interrupts.masked() as restored:

                def make(connection: Any) -> list[Settled]:
                    with restored():
                        return self._settled(steps, made, connection)

                new = self._joint_ledger.together(self._workspace, steps, make)
                kept = True
                self._learn(new)
        except (ReconcileError, KeyboardInterrupt) as error:
            self._break(error)
        except Exception as error:  # noqa: BLE001 - whatever an adapter raises, all of it is undone
            self._blame(error)
        return kept

    def _settled(self, steps: Sequence[Step], made: list[Result], connection: Any) -> list[Settled]:
        """Makes steps in the open transaction. Puts what became of them into `made`."""
        made.extend(self._made(steps, connection))
        return [_settled(*pair) for pair in zip(steps, made, strict=True)]

    def _made(self, steps: Sequence[Step], connection: Any) -> Iterator[Result]:
        """What became of each step, in the open transaction."""
        calls = [step.call for step in steps if step.call is not None]
        answers = iter(self._joint.make(self._workspace, calls, connection) if calls else ())
        for step in steps:
            yield Result("kept") if step.call is None else self._answer(step.call, next(answers))

    def _answer(self, call: Call, answer: str | Rejected) -> Result:
        if isinstance(answer, Rejected):
            return Result("refused", str(answer) or "the platform refuses it")
        if call.operation != "create":
            return Result("kept")
        if not answer or (call.kind, answer) in self.known:
            raise ReconcileError(f"the platform says that a new {call.kind} has the id {answer!r}")
        return Result("kept", platform_id=answer)

    def _remember(self, steps: Sequence[Step], made: Sequence[Result]) -> None:
        """The transaction is kept: takes in what exists now, and lets the platform finish."""
        kept = self._know(steps, made)
        try:
            self._joint.kept(self._workspace, kept)
        except (ReconcileError, KeyboardInterrupt) as error:
            self._break(error)

    def _know(self, steps: Sequence[Step], made: Sequence[Result]) -> list[Call]:
        """Takes in what exists now; returns the calls that were not refused."""
        kept: list[Call] = []
        for step, result in zip(steps, made, strict=True):
            if step.call is None or result.state != "kept":
                continue
            kept.append(step.call)
            if step.call.operation == "create":
                self.known.add((step.call.kind, result.platform_id))
            elif step.call.operation == "delete":
                self.known.discard((step.call.kind, step.call.platform_id))
        return kept


class WholeRunner(JointRunner):
    """Carries out steps in the transaction that keeps the whole workspace.

    Whatever ends that is raised: then nothing of the workspace is kept.
    """

    def _kept(self, steps: Sequence[Step], made: list[Result]) -> bool:
        """Makes a window of steps."""
        try:
            new = self._joint_ledger.together(
                self._workspace, steps, lambda connection: self._settled(steps, made, connection)
            )
        except (ReconcileError, KeyboardInterrupt):
            raise
        except Exception as error:
            raise fault_of_adapter(error) from error
        self._learn(new)
        return True

    def _remember(self, steps: Sequence[Step], made: Sequence[Result]) -> None:
        """Takes in what exists now. The platform finishes when all of it is kept."""
        self._know(steps, made)


def _settled(step: Step, result: Result) -> Settled:
    if result.state != "kept":
        return Settled(0, "refused", detail=result.detail)
    return Settled(0, "kept", step.edits, result.platform_id)
