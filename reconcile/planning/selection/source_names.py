"""Sources that look as if they had been renamed in the files, which a plan cannot know."""

import shlex
from collections.abc import Iterable, Iterator

from reconcile.errors import UsageError
from reconcile.model import platform
from reconcile.model.desired import Source
from reconcile.model.notice import Notice
from reconcile.model.platform import PlatformState
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name


def as_declared(source: Source) -> platform.Source:
    """What the platform is to know of a source of the files."""
    return platform.Source(
        source.name, source.type, source.base_dn, dn.domain(source.base_dn), source.note
    )


def refuse_other_case(declared: Iterable[Source], current: Iterable[PlatformState]) -> None:
    """Raises UsageError for a source whose name differs from the platform's only in case.

    The platform cannot hold both names.
    """
    folded = {fold_name(source.name): source.name for source in declared}
    for state in current:
        for known in state.sources:
            name = folded.get(fold_name(known.name), known.name)
            if name != known.name:
                raise UsageError(
                    f"the workspace {state.workspace} knows the source {name} as {known.name},"
                    f" and a source cannot differ in case only: `{_command(known.name, name)}`"
                    " renames it, or spell the name as before"
                )


def hints(declared: Iterable[Source], current: Iterable[PlatformState]) -> Iterator[Notice]:
    """A notice for each source with users that is not declared, if a new one has its base DN."""
    there = tuple(declared)
    names = {source.name for source in there}
    for state in current:
        users = {user.source for user in state.users if user.status != "erased"}
        for gone in state.sources:
            if gone.name in names or gone.name not in users:
                continue
            for at, one in enumerate(there):
                if one.name not in users and _same_base(one.base_dn, gone.base_dn):
                    text = (
                        f"{state.workspace}: source {gone.name} is no longer declared,"
                        f" and {one.name} is new and has the same base DN: if it is the same"
                        f" directory, `{_command(gone.name, one.name)}` keeps its users"
                    )
                    both = (gone.name, one.name)
                    yield Notice("source_renamed", text, f"sources[{at}].name", sources=both)


def _command(old: str, new: str) -> str:
    return f"reconcile rename-source {shlex.quote(old)} {shlex.quote(new)}"


def _same_base(one: str, other: str) -> bool:
    return bool(other) and dn.key(one) == dn.key(other)
