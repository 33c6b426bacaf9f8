"""What has moved on the platform since a plan was made: every `before` that is no longer true, in words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from reconcile.model.change import Change, Fields, Kind, makes, requirements
from reconcile.model.kinds import KEYS, NAMES, PAIRS
from reconcile.model.named_state import Named, Names
from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name

Key: TypeAlias = tuple[str, ...]


def moved(changes: Iterable[Change], current: PlatformState) -> list[str]:
    """One line for each thing that is not as the changes of this workspace expect it; none, and the plan holds."""
    changes = [change for change in changes if change.workspace == current.workspace]
    names = Names(current)
    objects = {kind: _Objects(names, kind) for kind in {change.kind for change in changes}}
    makers = {
        (made[0], fold_name(made[1])): change for change in changes if (made := makes(change))
    }
    given_up = {
        (change.kind, _key(change, change.before))
        for change in changes
        if change.before is not None
        and (change.after is None or change.after.keys() & KEYS[change.kind])
    }
    lines: list[str] = []
    for change in changes:
        there = objects[change.kind]
        if change.before is None:
            key = _key_now(change, makers) if there else None
            if key is not None and any(
                (change.kind, found) not in given_up for found in there.like(key)
            ):
                lines.append(f"{change.kind} {change.key} exists by now")
            continue
        fields = there.fields(_key(change, change.before))
        if fields is None:
            lines.append(f"{change.kind} {change.key} is gone")
        else:
            lines += (
                f"{change.kind} {change.key}: {difference}"
                for difference in _differences(change.before, fields)
            )
    return lines


def _key(change: Change, fields: Fields | None) -> Key:
    """The key of what a change is about: its name, or the two names of a grant or membership."""
    if change.kind not in PAIRS:
        return (change.key,)
    fields = fields or {}
    return tuple(str(fields.get(field)) for field in NAMES[change.kind] if field in fields)


def _key_now(change: Change, makers: Mapping[tuple[Kind, str], Change]) -> Key | None:
    """The key that something new would have now; None for what needs a user or group that is yet to be made.

    `makers`: what the plan creates or renames, by its new name.
    """
    key = list(_key(change, change.after))
    if change.kind in PAIRS:
        for at, (need, name) in enumerate(requirements(change)):
            maker = makers.get((need, fold_name(name)))
            if maker is not None and maker.before is None:
                return None
            key[at] = name if maker is None else maker.key
    return tuple(key)


class _Objects:
    """The objects of one kind by key; fields are made only for those asked for."""

    def __init__(self, names: Names, kind: Kind) -> None:
        self._names = names
        self._objects: dict[Key, Named] = {}
        self._folded: dict[Key, list[Key]] = {}
        for one in names.objects(kind):
            key = names.parts(one)
            self._objects[key] = one
            self._folded.setdefault(_folded(key, kind), []).append(key)
        self._kind: Kind = kind

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._objects)

    def like(self, key: Key) -> list[Key]:
        """The keys of all that differ from this one by nothing but case."""
        return self._folded.get(_folded(key, self._kind), [])

    def fields(self, key: Key) -> Fields | None:
        """The fields of the very object, or of the only one that differs by nothing but case."""
        found = self.like(key)
        if key not in self._objects and len(found) != 1:
            return None
        return self._names.fields(self._objects[key if key in self._objects else found[0]])


def _folded(key: Key, kind: Kind) -> Key:
    """Names compare without regard to case, all but those of roles."""
    return (fold_name(key[0]), key[1]) if kind == "grant" else tuple(map(fold_name, key))


def _differences(before: Fields, now: Mapping[str, object]) -> Iterator[str]:
    for field, expected in before.items():
        found = now.get(field)
        if isinstance(expected, dict) and isinstance(found, dict):
            found = {name: found.get(name) for name in expected}
        if found != expected:
            yield from _explain(field, expected, found)


def _explain(field: str, expected: object, found: object) -> Iterator[str]:
    """Where a value moved; nested ones are told part by part."""
    if not isinstance(expected, dict):
        yield f"{field} was {_quoted(expected)}, is {_quoted(found)}"
        return
    from deepdiff import DeepDiff

    parts = [
        level
        for levels in DeepDiff(expected, found, view="tree", threshold_to_diff_deeper=0).values()
        for level in levels
    ]
    for level in sorted(parts, key=lambda level: str(level.path())):
        yield f"{field}.{level.path(output_format='list')[-1]} was {_quoted(level.t1)}, is {_quoted(level.t2)}"


def _quoted(value: object) -> str:
    return "nothing" if value is None else f"{value!r}"
