"""What a person accepts of the violations that the guards found."""

from collections.abc import Iterable

import msgspec

from reconcile.errors import UsageError
from reconcile.model.change import Acceptance, Plan, Violation


def accepted(plan: Plan, codes: Iterable[str], by: str) -> Plan:
    """The plan with the violations of exactly these codes accepted.

    Raises UsageError for a code that no violation of the plan has, or that cannot be accepted.
    """
    by_code = {violation.code: violation for violation in plan.violations}
    acceptances = []
    for code in sorted(set(codes)):
        if code not in by_code:
            raise UsageError(_unknown(code, plan))
        violation = by_code[code]
        if not violation.acceptable:
            raise UsageError(f"{code} cannot be accepted: {violation.detail}")
        acceptances.append(_acceptance(violation, by, plan.created))
    return msgspec.structs.replace(plan, accepted=tuple(acceptances))


def _acceptance(violation: Violation, by: str, at: str) -> Acceptance:
    """What is kept of a violation that a person accepted."""
    return Acceptance(
        violation.code,
        by,
        at,
        guard=violation.guard,
        workspace=violation.workspace,
        source=violation.source,
    )


def _unknown(code: str, plan: Plan) -> str:
    """The message for a code that no violation has, with those that can be accepted."""
    possible = [violation.code for violation in plan.violations if violation.acceptable]
    if not possible:
        return f"no violation of this plan has the code {code!r}: there is none to accept"
    return f"no violation of this plan has the code {code!r}. Accept one of: {', '.join(possible)}"
