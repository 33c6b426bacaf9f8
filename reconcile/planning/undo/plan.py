"""What a run changed, put back: the state before it where nobody has changed it since.

What comes out of the reversal is a wanted state like any other.
"""

from collections.abc import Mapping, Sequence

import msgspec

from reconcile.model.change import Change, Digests, Plan, Scope, Skip, Violation
from reconcile.model.desired import Safety
from reconcile.model.history import Entry, Losses
from reconcile.model.platform import PlatformState
from reconcile.planning.changes.diff import Reasons, diff
from reconcile.planning.changes.order import ordered
from reconcile.planning.guards import checks
from reconcile.planning.planner import state_digest
from reconcile.planning.undo.reversal import Reversal


class Undo(msgspec.Struct, frozen=True):
    """What a plan that takes back a run is made from: for each workspace its state, and what the run did there."""

    run: str
    configuration: str
    files: tuple[str, ...]
    variables: tuple[str, ...]
    workspaces: tuple[str, ...]
    """What the command line narrowed it to."""
    current: tuple[PlatformState, ...]
    entries: Mapping[str, Sequence[Entry]]
    tool: str
    created: str
    safety: Safety = Safety()
    own_username: str = ""
    """The account the tool itself uses on the platform."""
    recent: Mapping[str, Losses] = {}
    """Workspace → what earlier runs took away within the window."""


def undo(inputs: Undo) -> Plan:
    """The plan, judged by the guards like any other. What cannot be put back is a skip with the code `not_undone`."""
    changes: list[Change] = []
    refused: list[Violation] = []
    skips: list[Skip] = []
    for current in inputs.current:
        reversal = Reversal(current)
        skips += sorted(set(reversal.run(inputs.entries[current.workspace])))
        found = diff(current, reversal.state(), Reasons())
        own = ordered(
            msgspec.structs.replace(one, reason=f"undoes run {inputs.run}") for one in found
        )
        changes += own
        recent = inputs.recent.get(current.workspace, {})
        refused += checks.violations(
            own, current, inputs.safety, inputs.own_username, recent=recent
        )
    return Plan(
        tool=inputs.tool,
        created=inputs.created,
        files=inputs.files,
        variables=inputs.variables,
        scope=Scope(workspaces=inputs.workspaces, undo=inputs.run),
        digests=Digests(
            inputs.configuration, {}, {one.workspace: state_digest(one) for one in inputs.current}
        ),
        changes=tuple(changes),
        skips=tuple(skips),
        violations=tuple(refused),
    )
