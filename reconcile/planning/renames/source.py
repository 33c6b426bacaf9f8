"""A source that has another name in the files: its users stay its users.

Sources are identified by name. In an ordinary plan a renamed source looks like one that was removed
and a new one. This plan gives the source its new name on the platform.
"""

from collections.abc import Iterable, Iterator

from reconcile.errors import UsageError
from reconcile.model.change import Change, Digests, Plan
from reconcile.model.platform import PlatformState
from reconcile.planning.planner import Inputs, state_digests


def renaming(inputs: Inputs, old: str, new: str) -> Plan:
    """One change for each workspace that knows the source `old`; no directory is read.

    Raises UsageError if `old` is still declared or not known, `new` is not declared, or both have
    objects of one entry.
    """
    _refuse_undeclared(inputs, old, new)
    knowing = _knowing(inputs.current, old)
    _refuse_twins(knowing, old, new)
    return Plan(
        tool=inputs.tool,
        created=inputs.created,
        files=inputs.files,
        variables=inputs.variables,
        scope=inputs.scope,
        digests=Digests(inputs.configuration, {}, state_digests(knowing)),
        changes=tuple(_renamed(state.workspace, old, new) for state in knowing),
    )


def _renamed(workspace: str, old: str, new: str) -> Change:
    """The change that gives a source its new name in a workspace."""
    return Change(
        kind="source",
        action="update",
        key=old,
        before={"name": old},
        after={"name": new},
        reason="declared under another name",
        source=new,
        workspace=workspace,
    )


def _refuse_undeclared(inputs: Inputs, old: str, new: str) -> None:
    """Raises UsageError unless the files declare the new name, and not the old one."""
    names = [source.name for source in inputs.desired.sources]
    if old in names:
        raise UsageError(
            f"{old!r} is still declared: rename the source to {new!r} in the files first"
        )
    if new not in names:
        declared = ", ".join(names) or "none"
        raise UsageError(f"no source {new!r} is declared; declared are: {declared}")


def _knowing(current: Iterable[PlatformState], name: str) -> list[PlatformState]:
    """The workspaces that know a source of this name. Raises UsageError if there is none."""
    knowing: list[PlatformState] = []
    names: set[str] = set()
    for state in current:
        known = {source.name for source in state.sources}
        names |= known
        if name in known:
            knowing.append(state)
    if not knowing:
        listed = ", ".join(sorted(names)) or "none"
        raise UsageError(f"the platform knows no source {name!r}; it knows: {listed}")
    return knowing


def _refuse_twins(states: Iterable[PlatformState], old: str, new: str) -> None:
    """Raises UsageError where both sources have an object of one entry."""
    twins = [line for state in states for line in _twins(state, old, new)]
    if twins:
        listed = "\n".join(f"  {line}" for line in twins)
        raise UsageError(
            f"{old} and {new} cannot become one source: delete one of each pair first\n{listed}"
        )


def _twins(state: PlatformState, old: str, new: str) -> Iterator[str]:
    """Users, groups and departments that both sources have of one entry."""
    for kind, objects in (
        ("user", [(user.source, user.external_id, user.username) for user in state.users]),
        ("group", [(group.source, group.external_id, group.name) for group in state.groups]),
        ("department", [(unit.source, unit.external_id, unit.title) for unit in state.departments]),
    ):
        of_new = {stable_id: name for source, stable_id, name in objects if source == new}
        of_new.pop("", None)
        for source, stable_id, name in objects:
            if source == old and stable_id in of_new:
                other = f"{kind} {of_new[stable_id]} of {new}"
                yield f"{state.workspace}: {kind} {name} of {old} and {other}"
