"""What has moved on the platform since a plan was made: every `before` that is no longer true, in words."""

from collections.abc import Iterable, Iterator, Mapping

from reconcile.model.change import Change, Fields, Kind, makes, requirements
from reconcile.model.names import Names
from reconcile.model.platform import PlatformState


def moved(changes: Iterable[Change], current: PlatformState) -> list[str]:
    """One line for each thing that is not as the changes of this workspace expect it; none, and the plan holds."""
    changes = [change for change in changes if change.workspace == current.workspace]
    names = Names(current)
    objects = {kind: _Objects(names, kind) for kind in {change.kind for change in changes}}
    given_up = {
        (change.kind, change.key)
        for change in changes
        if change.before is not None
        and (change.after is None or change.after.keys() & {"username", "name", "title", "parent"})
    }
    makers = {(made[0], made[1].casefold()): change for change in changes if (made := makes(change))}
    lines: list[str] = []
    for change in changes:
        there = objects[change.kind]
        where = f"{change.kind} {change.key}"
        if change.before is None:
            key = _key_now(change, makers)
            if key in there and (change.kind, there.spelling(key)) not in given_up:
                lines.append(f"{where} exists by now")
            continue
        fields = there.fields(change.key)
        if fields is None:
            lines.append(f"{where} is gone")
        else:
            lines += (f"{where}: {difference}" for difference in _differences(change.before, fields))
    return lines


def _key_now(change: Change, makers: Mapping[tuple[Kind, str], Change]) -> str:
    """The key that something new would have now; "" for what needs a user or group that is yet to be made.

    `makers`: what the plan creates or renames, by its new name.
    """
    if change.kind not in ("grant", "membership"):
        return change.key
    parts: list[str] = []
    for need, name in requirements(change):
        maker = makers.get((need, name.casefold()))
        if maker is not None and maker.before is None:
            return ""
        parts.append(name if maker is None else maker.key)
    return "/".join([*parts, *(str(text) for field, text in (change.after or {}).items() if field == "role")])


class _Objects:
    """The objects of one kind by key, compared case-folded; fields are made only for those asked for."""

    def __init__(self, names: Names, kind: Kind) -> None:
        self._names = names
        self._objects = {names.key(one).casefold(): one for one in names.objects(kind)}

    def __contains__(self, key: str) -> bool:
        return key.casefold() in self._objects

    def spelling(self, key: str) -> str:
        return self._names.key(self._objects[key.casefold()])

    def fields(self, key: str) -> Fields | None:
        one = self._objects.get(key.casefold())
        return None if one is None else self._names.fields(one)


def _differences(before: Fields, now: Mapping[str, object]) -> Iterator[str]:
    for field, expected in before.items():
        found = now[field]
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
