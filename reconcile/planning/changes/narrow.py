"""Narrows a plan to targets named on the command line, and to what those need."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from msgspec.structs import replace

from reconcile.errors import UsageError
from reconcile.model.change import (
    Change,
    Fields,
    Kind,
    Skip,
    makes,
    mapping,
    nested_in,
    requirements,
    text,
)
from reconcile.model.kinds import PAIRS
from reconcile.model.named_state import StateNames
from reconcile.model.notice import LeftOut, LeftOutPerson
from reconcile.model.platform import PlatformState
from reconcile.model.text import department_path
from reconcile.model.text.folding import fold_name
from reconcile.model.transitive import reachable

_KINDS: Final[tuple[Kind, ...]] = ("user", "group", "department")
Subject: TypeAlias = tuple[str, str]
"""Kind and folded name."""
Place: TypeAlias = tuple[str, str, str]
"""Workspace, kind and folded name."""


def narrow(changes: tuple[Change, ...], targets: Iterable[str]) -> tuple[Change, ...]:
    """The changes of the targets, and what those need.

    Targets are `user:jdoe`, `group:Staff`, `department:Sales/EMEA`.

    A user brings its memberships and grants, its manager if that user is new, and the user that
    gives up the name it takes. A group brings its memberships, what is nested in it and what it is
    nested in, and the change that gives its new members to its source. Raises UsageError for text
    that is not a target.
    """
    wanted = set(map(_parsed, targets))
    if not wanted:
        return changes
    needs = _Needs(changes)
    named = (at for at, change in enumerate(changes) if not wanted.isdisjoint(concerns(change)))
    chosen = reachable(named, lambda at: needs.of(changes[at]))
    return tuple(changes[at] for at in sorted(chosen))


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
            self._add(at, change)

    def _add(self, at: int, change: Change) -> None:
        """Notes what a change makes, gives up and gives to another source."""
        made = makes(change)
        if made is not None:
            self._makers[_place(change, *made)] = at
        if change.before is None:
            return
        if change.after is None or made is not None:
            self._freeing[_place(change, change.kind, change.key)] = at
        if "source" in change.fields_after:
            name = change.key if made is None else made[1]
            self._handing[_place(change, change.kind, name)] = at

    def of(self, change: Change) -> Iterator[int]:
        """The changes that a change needs."""
        yield from _positions(self._makers, change, _needs(change))
        if change.kind in PAIRS:
            yield from _positions(self._handing, change, requirements(change))
        made = makes(change)
        if made is not None:
            yield from _positions(self._freeing, change, [made])


def _place(change: Change, kind: str, name: str) -> Place:
    """Where a name is looked up: names mean something within a workspace only."""
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
    manager = text(change.fields_after, "manager")
    if manager:
        yield "user", manager
    for name in nested_in(change):
        yield "group", name


def _departments_above(path: str) -> Iterator[tuple[Kind, str]]:
    """Every department above one, nearest first."""
    above = department_path.parent(path)
    while above:
        yield "department", above
        above = department_path.parent(above)


def check(
    targets: Iterable[str],
    changes: Iterable[Change],
    skips: Iterable[Skip],
    left_out: Iterable[LeftOut],
    states: Iterable[PlatformState],
) -> None:
    """Raises UsageError for a target that is nowhere.

    That is not on the platform, in the plan, in the skips or among those left out.
    """
    wanted = {target: _parsed(target) for target in targets}
    if not wanted:
        return
    known = {("user", fold_name(skip.username)) for skip in skips}
    for each in left_out:
        known.update(("user", fold_name(person.username)) for person in each.people)
    for change in changes:
        known |= concerns(change)
    for state in states:
        known.update(_on_platform(state))
    for target, subject in wanted.items():
        if subject not in known:
            kind, _, name = target.partition(":")
            raise UsageError(
                f"there is no {kind} {name!r}: not on the platform, not in the plan,"
                " not among the skipped"
            )


def _on_platform(state: PlatformState) -> Iterator[Subject]:
    """All that a workspace has and can be a target."""
    names = StateNames(state)
    for kind in _KINDS:
        for named in names.objects(kind):
            yield kind, fold_name(names.key(named))


def narrow_skips(skips: tuple[Skip, ...], targets: Iterable[str]) -> tuple[Skip, ...]:
    """The skips of the targets; all if there are no targets.

    Those of groups and departments are kept if any group or department is a target.
    """
    wanted = set(map(_parsed, targets))
    if not wanted:
        return skips
    has_entries = any(kind != "user" for kind, _ in wanted)
    return tuple(skip for skip in skips if _is_of_target(skip, wanted, has_entries=has_entries))


def narrow_left_out(left_out: tuple[LeftOut, ...], targets: Iterable[str]) -> tuple[LeftOut, ...]:
    """Those of the targets that are left out; all if there are no targets."""
    wanted = set(map(_parsed, targets))
    if not wanted:
        return left_out
    narrowed: list[LeftOut] = []
    for each in left_out:
        people = [person for person in each.people if _is_wanted(person, wanted)]
        if people:
            narrowed.append(replace(each, number=len(people), people=tuple(people)))
    return tuple(narrowed)


def _is_wanted(person: LeftOutPerson, wanted: Collection[Subject]) -> bool:
    """Whether a person is among the targets, by its login name."""
    return ("user", fold_name(person.username)) in wanted


def _is_of_target(skip: Skip, wanted: Collection[Subject], *, has_entries: bool) -> bool:
    """Whether a skip is kept; `has_entries`: a group or department is among the targets."""
    if not skip.username:
        return has_entries
    return ("user", fold_name(skip.username)) in wanted


def _parsed(target: str) -> Subject:
    """What a target names. Raises UsageError for text that is no target."""
    kind, _, name = target.partition(":")
    if kind not in _KINDS or not name:
        raise UsageError(
            f"not a target: {target!r}. A target is one of user:NAME, group:NAME, department:PATH"
        )
    return kind, fold_name(name)


def concerns(change: Change) -> set[Subject]:
    """What a change is about, as kind and folded name, before and after."""
    named: set[tuple[str, str]] = {(change.kind, change.key)}
    made = makes(change)
    if made is not None:
        named.add(made)
    for fields in (change.fields_before, change.fields_after):
        named.update(("group", group) for group in mapping(fields, "groups"))
        if change.kind in PAIRS:
            named.update(_tied(fields))
    return {(kind, fold_name(name)) for kind, name in named}


def _tied(fields: Fields) -> Iterator[tuple[str, str]]:
    """The user and the group that a grant or membership names."""
    for kind in ("user", "group"):
        if kind in fields:
            yield kind, str(fields[kind])
