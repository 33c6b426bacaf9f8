"""What a run says about itself in numbers."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from reconcile import __version__
from reconcile.app.watching.prometheus import Metric, Sample
from reconcile.model.change import Plan
from reconcile.model.report import RESULTS, Report

LAST_SUCCESS: Final = "reconcile_last_success_timestamp_seconds"
SUCCESSES: Final = frozenset({0, 3})
"""Exit codes of a success; 3 means that a check found changes."""


class Ended(msgspec.Struct, frozen=True):
    """A run that has ended. `started` and `finished` are seconds since 1970."""

    command: str
    run: str
    exit_code: int
    started: float
    finished: float
    plan: Plan | None = None
    """None if it ended before there was one."""
    report: Report | None = None
    """None if nothing was applied."""


def metrics(ended: Ended, last_success: float | None) -> Iterator[Metric]:
    """All metrics of a run. `last_success` is that of an earlier run."""
    if ended.exit_code in SUCCESSES:
        last_success = ended.finished
    yield Metric(
        "reconcile_build_info", "The version of reconcile.", (Sample(1, {"version": __version__}),)
    )
    yield _single("reconcile_last_run_timestamp_seconds", "When a run last ended.", ended.finished)
    if last_success is not None:
        yield _single(LAST_SUCCESS, "When a run last ended with exit code 0 or 3.", last_success)
    yield _single("reconcile_last_exit_code", "Exit code of the last run.", ended.exit_code)
    duration = round(max(0.0, ended.finished - ended.started), 3)
    yield _single("reconcile_last_duration_seconds", "How long the last run took.", duration)
    if ended.plan is not None:
        yield from _of_plan(ended.plan, ended.report)


def _of_plan(plan: Plan, report: Report | None) -> Iterator[Metric]:
    """The metrics of a plan and what became of it."""
    outcomes = report.outcomes if report is not None else ()
    applied = [outcome.change for outcome in outcomes if outcome.result == "applied"]
    workspaces = dict.fromkeys(plan.digests.current, 0)
    planned = Counter(workspaces) + Counter(change.workspace for change in plan.changes)
    done = Counter(change.workspace for change in applied)
    pending = {name: planned[name] - done[name] for name in {*workspaces, *planned}}
    yield _counted(
        "reconcile_pending_changes",
        "Changes that the last run found and did not apply.",
        ("workspace",),
        {(name,): number for name, number in pending.items()},
    )
    keys = Counter((each.workspace, each.source, each.kind, each.action) for each in applied)
    labels = ("workspace", "source", "kind", "action")
    yield _counted("reconcile_last_changes", "Changes that the last run applied.", labels, keys)
    if report is not None:
        counts = {(result,): report.count(result) for result in RESULTS}
        text = "Changes of the last run by what became of them."
        yield _counted("reconcile_last_results", text, ("result",), counts)
    yield _counted(
        "reconcile_last_skips",
        "Entries that the last run could not synchronise.",
        ("code",),
        Counter((skip.code,) for skip in plan.skips),
    )
    left_out: Counter[tuple[str, str]] = Counter()
    for each in plan.left_out:
        left_out[each.source, each.code] += each.number
    text = "Persons who got no user in the last run because of a rule, in all workspaces."
    yield _counted("reconcile_left_out", text, ("source", "code"), left_out)
    yield _counted(
        "reconcile_violations",
        "Violations of guards that were not accepted.",
        ("workspace", "guard"),
        Counter((each.workspace, each.guard) for each in plan.refused),
    )
    yield _counted(
        "reconcile_managed_users",
        "Users of a source before the last run.",
        ("workspace", "source"),
        {(each.workspace, each.source): each.users for each in plan.existing},
    )
    persons = {(each.source,): each.persons for each in plan.readings if each.persons is not None}
    yield _counted("reconcile_source_persons", "Persons that a source has.", ("source",), persons)


def _single(name: str, text: str, value: float) -> Metric:
    """A metric without labels."""
    return Metric(name, text, (Sample(value),))


def _counted(name: str, text: str, labels: Iterable[str], counts: Mapping[Any, int]) -> Metric:
    """A metric of counts by the values of its labels, in their order."""
    names = tuple(labels)
    samples = (
        Sample(number, dict(zip(names, values, strict=True)))
        for values, number in sorted(counts.items())
    )
    return Metric(name, text, tuple(samples))
