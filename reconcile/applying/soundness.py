"""Changes that no plan could hold, however right the SHA-256 of the file they stand in."""

from collections.abc import Iterator
from typing import Final

from reconcile.model.change import Change, Fields, Kind
from reconcile.model.path import path, titles
from reconcile.model.platform import Department, Grant, Group, Membership, Source, User

_FIELDS: dict[Kind, frozenset[str]] = {
    "source": frozenset(Source.__struct_fields__),
    "department": frozenset(Department.__struct_fields__) - {"id"},
    "group": frozenset(Group.__struct_fields__) - {"id"},
    "user": frozenset(User.__struct_fields__) - {"id"},
    "grant": frozenset(Grant.__struct_fields__),
    "membership": frozenset(Membership.__struct_fields__),
}
_OBJECTS = frozenset({"attributes", "groups"})
_REQUIRED: dict[Kind, tuple[str, ...]] = {
    "source": ("name",),
    "department": ("title",),
    "group": ("name",),
    "user": ("username",),
    "grant": ("user", "role"),
    "membership": ("user", "group"),
}


_STILL: Final = frozenset({"update", "adopt", "relink"})
_LEADING: Final[dict[object, frozenset[str]]] = {
    "active": frozenset({"activate"}),
    "inactive": frozenset({"deactivate"}),
    "vacation": frozenset({"activate"}),
    "blocked": frozenset({"block"}),
    "blocked_in_directory": frozenset({"block"}),
    "erased": frozenset({"erase"}),
}
"""The action that leads to a status: the guards count by actions, so none may say less than is done."""


def fault(change: Change) -> str:
    """What is wrong with the change; "" for one that a plan can hold."""
    return next(_faults(change), "")


def _faults(change: Change) -> Iterator[str]:
    before, after = change.before, change.after
    sides = {"create": (False, True), "delete": (True, False)}.get(change.action, (True, True))
    if sides != (before is not None, after is not None):
        yield "it has the wrong sides"
        return
    if any(not side.keys() <= _FIELDS[change.kind] for side in (before, after) if side is not None):
        yield "it has fields that there are not"
    if any(
        isinstance(value, dict) != (field in _OBJECTS)
        for side in (before, after)
        for field, value in (side or {}).items()
    ):
        yield "it has a value of the wrong shape"
        return
    if before is not None and after is not None and before.keys() != after.keys():
        yield "before and after are not of the same fields"
    if change.kind == "group" and all(sides) and "groups" in (after or {}) and len(after or {}) > 1:
        yield "what a group is nested in is changed by itself"
    if change.kind == "user" and all(sides) and change.action not in _LEADING.get((after or {}).get("status"), _STILL):
        yield "it is not what its action says"
    names = [field for field in _REQUIRED[change.kind] if not all(sides) or field in (after or {})]
    named = (before if after is None else after) or {}
    if not change.key or not all(named.get(field) for field in names):
        yield "it has no name"
    elif not all(sides) and change.key != _key(change, named):
        yield "its key is not its name"
    elif change.kind == "department" and not _is_path(change.key):
        yield "its key is no path"


def _key(change: Change, fields: Fields) -> str:
    if change.kind == "department":
        above = str(fields.get("parent") or "")
        return path([*titles(above), str(fields["title"])]) if _is_path(above) else ""
    return "/".join(str(fields[field]) for field in _REQUIRED[change.kind])


def _is_path(text: str) -> bool:
    try:
        titles(text)
    except ValueError:
        return False
    return True
