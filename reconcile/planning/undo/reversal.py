"""The changes of a run taken out of a state one by one, the last first.

Objects are found by their ids, so that a rename in between does not matter.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from reconcile.model.change import ENDS, Skip, SkipKind
from reconcile.model.history import Entry, Payload
from reconcile.model.platform import Department, Group, PlatformState, User
from reconcile.planning.undo.name_conflicts import conflicts
from reconcile.planning.undo.remove_created import (
    Created,
    Kept,
    remove_departments,
    remove_groups,
    remove_users,
)
from reconcile.planning.undo.restore_links import restore_grant, restore_membership
from reconcile.planning.undo.restore_objects import (
    restore_department,
    restore_group,
    restore_source,
    restore_user,
)
from reconcile.planning.undo.working_state import WorkingState

Step: TypeAlias = Callable[[WorkingState, Entry, Payload], str]

_STEPS: Final[Mapping[str, Step]] = {
    "source": restore_source,
    "department": restore_department,
    "group": restore_group,
    "user": restore_user,
    "membership": restore_membership,
    "grant": restore_grant,
}


class Reversal:
    """A state that the changes of a run are taken out of."""

    def __init__(self, current: PlatformState) -> None:
        self._workspace = current.workspace
        self._before = WorkingState(current)
        self._state = WorkingState(current)

    def state(self) -> PlatformState:
        """The state without the changes that have been taken out."""
        return self._state.result()

    def run(self, entries: Sequence[Entry]) -> Iterator[Skip]:
        """Takes out every change that was applied; yields a skip for each that stays.

        What the run created goes last: only then is it known what still needs it.
        """
        applied = [entry for entry in entries if entry.result == "applied"]
        self._prepare(applied)
        created: dict[str, list[Created]] = {"user": [], "group": [], "department": []}
        for entry in reversed(applied):
            payload = entry.read()
            if payload is None:
                yield self._unreadable(entry)
            elif entry.action == "create" and entry.kind in created:
                created[entry.kind].append((entry, payload))
            elif why := _STEPS[entry.kind](self._state, entry, payload):
                yield self._skip(entry, payload, why)
        yield from self._skips(remove_users(self._state, created["user"]))
        yield from self._skips(remove_groups(self._state, created["group"]))
        yield from self._skips(remove_departments(self._state, created["department"]))
        yield from self._resolve_conflicts()

    def _prepare(self, applied: Iterable[Entry]) -> None:
        """Notes which users the run ended, and which groups and departments it deleted."""
        for entry in applied:
            if entry.kind == "user" and entry.action in ENDS:
                self._state.ended.add(entry.user)
            deleted = entry.action == "delete" and entry.kind in ("group", "department")
            if deleted and entry.payload:
                self._state.recreate(entry)

    def _skips(self, kept: Iterable[Kept]) -> Iterator[Skip]:
        for entry, payload, why in kept:
            yield self._skip(entry, payload, why)

    def _unreadable(self, entry: Entry) -> Skip:
        """The skip of a change whose text an erase has removed."""
        user = self._state.users.get(entry.user)
        if user is None:
            return self._not_undone("", "", f"user {entry.user}", "was erased")
        if user.status == "erased":
            return self._not_undone(user.source, "", user.username, "was erased")
        why = "the change named a user who has been erased"
        return self._not_undone(user.source, user.dn, user.username, why, entry.kind)

    def _skip(self, entry: Entry, payload: Payload, why: str) -> Skip:
        """The skip of a change; one of a user, grant or membership names the user."""
        if entry.kind not in ("user", "grant", "membership"):
            return self._not_undone(payload.source, "", "", why, entry.kind, payload.key)
        subject = "" if entry.kind == "user" else payload.key
        user = self._state.users.get(entry.user)
        if user is not None:
            username = user.username or f"user {entry.user}"
            return self._not_undone(payload.source, user.dn, username, why, entry.kind, subject)
        fields = payload.after or payload.fields_before
        username = str(fields.get("user") or payload.key) or f"user {entry.user}"
        return self._not_undone(payload.source, "", username, why, entry.kind, subject)

    def _not_undone(
        self,
        source: str,
        dn: str,
        username: str,
        detail: str,
        kind: SkipKind = "user",
        subject: str = "",
    ) -> Skip:
        """A skip with the code `not_undone`."""
        return Skip(
            self._workspace,
            source,
            dn,
            username,
            "not_undone",
            detail,
            kind=kind,
            subject=subject,
        )

    def _resolve_conflicts(self) -> Iterator[Skip]:
        """An object whose old name is taken stays as it is, which may cause further conflicts."""
        while conflicting := list(conflicts(self._state, self._before)):
            for entity in conflicting:
                yield self._leave(entity)

    def _leave(self, entity: User | Group | Department) -> Skip:
        """Puts one object back to what it is on the platform now."""
        state, before = self._state, self._before
        if isinstance(entity, User):
            state.users[entity.id] = user = before.users[entity.id]
            taken = "another user now has this name or this person in the directory"
            detail = f"stays unchanged: {entity.username!r}: {taken}"
            return self._not_undone(user.source, user.dn, user.username, detail)
        if isinstance(entity, Group):
            _restore(state.groups, before.groups, entity.id)
            links = state.memberships.items()
            state.memberships = {pair: link for pair, link in links if pair[1] in state.groups}
            taken = "another group now has this name or this entry in the directory"
            return self._not_undone(entity.source, "", "", taken, "group", entity.name)
        _restore(state.departments, before.departments, entity.id)
        taken = "another department now has this title or this entry in the directory"
        return self._not_undone(entity.source, "", "", taken, "department", entity.title)


def _restore(
    objects: dict[str, Group] | dict[str, Department], before: Mapping[str, object], row: str
) -> None:
    """Puts an object back to what it is on the platform now, or takes it away."""
    if row in before:
        objects[row] = before[row]  # type: ignore[assignment] # of one kind, as the caller says
    else:
        del objects[row]
