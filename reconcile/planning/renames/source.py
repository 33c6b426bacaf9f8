"""A source that is renamed in the files: its users stay its users.

A source is identified by its name, so in an ordinary plan a renamed source looks like one that was
removed and a new one. This makes the plan that renames it on the platform.
"""

from collections.abc import Iterator

from reconcile.errors import UsageError
from reconcile.model.change import Change, Digests, Plan
from reconcile.model.platform import PlatformState
from reconcile.planning.planner import Inputs, state_digest


def renaming(inputs: Inputs, old: str, new: str) -> Plan:
    """One change for each workspace that knows the source `old`; nothing of a directory is needed.

    Raises UsageError if it is not a renaming.
    """
    names = [source.name for source in inputs.desired.sources]
    if old in names:
        raise UsageError(
            f"{old!r} is still declared: rename the source to {new!r} in the files first"
        )
    if new not in names:
        raise UsageError(
            f"no source {new!r} is declared; declared are: {', '.join(names) or 'none'}"
        )
    knowing = [
        state for state in inputs.current if any(source.name == old for source in state.sources)
    ]
    if not knowing:
        known = sorted({source.name for state in inputs.current for source in state.sources})
        raise UsageError(
            f"the platform knows no source {old!r}; it knows: {', '.join(known) or 'none'}"
        )
    twins = [line for state in knowing for line in _twins(state, old, new)]
    if twins:
        listed = "\n".join(f"  {line}" for line in twins)
        raise UsageError(
            f"{old} and {new} cannot become one source: delete one of each pair first\n{listed}"
        )
    reason = "declared under another name"
    return Plan(
        tool=inputs.tool,
        created=inputs.created,
        files=inputs.files,
        variables=inputs.variables,
        scope=inputs.scope,
        digests=Digests(
            inputs.configuration, {}, {state.workspace: state_digest(state) for state in knowing}
        ),
        changes=tuple(
            Change(
                "source", "update", old, {"name": old}, {"name": new}, reason, new, state.workspace
            )
            for state in knowing
        ),
    )


def _twins(state: PlatformState, old: str, new: str) -> Iterator[str]:
    """Users, groups and departments that both sources have of one entry."""
    for kind, objects in (
        ("user", [(one.source, one.external_id, one.username) for one in state.users]),
        ("group", [(one.source, one.external_id, one.name) for one in state.groups]),
        ("department", [(one.source, one.external_id, one.title) for one in state.departments]),
    ):
        theirs = {
            external_id: name
            for source, external_id, name in objects
            if source == new and external_id
        }
        for source, external_id, name in objects:
            if source == old and external_id in theirs:
                other = f"{kind} {theirs[external_id]} of {new}"
                yield f"{state.workspace}: {kind} {name} of {old} and {other}"
