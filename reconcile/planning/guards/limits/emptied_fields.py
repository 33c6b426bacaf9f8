"""Fields that go empty for many users at once: an account without read rights looks like that."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from reconcile.model.change import Change, Violation, mapping
from reconcile.model.desired import Safety
from reconcile.model.kinds import KINDS
from reconcile.model.platform import PlatformState, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.limits.phrases import part_of, sample
from reconcile.planning.guards.limits.thresholds import exceeds
from reconcile.planning.guards.losses.emptied_groups import FEWEST
from reconcile.planning.guards.losses.loss_summary import LossSummary
from reconcile.planning.guards.losses.user_changes import in_service

_FIELDS: Final = tuple(
    field.name
    for field in KINDS["user"]
    if field.aspect == "profile" and not field.key and not field.mapping
)
"""What a directory says of a person, and can stop saying."""


def emptied_fields(
    summary: LossSummary, state: PlatformState, safety: Safety
) -> Iterator[Violation]:
    """`emptied`: each field of a source that too many users in service lose.

    A field that all who have it lose is a violation at any size, except for a single user.
    """
    lost: dict[tuple[str, str], set[str]] = defaultdict(set)
    for change in summary.changed:
        if fold_name(change.key) in summary.serving:
            for field in _cleared(change):
                lost[change.source, field].add(change.key)
    limit = safety.limits.emptied
    for (source, field), names in sorted(lost.items()):
        number, base = len(names), len(names | _having(state, source, field))
        entirely = number == base and number >= FEWEST
        if not entirely and not exceeds(limit, number, base, safety.at_least):
            continue
        who, why = "", f"the limit emptied is {limit}"
        if entirely:
            who, why = sample(names), "no user would have it"
        yield Violation(
            workspace=state.workspace,
            guard="emptied",
            source=source,
            subject=field,
            number=number,
            detail=f"{part_of(number, base, 'user')} of {source} who have the field {field} would"
            f" lose it{who}: {why}",
            entire=entirely,
        )


def _having(state: PlatformState, source: str, field: str) -> set[str]:
    """The users of a source in service who have the field now."""
    own = (user for user in in_service(state) if user.source == source)
    return {user.username for user in own if _has(user, field)}


def _cleared(change: Change) -> Iterator[str]:
    """The fields and extended attributes that a change of a user empties."""
    before, after = change.fields_before, change.fields_after
    for field in _FIELDS:
        if before.get(field) and field in after and not after[field]:
            yield field
    attributes = mapping(before, "attributes")
    for name, left in mapping(after, "attributes").items():
        if attributes.get(name) and not left:
            yield name


def _has(user: User, field: str) -> bool:
    """Whether a user has a value in a field or extended attribute."""
    return bool(getattr(user, field) if field in _FIELDS else user.attributes.get(field))
