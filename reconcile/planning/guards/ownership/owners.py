"""Which source each user, group and department belongs to, before the changes and after them."""

from collections.abc import Iterable
from typing import Final, TypeAlias

from reconcile.model.change import Change, Fields, Kind, mapping, text
from reconcile.model.kinds import NAMES, PAIRS
from reconcile.model.named_state import StateNames
from reconcile.model.platform import Department, Group, PlatformState, User
from reconcile.model.text.folding import fold_name

Thing: TypeAlias = User | Group | Department
_KINDS: Final[frozenset[Kind]] = frozenset({"user", "group", "department"})


class Owners:
    """The owners of everything in a workspace. A source owns what it mirrors; "" is no source."""

    def __init__(self, changes: Iterable[Change], state: PlatformState) -> None:
        names = StateNames(state)
        self._things: dict[tuple[Kind, str], Thing] = {
            **{("user", user.username): user for user in state.users},
            **{("group", group.name): group for group in state.groups},
            **{("department", names.path(row.id)): row for row in state.departments},
        }
        """By kind and current name."""
        self._handed: dict[tuple[Kind, str], str] = {}
        """Kind and current name of what changes hands → its new source."""
        changes = [change for change in changes if change.kind in _KINDS]
        for change in changes:
            if change.before is not None and "source" in change.fields_after:
                at = change.kind, change.key
                self._handed[at] = text(change.fields_after, "source")
        self._by_new_name: dict[tuple[Kind, str], str] = {
            (kind, fold_name(name)): self._handed.get((kind, name), thing.source)
            for (kind, name), thing in self._things.items()
        }
        """Kind and folded new name → its source. Nothing refers to departments by it."""
        self.named_twice: set[tuple[Kind, str]] = set()
        """Kind and folded new name that two of the changes give."""
        self._add_new_names(changes)

    def _add_new_names(self, changes: Iterable[Change]) -> None:
        """Notes the names that changes give, and those that two of them give."""
        new_names: set[tuple[Kind, str]] = set()
        for change in changes:
            name = new_name(change)
            if not name or change.kind == "department":
                continue
            at = (change.kind, fold_name(name))
            self._by_new_name[at] = self.after(change)
            if at in new_names:
                self.named_twice.add(at)
            new_names.add(at)

    def thing(self, change: Change) -> Thing | None:
        """The user, group or department that the change is about, as it is now."""
        return self._things.get((change.kind, change.key))

    def of(self, kind: Kind, name: str) -> str:
        """The source of the user or group that has this name after the changes."""
        return self._by_new_name.get((kind, fold_name(name)), "")

    def after(self, change: Change) -> str:
        """The source of what the change is about, after it; of what is deleted, the one it had."""
        if change.before is None:
            return text(change.fields_after, "source")
        thing = self.thing(change)
        source = thing.source if thing is not None else ""
        return self._handed.get((change.kind, change.key), source)

    def sources_of(self, change: Change) -> set[str]:
        """The sources that the change can say it is of."""
        if change.kind == "source":
            return {change.key}
        if change.kind in PAIRS:
            return self._sources_of_pair(change)
        if change.kind == "group" and "groups" in change.fields_before:
            sides = (nested_in(change.before), nested_in(change.after))
            origins = {origin for side in sides for origin in side.values() if origin}
            return origins or {self.after(change), change.source}
        return {self.after(change)}

    def _sources_of_pair(self, change: Change) -> set[str]:
        """Who gives or gave it; what a person gave is taken by the source of the user or group."""
        fields = change.before or change.fields_after
        origin = text(fields, "origin")
        if origin or change.after is not None:
            return {origin}
        kind: Kind = "user" if change.kind == "grant" else "group"
        at = (kind, str(fields[kind]))
        thing = self._things.get(at)
        if thing is None:
            return {change.source}
        return {thing.source, self._handed.get(at, thing.source)}


def new_name(change: Change) -> str:
    """The name that a change gives; "" for a department, whose name is a path, and for none."""
    if change.kind == "department":
        return ""
    (field,) = NAMES[change.kind]
    return text(change.fields_after, field)


def nested_in(fields: Fields | None) -> dict[str, str | None]:
    """The field `groups` of a side of a change; empty if there is none."""
    return mapping(fields or {}, "groups")
