"""The plan that undoes a run: the state before it, wherever nothing has changed since.

What comes out of the reversal is a wanted state like any other.
"""

from collections.abc import Mapping, Sequence

import msgspec

from reconcile.model.change import Change, Digests, Plan, Scope, Skip, Violation
from reconcile.model.desired import Assertion, Safety
from reconcile.model.history import Entry, Losses
from reconcile.model.platform import PlatformState
from reconcile.planning.changes.diff import diff
from reconcile.planning.changes.order import ordered
from reconcile.planning.changes.reasons import Reasons
from reconcile.planning.guards import checks
from reconcile.planning.guards.assertions import assertion_check
from reconcile.planning.planner import state_digests
from reconcile.planning.undo.reversal import Reversal


class Undo(msgspec.Struct, frozen=True):
    """Inputs of a plan that undoes a run: for each workspace its state, and what the run did."""

    run: str
    configuration: str
    files: tuple[str, ...]
    variables: tuple[str, ...]
    workspaces: tuple[str, ...]
    """The workspaces that the command line narrowed it to."""
    current: tuple[PlatformState, ...]
    entries: Mapping[str, Sequence[Entry]]
    tool: str
    created: str
    safety: Safety = Safety()
    own_username: str = ""
    """The account that the tool itself uses on the platform."""
    recent: Mapping[str, Losses] = {}
    """Workspace → what earlier runs took away within the window."""
    assertions: tuple[Assertion, ...] = ()


def undo(inputs: Undo) -> Plan:
    """The plan, checked by the guards like any other.

    What cannot be undone is a skip with the code `not_undone`.
    """
    changes: list[Change] = []
    refused: list[Violation] = []
    skips: list[Skip] = []
    for current in inputs.current:
        reversal = Reversal(current)
        skips += sorted(set(reversal.run(inputs.entries[current.workspace])))
        undone = _changes(current, reversal.state(), f"undoes run {inputs.run}")
        changes += undone
        recent = inputs.recent.get(current.workspace, {})
        refused += checks.violations(
            undone, current, inputs.safety, inputs.own_username, recent=recent
        )
    asserted = assertion_check.judged(inputs.assertions, changes, inputs.current)
    return Plan(
        tool=inputs.tool,
        created=inputs.created,
        files=inputs.files,
        variables=inputs.variables,
        scope=Scope(workspaces=inputs.workspaces, undo=inputs.run),
        digests=Digests(inputs.configuration, {}, state_digests(inputs.current)),
        changes=tuple(changes),
        skips=tuple(skips),
        violations=(*refused, *assertion_check.violations(asserted)),
        notices=tuple(assertion_check.notices(asserted)),
    )


def _changes(current: PlatformState, wanted: PlatformState, reason: str) -> tuple[Change, ...]:
    """The changes back to a state, all for one reason."""
    differences = diff(current, wanted, Reasons())
    return ordered(msgspec.structs.replace(change, reason=reason) for change in differences)
