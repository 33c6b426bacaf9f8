"""What the Tab key offers: names from the desired-state files, and from the platform.

A shell asks a process of its own for each key, so whatever goes wrong here offers nothing and says
nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click

if TYPE_CHECKING:  # they cost time to import, and every command imports this module
    from reconcile.config import Loaded
    from reconcile.ports import ManagedPlatform

Complete: TypeAlias = Callable[[click.Context, click.Parameter, str], list[str]]

_MANY: Final = 200
"""So many names are offered at most."""
_RUNS: Final = 20
"""So many of the last runs are offered."""


def sources(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The names of the declared sources."""
    return _offered(context, begun, lambda loaded: [each.name for each in loaded.desired.sources])


def workspaces(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The names of the workspaces."""
    return _offered(context, begun, lambda loaded: loaded.desired.platform.workspaces)


def users(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The usernames on the platform."""
    return _offered(context, begun, lambda loaded: _usernames(loaded, context))


def roles(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The roles on the platform."""
    return _offered(context, begun, lambda loaded: _of_platform(loaded, context, _roles))


def groups(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The names of the groups on the platform."""
    return _offered(context, begun, lambda loaded: _of_platform(loaded, context, _groups))


def runs(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """The ids of the last runs, the newest first."""

    def last(loaded: "Loaded") -> list[str]:
        return _of_platform(loaded, context, _runs)[:_RUNS]

    return _offered(context, begun, last)


def targets(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """`user:`, `group:` and `department:`, and names after the first of them."""
    kind, colon, _ = begun.partition(":")
    if not colon:
        return [f"{each}:" for each in ("user", "group", "department") if each.startswith(begun)]
    if kind != "user":
        return []
    return _offered(
        context, begun, lambda loaded: [f"user:{name}" for name in _usernames(loaded, context)]
    )


def _offered(
    context: click.Context, begun: str, names: Callable[["Loaded"], Iterable[str]]
) -> list[str]:
    """Those of the names that begin so, in any case."""
    from reconcile.app import inputs

    try:
        loaded = inputs.configuration(_paths(context), context.params.get("variables") or {})
        known = sorted(dict.fromkeys(names(loaded)))
    except Exception:  # noqa: BLE001 - there is nobody to tell
        return []
    return [name for name in known if name.casefold().startswith(begun.casefold())][:_MANY]


def _paths(context: click.Context) -> Sequence[Path]:
    """The desired-state files that are already on the command line."""
    found: Any = context.params.get("paths") or context.params.get("arguments") or ()
    paths = [Path(each) for each in found]
    return [path for path in paths if path.suffix in (".yml", ".yaml") or path.is_dir()]


def _usernames(loaded: "Loaded", context: click.Context) -> list[str]:
    return _of_platform(loaded, context, _users)


def _of_platform(
    loaded: "Loaded",
    context: click.Context,
    names: Callable[["ManagedPlatform", str], Iterable[str]],
) -> list[str]:
    """Names from the workspaces that are already on the command line, or from all."""
    from reconcile.app import adapters, inputs
    from reconcile.cli.progress import Silent

    chosen = context.params.get("workspaces") or ()
    with closing(adapters.platform(loaded.desired.platform, Silent())) as platform:
        return [
            name
            for workspace in inputs.chosen_workspaces(loaded.desired, chosen)
            for name in names(platform, workspace)
        ]


def _users(platform: "ManagedPlatform", workspace: str) -> Iterable[str]:
    return (user.username for user in platform.read(workspace).users)


def _roles(platform: "ManagedPlatform", workspace: str) -> Iterable[str]:
    state = platform.read(workspace)
    return {*state.roles, *(grant.role for grant in state.grants)}


def _groups(platform: "ManagedPlatform", workspace: str) -> Iterable[str]:
    return (group.name for group in platform.read(workspace).groups)


def _runs(platform: "ManagedPlatform", workspace: str) -> Iterable[str]:
    return (link.run.id for link in platform.history.runs(workspace))
