"""What the page shows, as values that become JSON. The script puts them into the page as text."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Final

from reconcile.model import kinds
from reconcile.model.change import Change, Plan, Skip
from reconcile.model.report import Showing
from reconcile.render import summary, wording
from reconcile.render.html.remedies import REMEDIES
from reconcile.render.html.tree import department_tree

_SIGNS: Final = "+~-"
_KINDS: Final = {kind: place for place, kind in enumerate(kinds.KINDS)}


def page_data(plan: Plan, showing: Showing) -> dict[str, object]:
    """Facts, verdict, numbers, then the lists: changes (losses first), departments, skips, notices.

    `signs` has one character for each change: `+`, `~` or `-`.
    """
    signed = sorted(((wording.sign(change), change) for change in plan.changes), key=_order)
    changes = [change for _, change in signed]
    return {
        "name": showing.name,
        "facts": _facts(plan, showing),
        "redacted": wording.REDACTED if showing.redacted else "",
        "violations": _violations(plan),
        "wayOut": wording.way_out(plan.refused) if plan.refused else "",
        "numbers": summary.table(summary.planned(plan)),
        "chart": _chart(signed),
        "several": wording.has_several_workspaces(chain(changes, plan.skips)),
        "changes": changes,
        "signs": "".join(sign for sign, _ in signed),
        "departments": department_tree(changes),
        "skips": list(map(_skip, plan.skips)),
        "remedies": {skip.code: REMEDIES.get(skip.code, "") for skip in plan.skips},
        "notices": plan.notices,
    }


def _order(signed: tuple[str, Change]) -> int:
    """Losses first, in the order of the plan; then one kind after the other."""
    sign, change = signed
    return -1 if sign == "-" else _KINDS[change.kind]


def _facts(plan: Plan, showing: Showing) -> list[tuple[str, str]]:
    """Label and text of what identifies the plan; what is not known is left out."""
    facts = (
        ("Made", plan.created),
        ("Quiet run", wording.quiet_line(showing.last_full)),
        ("Configuration", wording.configuration(plan)),
        ("Digest", f"sha256:{showing.digest}" if showing.digest else ""),
        ("Commit", showing.commit),
        ("Only", wording.narrowed(plan)),
        ("Undoes run", plan.scope.undo),
        ("Variables", ", ".join(plan.variables)),
        ("Version", f"reconcile {plan.tool}"),
    )
    return [(label, text) for label, text in facts if text]


def _violations(plan: Plan) -> list[dict[str, object]]:
    """A heading and the violations below it, those that are refused first."""
    refused = plan.refused
    return [
        {
            "title": title,
            "refused": violations == refused,
            "items": [(violation.code, violation.detail) for violation in violations],
        }
        for title, violations in wording.violations_by_verdict(plan)
    ]


def _chart(signed: Sequence[tuple[str, Change]]) -> list[dict[str, object]]:
    """For each kind how many changes have which sign, in the order of a plan."""
    numbers: Counter[tuple[str, str]] = Counter((change.kind, sign) for sign, change in signed)
    by_kind = wording.counts(change for _, change in signed)
    return [{"kind": kind, "numbers": [numbers[kind, sign] for sign in _SIGNS]} for kind in by_kind]


def _skip(skip: Skip) -> dict[str, object]:
    """A skip as it is shown."""
    return {
        "code": skip.code,
        "who": skip.username or skip.dn or skip.subject,
        "dn": skip.dn if skip.username else "",
        "why": skip.sentence,
        "source": skip.source,
        "workspace": skip.workspace,
        "exists": skip.exists,
    }
