"""A plan and a report as one JSON object each, for programs."""

import msgspec

from reconcile.model.change import Plan, Violation
from reconcile.model.notice import LeftOut
from reconcile.model.report import RESULTS, Report, Showing
from reconcile.model.views.explanation import Explanation
from reconcile.render import summary, wording


def plan_json(plan: Plan, *, redacted: bool = False, last_full: str = "") -> str:
    """Format version, tool, digests, summary, changes, skips, violations and notices.

    `summary.by_kind` is kind → action → how many, `summary.skips` skip code → how many;
    `summary.counts` has the numbers of the table, an object for each source. Changes, skips and
    notices have the fields of their classes in `reconcile.model`; a violation has its `code` and
    whether it was `accepted`, too. `left_out` are the numbers of people who get no user because of
    a rule. `quiet` says whether the run was, and when the last full one was.
    """
    refused = plan.refused
    return as_text(
        {
            "format": 1,
            "tool": plan.tool,
            "created": plan.created,
            "redacted": redacted,
            "quiet": quiet_object(last_full),
            "files": plan.files,
            "variables": plan.variables,
            "scope": plan.scope,
            "digests": plan.digests,
            "summary": {
                "changes": len(plan.changes),
                "by_kind": wording.counts(plan.changes),
                "skips": wording.skip_counts(plan.skips),
                "violations": len(plan.violations),
                "refused": len(refused),
                "notices": len(plan.notices),
                "counts": summary.as_json(summary.planned(plan)),
            },
            "changes": plan.changes,
            "skips": plan.skips,
            "violations": [
                violation_object(violation) | {"accepted": violation not in refused}
                for violation in plan.violations
            ],
            "accepted": plan.accepted,
            "notices": plan.notices,
            "readings": plan.readings,
            "captures": plan.captures,
            "left_out": _counted(plan),
        }
    )


def report_json(plan: Plan, report: Report) -> str:
    """Summary, changes with their results, the plan's skips and notices, workspaces given up.

    `summary` is result → how many changes, and `counts` as in a plan. `configuration` is the
    SHA-256 of the desired-state files. `troubles` are workspaces that failed as a whole.
    `signatures` are those of the plan file that were demanded; `already_applied` is the run that
    had applied the plan file before, null for none. `quiet` is as in a plan.
    """
    counts: dict[str, object] = {result: report.count(result) for result in RESULTS}
    return as_text(
        {
            "format": 1,
            "summary": {
                **counts,
                "counts": summary.as_json(summary.done(plan, report)),
            },
            "files": plan.files,
            "configuration": plan.digests.configuration,
            "outcomes": [
                {"result": outcome.result, "detail": outcome.detail, "change": outcome.change}
                for outcome in report.outcomes
            ],
            "skips": plan.skips,
            "notices": plan.notices,
            "left_out": _counted(plan),
            "troubles": report.troubles,
            "signatures": report.signatures,
            "already_applied": report.already_applied or None,
            "quiet": quiet_object(report.last_full),
        }
    )


def _counted(plan: Plan) -> list[LeftOut]:
    """How many people get no user because of a rule, and not who."""
    return [each.counted for each in plan.left_out]


def quiet_object(last_full: str) -> dict[str, str] | None:
    """When the last full run was, RFC 3339, UTC; None for a full run."""
    return {"last_full": last_full} if last_full else None


def violation_object(violation: Violation) -> dict[str, object]:
    """A violation with its code, which its fields make up."""
    return {"code": violation.code, **msgspec.structs.asdict(violation)}


def explanation_json(explanation: Explanation) -> str:
    """An explanation as it is, and the violations with their codes."""
    violations = [violation_object(violation) for violation in explanation.violations]
    return as_text(msgspec.structs.asdict(explanation) | {"violations": violations})


def as_text(value: object) -> str:
    """Indented JSON, in which no character controls a terminal."""
    return wording.escaped(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def plan(plan: Plan, showing: Showing) -> str:
    """The format `json`: always all of it."""
    return plan_json(plan, redacted=showing.redacted, last_full=showing.last_full)


def report(plan: Plan, report: Report, _showing: Showing) -> str:
    """The format `json`: always all of it."""
    return report_json(plan, report)
