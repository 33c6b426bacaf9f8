"""What a shortened plan shows of long lists, and what it says about the rest."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from reconcile.model.change import Change, Plan
from reconcile.render import wording

_Item = TypeVar("_Item")

SHOWN = 10
"""How many changes of one kind and action, and how many skips, a shortened plan shows."""

_SHOWN_CREATIONS = 3
"""The limit for new users, departments and groups, because every field of them is shown."""


def shortened(changes: Iterable[Change], *, full: bool) -> Iterator[tuple[Change, ...] | str]:
    """Runs of changes of one kind and action; if one is cut, a line with how many are left."""
    for (kind, action), run in groupby(changes, key=_kind_and_action):
        group = tuple(run)
        limit = len(group) if full else _limit(kind, action)
        yield group[:limit]
        if len(group) > limit:
            yield f"{more(len(group) - limit)}: {kind} {action}"


def _kind_and_action(change: Change) -> tuple[str, str]:
    """By what changes are counted together, because they look alike."""
    return change.kind, change.action


def _limit(kind: str, action: str) -> int:
    """How many changes of a kind and action a shortened plan shows."""
    shows_all_fields = action == "create" and kind in ("department", "group", "user")
    return _SHOWN_CREATIONS if shows_all_fields else SHOWN


def first(items: Sequence[_Item], *, full: bool) -> tuple[Sequence[_Item], int]:
    """The items that are shown, and how many are left out: none with `full`."""
    shown = items if full else items[:SHOWN]
    return shown, len(items) - len(shown)


def more(number: int) -> str:
    """The line in place of what is left out."""
    return f"… and {number} more"


def leaves_out(plan: Plan) -> bool:
    """Whether a shortened plan leaves out any change or skip."""
    parts = shortened(plan.changes, full=False)
    return any(isinstance(part, str) for part in parts) or any(
        len(skips) > SHOWN for _, skips in wording.skips_by_action(plan)
    )
