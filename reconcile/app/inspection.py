"""What the platform holds now, as rows with names: for programs that only look."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TypeAlias

import msgspec

from reconcile.app import adapters, inputs
from reconcile.config import Loaded
from reconcile.model.platform import PlatformState
from reconcile.ports import Progress
from reconcile.render import rows

Row: TypeAlias = dict[str, object]


class Inventory(msgspec.Struct, frozen=True):
    """What the chosen workspaces hold, in rows as `reconcile users` and so on list them."""

    users: tuple[Row, ...]
    """With `workspace`, `username`, `status`, `source`, `roles`, `groups` and the other fields."""
    groups: tuple[Row, ...]
    departments: tuple[Row, ...]
    roles: tuple[Row, ...]
    """With `workspace`, `name` and `users`: the usernames of those who have it."""


def inventory(
    loaded: Loaded, workspaces: Sequence[str], sources: Sequence[str], progress: Progress
) -> Inventory:
    """Reads the workspaces; `sources` narrows users, groups and departments to theirs.

    Raises UsageError for a workspace or source that is not declared, PlatformUnreadable.
    """
    inputs.chosen_sources(loaded.desired, sources)
    read = states(loaded, workspaces, progress)

    def listed(of: Callable[[PlatformState], Iterator[Row]]) -> tuple[Row, ...]:
        found = [row for state in read for row in of(state)]
        return tuple(row for row in found if not sources or row["source"] in sources)

    roles = tuple(row for state in read for row in rows.roles(state))
    return Inventory(listed(rows.users), listed(rows.groups), listed(rows.departments), roles)


def states(
    loaded: Loaded, workspaces: Sequence[str], progress: Progress
) -> tuple[PlatformState, ...]:
    """The workspaces as they are. Raises UsageError for one not declared, PlatformUnreadable."""
    names = inputs.chosen_workspaces(loaded.desired, workspaces)
    with closing(adapters.platform(loaded.desired.platform, progress)) as platform:
        return tuple(platform.read(name) for name in names)
