"""The limits of users: those lost, and how many are updated or created at once."""

from collections import Counter
from collections.abc import Collection, Iterator

from reconcile.model.change import Violation
from reconcile.planning.guards.limits.limit_check import LimitCheck, of_source
from reconcile.planning.guards.limits.phrases import named
from reconcile.planning.guards.losses.emptied_groups import EmptiedGroups
from reconcile.planning.guards.losses.loss_summary import LossSummary


def lost_users(check: LimitCheck, emptied: EmptiedGroups) -> Iterator[Violation]:
    """`users_lost`: users who are deactivated, blocked, erased or deleted."""
    lost = check.summary.users
    if not lost:
        return
    numbers = Counter(change.source for change in lost)
    bases = Counter(user.source for user in emptied.staying) + numbers

    def describe(source: str) -> str:
        return _lost_in_words(check.summary, source, emptied.sources)

    limit = check.safety.limits.users_lost
    yield from check.judge_sources(
        "users_lost", numbers, bases, limit, "user", describe, emptied.sources
    )


def _lost_in_words(summary: LossSummary, source: str, emptied: Collection[str]) -> str:
    """What happens to the users of a source, naming some if it loses all."""
    own = [change for change in summary.users if source in ("", change.source)]
    actions = Counter(change.action for change in own)
    listed = ", ".join(f"{actions[action]} to {action}" for action in sorted(actions))
    names = f": {named(change.key for change in own)}" if source in emptied else ""
    return f"{of_source(source)} would be lost ({listed}{names})"


def changed_users(check: LimitCheck) -> Iterator[Violation]:
    """`updates` and `creates`: a mistake in a rule or template shows in how many it is about."""
    limits, summary = check.safety.limits, check.summary
    if summary.updated and limits.updates is not None:
        yield from check.judge_sources(
            "updates",
            summary.updated,
            _users_by_source(check),
            limits.updates,
            "user",
            lambda source: f"{of_source(source)} would be updated",
        )
    if summary.created and limits.creates is not None:
        yield from check.judge_sources(
            "creates",
            summary.created,
            _users_by_source(check),
            limits.creates,
            "user",
            lambda source: f"{of_source(source)} would be created",
        )


def _users_by_source(check: LimitCheck) -> Counter[str]:
    """Source → its users on the platform, without those who were erased."""
    return Counter(user.source for user in check.state.living() if user.source)
