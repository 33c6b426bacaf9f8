"""Fields that go empty for many users at once: an account that may no longer read an attribute looks like that."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from reconcile.model.change import ALL, Change, Fields, Violation
from reconcile.model.desired import Safety
from reconcile.model.platform import PlatformState, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.emptied_groups import FEWEST
from reconcile.planning.guards.losses import IN_SERVICE, Losses
from reconcile.planning.guards.thresholds import exceeds, some

_FIELDS: Final = ("first_name", "last_name", "email", "manager")


def emptied(losses: Losses, state: PlatformState, safety: Safety) -> Iterator[Violation]:
    """A violation for each field of a source that more users in service lose than `safety.limits.emptied` allows.

    One that all who have it lose is a violation at any size, but for that of one user alone.
    """
    lost: dict[tuple[str, str], set[str]] = defaultdict(set)
    for change in losses.changed:
        for field in _cleared(change):
            if fold_name(change.key) in losses.serving:
                lost[change.source, field].add(change.key)
    limit = safety.limits.emptied
    for (source, field), names in sorted(lost.items()):
        own = (user for user in state.users if user.source == source and user.status in IN_SERVICE)
        there = {user.username for user in own if _has(user, field)} | names
        number, base = len(names), len(there)
        entirely = number == base and number >= FEWEST
        if not entirely and not exceeds(limit, number, base, safety.at_least):
            continue
        code = f"emptied:{state.workspace}/{source}/{field}:{number}"
        code, told = (
            (f"{code}:{ALL}", "nobody would have one")
            if entirely
            else (code, f"the limit emptied is {limit}")
        )
        who = some(names) if entirely else ""
        detail = f"{number} of {base} users of {source} would lose their {field}{who}: {told}"
        yield Violation(state.workspace, code, detail)


def _cleared(change: Change) -> Iterator[str]:
    """The fields and extended attributes that a change of a user empties."""
    before, after = change.before or {}, change.after or {}
    yield from (
        field for field in _FIELDS if before.get(field) and field in after and not after[field]
    )
    was, will = _texts(before), _texts(after)
    yield from (field for field, text in was.items() if text and field in will and not will[field])


def _texts(fields: Fields) -> dict[str, str | None]:
    attributes = fields.get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _has(user: User, field: str) -> bool:
    return bool(getattr(user, field) if field in _FIELDS else user.attributes.get(field))
