"""Whether a change does to an account, group or department what only the rules may do.

The planner never makes a change that is found here. But a plan file can hold any change, under any
name, so these guards compare the state before with the state after and never go by what a change is
called. An account, group or department changes hands when its source changes, or the entry it
stands for. That takes a rule of the configuration (`adopt_local`, `takes_over`, `match_by`) whose
facts agree, or a link of the files (`taking`). What belongs to no source is not changed, and a
source gives roles and memberships only to its own users (`giving`).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from reconcile.model.change import Change, GuardName, Kind, Violation
from reconcile.model.desired import DesiredState
from reconcile.model.kinds import PAIRS
from reconcile.model.platform import PlatformState
from reconcile.planning.guards.ownership.giving import Giving, named
from reconcile.planning.guards.ownership.owners import Owners, nested_in
from reconcile.planning.guards.ownership.taking import Taking
from reconcile.planning.selection.source_names import as_declared

_TAKEN: Final[Mapping[Kind, GuardName]] = {
    "user": "account_taken",
    "group": "group_taken",
    "department": "department_taken",
}

_NOT_ITS_OWN: Final[GuardName] = "not_its_own"


def beyond_rules(
    changes: Iterable[Change], state: PlatformState, desired: DesiredState
) -> Iterator[Violation]:
    """The violations in the changes of one workspace; none of them can be accepted."""
    changes = list(changes)
    rules = _Rules(changes, state, desired)
    seen: set[tuple[str, ...]] = set()
    for change in changes:
        parts = _parts(change)
        guard, why = _NOT_ITS_OWN, "another change is about the same"
        if seen.isdisjoint(parts):
            guard, why = rules.why_not(change)
        seen |= parts
        if why:
            what = f"{change.kind} {change.key}: {why}"
            yield Violation(
                workspace=state.workspace,
                guard=guard,
                source="",
                subject=change.key,
                number=1,
                detail=f"{what}. No rule of the configuration does that. Make a new plan",
                acceptable=False,
            )


def _parts(change: Change) -> set[tuple[str, ...]]:
    """What a change is about, by the current name: no two changes of a plan are about the same."""
    about = (change.kind, change.key)
    if change.before is None:
        return {(*about, "create")}
    if change.after is None:
        return {(*about, "delete")}
    parts: set[tuple[str, ...]] = {(*about, "groups", name) for name in nested_in(change.after)}
    parts.update((*about, "change", field) for field in change.after.keys() - {"groups"})
    return parts


class _Rules:
    """What the configuration allows in one workspace."""

    def __init__(self, changes: list[Change], state: PlatformState, desired: DesiredState) -> None:
        self._sources = {source.name: source for source in desired.sources}
        self._owners = Owners(changes, state)
        self._giving = Giving(self._owners, desired)
        self._taking = Taking(self._owners, self._giving, state, desired)

    def why_not(self, change: Change) -> tuple[GuardName, str]:
        """Why a change is not allowed, "" if it is, and the guard that forbids it."""
        guard = _NOT_ITS_OWN
        if change.kind in _TAKEN:
            guard, why = _TAKEN[change.kind], self._taking.why_not(change)
        elif change.kind in PAIRS:
            why = self._giving.why_not(change)
        else:
            why = self._why_not_declared(change)
        if why:
            return guard, why
        return _NOT_ITS_OWN, self._why_not_of_its_source(change)

    def _why_not_declared(self, change: Change) -> str:
        """A source becomes what the files declare."""
        source = self._sources.get(change.key)
        if source is None:
            return "it is not declared"
        declared = msgspec.structs.asdict(as_declared(source))
        after = change.fields_after
        differing = [field for field, value in after.items() if declared[field] != value]
        return f"the files declare another {', '.join(differing)}" if differing else ""

    def _why_not_of_its_source(self, change: Change) -> str:
        """A change belongs to the source it takes from, because limits are counted by source."""
        expected = self._owners.sources_of(change)
        if change.source in expected:
            return ""
        return f"it is of {named(min(expected))}, and not of {change.source!r}"
