"""Changes that no plan could hold, however right the SHA-256 of the file they stand in.

`ALLOWED` says what each action may change. What a plan writes is checked by what it says here, and
by what it does to the platform in the guards (`planning.hands`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from reconcile.model.change import Action, Change, Fields, Kind
from reconcile.model.kinds import KINDS, NAMES, names, of_aspect
from reconcile.model.platform import NOW, Reading
from reconcile.model.text.department_path import path, titles
from reconcile.model.text.printing import quoted
from reconcile.model.text.sentences import misfit


class Allowed(NamedTuple):
    """What an action is: the sides it has, the fields these may hold, and those `after` has to."""

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
_STANDING: Final = frozenset(of_aspect("user", "service"))
_OWNER: Final = frozenset({"source", "external_id"})
"""Whose something is, and which entry it stands for."""


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
    ("user", "adopt"): _changed(_USER - _STANDING, "source"),
    ("user", "relink"): _changed(_USER - _STANDING),
    ("user", "activate"): _changed(_STANDING, "status"),
    ("user", "deactivate"): _changed(_STANDING, "status"),
    ("user", "block"): _changed(_STANDING, "status"),
    ("user", "erase"): _changed(_USER - {"source"}, "status"),
    ("user", "delete"): _deleted(_USER),
    ("grant", "create"): _created(_GRANT, "user", "role", "origin"),
    ("grant", "delete"): _deleted(_GRANT),
    ("membership", "create"): _created(_MEMBERSHIP, "user", "group", "origin"),
    ("membership", "delete"): _deleted(_MEMBERSHIP),
}
"""The changes that plans hold. An update never says whose something is, nor whether a user is in
service."""

_CHOICES: Final[Mapping[str, frozenset[str]]] = {
    field.name: frozenset(field.choices) for field in KINDS["user"] if field.choices
}
_LEADS: Final[Mapping[Action, frozenset[str]]] = {
    "create": _CHOICES["status"] - {"erased"},
    "activate": frozenset({"active", "vacation"}),
    "deactivate": frozenset({"inactive"}),
    "block": frozenset({"blocked", "blocked_in_directory"}),
    "erase": frozenset({"erased"}),
}
"""The statuses that an action on a user leads to."""
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_FIRST_YEAR: Final = 2000
_LONGEST_NAME: Final = 1000
"""Characters of a name in a plan's header; those that a platform keeps are shorter."""
_MOST: Final = 2**31
"""More than a source holds of anything."""
_OBJECTS: Final = {
    kind: frozenset(field.name for field in fields if field.mapping)
    for kind, fields in KINDS.items()
}
_TEXTS: Final = {
    kind: tuple(field for field in fields if field.length and not field.mapping)
    for kind, fields in KINDS.items()
}
"""Kind → the texts that a directory supplies."""


def invalid_reason(
    change: Change, *, undo: bool = False, lengths: Mapping[str, int] | None = None
) -> str:
    """What is wrong with the change; "" for one that a plan can hold.

    `undo` is whether the plan undoes a run, which may put back what people did; `lengths` are what
    the platform can hold (`Limits.lengths`), where they are known.
    """
    return next(_faults(change, undo, lengths or {}), "")


def _faults(change: Change, undo: bool, lengths: Mapping[str, int]) -> Iterator[str]:
    allowed = ALLOWED.get((change.kind, change.action))
    if allowed is None or (allowed.undo and not undo):
        yield f"nothing {change.action}s a {change.kind}"
        return
    if (allowed.before, allowed.after) != (change.before is not None, change.after is not None):
        yield "it has the wrong sides"
        return
    yield from _shape(change, allowed, undo=undo)
    yield from _names(change)
    yield from _needs(change, allowed, undo=undo)
    if change.action == "adopt" and (change.before or {}).get("source"):
        yield "who has a source is not adopted"
    if change.kind == "user" and change.after is not None:
        yield from _standing(change, change.after, undo=undo)
    if not undo and change.after is not None:
        yield from _texts(change.kind, change.after, lengths)


