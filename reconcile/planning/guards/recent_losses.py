"""What the runs of the last days took away: many small losses, each below its limit, are a large one all the same.

Each run records how many users, memberships and grants it took from each source. A plan that takes
more is judged for itself, and once more together with those. The count begins anew with a run in
which somebody accepted a violation of that limit in that source, who has looked by then; what was
undone does not count.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from reconcile.model.change import Change
from reconcile.model.desired import Safety
from reconcile.model.history import Losses as Lost
from reconcile.model.history import Run
from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.losses import IN_SERVICE, GroupLimits, Losses, takes_out

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""No run is older."""


def begins(now: str, safety: Safety) -> str:
    """Since when losses are added up (RFC 3339, UTC); "" where they are not."""
    if not safety.window:
        return ""
    # In UTC, as runs are compared by their text; and a plan file may have any moment.
    moment = max(datetime.fromisoformat(now).astimezone(UTC), _EPOCH)
    since = moment - timedelta(seconds=safety.window)
    return since.isoformat(timespec="seconds").replace("+00:00", "Z")


def summed(runs: Iterable[Run]) -> Lost:
    """What these runs of one workspace took away, the oldest first."""
    runs = list(runs)
    undone = {run.undoes for run in runs}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for run in runs:
        for limit, numbers in {**{name: {} for name in found}, **run.lost}.items():
            looked_at = _looked_at(run, limit, {*found[limit], *numbers})
            for source in looked_at:
                del found[limit][source]
            if run.id not in undone:
                found[limit].update(
                    {source: one for source, one in numbers.items() if source not in looked_at}
                )
    return {
        limit: {source: one for source, one in numbers.items() if one}
        for limit, numbers in found.items()
    }


def _looked_at(run: Run, limit: str, sources: Iterable[str]) -> set[str]:
    """Of which sources somebody accepted a violation of the limit; a code of all of the workspace is of each.

    A source's name may hold what ends another one in a code: the longest name that a code can be of
    is the one.
    """
    places = {f"{limit}:{run.workspace}/{source}": source for source in sources}
    found: set[str] = set()
    for code in (one.code for one in run.accepted):
        if code.startswith(f"{limit}:{run.workspace}:"):
            return set(places.values())
        named = [place for place in places if code.startswith((f"{place}:", f"{place}/"))]
        if named:
            found.add(places[max(named, key=len)])
    return found


def taken(changes: Sequence[Change], state: PlatformState, safety: Safety) -> Lost:
    """What the changes of a workspace take away, by limit and source; `state` is as it was before them."""
    if not any(
        takes_out(one) or (one.kind == "group" and one.before is not None) for one in changes
    ):
        return {}
    return weighed(Losses(changes, state), state, safety)


def weighed(losses: Losses, state: PlatformState, safety: Safety) -> Lost:
    """The same of changes that are sorted. Who was out of service before is not lost once more."""
    limits = GroupLimits(safety.groups, safety.limits.memberships_lost, state)
    serving = (
        {fold_name(user.username) for user in state.users if user.status in IN_SERVICE}
        if losses.users
        else set()
    )
    found: dict[str, Counter[str]] = {
        "users_lost": Counter(one.source for one in losses.users if fold_name(one.key) in serving),
        "memberships_lost": Counter(),
        "grants_lost": Counter(one.source for one in losses.grants if not one.along),
    }
    for link in losses.memberships:
        if not link.along and not limits.free(link.target):
            found["memberships_lost"][link.source] += link.number
    return {name: dict(sorted(numbers.items())) for name, numbers in found.items() if numbers}
