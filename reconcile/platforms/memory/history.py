"""The history of a platform that lives in memory."""

from collections.abc import Callable, Sequence

import msgspec

from reconcile.model.history import Chain, Entry, Link, Places, Run, removals
from reconcile.model.platform import PlatformState
from reconcile.model.report import Outcome
from reconcile.model.text.folding import fold_name
from reconcile.platforms.ledger.history_entries import (
    Person,
    answers_to,
    concerns,
    erased,
    ids_before,
    naming,
    noted,
)
from reconcile.platforms.resolve import Names


class MemoryHistory:
    """See `reconcile.ports.History`."""

    def __init__(self, read: Callable[[str], PlatformState]) -> None:
        """Takes how to read a workspace."""
        self._read = read
        self._last: dict[str, str] = {}
        self._runs: dict[str, list[tuple[Link, list[Entry]]]] = {}

    def runs(self, workspace: str, since: str = "") -> Sequence[Link]:
        """The oldest first; those that began then or later."""
        return [link for link, _ in self._runs.get(workspace, []) if link.run.started >= since]

    def last(self, workspace: str) -> str:
        """The hash of the last run, as recorded with the workspace; "" if there is none."""
        return self._last.get(workspace, "")

    def entries(self, workspace: str, run: str) -> Sequence[Entry]:
        """Every change of a run, in its order."""
        return [
            one
            for link, found in self._runs.get(workspace, [])
            if link.run.id == run
            for one in found
        ]

    def concerning(self, workspace: str, name: str) -> Sequence[tuple[str, Entry]]:
        """Run and change of all that was done to users who have, or once had, this name."""
        name = fold_name(name)
        every = [
            (link.run.id, one) for link, found in self._runs.get(workspace, []) for one in found
        ]
        ids = {
            user.id
            for user in self._read(workspace).users
            if name in {fold_name(user.username), fold_name(user.dn), fold_name(user.external_id)}
        }
        ids |= {one.user for _, one in every if one.kind == "user" and answers_to(one, name)}
        person = Person(ids - {""}, {name}, set(), {name})
        return [
            (run, one)
            for run, one in every
            if one.user in person.ids
            or (not one.user and concerns(one, person))
            or (not one.user and one.kind == "user" and answers_to(one, name))
        ]

    def record(
        self, run: Run, outcomes: Sequence[Outcome], before: Names, after: Names, started: str
    ) -> None:
        """Adds a run, and removes what there was about those it erased.

        `after` are the names it left behind.
        """
        known = self._runs.setdefault(run.workspace, [])
        previous = known[-1][0].hash if known else ""
        chain = Chain(previous, run)
        entries: list[Entry] = []
        for chunk in noted(outcomes, ids_before(before), ids_before(after), started):
            entries += chunk
            chain.add(chunk)
        known.append((Link(run, previous, ""), entries))
        said = self._said(run.workspace)
        unsaid = {run.id: {one.position for one in entries if not one.payload}}
        person = erased(outcomes, ids_before(before))
        if person is not None:
            self._forget(run.workspace, person, set(after.users_before.values()))
        for name, positions in self._said(run.workspace).items():
            unsaid[name] = unsaid.get(name, set()) | (said[name] - positions)
        removed = removals(unsaid)
        chain.end(removed)
        known[-1] = (Link(run, previous, chain.hash(), removed), known[-1][1])
        self._last[run.workspace] = chain.hash()

    def _said(self, workspace: str) -> Places:
        """Where payloads are."""
        return {
            link.run.id: {one.position for one in found if one.payload}
            for link, found in self._runs[workspace]
        }

    def _forget(self, workspace: str, person: Person, there: set[str]) -> None:
        every = [one for _, found in self._runs[workspace] for one in found if one.payload]
        known: set[str] = set()
        while known != person.ids:
            known = set(person.ids)
            for one in every:
                payload = one.read()
                if one.kind == "user" and one.user in known and payload is not None:
                    person.learn(payload.before, payload.source)
                    person.learn(payload.after, payload.source)
            person.ids |= {
                one.user
                for one in every
                if one.kind == "user" and one.user not in there and concerns(one, person)
            } - {""}
        loose = ((id(one), one) for one in every if one.unresolved)
        gone = set(naming(loose, person))
        for _, found in self._runs[workspace]:
            found[:] = [
                _without(one) if id(one) in gone or _is_tied(one, person) else one for one in found
            ]


def _is_tied(one: Entry, person: Person) -> bool:
    return not person.ids.isdisjoint((one.user, *one.managers))


def _without(one: Entry) -> Entry:
    return msgspec.structs.replace(one, salt="", payload="", managers=("", ""), unresolved=0)
