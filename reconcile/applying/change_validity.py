"""Changes that no plan could hold, even in a file whose SHA-256 is right.

`allowed_changes` says what each action may change. A change is checked here by what it says, and in
the guards (`planning.guards.ownership`) by what it does to the platform.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from reconcile.applying.allowed_changes import ALLOWED, Allowed
from reconcile.model.change import Action, Change, Fields, mapping, text
from reconcile.model.kinds import KINDS, NAMES, Kind
from reconcile.model.platform import NOW
from reconcile.model.text.department_path import path, titles
from reconcile.model.text.sentences import misfit

_NO_FIELDS: Final[frozenset[str]] = frozenset()
_OWNER: Final = frozenset({"source", "external_id"})
"""The owner of an object, and the entry it stands for: only an undo restores them."""
_HAVE_OWNERS: Final[frozenset[Kind]] = frozenset({"department", "group", "user"})
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
_MAPPINGS: Final = {
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

    `undo`: the plan undoes a run, and may put back what people did. `lengths` are what the platform
    can hold (`Abilities.lengths`), where they are known.
    """
    return next(_reasons(change, undo, lengths or {}), "")


def _reasons(change: Change, undo: bool, lengths: Mapping[str, int]) -> Iterator[str]:
    allowed = ALLOWED.get((change.kind, change.action))
    if allowed is None or (allowed.undo and not undo):
        yield f"nothing {change.action}s a {change.kind}"
        return
    if not _has_sides(change, allowed):
        yield "its before and after do not fit its action"
        return
    yield from _wrong_fields(change, allowed, undo=undo)
    yield from _wrong_name(change)
    yield from _missing_fields(change, allowed, undo=undo)
    if change.action == "adopt" and change.fields_before.get("source"):
        yield "only an account without a source is adopted"
    if change.kind == "user":
        yield from _wrong_service(change, undo=undo)
    if not undo and _TEXTS[change.kind]:
        yield from _wrong_texts(change, lengths)


def _has_sides(change: Change, allowed: Allowed) -> bool:
    """Whether a change says what was before, and what is after, as far as its action has these."""
    sides = (change.before is not None, change.after is not None)
    return sides == (allowed.before, allowed.after)


def _wrong_fields(change: Change, allowed: Allowed, *, undo: bool) -> Iterator[str]:
    """Both sides hold fields that they may hold, each of its shape, and the same ones."""
    sides = [side for side in (change.before, change.after) if side is not None]
    foreign = _NO_FIELDS.union(*sides) - _fields_of(change, allowed, undo=undo)
    if foreign:
        yield f"it may not change {', '.join(sorted(foreign))}"
    for side in sides:
        if _has_wrong_shape(side, _MAPPINGS[change.kind]):
            yield "it has a value of the wrong shape"
    if len(sides) == 2:
        yield from _wrong_pair(*sides)


def _fields_of(change: Change, allowed: Allowed, *, undo: bool) -> frozenset[str]:
    """The fields that a change may hold: an undo also puts back whose something was."""
    if undo and change.kind in _HAVE_OWNERS:
        return allowed.fields | _OWNER
    return allowed.fields


def _has_wrong_shape(side: Fields, mappings: Collection[str]) -> bool:
    """Whether a text stands in the place of an object of text, or the other way round."""
    return any(isinstance(value, dict) != (field in mappings) for field, value in side.items())


def _wrong_pair(before: Fields, after: Fields) -> Iterator[str]:
    if before.keys() != after.keys():
        yield "before and after do not have the same fields"
    if {"groups"} < after.keys():
        yield "nested groups need a change of their own"


def _missing_fields(change: Change, allowed: Allowed, *, undo: bool) -> Iterator[str]:
    """An action has the fields that it needs."""
    # What an undo puts back may have been made by a person, who is no source.
    needs = allowed.needs - {"source", "origin"} if undo else allowed.needs
    after = change.fields_after
    yield from (f"it has no {field}" for field in sorted(needs) if not after.get(field))


def _wrong_name(change: Change) -> Iterator[str]:
    """The key is the name of what is created or deleted, and no name is emptied."""
    changed = change.before is not None and change.after is not None
    named = change.after or change.fields_before
    if not change.key or not _has_names(change, named, kept=changed):
        yield "it has no name"
    elif not changed and change.key != _key(change, named):
        yield "its key is not its name"
    elif change.kind == "department" and not _is_path(change.key):
        yield "its key is not a path"


def _has_names(change: Change, fields: Fields, *, kept: bool) -> bool:
    """Whether no name is empty. `kept`: one that is left out stays as it is."""
    return all(fields.get(field, kept) for field in NAMES[change.kind])


def _wrong_service(change: Change, *, undo: bool) -> Iterator[str]:
    """A user's status is one that the action leads to, and what goes with it has known values."""
    after = change.fields_after
    if "status" in after and after["status"] not in _LEADS.get(change.action, ()):
        yield "its status is not what its action says"
    for field, choices in _CHOICES.items():
        if field != "status" and text(after, field) not in choices:
            yield f"its {field} has an unknown value"
    # A grace period begins when a run first misses a person: only an undo puts back an earlier one.
    if not undo and text(after, "departed_at") not in ("", NOW):
        yield "its departed_at is not the time of the run"


def _wrong_texts(change: Change, lengths: Mapping[str, int]) -> Iterator[str]:
    """Each text that a directory supplies is one that an entry could have supplied."""
    for what, value, length in _texts(change):
        if why := misfit(what, value, lengths.get(length, 0)):
            yield why


def _texts(change: Change) -> Iterator[tuple[str, str, str]]:
    """What a text is called, the text itself, and which of the platform's lengths it may have."""
    after = change.fields_after
    for field in _TEXTS[change.kind]:
        what = field.name if change.kind == "user" else "the name"
        yield what, text(after, field.name), field.length
    for name, value in mapping(after, "attributes").items():
        yield f"attribute {name}", value or "", "attribute"


def _key(change: Change, fields: Fields) -> str:
    """The key that an object of these fields has; "" for a parent that is not a path."""
    if change.kind != "department":
        return "/".join(str(fields[field]) for field in NAMES[change.kind])
    above = text(fields, "parent")
    return path([*titles(above), str(fields["title"])]) if _is_path(above) else ""


def _is_path(text: str) -> bool:
    """Whether a text is the path of a department."""
    try:
        titles(text)
    except ValueError:
        return False
    return True
