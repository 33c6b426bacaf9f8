"""What the runs of the last days took away: many small losses add up to a large one.

Each run records how many users, memberships and grants it took from each source. A plan that takes
more is judged by itself, and once more together with those. The total restarts after a run in which
a violation of that limit was accepted for that source, because a person has reviewed it. Undone
runs are not counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from reconcile.model.change import Change
from reconcile.model.desired import Safety
from reconcile.model.history import Losses, Run
from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.limits.group_limits import GroupLimits
from reconcile.planning.guards.losses.link_counts import sums
from reconcile.planning.guards.losses.loss_summary import LossSummary
from reconcile.planning.guards.losses.user_changes import names_in_service, takes_out_of_service

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""No run is older."""


def window_start(now: str, safety: Safety) -> str:
    """Since when losses are added up (RFC 3339, UTC); "" if they are not."""
    if not safety.window:
        return ""
    # In UTC, because runs are compared by their text; and a plan file may claim any moment.
    moment = max(datetime.fromisoformat(now).astimezone(UTC), _EPOCH)
    since = moment - timedelta(seconds=safety.window)
    return since.isoformat(timespec="seconds").replace("+00:00", "Z")


def total(runs: Iterable[Run]) -> Losses:
    """What these runs of one workspace took away, by limit and source; the oldest comes first."""
    runs = list(runs)
    undone = {run.undoes for run in runs}
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for run in runs:
        for limit in {*totals, *run.lost}:
            _add(totals[limit], run, limit, counts=run.id not in undone)
    return {
        limit: {source: number for source, number in numbers.items() if number}
        for limit, numbers in totals.items()
    }


def _add(totals: Counter[str], run: Run, limit: str, *, counts: bool) -> None:
    """Adds what a run took, if it `counts`; starts again if a person reviewed that limit."""
    lost = run.lost.get(limit, {})
    reviewed = _reviewed(run, limit, {*totals, *lost})
    for source in reviewed:
        del totals[source]
    if counts:
        totals.update({source: lost[source] for source in lost.keys() - reviewed})


def _reviewed(run: Run, limit: str, sources: set[str]) -> set[str]:
    """Those of the sources for which a violation of the limit was accepted.

    A violation of all sources together is one of each. A run that does not say what it accepted
    reviewed nothing.
    """
    accepted = {
        acceptance.source
        for acceptance in run.accepted
        if acceptance.guard == limit and acceptance.workspace == run.workspace
    }
    return sources if "" in accepted else sources & accepted


def losses_of_changes(changes: Sequence[Change], state: PlatformState, safety: Safety) -> Losses:
    """What the changes of a workspace take away, by limit and source.

    `state` is that before the changes.
    """
    if not any(_may_take_away(change) for change in changes):
        return {}
    return losses_of(LossSummary(changes, state), state, safety)


def _may_take_away(change: Change) -> bool:
    """Whether a change is worth a summary: most take nothing away, and none that creates."""
    if change.before is None:
        return False
    return change.kind == "group" or takes_out_of_service(change)


def losses_of(summary: LossSummary, state: PlatformState, safety: Safety) -> Losses:
    """What sorted changes take away. A user who was out of service before is not lost again."""
    limits = GroupLimits(safety.groups, safety.limits.memberships_lost, state)
    serving = names_in_service(state) if summary.users else set()
    users = (change.source for change in summary.users if fold_name(change.key) in serving)
    memberships = sums(
        (link.source, link.number)
        for link in summary.memberships
        if not (link.with_user or limits.free(link.target))
    )
    losses = {
        "users_lost": Counter(users),
        "memberships_lost": memberships,
        "grants_lost": Counter(link.source for link in summary.grants if not link.with_user),
    }
    return {limit: dict(sorted(numbers.items())) for limit, numbers in losses.items() if numbers}
