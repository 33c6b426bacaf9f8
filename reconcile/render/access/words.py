"""The sentences of a review, for its page and its Markdown."""

from collections.abc import Sequence
from typing import Final

from reconcile.model.views.access import Access, AccessReview, Holding
from reconcile.render import wording
from reconcile.render.access.rows import CONCERNS, counts, day

NOTES: Final = (
    "The history records what runs did, not what people did on the platform itself: a role or"
    " membership given by hand has no date here, and what was taken away by hand is not among the"
    " changes. Where several rules are named for a user, each of them could have given it, and no"
    " run recorded which."
)

UNRECORDED: Final = "not recorded"
"""Since when, if no run gave it."""


def headline(review: AccessReview) -> str:
    """How many users have something, and what."""
    users = {
        (holding.workspace, holding.username)
        for access in review.access
        for holding in access.holdings
    }
    roles = sum(access.kind == "role" for access in review.access)
    groups = len(review.access) - roles
    have = "has" if len(users) == 1 else "have"
    return (
        f"{number(len(users), 'user')} {have} access by {number(roles, 'role')} and"
        f" {number(groups, 'group')}"
    )


def facts(review: AccessReview) -> list[tuple[str, str]]:
    """Label and text of what the review was made from."""
    return [
        ("Made", review.made),
        ("Platform", review.platform),
        ("Workspaces" if len(review.workspaces) > 1 else "Workspace", ", ".join(review.workspaces)),
        ("Configuration", wording.configured(review.files, review.configuration)),
        ("Changes since", review.since),
    ]


def summary(access: Access) -> str:
    """How many have it, and how many of them a reviewer should look at."""
    parts = [number(len(access.holdings), "user")]
    numbers = counts(access.holdings)
    parts += [f"{numbers[code]} {words}" for code, words in CONCERNS.items() if numbers[code]]
    return ", ".join(parts)


def rules(access: Access) -> str:
    """Where the role or the membership comes from."""
    if access.rules:
        verb = "Given by" if access.kind == "role" else "Selected by"
        return f"{verb} {', '.join(access.rules)}."
    if access.kind == "group" and not access.source:
        return "A group of the platform: no rule selects it."
    return "No rule gives it." if access.kind == "role" else "No rule selects it any more."


def nested(access: Access) -> str:
    """Which groups' members belong to it, too; "" for none."""
    if not access.nested:
        return ""
    return f"Members of these groups belong to it, too: {', '.join(access.nested)}."


def since(holding: Holding) -> str:
    """When and by which run, or that no run did it."""
    return f"{day(holding.since)} {holding.run}" if holding.run else UNRECORDED


def changes_title(review: AccessReview) -> str:
    """The heading of the changes."""
    return f"Changed since {day(review.since)} ({len(review.changes)})"


def removed(review: AccessReview) -> str:
    """That some changes are not shown; "" if all are."""
    if not review.removed:
        return ""
    return (
        f"{number(review.removed, 'change')} not shown: the text was removed when a person was"
        " erased."
    )


def number(count: int, noun: str) -> str:
    """As in `1 role`, `2 roles`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def of_kind(accesses: Sequence[Access], kind: str) -> list[Access]:
    """The roles, or the groups."""
    return [access for access in accesses if access.kind == kind]
