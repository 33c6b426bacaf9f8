"""The record of a run, for the history."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from reconcile.model.change import Plan
from reconcile.model.history import Ending, Losses, Origin, Run
from reconcile.model.report import Outcome, Result
from reconcile.ports import Holder

_SOME: Final = 5000
"""Changes encoded at once."""
_COUNTED: Final[tuple[Result, ...]] = ("applied", "failed", "skipped")
_encoder = msgspec.json.Encoder(order="deterministic")


def run_id(started: str, distinct: str) -> str:
    """The id of a run, as in `20261122T013000Z-3f2a91`; the last part is hexadecimal.

    `started` is RFC 3339, UTC; `distinct` differs for runs of one second.
    """
    moment = started.replace("-", "").replace(":", "")
    return f"{moment}-{hashlib.sha256(distinct.encode()).hexdigest()[:6]}"


def plan_digest(plan: Plan) -> str:
    """SHA-256 over canonical JSON: the plan without its time and changes, then each change."""
    rest = msgspec.structs.replace(plan, created="", changes=())
    digest = hashlib.sha256(_encoder.encode(rest) + b"\n")
    for at in range(0, len(plan.changes), _SOME):
        digest.update(_encoder.encode_lines(plan.changes[at : at + _SOME]))
    return digest.hexdigest()


class Recorder:
    """Makes the record of one run in each of its workspaces."""

    def __init__(
        self, plan: Plan, holder: Holder, origin: Origin | None, clock: Callable[[], str] | None
    ) -> None:
        """`clock` returns the time in RFC 3339, UTC.

        Without an `origin` the id is made from the plan and its holder.
        """
        self._plan = plan
        self._holder = holder
        self._digest = plan_digest(plan) if plan.changes else ""
        self._origin = origin or Origin(
            run_id(holder.started, f"{self._digest} {holder.host} {holder.pid}")
        )
        self._clock = clock or (lambda: holder.started)

    @property
    def id(self) -> str:
        """The run's id in the history."""
        return self._origin.run

    def run(self, workspace: str, outcomes: Sequence[Outcome], lost: Losses) -> Run:
        """The record of a workspace; `lost` is what its changes took away."""
        own = {
            violation.code
            for violation in self._plan.violations
            if violation.workspace == workspace
        }
        results = Counter(outcome.result for outcome in outcomes)
        counts = {result: results[result] for result in _COUNTED}
        return Run(
            id=self._origin.run,
            workspace=workspace,
            plan=self._digest,
            configuration=self._plan.digests.configuration,
            commit=self._origin.commit,
            dirty=self._origin.dirty,
            undoes=self._plan.scope.undo,
            accepted=tuple(
                acceptance for acceptance in self._plan.accepted if acceptance.code in own
            ),
            login=self._holder.user,
            host=self._holder.host,
            started=self._holder.started,
            finished=self._clock(),
            outcome=_ending(counts["applied"], len(outcomes)),
            lost=lost,
            files=self._origin.files,
            plan_file=self._origin.plan_file,
            signatures=self._origin.signatures,
            **counts,
        )


def _ending(applied: int, total: int) -> Ending:
    """What became of a run, by how many of its changes were applied."""
    if applied == total:
        return "applied"
    return "in part" if applied else "failed"
