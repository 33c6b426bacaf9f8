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
from reconcile.render.layout import around

_SIGNS: Final = "+~-"
_KINDS: Final = {kind: place for place, kind in enumerate(kinds.KINDS)}


def page_data(plan: Plan, showing: Showing) -> dict[str, object]:
    """Facts, verdict, numbers, then the lists: changes (losses first), departments, skips, notices.

    `statuses` has what replaces the fields of a status; `signs` has `+`, `~` or `-` of each change.
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
        "statuses": _statuses(plan, changes),
        "departments": department_tree(changes),
        "skips": [_skip(skip) for _, skips in wording.skips_by_action(plan) for skip in skips],
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
        ("Made", f"{plan.created}{around(' by ', plan.made_by)}"),
        ("Quiet run", wording.quiet_line(showing.last_full)),
        ("Configuration", wording.configuration(plan)),
        ("Digest", f"sha256:{showing.digest}" if showing.digest else ""),
        ("Commit", showing.commit),
        ("Only", wording.narrowed(plan)),
        ("Undoes run", plan.scope.undo),
        ("Without user", "; ".join(wording.left_out(plan.left_out))),
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


def _statuses(plan: Plan, changes: Sequence[Change]) -> dict[int, str]:
    """Position of a change → what becomes of the status of its user, in words."""
    status = wording.status_words(plan)
    words = ((position, status.of(change)) for position, change in enumerate(changes))
    return {position: sentence for position, sentence in words if sentence}


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
        "group": "Needs action" if skip.needs_action else "Needs no action",
    }