def _shape(change: Change, allowed: Allowed, *, undo: bool) -> Iterator[str]:
    """Whether the sides hold the fields they may, each of its shape."""
    sides = [side for side in (change.before, change.after) if side is not None]
    may = allowed.fields | (
        _OWNER if undo and change.kind in ("department", "group", "user") else set()
    )
    if foreign := sorted({field for side in sides for field in side} - may):
        yield f"it may not change {', '.join(foreign)}"
    objects = _OBJECTS[change.kind]
    if any(isinstance(side[field], dict) != (field in objects) for side in sides for field in side):
        yield "it has a value of the wrong shape"
    if len(sides) == 2 and sides[0].keys() != sides[1].keys():
        yield "before and after are not of the same fields"
    if len(sides) == 2 and change.kind == "group" and "groups" in sides[1] and len(sides[1]) > 1:
        yield "what a group is nested in is changed by itself"


def _needs(change: Change, allowed: Allowed, *, undo: bool) -> Iterator[str]:
    """Whether all is there that the action has to have."""
    # What an undo puts back a person may have made, who is no source.
    needs = allowed.needs - {"source", "origin"} if undo else allowed.needs
    for field in sorted(needs):
        if not (change.after or {}).get(field):
            yield f"it has no {field}"


def _names(change: Change) -> Iterator[str]:
    """Whether the key is the name of what is made or goes, and no name is emptied."""
    changed = change.before is not None and change.after is not None
    named = (change.before if change.after is None else change.after) or {}
    fields = [field for field in NAMES[change.kind] if not changed or field in named]
    if not change.key or not all(named.get(field) for field in fields):
        yield "it has no name"
    elif not changed and change.key != _key(change, named):
        yield "its key is not its name"
    elif change.kind == "department" and not _is_path(change.key):
        yield "its key is no path"


def _standing(change: Change, after: Fields, *, undo: bool) -> Iterator[str]:
    """Whether a user's status and what goes with it are values that there are, and what the action says."""
    if "status" in after and after["status"] not in _LEADS.get(change.action, ()):
        yield "it is not what its action says"
    for field, choices in _CHOICES.items():
        # Which status it may have depends on the action, which was looked at above.
        if field != "status" and (after.get(field) or "") not in choices:
            yield f"its {field} is none that there is"
    moment = after.get("departed_at")
    # A grace period begins when a run first misses a person; only an undo may put back an earlier
    # time.
    if moment and moment != NOW and not undo:
        yield "its departed_at is not the time of the run"


def is_time(text: str) -> bool:
    """Whether it is a time as plans have it: `2026-01-31T23:59:59Z`."""
    try:
        return (
            _TIME.fullmatch(text) is not None and datetime.fromisoformat(text).year >= _FIRST_YEAR
        )
    except ValueError:
        return False


def header_fault(texts: Iterable[str], times: Iterable[str], readings: Sequence[Reading]) -> str:
    """What is wrong with what a plan says of itself: names, moments, how much sources held; "" for nothing."""
    for text in texts:
        if quoted(text, _LONGEST_NAME) != text:
            return f"{quoted(text)} is no name"
    for moment in times:
        if not is_time(moment):
            return f"{quoted(moment)} is no time"
    if len({one.source for one in readings}) < len(readings):
        return "it says twice how much a source held"
    counts = (
        count for one in readings for count in (one.persons, one.groups, one.units, one.members)
    )
    wrong = next((count for count in counts if count is not None and not 0 <= count < _MOST), None)
    return "" if wrong is None else f"{quoted(str(wrong))} is no count of what a source held"


def _texts(kind: Kind, after: Fields, lengths: Mapping[str, int]) -> Iterator[str]:
    """Whether each text that a directory supplies is one that an entry could have supplied."""
    for field in _TEXTS[kind]:
        what = field.name if kind == "user" else "the name"
        text = str(after.get(field.name) or "")
        yield from filter(None, [misfit(what, text, lengths.get(field.length, 0))])
    attributes = after.get("attributes")
    for name, value in attributes.items() if isinstance(attributes, dict) else ():
        what = f"attribute {name}"
        yield from filter(None, [misfit(what, value or "", lengths.get("attribute", 0))])


def _key(change: Change, fields: Fields) -> str:
    if change.kind == "department":
        above = str(fields.get("parent") or "")
        return path([*titles(above), str(fields["title"])]) if _is_path(above) else ""
    return "/".join(str(fields[field]) for field in NAMES[change.kind])


def _is_path(text: str) -> bool:
    try:
        titles(text)
    except ValueError:
        return False
    return True
