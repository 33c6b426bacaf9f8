"""The guards, once more: each workspace as it is under the lock, before its first change."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from reconcile.applying.run_history import entries_of_run, recent_losses
from reconcile.errors import StalePlan
from reconcile.model.change import Change, Plan, Violation
from reconcile.model.desired import DesiredState
from reconcile.model.history import Losses
from reconcile.model.platform import PlatformState
from reconcile.model.text.printing import quoted
from reconcile.planning import (
    Undo,
    assertion_check,
    beyond_rules,
    login_violations,
    losses_of_changes,
    undo,
    violations,
)
from reconcile.ports import ManagedPlatform

Purpose: TypeAlias = Literal["sync", "login", "renaming"]
"""`login`: the changes of one user who logs in. `renaming`: users are renamed on purpose, which
counts neither as an update nor as a loss."""


class GuardRules(msgspec.Struct, frozen=True):
    """What a plan is judged by as it is applied."""

    desired: DesiredState
    purpose: Purpose = "sync"
    foreign: bool = False
    """The plan comes from a file. It is data, and judged by what it does: it may hold any change,
    and claim any time and any run that it undoes."""


class Judge:
    """Judges the changes of a plan in each workspace. Without rules it finds nothing."""

    def __init__(
        self,
        plan: Plan,
        platform: ManagedPlatform,
        rules: GuardRules | None,
        clock: Callable[[], str],
    ) -> None:
        """`clock` returns the time in RFC 3339, UTC."""
        self._plan = plan
        self._platform = platform
        self._rules = rules
        self._clock = clock

    def violations(self, changes: Sequence[Change], state: PlatformState) -> list[Violation]:
        """What the guards find in the changes of a workspace that is in this state.

        Raises StalePlan for a plan from a file that undoes something other than it says, and
        PlatformUnreadable.
        """
        if self._rules is None:
            return []
        violations_found = list(self._usual(changes, state, self._rules))
        violations_found += self._asserted(changes, state, self._rules)
        if self._rules.foreign and self._plan.scope.undo:
            self._refuse_other_undo(changes, state)
        elif self._rules.foreign:
            violations_found += beyond_rules(changes, state, self._rules.desired)
        return violations_found

    def losses(self, changes: Sequence[Change], state: PlatformState) -> Losses:
        """What the changes take away, for the runs that come after; `state` is that before them."""
        if self._rules is None:
            return {}
        return losses_of_changes(changes, state, self._rules.desired.safety)

    def _usual(
        self, changes: Sequence[Change], state: PlatformState, rules: GuardRules
    ) -> Iterator[Violation]:
        """The guards that judged the plan when it was made."""
        safety, own = rules.desired.safety, self._platform.abilities.own_username
        readings = self._plan.readings
        if rules.purpose == "renaming":
            yield from violations(changes, state, safety, own, readings, renaming=True)
            return
        recent = recent_losses(self._platform, safety, state.workspace, self._time())
        judged = login_violations if rules.purpose == "login" else violations
        yield from judged(changes, state, safety, own, readings, recent=recent)

    def _asserted(
        self, changes: Sequence[Change], state: PlatformState, rules: GuardRules
    ) -> Iterator[Violation]:
        """The assertions of the files that the resulting state breaks."""
        assertions = rules.desired.assertions
        if rules.purpose == "sync":
            results = assertion_check.results(assertions, changes, state)
            return assertion_check.violations(results)
        return assertion_check.new_violations(assertions, changes, state)

    def _time(self) -> str:
        """When the plan was made, but never a time to come: a file may claim to be of next year."""
        return min(self._plan.created, self._clock(), key=datetime.fromisoformat)

    def _refuse_other_undo(self, changes: Sequence[Change], state: PlatformState) -> None:
        """An undo may put back what no rule says, so it has to be exactly the undo of that run."""
        plan, run = self._plan, self._plan.scope.undo
        entries = entries_of_run(self._platform, state.workspace, run)
        expected = undo(
            Undo(
                run=run,
                configuration=plan.digests.configuration,
                files=plan.files,
                variables=plan.variables,
                workspaces=plan.scope.workspaces,
                current=(state,) if entries else (),
                entries={state.workspace: entries},
                tool=plan.tool,
                created=plan.created,
            )
        )
        if tuple(changes) != expected.changes:
            what = f"the changes in workspace {state.workspace}"
            raise StalePlan([f"{what} are not those that undo run {quoted(run)} now"])
