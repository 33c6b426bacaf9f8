"""Where a platform stands: its last runs, the next one, and what keeps it from being as wanted."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from reconcile.app import adapters, inputs, run
from reconcile.app.service import Timetable
from reconcile.app.watching.metrics import LAST_SUCCESS
from reconcile.app.watching.prometheus import earlier
from reconcile.config import Loaded
from reconcile.config.sections import schedule
from reconcile.errors import ReconcileError
from reconcile.model.change import Plan, Scope
from reconcile.model.history import Link, Run
from reconcile.model.notice import LeftOut
from reconcile.ports import Progress


class LastRun(msgspec.Struct, frozen=True):
    """A run of the history: one that changed something. Times are RFC 3339, UTC."""

    run: str
    finished: str
    outcome: str
    """`applied`, `in part` or `failed`."""
    applied: int
    failed: int


class WorkspaceStatus(msgspec.Struct, frozen=True):
    """One workspace."""

    workspace: str
    last_run: LastRun | None
    last_success: LastRun | None
    drift: int | None
    """Changes that a plan finds now; None if none was made, or the workspace cannot be read."""
    refused: tuple[str, ...] = ()
    """Code and detail of each violation that would keep a run from starting."""
    left_out: tuple[LeftOut, ...] = ()
    """How many people get no user because of a rule."""


class LastCommand(msgspec.Struct, frozen=True):
    """What a metrics file says about the last run, whether it changed anything or not."""

    finished: str
    exit_code: int | None
    last_success: str


class Status(msgspec.Struct, frozen=True):
    """All workspaces."""

    workspaces: tuple[WorkspaceStatus, ...]
    next_run: str
    """When `serve --schedule` runs next, or the latest time for an interval; "" if never."""
    last_command: LastCommand | None = None
    error: str = ""
    """Why no plan could be made; "" if one was made, or none was wanted."""
    error_code: int = 0


def status(
    loaded: Loaded,
    scope: Scope,
    variables: Mapping[str, str],
    progress: Progress,
    *,
    plans: bool = True,
    metrics_file: Path | None = None,
) -> Status:
    """Looks at the history, and with `plans` at everything as `plan` does. Writes nothing.

    Raises PlatformUnreadable if the history cannot be read, UsageError for names that are not
    declared.
    """
    names = inputs.chosen_workspaces(loaded.desired, scope.workspaces)
    with closing(adapters.platform(loaded.desired.platform, progress)) as target:
        runs = {name: target.history.runs(name) for name in names}
    made, error = _plan(loaded, scope, variables, progress) if plans else (None, None)
    return Status(
        workspaces=tuple(_workspace(name, runs[name], made) for name in names),
        next_run=_next_run(loaded),
        last_command=None if metrics_file is None else _last_command(metrics_file),
        error="" if error is None else str(error),
        error_code=0 if error is None else error.exit_code,
    )


def _plan(
    loaded: Loaded, scope: Scope, variables: Mapping[str, str], progress: Progress
) -> tuple[Plan | None, ReconcileError | None]:
    """A plan, or why there is none: that a source is unreadable is part of the status."""
    try:
        return run.make_plan(loaded, scope, variables, progress).plan, None
    except ReconcileError as error:
        return None, error


def _workspace(name: str, runs: Sequence[Link], made: Plan | None) -> WorkspaceStatus:
    """The status of one workspace."""
    finished = [link.run for link in runs]
    good = [each for each in finished if each.outcome == "applied"]
    is_read = made is not None and name in made.digests.current
    changes = made.changes if made is not None else ()
    refused = made.refused if made is not None else ()
    left_out = made.left_out if made is not None else ()
    return WorkspaceStatus(
        workspace=name,
        last_run=_last(finished),
        last_success=_last(good),
        drift=sum(change.workspace == name for change in changes) if is_read else None,
        refused=tuple(f"{each.code}: {each.detail}" for each in refused if each.workspace == name),
        left_out=tuple(each.counted for each in left_out if each.workspace == name),
    )


def _last(runs: Sequence[Run]) -> LastRun | None:
    """The last of some runs."""
    if not runs:
        return None
    last = runs[-1]
    return LastRun(last.id, last.finished, last.outcome, last.applied, last.failed)


def _next_run(loaded: Loaded) -> str:
    """When a service would run next, in the time zone of its schedule."""
    if loaded.desired.schedule is None:
        return ""
    table = Timetable(loaded.desired.schedule, schedule.zone(loaded.desired.schedule))
    return table.next(datetime.now(UTC)).isoformat(timespec="minutes")


def _last_command(file: Path) -> LastCommand | None:
    """What a metrics file says; None if it says nothing."""
    finished = earlier(file, "reconcile_last_run_timestamp_seconds")
    if finished is None:
        return None
    code, success = earlier(file, "reconcile_last_exit_code"), earlier(file, LAST_SUCCESS)
    return LastCommand(_time(finished), None if code is None else int(code), _time(success))


def _time(seconds: float | None) -> str:
    """A time of a metrics file in RFC 3339, UTC; "" for none."""
    try:
        moment = datetime.fromtimestamp(seconds or 0, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if seconds else ""
