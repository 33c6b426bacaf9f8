"""Assertions of the files: which of them the resulting state breaks, and who breaks them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from reconcile.errors import RulesRefused, TemplateFailed
from reconcile.model.change import Change, Violation
from reconcile.model.desired import Assertion, Record, Records
from reconcile.model.notice import Notice
from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.assertions.records import records
from reconcile.planning.guards.assertions.resulting_state import ResultingState
from reconcile.planning.notices import did_you_mean
from reconcile.planning.selection.nearest import nearest

SHOWN = 20
"""How many offenders a violation names."""
LONGEST = 300
"""Characters of the message of one offender."""


class Result(NamedTuple):
    """What became of one assertion in one workspace."""

    position: int
    """The position of the assertion in the files."""
    assertion: Assertion
    workspace: str
    offenders: tuple[str, ...] = ()
    """The messages of the objects that break it."""
    checked: int = 0
    """How many objects it was evaluated for; those that `where` leaves out do not count."""
    fault: str = ""
    """Why it cannot be evaluated; "" if it can."""

    @property
    def holds(self) -> bool:
        """Whether nothing breaks it. What cannot be evaluated does not hold."""
        return not self.offenders and not self.fault

    @property
    def detail(self) -> str:
        """Who breaks it, and how many; or why it cannot be evaluated."""
        if self.fault:
            return self.fault
        shown = "; ".join(self.offenders[:SHOWN])
        more = len(self.offenders) - SHOWN
        text = f"{shown}; … and {more} more" if more > 0 else shown
        return f"{len(self.offenders)}: {text}" if len(self.offenders) > 1 else text


def results(
    assertions: Sequence[Assertion], changes: Iterable[Change], state: PlatformState
) -> tuple[Result, ...]:
    """What becomes of the assertions once the changes of one workspace are made."""
    if not assertions:
        return ()
    return _results(assertions, ResultingState(state, changes), state.workspace)


def judged(
    assertions: Sequence[Assertion], changes: Sequence[Change], states: Sequence[PlatformState]
) -> tuple[Result, ...]:
    """As `results`, for all workspaces of a plan.

    Raises RulesRefused for groups and roles that no workspace has, before or after the plan.
    """
    if not assertions:
        return ()
    after = [
        ResultingState(state, (each for each in changes if each.workspace == state.workspace))
        for state in states
    ]
    _refuse_unknown_names(assertions, states, after)
    return tuple(
        result
        for state, resulting in zip(states, after, strict=True)
        for result in _results(assertions, resulting, state.workspace)
    )


def _results(
    assertions: Sequence[Assertion], resulting: ResultingState, workspace: str
) -> tuple[Result, ...]:
    """What becomes of each assertion in one workspace."""
    state = records(resulting)
    return tuple(
        _result(position, assertion, state, workspace)
        for position, assertion in enumerate(assertions)
    )


def _result(position: int, assertion: Assertion, state: Records, workspace: str) -> Result:
    """What becomes of one assertion."""
    objects: Sequence[Record] = state[assertion.about] if assertion.about != "state" else ({},)
    offenders: list[str] = []
    checked = 0
    try:
        for record, verdict in zip(objects, assertion.check.verdicts(state), strict=False):
            if verdict is None:
                continue
            checked += 1
            if not verdict:
                # Of many offenders only the first are named, so only these need a message.
                enough = len(offenders) >= SHOWN
                message = "" if enough else assertion.check.message(record, state)
                offenders.append(message if len(message) <= LONGEST else f"{message[:LONGEST]}…")
    except TemplateFailed as error:
        return Result(position, assertion, workspace, checked=checked, fault=str(error))
    return Result(position, assertion, workspace, tuple(offenders), checked)


def violations(found: Iterable[Result]) -> Iterator[Violation]:
    """A violation for each assertion of severity `error` that does not hold."""
    for result in found:
        if result.holds or result.assertion.severity != "error":
            continue
        yield Violation(
            workspace=result.workspace,
            guard="assertion",
            source="",
            subject=result.assertion.name,
            number=max(1, len(result.offenders)),
            detail=result.detail,
            acceptable=result.assertion.acceptable and not result.fault,
        )


def new_violations(
    assertions: Sequence[Assertion], changes: Sequence[Change], state: PlatformState
) -> Iterator[Violation]:
    """As `violations`, without what already breaks an assertion before the changes.

    For the changes of one user who logs in: what is wrong elsewhere must not lock everyone out.
    """
    after = [found for found in results(assertions, changes, state) if not found.holds]
    if not after:
        return
    before = {found.position: found for found in results(assertions, (), state)}
    for found in after:
        known = before[found.position]
        same = known.fault == found.fault and len(known.offenders) >= len(found.offenders)
        if not same or set(known.offenders) != set(found.offenders):
            yield from violations([found])


def notices(found: Iterable[Result]) -> Iterator[Notice]:
    """Warnings, and conditions that find nothing in any workspace."""
    empty: dict[int, bool] = {}
    found = tuple(found)
    for result in found:
        path = f"assertions[{result.position}]"
        if not result.holds and result.assertion.severity == "warning":
            text = f"{result.workspace}: {result.assertion.name}: {result.detail}"
            yield Notice("assertion_warning", text, path)
        nothing = result.assertion.conditional and not result.checked and not result.fault
        empty[result.position] = empty.get(result.position, True) and nothing
    for position in (position for position, nothing in empty.items() if nothing):
        assertion = next(each.assertion for each in found if each.position == position)
        text = f"`where` of the assertion {assertion.name!r} finds none of the {assertion.about}"
        yield Notice("finds_nothing", text, f"assertions[{position}].where", assertion.name)


def _refuse_unknown_names(
    assertions: Sequence[Assertion],
    states: Sequence[PlatformState],
    resulting: Iterable[ResultingState],
) -> None:
    """Raises RulesRefused for groups and roles that no workspace has, before or after the plan."""
    if not states:
        return
    groups = {group.name for state in states for group in state.groups}
    roles = {grant.role for state in states for grant in state.grants}
    for state in states:
        roles |= state.roles
    for after in resulting:
        groups |= {draft.fields["name"] for draft in after.groups}
        roles |= after.roles
    known_groups = set(map(fold_name, groups))
    refused: list[tuple[str, str]] = []
    for position, assertion in enumerate(assertions):
        path, check = f"assertions[{position}]", assertion.check
        unknown = [name for name in check.groups if fold_name(name) not in known_groups]
        refused += ((path, _unknown("group", name, groups)) for name in sorted(unknown))
        refused += ((path, _unknown("role", name, roles)) for name in sorted(check.roles - roles))
    if refused:
        raise RulesRefused(refused)


def _unknown(kind: str, name: str, names: Iterable[str]) -> str:
    """The message for a name that nothing has, with those that are probably meant."""
    known = sorted(names)
    positions = nearest([fold_name(name)], list(map(fold_name, known)))[0]
    near = did_you_mean([known[position] for position in positions])
    return f"the platform has no {kind} {name!r}{near}"
