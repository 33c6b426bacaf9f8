"""Reads what the workspaces hold and what their history says about it. No directory is read."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from reconcile.app import adapters, inputs
from reconcile.config import Loaded
from reconcile.model.history import Entry, Run
from reconcile.model.views.access import Access, AccessChange, AccessReview
from reconcile.planning.views.access import access, role_access
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
            state, gifts = platform.read(name), Gifts()
            for run, entries in _recorded(platform.history, name):
                gifts.add(run, entries)
                if run.started >= since:
                    changes += access_changes(run, entries)
                    removed += sum(not entry.payload for entry in entries)
            held += access(state, rules, gifts)
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


def roles(loaded: Loaded, workspaces: Sequence[str], progress: Progress) -> list[Access]:
    """The roles of each workspace, and who has them. Raises as `review`."""
    names = inputs.chosen_workspaces(loaded.desired, workspaces)
    rules = AccessRules(loaded.desired, lambda path: place(loaded, path))
    held: list[Access] = []
    with closing(adapters.platform(loaded.desired.platform, progress)) as platform:
        for name in names:
            state, gifts = platform.read(name), Gifts()
            for run, entries in _recorded(platform.history, name):
                gifts.add(run, entries)
            held += role_access(state, rules, gifts)
    return held


def _recorded(history: History, workspace: str) -> Iterator[tuple[Run, Sequence[Entry]]]:
    """All runs, oldest first, each with its entries."""
    for link in history.runs(workspace):
        yield link.run, history.entries(workspace, link.run.id)


def place(loaded: Loaded, path: str) -> str:
    """The file and line of a rule; the file alone if the rule stands on no line of it."""
    problem = loaded.places.problem(path, "")
    return f"{problem.file}:{problem.line}" if problem.line else problem.file
