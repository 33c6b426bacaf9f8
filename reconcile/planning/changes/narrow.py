"""Narrows a plan to the targets of the command line, and to what they need."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from reconcile.errors import UsageError
from reconcile.model.change import Change, Fields, Kind, Skip, makes, nested_in, requirements
from reconcile.model.named_state import Names
from reconcile.model.platform import PlatformState
from reconcile.model.text import department_path
from reconcile.model.text.folding import fold_name

_KINDS: tuple[Kind, ...] = ("user", "group", "department")


def narrow(changes: tuple[Change, ...], targets: Iterable[str]) -> tuple[Change, ...]:
    """The changes of the targets, and the changes these need.

    Targets are `user:jdoe`, `group:Staff`, `department:Sales/EMEA`. A user brings its memberships
    and grants, its manager if the manager is new, and the user that gives up the name it takes. A
    group brings its memberships, the groups nested in it and around it, and the changes that hand
    its new members over to its source. Raises UsageError for text that is no target.
    """
    wanted = {_parse(target) for target in targets}
    if not wanted:
        return changes
    needed = _Needed(changes)
    chosen = {at for at, change in enumerate(changes) if not wanted.isdisjoint(_concerns(change))}
    waiting = list(chosen)
    while waiting:
        for at in needed.by(changes[waiting.pop()]):
            if at not in chosen:
                chosen.add(at)
                waiting.append(at)
    return tuple(change for at, change in enumerate(changes) if at in chosen)


_Place: TypeAlias = tuple[str, str, str]
"""Workspace, kind and folded name."""


class _Needed:
    """The changes of a plan by what they do for others; each is a position in the plan."""

    def __init__(self, changes: tuple[Change, ...]) -> None:
        self._making: dict[_Place, int] = {}
        self._freeing: dict[_Place, int] = {}
        self._handing: dict[_Place, int] = {}
        """Changes of the source that an object belongs to."""
        for at, change in enumerate(changes):
            made = makes(change)
            if made is not None:
                self._making[_place(change, *made)] = at
            if change.before is None:
                continue
            if change.after is None or made is not None:
                self._freeing[_place(change, change.kind, change.key)] = at
            if "source" in (change.after or {}):
                name = change.key if made is None else made[1]
                self._handing[_place(change, change.kind, name)] = at

    def by(self, change: Change) -> Iterator[int]:
        """The changes without which one cannot be applied, or would have another result."""
        # What it refers to must exist.
        places = [(self._making, kind, name) for kind, name in _needs(change)]
        # The ends of a membership or grant must belong to the source that gives it.
        if change.kind in ("membership", "grant"):
            places += [(self._handing, kind, name) for kind, name in requirements(change)]
        # The name it takes must be free.
        made = makes(change)
        if made is not None:
            places.append((self._freeing, *made))
        for table, kind, name in places:
            at = table.get(_place(change, kind, name))
            if at is not None:
                yield at


def _place(change: Change, kind: Kind, name: str) -> _Place:
    return change.workspace, kind, fold_name(name)


def _needs(change: Change) -> Iterator[tuple[Kind, str]]:
    for kind, name in requirements(change):
        yield kind, name
        above = department_path.parent(name) if kind == "department" else ""
        while above:
            yield kind, above
            above = department_path.parent(above)
    manager = (change.after or {}).get("manager")
    if manager:
        yield "user", str(manager)
    for name in nested_in(change):
        yield "group", name


def check(
    targets: Iterable[str],
    changes: Iterable[Change],
    skips: Iterable[Skip],
    states: Iterable[PlatformState],
) -> None:
    """Raises UsageError for a target that is not on the platform, in the plan or skipped."""
    wanted = {target: _parse(target) for target in targets}
    if not wanted:
        return
    known = {named for change in changes for named in _concerns(change)}
    known |= {("user", fold_name(skip.username)) for skip in skips}
    for state in states:
        names = Names(state)
        for kind in _KINDS:
            known |= {(str(kind), fold_name(names.key(one))) for one in names.objects(kind)}
    for target, parsed in wanted.items():
        if parsed not in known:
            what, _, name = target.partition(":")
            raise UsageError(
                f"there is no {what} {name!r}: not on the platform, not in the plan,"
                " not among the skipped"
            )


def narrow_skips(skips: tuple[Skip, ...], targets: Iterable[str]) -> tuple[Skip, ...]:
    """The skips that concern the targets; without targets, all skips.

    A skip of a user is kept if the user is a target, one of an entry if any group or department is.
    """
    wanted = {_parse(target) for target in targets}
    if not wanted:
        return skips
    with_entries = any(kind != "user" for kind, _ in wanted)
    return tuple(skip for skip in skips if _is_wanted(skip, wanted, with_entries=with_entries))


def _is_wanted(skip: Skip, wanted: set[tuple[str, str]], *, with_entries: bool) -> bool:
    if skip.username:
        return ("user", fold_name(skip.username)) in wanted
    return with_entries


def _parse(target: str) -> tuple[str, str]:
    kind, colon, name = target.partition(":")
    if not colon or kind not in _KINDS or not name:
        raise UsageError(
            f"not a target: {target!r}. A target is one of user:NAME, group:NAME, department:PATH"
        )
    return kind, fold_name(name)


def _concerns(change: Change) -> set[tuple[str, str]]:
    concerned = {(str(change.kind), fold_name(change.key))}
    made = makes(change)
    if made is not None:
        concerned.add((made[0], fold_name(made[1])))
    for fields in (change.before, change.after):
        if fields is not None:
            concerned.update(_named_in(fields, change.kind))
    return concerned


def _named_in(fields: Fields, kind: Kind) -> Iterator[tuple[str, str]]:
    """The ends of a membership or grant, and the groups that a group is nested in."""
    if kind in ("membership", "grant"):
        for part in ("user", "group"):
            if part in fields:
                yield part, fold_name(str(fields[part]))
    nested = fields.get("groups")
    if isinstance(nested, dict):
        for name in nested:
            yield "group", fold_name(name)
