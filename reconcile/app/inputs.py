"""What a plan is made from: the desired state, the sources and the workspaces as they are now."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from reconcile import __version__
from reconcile.app import adapters
from reconcile.app.identity_history import used
from reconcile.app.notices import placed, placing, report, report_left_out
from reconcile.app.run_log import note
from reconcile.applying import recent_losses
from reconcile.config import Loaded, Setting, load
from reconcile.errors import PlatformUnreadable, UsageError
from reconcile.model import desired
from reconcile.model.change import Plan, Scope
from reconcile.model.directory import DirectorySnapshot, Query
from reconcile.model.platform import Abilities, PlatformState
from reconcile.model.report import Trouble
from reconcile.model.text.printing import quoted
from reconcile.planning import Inputs, make_plan, unmatched_users
from reconcile.planning.selection.query import query
from reconcile.ports import Directory, ManagedPlatform, Progress

logger = logging.getLogger(__name__)

Opener: TypeAlias = Callable[[desired.Source, Progress], Directory]
"""Makes the adapter of a source, not yet connected."""

DEFAULT_PATH: Final = "reconcile.yml"
INLINE: Final = Path("(configuration)")
"""The name of a desired state that is handed over as text.

Relative paths in it start at the working directory."""


def configuration(
    paths: Sequence[Path], variables: Mapping[str, str], contents: Mapping[Path, bytes] = {}
) -> Loaded:
    """Loads the desired-state files, `contents` instead of what is on disk.

    Raises ConfigError with every problem; UsageError when there is not a file.
    """
    if not paths:
        if not Path(DEFAULT_PATH).exists():
            raise UsageError(
                f"there is no {DEFAULT_PATH} here: name a file or folder, or write one with"
                " `reconcile init`"
            )
        paths = [Path(DEFAULT_PATH)]
    return load(
        list(dict.fromkeys(paths)),  # a file named twice is one file
        environ=os.environ,
        variables=variables,
        contents=contents,
        sources=adapters.checkers(adapters.DIRECTORIES),
        platforms=adapters.checkers(adapters.PLATFORMS),
    )


def settings(loaded: Loaded) -> list[Setting]:
    """Every setting of the files with its origin, including what sources have by their type."""
    from reconcile.directories.type_defaults import by_type

    return loaded.effective.settings(by_type)


def chosen_sources(state: desired.DesiredState, names: Sequence[str]) -> tuple[desired.Source, ...]:
    """The sources named, all for none. Raises UsageError for one that is not declared."""
    _known(names, [source.name for source in state.sources], "source")
    return tuple(source for source in state.sources if not names or source.name in names)


def chosen_workspaces(state: desired.DesiredState, names: Sequence[str]) -> tuple[str, ...]:
    """The workspaces named, all for none. Raises UsageError for one that is not declared."""
    _known(names, state.platform.workspaces, "workspace")
    return tuple(name for name in state.platform.workspaces if not names or name in names)


def _known(names: Iterable[str], declared: Sequence[str], what: str) -> None:
    for name in names:
        if name not in declared:
            raise UsageError(
                f"there is no {what} '{quoted(name)}'; declared are: {', '.join(declared)}"
            )


def plan(
    loaded: Loaded,
    scope: Scope,
    variables: Iterable[str],
    target: ManagedPlatform,
    progress: Progress,
    directory: Opener = adapters.directory,
) -> tuple[Plan, tuple[Trouble, ...]]:
    """Reads every source and workspace, completely or not at all, and makes the plan.

    A workspace that cannot be read is a trouble; the plan is narrowed to the others. Raises
    SourceUnreadable for any source, PlatformUnreadable when no workspace can be read, ConfigError
    for rules that cannot be followed.
    """
    read, troubles = inputs(loaded, scope, variables, target, progress, directory=directory)
    with placing(loaded):
        made = make_plan(read)
    made = msgspec.structs.replace(made, notices=placed(loaded, made.notices))
    say(made)
    return made, troubles


def say(made: Plan) -> None:
    """Logs the notices of a plan, and how much is in it."""
    report(made.notices)
    report_left_out(made.left_out)
    parts = {"changes": made.changes, "skips": made.skips, "violations": made.violations}
    note(
        "plan: %d changes, %d skips, %d violations",
        {name: len(part) for name, part in parts.items()},
    )


def say_source(name: str, persons: int, groups: int, units: int) -> None:
    """Logs how much of a source was read."""
    facts = {"source": name, "persons": persons, "groups": groups, "units": units}
    note("source %s: %d persons, %d groups, %d organizational units", facts)


def readable(
    target: ManagedPlatform, names: Iterable[str]
) -> tuple[tuple[PlatformState, ...], tuple[Trouble, ...]]:
    """The workspaces that can be read, and a trouble for each of the others.

    Raises PlatformUnreadable if none can be read.
    """
    states: list[PlatformState] = []
    errors: dict[str, PlatformUnreadable] = {}
    for name in names:
        try:
            states.append(target.read(name))
        except PlatformUnreadable as error:
            errors[name] = error
    if not states and errors:
        raise PlatformUnreadable("\n".join(dict.fromkeys(map(str, errors.values()))))
    troubles = tuple(Trouble(name, error.exit_code, str(error)) for name, error in errors.items())
    for trouble in troubles:
        logger.error("workspace %s is left out: %s", trouble.workspace, trouble.detail)
    return tuple(states), troubles


def inputs(
    loaded: Loaded,
    scope: Scope,
    variables: Iterable[str],
    target: ManagedPlatform,
    progress: Progress,
    ask: Callable[[desired.DesiredState, desired.Source], Query] = query,
    directory: Opener = adapters.directory,
) -> tuple[Inputs, tuple[Trouble, ...]]:
    """Everything that a plan is made from, and a trouble for each workspace that cannot be read.

    `ask` says what to ask of a source, for a caller who wants more than a plan needs; `directory`
    opens a source. Raises what `plan` raises.
    """
    state = loaded.desired
    current, troubles = readable(target, chosen_workspaces(state, scope.workspaces))
    if troubles:
        read = tuple(sorted(state.workspace for state in current))
        scope = Scope(read, scope.sources, scope.targets)
    read_all = collected(loaded, scope, variables, target, current, progress, ask, directory)
    return read_all, troubles


def collected(
    loaded: Loaded,
    scope: Scope,
    variables: Iterable[str],
    target: ManagedPlatform,
    current: tuple[PlatformState, ...],
    progress: Progress,
    ask: Callable[[desired.DesiredState, desired.Source], Query] = query,
    directory: Opener = adapters.directory,
) -> Inputs:
    """As `inputs`, for workspaces that have been read already. Raises SourceUnreadable."""
    state = loaded.desired
    snapshots = tuple(
        _snapshots(state, chosen_sources(state, scope.sources), current, progress, ask, directory)
    )
    created = now()
    return Inputs(
        desired=state,
        configuration=loaded.digest,
        files=loaded.files,
        variables=tuple(sorted(variables)),
        scope=scope,
        snapshots=snapshots,
        current=current,
        # Of a platform of which nothing could be read, nothing is asked either.
        abilities=target.abilities if current else Abilities(),
        tool=__version__,
        created=created,
        recent={
            one.workspace: recent_losses(target, state.safety, one.workspace, created)
            for one in current
        },
        used={one.workspace: used(state.links, one, target.history) for one in current},
    )


def _snapshots(
    state: desired.DesiredState,
    sources: Iterable[desired.Source],
    current: tuple[PlatformState, ...],
    progress: Progress,
    ask: Callable[[desired.DesiredState, desired.Source], Query],
    directory: Opener,
) -> Iterator[DirectorySnapshot]:
    with ExitStack() as stack:
        for source in sources:
            adapter = stack.enter_context(closing(directory(source, progress)))
            snapshot = adapter.read(ask(state, source))
            parts = (snapshot.persons, snapshot.groups, snapshot.units)
            say_source(source.name, *map(len, parts))
            yield with_strays(snapshot, adapter, current)


def with_strays(
    snapshot: DirectorySnapshot, adapter: Directory, current: Iterable[PlatformState]
) -> DirectorySnapshot:
    """The snapshot with what a directory says of users whom the rules do not find."""
    external_ids, dns = unmatched_users(snapshot, current)
    if not external_ids and not dns:
        return snapshot
    return msgspec.structs.replace(snapshot, strays=adapter.find(external_ids, dns))


def now() -> str:
    """The time in RFC 3339, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
