"""A review of access at a glance, for a terminal: what to look at, and how much there is."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from reconcile.model.text.printing import quoted
from reconcile.model.views.access import Access, AccessReview, Holding
from reconcile.render.access import rows, words
from reconcile.render.tables import table

_REST: Final = "All users, roles, groups and changes: --format html, markdown, csv or json."


def review_text(review: AccessReview, width: int | None) -> str:
    """The numbers, and who to look at first; tables at most `width` columns wide, if not None.

    3 users have access by 2 roles and 1 group

    Look at first (2): 1 out of service, 1 by hand, 0 no rule now

    USERNAME  HAS                 STATUS    WHY
    bob       role administrator  inactive  out of service
    cid       role administrator  active    by hand
    """
    parts = [words.headline(review), *_first(review, width)]
    for title, kind in (("Roles", "role"), ("Groups", "group")):
        accesses = words.of_kind(review.access, kind)
        if accesses:
            parts += [f"{title} ({len(accesses)})", _overview(accesses, kind, width)]
    parts += [words.changes_title(review), "\n".join(_changes(review)), _REST]
    return "\n\n".join(filter(None, parts))


def _first(review: AccessReview, width: int | None) -> Iterator[str]:
    """How many need a look, and a row for each."""
    concerned = rows.concerned(review.access)
    numbers = rows.counts(concerned)
    counted = ", ".join(f"{numbers[code]} {label}" for code, label in rows.CONCERNS.items())
    yield f"Look at first ({len(concerned)}): {counted}"
    if concerned:
        names = ("workspace", "username", "has", "status", "why")
        columns = names if len(review.workspaces) > 1 else names[1:]
        yield table(list(map(_concern, concerned)), columns, "table", width)


def _concern(holding: Holding) -> dict[str, object]:
    return {
        "workspace": holding.workspace,
        "username": holding.username,
        "has": f"{holding.kind} {holding.name}",
        "status": holding.status,
        "why": [rows.CONCERNS[concern] for concern in holding.concerns],
    }


def _overview(accesses: Sequence[Access], kind: str, width: int | None) -> str:
    """A row for each role or group."""
    overview = [row | {kind: row["role"]} for row in rows.roles(accesses)]
    several = len({access.workspace for access in accesses}) > 1
    columns = (*["workspace"] * several, kind, "users", "out_of_service", "by_hand", "rules")
    return table(overview, columns, "table", width)


def _changes(review: AccessReview) -> Iterator[str]:
    """How often which change was made."""
    numbers = Counter((change.kind, change.what) for change in review.changes)
    for (kind, what), number in sorted(numbers.items()):
        is_membership = kind == "group" and what in ("given", "taken away")
        yield quoted(f"  {number} × {'membership' if is_membership else kind} {what}")
    if not review.changes:
        yield "  No run has changed anything."
    if review.removed:
        yield f"  {words.removed(review)}"
