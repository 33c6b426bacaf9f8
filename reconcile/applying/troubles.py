"""What keeps a plan from being applied, or breaks it off: errors, and the troubles of a report."""

import logging
from collections.abc import Sequence

from reconcile.applying.stale import Difference
from reconcile.errors import OutcomeUnknown, ReconcileError, StalePlan
from reconcile.model.change import Plan, Violation, refusal, refused
from reconcile.model.report import Outcome, Trouble
from reconcile.model.text.printing import LONGEST_SENTENCE, quoted

logger = logging.getLogger(__name__)

_ALL = 2
"""One thing that is gone may have been deleted meanwhile."""

NOT_WRITTEN = "interrupted before it was written"
_HALF_WRITTEN = "interrupted while it was written; what was written is kept"


def refuse_violations(violations: Sequence[Violation], plan: Plan) -> None:
    """Raises GuardRefused for what the plan does not accept."""
    left = refused(violations, plan.accepted)
    if left:
        accepted = [violation.code for violation in violations if violation not in left]
        raise refusal(left, accepted)


def refuse_stale(stale: Sequence[Difference]) -> None:
    """Raises StalePlan where anything is not as the plan expects it."""
    if stale:
        lines = [quoted(difference.line, LONGEST_SENTENCE) for difference in stale]
        raise StalePlan(
            lines,
            all_exist=all(difference.exists for difference in stale),
            all_gone=all(difference.gone for difference in stale) and len(stale) >= _ALL,
        )


def refuse_failures(outcomes: Sequence[Outcome]) -> None:
    """Raises ReconcileError where any change was not applied."""
    failed = [
        f"  {outcome.change.kind} {outcome.change.key}: {outcome.detail}"
        for outcome in outcomes
        if outcome.result != "applied"
    ]
    if failed:
        raise ReconcileError(
            "\n".join(
                [f"nothing was changed, because {len(failed)} of the changes failed:", *failed]
            )
        )


def notes(error: BaseException) -> list[str]:
    """What was noted on an exception on its way: that a lock could not be released."""
    return list(getattr(error, "__notes__", ()))


def interruption(
    workspace: str, later: Sequence[str], notes: Sequence[str], *, kept: bool, finished: bool
) -> list[Trouble]:
    """Of a workspace during which a signal came, and of those after it.

    `kept`: what was written there before the signal is kept; `finished`: that is all of it. `notes`
    say that a lock could not be released.
    """
    details: dict[str, str] = {}
    if not kept:
        details[workspace] = NOT_WRITTEN
    elif not finished:
        details[workspace] = _HALF_WRITTEN
    details |= dict.fromkeys(later, NOT_WRITTEN)
    for note in notes:
        details[workspace] = f"{details[workspace]}; {note}" if workspace in details else note
    return [Trouble(name, ReconcileError.exit_code, detail) for name, detail in details.items()]


def unsettled(workspace: str, error: OutcomeUnknown, run: str) -> Trouble:
    """The platform does not say whether it kept a workspace."""
    detail = (
        f"it is not known whether this was kept: {error}. Once the platform answers, `reconcile"
        f" history {run}` shows the run if it was kept, and otherwise does not know it. Either way,"
        " the next plan continues from the current state"
    )
    return Trouble(workspace, error.exit_code, detail)


def trouble(workspace: str, error: Exception) -> Trouble:
    """An error that ended the work on a workspace."""
    if isinstance(error, ReconcileError):
        return Trouble(workspace, error.exit_code, str(error))
    logger.debug("traceback", exc_info=error)
    detail = (
        f"unexpected {type(error).__name__}: {error}. This is a fault of reconcile: please report"
        " it"
    )
    return Trouble(workspace, ReconcileError.exit_code, detail)
