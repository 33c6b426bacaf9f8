"""The history of a platform that lives in memory."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from reconcile.model.history import Chain, Entry, Link, Places, Run, removals
from reconcile.model.platform import PlatformState, User
from reconcile.model.report import Outcome
from reconcile.model.text.folding import fold_name
from reconcile.platforms.ledger.history.entries import entries_of, ids_before
from reconcile.platforms.ledger.history.people import called, erased_person, places_to_clear
from reconcile.platforms.resolve import Names

_Place: TypeAlias = tuple[str, int]
"""The id of a run, and the position of an entry."""


class MemoryHistory:
    """See `reconcile.ports.History`."""

    def __init__(self, read: Callable[[str], PlatformState]) -> None:
        """Takes how to read a workspace."""
        self._read = read
        self._last: dict[str, str] = {}
        self._links: dict[str, list[Link]] = {}
        self._entries: dict[str, dict[_Place, Entry]] = {}

    def runs(self, workspace: str, since: str = "") -> Sequence[Link]:
        """The oldest first; those that began then or later."""
        return [link for link in self._links.get(workspace, []) if link.run.started >= since]

    def last(self, workspace: str) -> str:
        """The hash of the last run, as it is recorded with the workspace; "" for none."""
        return self._last.get(workspace, "")

    def entries(self, workspace: str, run: str) -> Sequence[Entry]:
        """Every change of a run, in its order."""
        every = self._entries.get(workspace, {})
        return [entry for place, entry in every.items() if place[0] == run]

    def concerning(self, workspace: str, name: str) -> Sequence[tuple[str, Entry]]:
        """Run and change of all that was done to users who have, or once had, this name."""
        name = fold_name(name)
        every = self._entries.get(workspace, {})
        users, untied = called(name, every.items())
        users |= {user.id for user in self._read(workspace).users if name in _names(user)}
        tied = {place for place, entry in every.items() if entry.user in users - {""}}
        concerning = tied.union(untied)
        return [(place[0], entry) for place, entry in every.items() if place in concerning]

    def record(
        self, run: Run, outcomes: Sequence[Outcome], before: Names, after: Names, started: str
    ) -> None:
        """Adds a run, and removes what earlier runs recorded of users that it erased.

        `after` are the names it left behind.
        """
        previous = self._last.get(run.workspace, "")
        every = self._entries.setdefault(run.workspace, {})
        chain = Chain(previous, run)
        removed: set[_Place] = set()
        for chunk in entries_of(outcomes, ids_before(before), ids_before(after), started):
            chain.add(chunk)
            every.update(((run.id, entry.position), entry) for entry in chunk)
            removed.update((run.id, entry.position) for entry in chunk if not entry.payload)
        person = erased_person(outcomes, ids_before(before))
        if person is not None:
            cleared = places_to_clear(person, _Payloads(every, set(after.users_before.values())))
            every.update((place, _without_payload(every[place])) for place in cleared)
            removed |= cleared
        removal = _removal(removed)
        chain.end(removal)
        link = Link(run, previous, chain.hash(), removal)
        self._links.setdefault(run.workspace, []).append(link)
        self._last[run.workspace] = link.hash


class _Payloads:
    """The entries of a workspace that have a payload; see `people.Recorded`."""

    def __init__(self, entries: Mapping[_Place, Entry], users: Collection[str]) -> None:
        """`users`: the ids of those that exist."""
        self._entries = [(place, entry) for place, entry in entries.items() if entry.payload]
        self._users = users

    def tied(self, users: Collection[str]) -> Iterator[tuple[_Place, Entry]]:
        """The entries that concern these users, or name them as managers."""
        for place, entry in self._entries:
            if not {entry.user, *entry.managers}.isdisjoint(users):
                yield place, entry

    def of_lost_users(self) -> Iterator[tuple[_Place, Entry]]:
        """What was done to users that no longer exist."""
        for place, entry in self._entries:
            if entry.kind == "user" and entry.user and entry.user not in self._users:
                yield place, entry

    def unresolved(self) -> Iterator[tuple[_Place, Entry]]:
        """What names a person of whom the platform had no user."""
        for place, entry in self._entries:
            if entry.unresolved:
                yield place, entry


def _names(user: User) -> set[str]:
    """What a user is called, case-folded."""
    return {fold_name(user.username), fold_name(user.dn), fold_name(user.external_id)}


def _without_payload(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, salt="", payload="", managers=("", ""), unresolved=0)


def _removal(places: Iterable[_Place]) -> str:
    """What a run keeps of the payloads that it removed."""
    by_run: Places = {}
    for run, position in places:
        by_run.setdefault(run, set()).add(position)
    return removals(by_run)
