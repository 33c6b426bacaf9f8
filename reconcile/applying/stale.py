"""What has changed on the platform since a plan was made: every `before` that no longer holds."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple, TypeAlias

from reconcile.model.change import Change, Fields, Kind, makes, requirements
from reconcile.model.kinds import KEYS, NAMES, PAIRS
from reconcile.model.named_state import Named, StateNames
from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name

Key: TypeAlias = tuple[str, ...]


class Difference(NamedTuple):
    """Something that is not as a plan expects it."""

    line: str
    """What it is, for people."""
    exists: bool = False
    """The plan creates it, and it already exists."""
    gone: bool = False
    """The plan changes it, and it does not exist."""


def differences(changes: Iterable[Change], current: PlatformState) -> list[Difference]:
    """Everything that is not as the changes of this workspace expect it.

    None: the plan still holds.
    """
    changes = [change for change in changes if change.workspace == current.workspace]
    names = StateNames(current)
    objects = {kind: _Objects(names, kind) for kind in {change.kind for change in changes}}
    # Of a first import nothing exists whose name a change could take.
    news = any(change.before is None and objects[change.kind] for change in changes)
    names_then = _NamesThen(changes if news else ())
    lines: list[Difference] = []
    for change in changes:
        own = objects[change.kind]
        if change.before is not None:
            lines += _differing(change, change.before, own)
        elif own and names_then.is_taken(change, own):
            line = f"{change.kind} {change.key} already exists"
            lines.append(Difference(line, exists=True))
    return lines


class _NamesThen:
    """Which names the changes of a plan give up, and which they make."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._makers: dict[tuple[Kind, str], Change] = {}
        """Kind and folded name → the change that creates what has it, or renames it to that."""
        self._given_up: set[tuple[Kind, Key]] = set()
        for change in changes:
            if made := makes(change):
                self._makers[made[0], fold_name(made[1])] = change
            if change.before is not None and _gives_up_its_key(change):
                self._given_up.add((change.kind, _key(change, change.before)))

    def is_taken(self, change: Change, objects: "_Objects") -> bool:
        """Whether something has the key of what is to be created, and the plan does not free it."""
        key = self._key_now(change)
        if key is None:
            return False
        return any((change.kind, like) not in self._given_up for like in objects.like(key))

    def _key_now(self, change: Change) -> Key | None:
        """The key that something new would have now.

        None if it needs a user or group that is new, too.
        """
        key = list(_key(change, change.fields_after))
        if change.kind not in PAIRS:
            return tuple(key)
        for at, (kind, name) in enumerate(requirements(change)):
            maker = self._makers.get((kind, fold_name(name)))
            if maker is None:
                key[at] = name
                continue
            if maker.before is None:
                return None
            key[at] = maker.key
        return tuple(key)


def _gives_up_its_key(change: Change) -> bool:
    """Whether an existing object is deleted, or gets another key."""
    return change.after is None or not KEYS[change.kind].isdisjoint(change.after)


def _key(change: Change, fields: Fields) -> Key:
    """The key of what a change is about: its name, or the two names of a grant or membership."""
    if change.kind not in PAIRS:
        return (change.key,)
    return tuple(str(fields[field]) for field in NAMES[change.kind] if field in fields)


class _Objects:
    """The objects of one kind by key; fields are made only for those asked for."""

    def __init__(self, names: StateNames, kind: Kind) -> None:
        self._names = names
        self._objects: dict[Key, Named] = {
            names.parts(thing): thing for thing in names.objects(kind)
        }
        self._kind: Kind = kind

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._objects)

    @cached_property
    def _folded(self) -> dict[Key, list[Key]]:
        """Key without case → the keys that differ at most in it; few plans need to know."""
        folded: dict[Key, list[Key]] = {}
        for key in self._objects:
            folded.setdefault(_folded(key, self._kind), []).append(key)
        return folded

    def like(self, key: Key) -> list[Key]:
        """The keys of all that differ from this one at most in case."""
        return self._folded.get(_folded(key, self._kind), [])

    def fields(self, key: Key) -> Fields | None:
        """The fields of the object of this key, or of the only one that differs just in case."""
        if key not in self._objects:
            alike = self.like(key)
            if len(alike) != 1:
                return None
            (key,) = alike
        return self._names.fields(self._objects[key])


def _folded(key: Key, kind: Kind) -> Key:
    """Names compare without regard to case, except for roles."""
    return (fold_name(key[0]), key[1]) if kind == "grant" else tuple(map(fold_name, key))


def _differing(change: Change, before: Fields, objects: _Objects) -> Iterator[Difference]:
    """What is not as `before` says, one for each field."""
    now = objects.fields(_key(change, before))
    if now is None:
        yield Difference(f"{change.kind} {change.key} no longer exists", gone=True)
        return
    for field, expected in before.items():
        value = _comparable(expected, now.get(field))
        if value != expected:
            for line in _explain(field, expected, value):
                yield Difference(f"{change.kind} {change.key}: {line}")


def _comparable(expected: object, value: object) -> object:
    """What now is in the place of what is expected; of an object, only the parts it names."""
    if isinstance(expected, dict) and isinstance(value, dict):
        return {name: value.get(name) for name in expected}
    return value


def _explain(field: str, expected: object, value: object) -> Iterator[str]:
    """Where a value changed; an object is compared part by part."""
    if not isinstance(expected, dict):
        yield f"{field} was {_quoted(expected)}, is {_quoted(value)}"
        return
    from deepdiff import DeepDiff

    compared = DeepDiff(expected, value, view="tree", threshold_to_diff_deeper=0)
    parts = [level for levels in compared.values() for level in levels]
    for level in sorted(parts, key=lambda level: str(level.path())):
        name = level.path(output_format="list")[-1]
        yield f"{field}.{name} was {_quoted(level.t1)}, is {_quoted(level.t2)}"


def _quoted(value: object) -> str:
    """A value as people read it."""
    return "nothing" if value is None else f"{value!r}"
