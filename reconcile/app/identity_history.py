"""How users came to their entries, from the history.

For an explanation, and for links that are used only once.
"""

from collections.abc import Iterable

import msgspec

from reconcile.model.desired import Link
from reconcile.model.history import Entry, Payload
from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name
from reconcile.model.views.explanation import EntryTie, Explanation, PlatformUser, WorkspaceResult
from reconcile.planning.target.linking import followed
from reconcile.ports import History


def with_ties(explanation: Explanation, history: History) -> Explanation:
    """The explanation with the tie of each user of a source. Raises PlatformUnreadable."""
    people = tuple(
        msgspec.structs.replace(
            person, workspaces=tuple(_tied(standing, history) for standing in person.workspaces)
        )
        for person in explanation.people
    )
    return msgspec.structs.replace(explanation, people=people)


def _tied(standing: WorkspaceResult, history: History) -> WorkspaceResult:
    user = standing.user
    if user is None or not user.source:
        return standing
    tie: tuple[str, str] | None = None
    for run, entry in history.concerning(standing.workspace, user.username):
        payload = entry.read()
        if payload is not None and _ties(entry, payload, user):
            tie = run, ("as a new user: " if entry.action == "create" else "") + payload.reason
    if tie is None:
        return standing
    run, how = tie
    started = next(
        (link.run.started for link in history.runs(standing.workspace) if link.run.id == run), ""
    )
    return msgspec.structs.replace(standing, tie=EntryTie(how, run, started))


def _ties(entry: Entry, payload: Payload, user: PlatformUser) -> bool:
    """Whether the change linked a user to the entry that this user stands for now."""
    after = payload.after or {}
    if entry.kind != "user" or entry.result != "applied" or entry.action == "delete":
        return False
    if user.external_id:
        return str(after.get("external_id") or "").lower() == user.external_id.lower()
    return entry.action in ("create", "adopt", "relink") and after.get("dn") == user.dn


def used(links: Iterable[Link], current: PlatformState, history: History) -> frozenset[Link]:
    """The links of users that a run not undone since has followed. Raises PlatformUnreadable."""
    known = {fold_name(user.username) for user in current.users}
    used_links: set[Link] = set()
    for link in links:
        if link.kind != "user" or fold_name(link.name) not in known:
            continue
        runs = {
            run
            for run, entry in history.concerning(current.workspace, link.name)
            if _followed(entry, link)
        }
        if runs and runs - {later.run.undoes for later in history.runs(current.workspace)}:
            used_links.add(link)
    return frozenset(used_links)


def _followed(entry: Entry, link: Link) -> bool:
    if entry.kind != "user" or entry.action != "relink" or entry.result != "applied":
        return False
    payload = entry.read()
    return payload is not None and followed(link, payload.reason)
