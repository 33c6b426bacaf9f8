"""What a person accepts of what the guards found."""

from collections.abc import Iterable

import msgspec

from reconcile.errors import UsageError
from reconcile.model.change import Acceptance, Plan


def accepted(plan: Plan, codes: Iterable[str], by: str) -> Plan:
    """The plan with the violations of these very codes accepted. Raises UsageError for a code that is none of its."""
    there = {one.code: one for one in plan.violations}
    wanted = sorted(set(codes))
    for code in wanted:
        if code not in there:
            possible = [one.code for one in plan.violations if one.acceptable]
            listed = (
                f"to accept are: {', '.join(possible)}" if possible else "there is none to accept"
            )
            raise UsageError(f"no violation of this plan has the code {code!r}; {listed}")
        if not there[code].acceptable:
            raise UsageError(f"{code} cannot be accepted: {there[code].detail}")
    return msgspec.structs.replace(
        plan, accepted=tuple(Acceptance(code, by, plan.created) for code in wanted)
    )
