"""Roles, groups and those who hold them as rows for tables, JSON and CSV."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from reconcile.model.views.access import Access, AccessChange, AccessReview, Concern, Holding
from reconcile.render.json import as_text

BY_HAND: Final = "by hand"
CONCERNS: Final[dict[Concern, str]] = {
    "out_of_service": "out of service",
    "by_hand": BY_HAND,
    "no_rule": "no rule now",
}
"""What a reviewer should look at, in words."""


def roles(accesses: Iterable[Access]) -> Iterator[dict[str, object]]:
    """One row a role: how many have it, how many of them are out of service or have it by hand."""
    for access in accesses:
        numbers = counts(access.holdings)
        yield {
            "workspace": access.workspace,
            "role": access.name,
            "users": len(access.holdings),
            "out_of_service": numbers["out_of_service"],
            "by_hand": numbers["by_hand"],
            "no_rule": numbers["no_rule"],
            "rules": access.rules,
        }


def counts(holdings: Iterable[Holding]) -> Counter[Concern]:
    """How many of them have which concern."""
    return Counter(concern for holding in holdings for concern in holding.concerns)


def holdings(accesses: Iterable[Access]) -> Iterator[dict[str, object]]:
    """One row for each user who has a role or is in a group.

    `given_by` says it in words: the place of the rule, or `by hand`. `since` and `run` are null
    where no run gave it.
    """
    for access in accesses:
        for holding in access.holdings:
            yield {
                "workspace": holding.workspace,
                holding.kind: holding.name,
                "username": holding.username,
                "full_name": holding.full_name or None,
                "email": holding.email or None,
                "status": holding.status,
                "user_source": holding.user_source or None,
                "given_by": given_by(holding),
                "source": holding.origin or None,
                "by_hand": holding.by_hand,
                "rules": holding.rules,
                "other_rules": holding.other_rules,
                "reason": holding.reason or None,
                "date": day(holding.since) or None,
                "since": holding.since or None,
                "run": holding.run or None,
                "concerns": holding.concerns,
            }


def given_by(holding: Holding) -> str:
    """The place of the rule, or of all that could have given it; `by hand`; or the source alone."""
    if holding.by_hand:
        return BY_HAND
    return ", ".join(holding.rules) or f"{holding.origin}, no rule now"


def day(instant: str) -> str:
    """The date of a time in RFC 3339."""
    return instant[:10]


CSV_COLUMNS: Final = (
    *("record", "workspace", "kind", "name", "username", "full_name", "email", "status"),
    *("user_source", "given_by", "reason", "since", "run", "by", "what", "concerns", "decision"),
)
"""The columns of a review; `decision` is empty, for the reviewer."""


def review_rows(review: AccessReview) -> Iterator[dict[str, object]]:
    """One row for each role and membership that a user has, then one for each change."""
    for access in review.access:
        for holding in access.holdings:
            yield {
                "record": "access",
                **_named(holding),
                "full_name": holding.full_name,
                "email": holding.email,
                "status": holding.status,
                "user_source": holding.user_source,
                "given_by": given_by(holding),
                "reason": holding.reason,
                "since": holding.since,
                "run": holding.run,
                "concerns": [CONCERNS[concern] for concern in holding.concerns],
            }
    for change in review.changes:
        yield {
            "record": "change",
            **_named(change),
            "reason": change.reason,
            "since": change.when,
            "run": change.run,
            "by": change.by,
            "what": change.what,
        }


def _named(about: Holding | AccessChange) -> dict[str, object]:
    """Workspace, kind, name and user."""
    return {
        "workspace": about.workspace,
        "kind": about.kind,
        "name": about.name,
        "username": about.username,
    }


def review_json(review: AccessReview) -> str:
    """An object with the fields of the review; a holding as in `holdings`."""
    return as_text(
        {
            "made": review.made,
            "since": review.since,
            "workspaces": review.workspaces,
            "platform": review.platform,
            "files": review.files,
            "configuration": review.configuration,
            "access": [_access(access) for access in review.access],
            "changes": review.changes,
            "removed_changes": review.removed,
        }
    )


def _access(access: Access) -> dict[str, object]:
    """A role or group, and its holders without what is said once for all of them."""
    holders = list(holdings([access]))
    for row in holders:
        del row["workspace"], row[access.kind], row["date"]
    return {
        "workspace": access.workspace,
        "kind": access.kind,
        "name": access.name,
        "source": access.source or None,
        "rules": access.rules,
        "nested_groups": access.nested,
        "holders": holders,
    }


def concerned(accesses: Sequence[Access]) -> list[Holding]:
    """What a reviewer should look at first: out of service, then without a rule, then by hand."""
    order: tuple[Concern, ...] = ("out_of_service", "no_rule", "by_hand")
    every = [holding for access in accesses for holding in access.holdings if holding.concerns]
    return sorted(every, key=lambda holding: min(map(order.index, holding.concerns)))
