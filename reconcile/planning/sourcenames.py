"""Sources that look as if they had been renamed in the files, which a plan cannot know."""

import shlex
from collections.abc import Iterable, Iterator

from reconcile.model import dn
from reconcile.model.desired import Source
from reconcile.model.platform import PlatformState


def hints(declared: Iterable[Source], current: Iterable[PlatformState]) -> Iterator[str]:
    """A line for each source with users that is no longer declared, where one of the same base DN is new."""
    there = tuple(declared)
    names = {source.name for source in there}
    for state in current:
        users = {user.source for user in state.users if user.status != "erased"}
        for gone in state.sources:
            if gone.name in names or gone.name not in users:
                continue
            for one in there:
                if one.name not in users and _same_base(one.base_dn, gone.base_dn):
                    command = f"reconcile rename-source {shlex.quote(gone.name)} {shlex.quote(one.name)}"
                    yield (
                        f"{state.workspace}: source {gone.name} is no longer declared, and {one.name} is new and of "
                        f"the same base DN: if it is the same directory, `{command}` keeps its users"
                    )


def _same_base(one: str, other: str) -> bool:
    return bool(other) and dn.key(one) == dn.key(other)
