"""The names that an object of the target state may have on a platform."""

from collections.abc import Iterable, Mapping
from typing import Final

from reconcile.model.platform import Abilities, Group, ObjectKind, PlatformState
from reconcile.model.text.folding import fold_name, without_accents
from reconcile.model.text.name_patterns import NamePatterns, folded
from reconcile.planning.fitting import Mirrored, name_of

_OTHER: Final[Mapping[ObjectKind, ObjectKind]] = {"user": "group", "group": "user"}
"""The kinds whose names are of one kind on some platforms."""


class AvailableNames:
    """What may be called what in one workspace."""

    def __init__(self, abilities: Abilities, current: PlatformState) -> None:
        self._protected = {
            kind: NamePatterns(patterns) for kind, patterns in abilities.protected.items()
        }
        self._taken = {folded(name) for name in current.taken}
        self._compared = without_accents if abilities.names_ignore == "accents" else fold_name
        self._holders: dict[ObjectKind, dict[str, Mirrored]] = {"user": {}, "group": {}}
        """Name as the platform compares it → who will have it, by kind. Departments share titles
        unless they are side by side."""
        self._shared = abilities.one_namespace
        self._others: dict[ObjectKind, set[str]] = {"user": set(), "group": set()}
        """Folded names that a user or group cannot have, because one of the other kind has it."""
        if self._shared:
            self._others["group"] = {folded(user.username) for user in current.users}
            self._others["user"] = {folded(group.name) for group in current.groups}

    def take(self, groups: Iterable[Group]) -> None:
        """These groups will exist: no user can have one of their names where names are shared."""
        if self._shared:
            self._others["user"] |= {folded(group.name) for group in groups}

    def hold(self, kind: ObjectKind, holder: Mirrored) -> None:
        """An object that exists keeps its name, so no other can get it."""
        if kind in self._holders and name_of(holder):
            self._holders[kind].setdefault(self._compared(name_of(holder)), holder)

    def why_refused(self, kind: ObjectKind, wanted: Mirrored, old: Mirrored | None) -> str:
        """Why an object cannot have its name; "" if it can, or has it already."""
        name = name_of(wanted)
        if kind in self._protected and self._protected[kind].matches(name):
            return f"the platform protects the name {name!r}"
        if old is not None and name_of(old) == name:
            return ""
        if folded(name) in self._taken:
            return f"the platform has {name!r} already, and reconcile does not touch it"
        if folded(name) in self._others.get(kind, ()):
            other = f"a {_OTHER[kind]} of the platform is called {name!r}"
            return f"{other}, and no two objects have the same name"
        holder = self._holders.get(kind, {}).get(self._compared(name))
        if holder is not None and holder.id != wanted.id and name:
            return f"to the platform {name!r} is the name of the {kind} {name_of(holder)!r}"
        self.hold(kind, wanted)
        return ""
