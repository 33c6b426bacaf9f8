"""The history of a platform that lives in memory."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

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


class _Recorded(NamedTuple):
    """A run with its entries."""

    link: Link
    entries: list[Entry]


class MemoryHistory:
    """See `reconcile.ports.History`."""

    def __init__(self, read: Callable[[str], PlatformState]) -> None:
        """Takes how to read a workspace."""
        self._read = read
        self._last: dict[str, str] = {}
        self._runs: dict[str, list[_Recorded]] = {}

    def runs(self, workspace: str, since: str = "") -> Sequence[Link]:
        """The oldest first; those that began then or later."""
        return [link for link, _ in self._runs.get(workspace, []) if link.run.started >= since]

    def last(self, workspace: str) -> str:
        """The hash of the last run, as it is recorded with the workspace; "" for none."""
        return self._last.get(workspace, "")

    def entries(self, workspace: str, run: str) -> Sequence[Entry]:
        """Every change of a run, in its order."""
        recorded = (
            entries for link, entries in self._runs.get(workspace, []) if link.run.id == run
        )
        return list(next(recorded, []))

    def concerning(self, workspace: str, name: str) -> Sequence[tuple[str, Entry]]:
        """Run and change of all that was done to users who have, or once had, this name."""
        name = fold_name(name)
        every = list(self._every(workspace))
        users, places = called(name, every)
        untied = set(places)
        users |= {user.id for user in self._read(workspace).users if name in _names(user)}
        return [
            (place[0], entry)
            for place, entry in every
            if place in untied or (entry.user and entry.user in users)
        ]

    def _every(self, workspace: str) -> Iterator[tuple[_Place, Entry]]:
        for link, entries in self._runs.get(workspace, []):
            for entry in entries:
                yield (link.run.id, entry.position), entry

    def record(
        self, run: Run, outcomes: Sequence[Outcome], before: Names, after: Names, started: str
    ) -> None:
        """Adds a run, and removes what earlier runs recorded of users that it erased.

        `after` are the names it left behind.
        """
        recorded = self._runs.setdefault(run.workspace, [])
        previous = recorded[-1].link.hash if recorded else ""
        chain = Chain(previous, run)
        entries: list[Entry] = []
        for chunk in entries_of(outcomes, ids_before(before), ids_before(after), started):
            entries += chunk
            chain.add(chunk)
        recorded.append(_Recorded(Link(run, previous, ""), entries))
        removed = {(run.id, entry.position) for entry in entries if not entry.payload}
        person = erased_person(outcomes, ids_before(before))
        if person is not None:
            left = set(after.users_before.values())
            cleared = places_to_clear(person, _Payloads(self._every(run.workspace), left))
            self._clear(run.workspace, cleared)
            removed |= cleared
        removal = _removal(removed)
        chain.end(removal)
        recorded[-1] = _Recorded(Link(run, previous, chain.hash(), removal), entries)
        self._last[run.workspace] = chain.hash()

    def _clear(self, workspace: str, places: Collection[_Place]) -> None:
        """Takes salt and payload out of entries, and the names that were made of them."""
        for link, entries in self._runs[workspace]:
            entries[:] = [
                _without_payload(entry) if (link.run.id, entry.position) in places else entry
                for entry in entries
            ]


class _Payloads:
    """The entries of a workspace that have a payload; see `people.Recorded`."""

    def __init__(self, entries: Iterable[tuple[_Place, Entry]], users: Collection[str]) -> None:
        """`users`: the ids of those that exist."""
        self._entries = [(place, entry) for place, entry in entries if entry.payload]
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
