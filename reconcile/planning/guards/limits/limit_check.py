"""How a number that is lost or changed exceeds a limit: now, or together with earlier losses."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from reconcile.model.change import GuardName, Violation
from reconcile.model.desired import Limit, Safety
from reconcile.model.history import Losses
from reconcile.model.platform import PlatformState
from reconcile.model.text.durations import duration
from reconcile.planning.guards.limits.phrases import counted, part_of
from reconcile.planning.guards.limits.recent_losses import losses_of
from reconcile.planning.guards.limits.thresholds import exceeds
from reconcile.planning.guards.losses.loss_summary import LossSummary


class Loss(NamedTuple):
    """So many of so many: what a limit is compared with.

    `source` is "" for all sources together, `subject` the group or role, "" for none. `noun` is
    what is counted, in the singular; `what` goes on with what would happen to it, as in " of corp
    would be updated".
    """

    guard: GuardName
    source: str
    subject: str
    number: int
    base: int
    noun: str
    what: str

    def __str__(self) -> str:
        """`12 of 40 users of corp would be updated`."""
        if self.guard == "creates":  # what is new is no part of what exists
            return f"{counted(self.number, self.noun)}{self.what}, beside {self.base or 'none'} now"
        return f"{part_of(self.number, self.base, self.noun)}{self.what}"


class LimitCheck:
    """The limits of `safety` over one workspace."""

    def __init__(
        self, state: PlatformState, safety: Safety, summary: LossSummary, recent: Losses
    ) -> None:
        """`recent`: what earlier runs took away within the window."""
        self.state = state
        self.safety = safety
        self.summary = summary
        self._recent = recent

    def judge(
        self, loss: Loss, limit: Limit | None, *, entirely: bool = False
    ) -> Iterator[Violation]:
        """A violation if the limit is exceeded or, whatever the limit, nothing is left."""
        if not entirely and not exceeds(limit, loss.number, loss.base, self.safety.at_least):
            return
        why = _nothing_left(loss) if entirely else f"the limit {loss.guard} is {limit}"
        yield Violation(
            workspace=self.state.workspace,
            guard=loss.guard,
            source=loss.source,
            subject=loss.subject,
            number=loss.number,
            detail=f"{loss}: {why}",
            entire=entirely,
        )

    def judge_sources(
        self,
        guard: GuardName,
        numbers: Counter[str],
        bases: Mapping[str, int],
        limit: Limit | None,
        noun: str,
        describe: Callable[[str], str],
        entirely: Collection[str] = (),
    ) -> Iterator[Violation]:
        """Judges each source, and all of them together if several lose something.

        `numbers` and `bases` are by source, `describe` gives `Loss.what`
        of a source, `entirely`
        are the sources that keep nothing. A loss within the limit is judged once more together with
        earlier losses.
        """
        for source in sorted(numbers):
            base = bases.get(source, 0)
            loss = Loss(guard, source, "", numbers[source], base, noun, describe(source))
            violations = tuple(self.judge(loss, limit, entirely=source in entirely))
            yield from violations or self._with_earlier(loss, limit)
        if len(numbers) > 1:
            total = Loss(guard, "", "", numbers.total(), sum(bases.values()), noun, describe(""))
            yield from self.judge(total, limit)

    def _with_earlier(self, loss: Loss, limit: Limit | None) -> Iterator[Violation]:
        """A violation if the loss is within the limit, but not together with earlier losses."""
        earlier = self._recent.get(loss.guard, {}).get(loss.source, 0)
        number = self._now.get(loss.guard, {}).get(loss.source, 0) if earlier else 0
        together, base = number + earlier, loss.base + earlier
        if not number or not exceeds(limit, together, base, self.safety.at_least):
            return
        detail = (
            f"{loss._replace(number=number)}, after {earlier} within"
            f" {duration(self.safety.window)}: {together} of {base} together,"
            f" the limit {loss.guard} is {limit}"
        )
        yield Violation(
            workspace=self.state.workspace,
            guard=loss.guard,
            source=loss.source,
            subject="",
            number=number,
            detail=detail,
            earlier=earlier,
        )

    @cached_property
    def _now(self) -> Losses:
        """What the changes take away, counted as runs are counted afterwards."""
        return losses_of(self.summary, self.state, self.safety)


def _nothing_left(loss: Loss) -> str:
    """What is meant by all of it, where some that is by hand or out of service stays."""
    if loss.number >= loss.base:
        return "none would be left"
    given = f" that {loss.source} gave" if loss.source else ""
    return f"no user in service would keep any{given}"


def of_source(source: str) -> str:
    """`of corp`, as it follows a noun; "" is all sources."""
    return f" of {source}" if source else " of all sources"
