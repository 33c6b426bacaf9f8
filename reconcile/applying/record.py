"""The record of a run, for the history."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from reconcile.model.change import Plan
from reconcile.model.history import Ending, Losses, Origin, Run
from reconcile.model.report import Outcome
from reconcile.ports import Holder

_SOME: Final = 5000
"""Changes encoded at once."""
_encoder = msgspec.json.Encoder(order="deterministic")


def run_id(started: str, distinct: str) -> str:
    """The id of a run that began at this time (RFC 3339, UTC); `distinct` tells runs of one second apart.

    `20261122T013000Z-3f2a91`, the last part hexadecimal.
    """
    return f"{started.replace('-', '').replace(':', '')}-{hashlib.sha256(distinct.encode()).hexdigest()[:6]}"


def plan_digest(plan: Plan) -> str:
    """SHA-256 over the canonical JSON of the plan without its time and its changes, then of each change, by lines."""
    found = hashlib.sha256(
        _encoder.encode(msgspec.structs.replace(plan, created="", changes=())) + b"\n"
    )
    for at in range(0, len(plan.changes), _SOME):
        found.update(_encoder.encode_lines(plan.changes[at : at + _SOME]))
    return found.hexdigest()


class Recorder:
    """Makes the record of one run in each of its workspaces."""

    def __init__(
        self, plan: Plan, holder: Holder, origin: Origin | None, clock: Callable[[], str] | None
    ) -> None:
        """`clock` tells the time in RFC 3339, UTC. Without an `origin` the id comes of the plan and its holder."""
        self._plan = plan
        self._holder = holder
        self._digest = plan_digest(plan) if plan.changes else ""
        self._origin = origin or Origin(
            run_id(holder.started, f"{self._digest} {holder.host} {holder.pid}")
        )
        self._clock = clock or (lambda: holder.started)

    @property
    def id(self) -> str:
        """By which the history knows the run."""
        return self._origin.run

    def run(self, workspace: str, outcomes: Sequence[Outcome], lost: Losses) -> Run:
        """The record of a workspace whose changes ended so, and took away so much."""
        mine = {one.code for one in self._plan.violations if one.workspace == workspace}
        counts = {
            result: sum(one.result == result for one in outcomes)
            for result in ("applied", "failed", "skipped")
        }
        return Run(
            id=self._origin.run,
            workspace=workspace,
            plan=self._digest,
            configuration=self._plan.digests.configuration,
            commit=self._origin.commit,
            dirty=self._origin.dirty,
            undoes=self._plan.scope.undo,
            accepted=tuple(one for one in self._plan.accepted if one.code in mine),
            login=self._holder.user,
            host=self._holder.host,
            started=self._holder.started,
            finished=self._clock(),
            outcome=_ending(counts["applied"], len(outcomes)),
            lost=lost,
            files=self._origin.files,
            **counts,
        )


def _ending(applied: int, all_: int) -> Ending:
    if applied == all_:
        return "applied"
    return "in part" if applied else "failed"
