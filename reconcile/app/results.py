"""What the Python API returns: frozen values."""

import hashlib
from typing import Any

import msgspec

from reconcile.applying import dumps
from reconcile.model.change import Acceptance, Change, Plan, Skip, Violation
from reconcile.model.notice import LeftOut, Notice
from reconcile.model.report import Outcome, Report, Trouble
from reconcile.model.signature import Signature
from reconcile.render import json, summary, wording
from reconcile.render.diff import diff as plan_diff

EXIT_NOT_CLEAN = 9
EXIT_REFUSED = 4

Counts = tuple["SourceCounts", ...]


class SourceCounts(msgspec.Struct, frozen=True):
    """How much of what happens to a source in a workspace."""

    workspace: str
    source: str
    numbers: dict[str, dict[str, int]]
    """What → how → how many, as in `numbers["users"]["created"]`; with zeros."""


class PlanResult(msgspec.Struct, frozen=True):
    """A plan. Nothing has been written."""

    plan: Plan
    """The whole plan, as in the plan file."""
    troubles: tuple[Trouble, ...] = ()
    """The workspaces that could not be read; the plan covers the others."""
    strict: bool = False
    last_full: str = ""
    """When the last full run was, RFC 3339, UTC, if this one was quiet; otherwise ""."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes in the order in which they would be applied."""
        return self.plan.changes

    @property
    def skips(self) -> tuple[Skip, ...]:
        """The entries that cannot be synchronised, and why."""
        return self.plan.skips

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """How many people get no user because of a rule, and who they are."""
        return self.plan.left_out

    @property
    def violations(self) -> tuple[Violation, ...]:
        """What the guards found, accepted or not."""
        return self.plan.violations

    @property
    def accepted(self) -> tuple[Acceptance, ...]:
        """The violations that were accepted, by whom and when."""
        return self.plan.accepted

    @property
    def refused(self) -> tuple[Violation, ...]:
        """The violations that keep the plan from being applied."""
        return self.plan.refused

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the reader of the plan should know, such as a rule that finds nothing."""
        return self.plan.notices

    @property
    def headline(self) -> str:
        """How many changes there are, in a sentence."""
        return wording.headline(self.plan)

    @property
    def counts(self) -> Counts:
        """How much would happen to each source of each workspace."""
        return _counts(summary.planned(self.plan))

    @property
    def digest(self) -> str:
        """SHA-256 of the plan without its times: the same inputs give the same digest."""
        accepted = tuple(
            msgspec.structs.replace(acceptance, at="") for acceptance in self.plan.accepted
        )
        return hashlib.sha256(
            dumps(msgspec.structs.replace(self.plan, created="", accepted=accepted))
        ).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """The plan as `--format json` has it, described in docs/plans.md."""
        document: dict[str, Any] = msgspec.json.decode(
            json.plan_json(self.plan, last_full=self.last_full)
        )
        return document

    def diff(self, limit: int = 500) -> str:
        """The first changes as text, what takes something away before the rest; "" for none."""
        return plan_diff(self.plan, limit)

    @property
    def exit_code(self) -> int:
        """The exit code of `reconcile plan` without --check."""
        if self.refused:
            return EXIT_REFUSED
        if self.troubles:
            return self.troubles[0].exit_code
        return EXIT_NOT_CLEAN if self.strict and self.plan.not_clean else 0


class ApplyResult(msgspec.Struct, frozen=True):
    """A run: the plan that was applied, and the outcome of each change."""

    planned: PlanResult
    report: Report
    run: str
    """The id of the run in the history; "" if there was nothing to change."""
    exit_code: int
    """The exit code of `reconcile apply`."""

    def as_dict(self) -> dict[str, Any]:
        """The report as `--format json` has it, described in docs/plans.md."""
        document: dict[str, Any] = msgspec.json.decode(
            json.report_json(self.planned.plan, self.report)
        )
        return document

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcome of each change, in the order of the plan."""
        return self.report.outcomes

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What went wrong in workspaces as a whole."""
        return self.report.troubles

    @property
    def already_applied(self) -> str:
        """The run that had applied the plan file before, so that nothing was done; "" for none."""
        return self.report.already_applied

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """Who signed the plan file, if signatures were demanded."""
        return self.report.signatures

    @property
    def headline(self) -> str:
        """What became of the changes, in a sentence."""
        return wording.outcome_line(self.report)

    @property
    def changed(self) -> bool:
        """Whether anything was written, or may have been."""
        return bool(self.report.count("applied") or self.report.count("unknown"))

    @property
    def counts(self) -> Counts:
        """How much happened to each source of each workspace."""
        return _counts(summary.done(self.planned.plan, self.report))


def _counts(counts: summary.Counts) -> Counts:
    return tuple(
        SourceCounts(workspace, source, numbers) for (workspace, source), numbers in counts.items()
    )
