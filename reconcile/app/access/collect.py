"""Reads what the workspaces hold and what their history says about it. No directory is read."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from reconcile.app import adapters, inputs
from reconcile.config import Loaded
from reconcile.model.history import Entry, Run
from reconcile.model.views.access import Access, AccessChange, AccessReview
from reconcile.planning.views.access import access
from reconcile.planning.views.access_history import Gifts, access_changes
from reconcile.planning.views.access_rules import AccessRules
from reconcile.ports import History, Progress


def review(
    loaded: Loaded, workspaces: Sequence[str], since: str, progress: Progress
) -> AccessReview:
    """Everything for a review of access: what is held now, and what changed since then.

    Raises UsageError for a workspace that is not declared, PlatformUnreadable.
    """
    names = inputs.chosen_workspaces(loaded.desired, workspaces)
    rules = AccessRules(loaded.desired, lambda path: place(loaded, path))
    held: list[Access] = []
    changes: list[AccessChange] = []
    removed = 0
    with closing(adapters.platform(loaded.desired.platform, progress)) as platform:
        for name in names:
            # The state first: what a run gives in between is then not shown without its run.
            state = platform.read(name)
            history = platform.history
            held += access(state, rules, Gifts(recorded(history, name)))
            changes += access_changes(recorded(history, name, since))
            removed += _removed(history, name, since)
    return AccessReview(
        made=inputs.now(),
        since=since,
        workspaces=names,
        platform=loaded.desired.platform.type,
        files=loaded.files,
        configuration=loaded.digest,
        access=tuple(held),
        changes=tuple(changes),
        removed=removed,
    )


def held(loaded: Loaded, workspaces: Sequence[str], progress: Progress) -> Sequence[Access]:
    """What is held now. Raises as `review`."""
    names = inputs.chosen_workspaces(loaded.desired, workspaces)
    rules = AccessRules(loaded.desired, lambda path: place(loaded, path))
    with closing(adapters.platform(loaded.desired.platform, progress)) as platform:
        return [
            each
            for name in names
            for each in access(platform.read(name), rules, Gifts(recorded(platform.history, name)))
        ]


def recorded(
    history: History, workspace: str, since: str = ""
) -> Iterator[tuple[Run, Sequence[Entry]]]:
    """The runs that started since then, oldest first, each with its entries."""
    for link in history.runs(workspace, since):
        yield link.run, history.entries(workspace, link.run.id)


def place(loaded: Loaded, path: str) -> str:
    """The file and line of a rule; the file alone if the rule stands on no line of it."""
    problem = loaded.places.problem(path, "")
    return f"{problem.file}:{problem.line}" if problem.line else problem.file


def _removed(history: History, workspace: str, since: str) -> int:
    """How many entries since then have no text any more."""
    return sum(
        not entry.payload for _, entries in recorded(history, workspace, since) for entry in entries
    )
