"""Notifications: pings at the start and the end of a run, and messages if it went wrong.

A notification that cannot be sent is a warning in the log. It never changes a run or its exit code.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from reconcile.app.watching.metrics import Ended
from reconcile.model.desired import Notify, NotifyEvent

_WHY: Final[Mapping[int, str]] = {
    1: "it failed",
    2: "the configuration is wrong",
    3: "the platform differs from the desired state",
    4: "refused by the guards, nothing was applied",
    5: "the plan is stale, nothing was applied",
    6: "applied in part, or the result is not known",
    7: "a source or the platform could not be read",
    8: "another run holds the platform",
    9: "done, but not clean",
    130: "interrupted",
    143: "interrupted",
}
_DRIFT: Final = 3
_REFUSED: Final = 4


def event_of(exit_code: int) -> NotifyEvent | None:
    """What an exit code is an event of; None for a run that went well."""
    if not exit_code:
        return None
    if exit_code == _DRIFT:
        return "drift"
    return "refused" if exit_code == _REFUSED else "failed"


def started(notify: Notify, run: str) -> None:
    """Says that a run begins."""
    if notify.ping_url is not None:
        from reconcile.app.watching import sending  # HTTP takes time to import

        sending.ping(notify.ping_url, "start", run, b"")


def finished(notify: Notify, ended: Ended) -> None:
    """Says how a run ended."""
    if notify == Notify():
        return
    from reconcile.app.watching import sending  # HTTP takes time to import

    message = _message(ended)
    if notify.ping_url is not None:
        step = str(ended.exit_code & 255)
        sending.ping(notify.ping_url, step, ended.run, message["text"].encode())
    event = event_of(ended.exit_code)
    for receiver in notify.receivers:
        if event in receiver.on:
            sending.tell(receiver, message)


def _message(ended: Ended) -> dict[str, Any]:
    """What is sent: counts, and no name of a person."""
    plan, report = ended.plan, ended.report
    why = _WHY.get(ended.exit_code, "it failed") if ended.exit_code else "done"
    changes = len(plan.changes) if plan is not None else None
    counted = "" if changes is None else f"; {changes} change{'s'[: changes != 1]} planned"
    refused = plan.refused if plan is not None else ()
    return {
        "text": f"reconcile {ended.command}: {why} (exit code {ended.exit_code}){counted}",
        "event": event_of(ended.exit_code) or "done",
        "command": ended.command,
        "run": ended.run,
        "exit_code": ended.exit_code,
        "duration_seconds": round(max(0.0, ended.finished - ended.started), 3),
        "changes": changes,
        "applied": None if report is None else report.count("applied"),
        "violations": dict(sorted(Counter(each.guard for each in refused).items())),
        "skips": None if plan is None else len(plan.skips),
    }
