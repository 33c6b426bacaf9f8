"""What each action may change: the table that plan files are checked by."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from reconcile.model.change import Action
from reconcile.model.kinds import Kind, names, of_aspect


class Allowed(NamedTuple):
    """An action: the sides it has, the fields they may hold, and those that `after` needs."""

    before: bool
    after: bool
    fields: frozenset[str]
    needs: frozenset[str] = frozenset()
    undo: bool = False
    """Whether only a plan that undoes a run holds it."""


_SOURCE: Final = names("source")
_DEPARTMENT: Final = names("department")
_GROUP: Final = names("group")
_USER: Final = names("user")
_GRANT: Final = names("grant")
_MEMBERSHIP: Final = names("membership")
_SERVICE: Final = frozenset(of_aspect("user", "service"))


def _created(fields: frozenset[str], *needs: str) -> Allowed:
    return Allowed(False, True, fields, frozenset(needs))


def _changed(fields: frozenset[str], *needs: str) -> Allowed:
    return Allowed(True, True, fields, frozenset(needs))


def _deleted(fields: frozenset[str], *, undo: bool = False) -> Allowed:
    return Allowed(True, False, fields, undo=undo)


ALLOWED: Final[Mapping[tuple[Kind, Action], Allowed]] = {
    ("source", "create"): _created(_SOURCE, "name"),
    ("source", "update"): _changed(_SOURCE - {"name"}),
    ("department", "create"): _created(_DEPARTMENT, "title", "source"),
    ("department", "update"): _changed(_DEPARTMENT - {"source"}),
    ("department", "relink"): _changed(_DEPARTMENT),
    ("department", "delete"): _deleted(_DEPARTMENT, undo=True),
    ("group", "create"): _created(_GROUP, "name", "source"),
    ("group", "update"): _changed(_GROUP - {"source"}),
    ("group", "relink"): _changed(_GROUP - {"groups"}),
    ("group", "delete"): _deleted(_GROUP, undo=True),
    ("user", "create"): _created(_USER, "username", "source"),
    ("user", "update"): _changed(_USER - {"status", "source"}),
    ("user", "adopt"): _changed(_USER - _SERVICE, "source"),
    ("user", "relink"): _changed(_USER - _SERVICE),
    ("user", "activate"): _changed(_SERVICE, "status"),
    ("user", "deactivate"): _changed(_SERVICE, "status"),
    ("user", "block"): _changed(_SERVICE, "status"),
    ("user", "erase"): _changed(_USER - {"source"}, "status"),
    ("user", "delete"): _deleted(_USER),
    ("grant", "create"): _created(_GRANT, "user", "role", "origin"),
    ("grant", "delete"): _deleted(_GRANT),
    ("membership", "create"): _created(_MEMBERSHIP, "user", "group", "origin"),
    ("membership", "delete"): _deleted(_MEMBERSHIP),
}
"""The changes that plans hold. An update never changes the source of something, nor whether a user
is in service."""
