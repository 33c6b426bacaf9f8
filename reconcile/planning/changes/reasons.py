"""Why a plan changes something, as far as the planner knows."""

from collections.abc import Callable, Collection, Mapping

import msgspec

from reconcile.model.change import Kind
from reconcile.model.platform import Grant


class Reasons(msgspec.Struct):
    """What the planner knows about the reasons of changes.

    `users`: user id → why it is new or changed. `grant` returns the rule that gives a grant, "" for
    none. `groups` are the ids of selected groups. `mirrors`: kind → id → why a group or department
    changed. `relinked`: kind → ids of objects that stand for another entry than before.
    """

    users: Mapping[str, str] = {}
    grant: Callable[[Grant], str] = lambda _: ""
    groups: frozenset[str] = frozenset()
    mirrors: Mapping[str, Mapping[str, str]] = {}
    relinked: Mapping[str, Collection[str]] = {}
    lost: Collection[str] = ()
    """Ids of groups whose entry no longer exists."""

    def relinks(self, kind: Kind, row: str) -> bool:
        """Whether a user, group or department stands for another entry than before."""
        return row in self.relinked.get(kind, ())

    def of(self, kind: Kind, row: str) -> str:
        """Why a group or department changed; "" for no special reason."""
        return self.mirrors.get(kind, {}).get(row, "")

    def unselected(self, group: str) -> str:
        """Why something leaves a group that no rule selects. Its old DN may be another entry's."""
        if group in self.lost:
            return "the group no longer exists in the directory"
        return "the group is no longer selected"
