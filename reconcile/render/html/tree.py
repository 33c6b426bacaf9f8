"""The departments that a plan is about, and what changes in each of them.

A plan names departments only where something changes, so the tree has these and the ones above
them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from reconcile.model.change import Change, makes, text
from reconcile.model.text.department_path import titles
from reconcile.render import wording

_Path: TypeAlias = tuple[str, ...]


@dataclass(slots=True)
class _Department:
    """What changes in a department itself, without those below it."""

    sign: str = ""
    """What happens to the department, "" for nothing."""
    becomes: str = ""
    """Its new path, "" if it stays the same."""
    joining: int = 0
    leaving: int = 0
    changes: list[int] = field(default_factory=list)
    """The positions of its changes in the list that the tree was made of."""


def department_tree(changes: Sequence[Change]) -> list[dict[str, object]]:
    """The departments from the top down, each followed by those below it.

    Each has `title`, `depth`, `sign` (what happens to the department itself), `becomes` (its new
    path), `joining` and `leaving` (users) and `changes` (positions in `changes`), without the
    departments below it. If there are several workspaces, each is above its departments.
    """
    several = wording.has_several_workspaces(changes)
    departments: dict[_Path, _Department] = {}
    for position, change in enumerate(changes):
        above = (change.workspace,) if several else ()
        for path, joining, leaving in _places(change):
            department = _added(departments, (*above, *path))
            department.joining += joining
            department.leaving += leaving
            department.changes.append(position)
            if change.kind == "department":
                department.sign = wording.sign(change)
                department.becomes = _new_path(change)
    return [
        {
            "title": path[-1],
            "depth": len(path) - 1,
            "sign": department.sign,
            "becomes": department.becomes,
            "joining": department.joining,
            "leaving": department.leaving,
            "changes": department.changes,
        }
        for path, department in sorted(departments.items(), key=_order)
    ]


def _order(item: tuple[_Path, _Department]) -> list[tuple[str, str]]:
    """By titles without regard to case; a department comes right before those below it."""
    path, _ = item
    return [(title.casefold(), title) for title in path]


def _new_path(change: Change) -> str:
    """The path of an existing department after the change; "" if it stays the same."""
    made = makes(change) if change.before is not None else None
    return made[1] if made else ""


def _added(departments: dict[_Path, _Department], path: _Path) -> _Department:
    """The department of a path; it is added with all those above it."""
    for depth in range(1, len(path)):
        departments.setdefault(path[:depth], _Department())
    return departments.setdefault(path, _Department())


def _places(change: Change) -> Iterator[tuple[_Path, int, int]]:
    """The departments that a change is about, and how many users join and leave each by it."""
    if change.kind == "department":
        yield from _at(change.key, 0, 0)
    elif change.kind == "user":
        before = text(change.fields_before, "department")
        after = text(change.fields_after, "department")
        if before != after:
            yield from _at(before, 0, 1)
            yield from _at(after, 1, 0)


def _at(path: str, joining: int, leaving: int) -> Iterable[tuple[_Path, int, int]]:
    """The place of a path; nothing for no path, or for text that is not one."""
    try:
        found = tuple(titles(path))
    except ValueError:
        return ()
    return [(found, joining, leaving)] if found else ()
