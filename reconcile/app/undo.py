"""The plan that reverses a run."""

from collections.abc import Iterable, Sequence

from reconcile import __version__
from reconcile.app import inputs
from reconcile.app.run_log import run_log
from reconcile.applying import entries_of_run, recent_losses
from reconcile.config import Loaded
from reconcile.errors import UsageError
from reconcile.model.change import Plan, Scope
from reconcile.model.platform import PlatformState
from reconcile.model.report import Trouble
from reconcile.planning.changes.consequences import with_consequences
from reconcile.planning.undo.plan import Undo, undo
from reconcile.ports import ManagedPlatform


def plan(
    loaded: Loaded, scope: Scope, run: str, variables: Iterable[str], target: ManagedPlatform
) -> tuple[Plan, tuple[Trouble, ...]]:
    """The plan for every workspace of the run. Raises UsageError if there is no such run."""
    if scope.sources or scope.targets:
        raise UsageError(
            "--undo takes back everything a run did: it cannot be combined with --source or"
            " --target"
        )
    names = inputs.chosen_workspaces(loaded.desired, scope.workspaces)
    name = find(target, names, run)
    current, troubles = inputs.readable(target, names)
    made_plan = made(
        loaded, name, target, current, variables=variables, workspaces=scope.workspaces
    )
    run_log.info(
        "plan: %d changes, %d skips, %d violations",
        *map(len, (made_plan.changes, made_plan.skips, made_plan.violations)),
    )
    return made_plan, troubles


def made(
    loaded: Loaded,
    run: str,
    target: ManagedPlatform,
    current: Sequence[PlatformState],
    *,
    variables: Iterable[str] = (),
    workspaces: tuple[str, ...] = (),
) -> Plan:
    """The plan over these states that reverses the run with that id.

    Raises ReconcileError for an altered one.
    """
    safety, created = loaded.desired.safety, inputs.now()
    entries = {state.workspace: entries_of_run(target, state.workspace, run) for state in current}
    plan = undo(
        Undo(
            run=run,
            configuration=loaded.digest,
            files=loaded.files,
            variables=tuple(sorted(variables)),
            workspaces=workspaces,
            current=tuple(state for state in current if entries[state.workspace]),
            entries=entries,
            tool=__version__,
            created=created,
            safety=safety,
            assertions=loaded.desired.assertions,
            own_username=target.abilities.own_username,
            recent={
                state.workspace: recent_losses(target, safety, state.workspace, created)
                for state in current
            },
        )
    )
    return with_consequences(plan, target.abilities)


def find(target: ManagedPlatform, workspaces: Iterable[str], run: str) -> str:
    """The id of the run that a text means: the id itself, or its start or end if it is unique.

    Raises UsageError if there is no such run, or more than one.
    """
    known = dict.fromkeys(link.run.id for name in workspaces for link in target.history.runs(name))
    if run in known:
        return run
    matching = [run_id for run_id in known if run_id.startswith(run) or run_id.endswith(run)]
    if len(matching) == 1:
        return matching[0]
    if not known:
        raise UsageError(f"there is no run {run!r}: nothing has been applied yet")
    if matching:
        raise UsageError(f"{run!r} could be any of these runs: {', '.join(matching[:5])}")
    raise UsageError(f"there is no run {run!r}: `reconcile history` lists them")
