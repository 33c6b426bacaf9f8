"""Narrows a plan to targets named on the command line, and to what those need."""

from collections.abc import Iterable, Iterator, Mapping

from reconcile.errors import UsageError
from reconcile.model.change import Change, Kind, Skip, makes, nested_in, requirements
from reconcile.model.named_state import Names
from reconcile.model.platform import PlatformState
from reconcile.model.text import department_path
from reconcile.model.text.folding import fold_name

_KINDS: tuple[Kind, ...] = ("user", "group", "department")


def narrow(changes: tuple[Change, ...], targets: Iterable[str]) -> tuple[Change, ...]:
    """The changes of the targets, and what those need.

    Targets are `user:jdoe`, `group:Staff`, `department:Sales/EMEA`.

    A user brings its memberships and grants, its manager if that user is new, and the user that
    gives up the name it takes. A group brings its memberships, what is nested in it and what it is
    nested in, and the change that gives its new members to its source. Raises UsageError for text
    that is not a target.
    """
    wanted = {_parse(target) for target in targets}
    if not wanted:
        return changes
    needs = _Needs(changes)
    chosen = {at for at, change in enumerate(changes) if not wanted.isdisjoint(_concerns(change))}
    waiting = list(chosen)
    while waiting:
        for at in needs.of(changes[waiting.pop()]):
            if at not in chosen:
                chosen.add(at)
                waiting.append(at)
    return tuple(change for at, change in enumerate(changes) if at in chosen)


Place = tuple[str, str, str]
"""Workspace, kind and folded name."""


class _Needs:
    """Which changes of a plan need which others, by their positions."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._makers: dict[Place, int] = {}
        """A name → the change that creates or renames something to it."""
        self._freeing: dict[Place, int] = {}
        """A name → the change that gives it up."""
        self._handing: dict[Place, int] = {}
        """A name in the wanted state → the change that gives its owner to another source."""
        for at, change in enumerate(changes):
            made = makes(change)
            if made:
                self._makers[_place(change, *made)] = at
            if change.before is None:
                continue
            if change.after is None or made:
                self._freeing[_place(change, change.kind, change.key)] = at
            if "source" in (change.after or {}):
                name = made[1] if made else change.key
                self._handing[_place(change, change.kind, name)] = at

    def of(self, change: Change) -> Iterator[int]:
        """The changes that a change needs."""
        yield from _positions(self._makers, change, _needs(change))
        if change.kind in ("membership", "grant"):
            yield from _positions(self._handing, change, requirements(change))
        made = makes(change)
        if made is not None:
            yield from _positions(self._freeing, change, [made])


def _place(change: Change, kind: str, name: str) -> Place:
    return change.workspace, kind, fold_name(name)


def _positions(
    table: Mapping[Place, int], change: Change, named: Iterable[tuple[Kind, str]]
) -> Iterator[int]:
    """The positions of named things of the change's workspace, as far as the table has them."""
    for kind, name in named:
        position = table.get(_place(change, kind, name))
        if position is not None:
            yield position


def _needs(change: Change) -> Iterator[tuple[Kind, str]]:
    """What has to exist for a change: what it refers to, and every department above that."""
    for kind, name in requirements(change):
        yield kind, name
        if kind == "department":
            yield from _departments_above(name)
    manager = (change.after or {}).get("manager")
    if manager:
        yield "user", str(manager)
    for name in nested_in(change):
        yield "group", name


def _departments_above(path: str) -> Iterator[tuple[Kind, str]]:
    above = department_path.parent(path)
    while above:
        yield "department", above
        above = department_path.parent(above)


def check(
    targets: Iterable[str],
    changes: Iterable[Change],
    skips: Iterable[Skip],
    states: Iterable[PlatformState],
) -> None:
    """Raises UsageError for a target that is not on the platform, in the plan or in the skips."""
    wanted = {target: _parse(target) for target in targets}
    if not wanted:
        return
    known = {named for change in changes for named in _concerns(change)}
    known |= {("user", fold_name(skip.username)) for skip in skips}
    for state in states:
        names = Names(state)
        for kind in _KINDS:
            keys = (names.key(named) for named in names.objects(kind))
            known |= {(str(kind), fold_name(key)) for key in keys}
    for target, parsed in wanted.items():
        if parsed not in known:
            what, _, name = target.partition(":")
            raise UsageError(
                f"there is no {what} {name!r}: not on the platform, not in the plan,"
                " not among the skipped"
            )


def narrow_skips(skips: tuple[Skip, ...], targets: Iterable[str]) -> tuple[Skip, ...]:
    """The skips of the targets; all if there are no targets.

    Those of groups and departments are kept if any group or department is a target.
    """
    wanted = {_parse(target) for target in targets}
    if not wanted:
        return skips
    has_entries = any(kind != "user" for kind, _ in wanted)
    return tuple(
        skip
        for skip in skips
        if (("user", fold_name(skip.username)) in wanted if skip.username else has_entries)
    )


def _parse(target: str) -> tuple[str, str]:
    kind, colon, name = target.partition(":")
    if not colon or kind not in _KINDS or not name:
        raise UsageError(
            f"not a target: {target!r}. A target is one of user:NAME, group:NAME, department:PATH"
        )
    return kind, fold_name(name)


def _concerns(change: Change) -> set[tuple[str, str]]:
    """What a change is about, as kind and folded name, before and after."""
    concerned = {(str(change.kind), fold_name(change.key))}
    made = makes(change)
    if made is not None:
        concerned.add((made[0], fold_name(made[1])))
    is_pair = change.kind in ("membership", "grant")
    for fields in (change.before or {}, change.after or {}):
        for part in ("user", "group"):
            if is_pair and part in fields:
                concerned.add((part, fold_name(str(fields[part]))))
        nested = fields.get("groups")
        if isinstance(nested, dict):
            concerned.update(("group", fold_name(name)) for name in nested)
    return concerned
