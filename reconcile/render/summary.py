"""The numbers of a plan or a report for each source: how many of everything.

A user whose department changes is moved, and updated only if more than the DN changes with it; one
that is renamed and blocked counts as both. `existing` are those nothing happens to; it is not known
for a plan narrowed to targets.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeAlias

from reconcile.model.change import Change, Fields, Plan, Skip, SkipKind, mapping
from reconcile.model.report import Report

_ENDINGS: Final = ("failed", "unknown")
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "users": (
        "existing",
        "created",
        "adopted",
        "updated",
        "moved",
        "returned",
        "deactivated",
        "blocked",
        "erased",
        "removed",
        "impossible",
        "needs_action",
        *_ENDINGS,
    ),
    "departments": (
        "existing",
        "created",
        "updated",
        "renamed",
        "moved",
        "removed",
        "impossible",
        "needs_action",
        *_ENDINGS,
    ),
    "groups": (
        "existing",
        "created",
        "updated",
        "renamed",
        "removed",
        "impossible",
        "needs_action",
        *_ENDINGS,
    ),
    "nested_groups": ("created", "removed", *_ENDINGS),
    "memberships": ("created", "removed", "impossible", "needs_action", *_ENDINGS),
    "grants": ("created", "removed", *_ENDINGS),
    "managers": ("assigned", "cleared", *_ENDINGS),
}
"""What is counted of what."""

ORDER: Final = (
    "existing",
    "created",
    "adopted",
    "assigned",
    "updated",
    "renamed",
    "moved",
    "returned",
    "cleared",
    "deactivated",
    "blocked",
    "erased",
    "removed",
    "needs_action",
    "no_action",
    *_ENDINGS,
)
"""The columns for people: `no_action` is the rest of what is impossible."""

Counts: TypeAlias = dict[tuple[str, str], dict[str, dict[str, int]]]
"""Workspace and source → what → how → how many. Everything of COLUMNS is there."""

_ROWS: Final = {
    "user": "users",
    "department": "departments",
    "group": "groups",
    "membership": "memberships",
    "grant": "grants",
}
_DONE: Final = {
    "create": "created",
    "adopt": "adopted",
    "activate": "returned",
    "deactivate": "deactivated",
    "block": "blocked",
    "erase": "erased",
    "delete": "removed",
}
_NOT_DONE: Final = {"failed": "failed", "skipped": "failed", "unknown": "unknown"}


def planned(plan: Plan) -> Counts:
    """What the plan would do, and what exists and is left as it is."""
    return _count(plan, ((change, "") for change in plan.changes))


def done(plan: Plan, report: Report) -> Counts:
    """The outcome: what was applied, and what is `failed` or `unknown`."""
    outcomes = report.outcomes
    if report.count("applied") == len(outcomes):
        return _count(plan, ((each.change, "") for each in outcomes))
    return _count(plan, ((each.change, _NOT_DONE.get(each.result, "")) for each in outcomes))


_Place: TypeAlias = tuple[str, str, str]
"""Workspace, source, and what is counted."""
_Numbers: TypeAlias = Counter[tuple[str, str, str, str]]
"""Workspace, source, what is counted and how → how many."""
_Links: TypeAlias = Counter[tuple[str, str, str, str, str]]
"""Workspace, source, kind, action, and how it is counted instead ("" for that) → how many."""


@dataclass(slots=True)
class _Objects:
    """The keys of objects by what is counted of them, so that each counts once in a column."""

    counted: defaultdict[tuple[str, str, str, str], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )
    touched: defaultdict[_Place, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Objects that exist and are changed."""
    joining: defaultdict[_Place, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Objects that exist and did not belong to the source before."""

    def take(self, change: Change, instead: str) -> None:
        """Counts a change as what it says, or as `instead` unless that is ""."""
        workspace, source = change.workspace, change.source
        if change.kind == "source":
            self.counted[workspace, source, "", ""].add("")
            return
        for what, how, key in _effects(change):
            self.counted[workspace, source, what, instead or how].add(key)
        if change.before is not None:
            place = workspace, source, _ROWS[change.kind]
            self.touched[place].add(change.key)
            if change.after is not None and "source" in change.after:
                self.joining[place].add(change.key)


def _count(plan: Plan, changes: Iterable[tuple[Change, str]]) -> Counts:
    """`changes`: each with how it is counted instead of what it says, "" for that."""
    objects = _Objects()
    links: _Links = Counter()
    for change, instead in changes:
        # Links are most of a plan, and none of them occurs twice: they need no set.
        if change.kind in ("grant", "membership"):
            links[change.workspace, change.source, change.kind, change.action, instead] += 1
        else:
            objects.take(change, instead)
    numbers: _Numbers = Counter({place: len(keys) for place, keys in objects.counted.items()})
    _count_links(links, numbers)
    _count_skips(plan, numbers)
    _count_existing(plan, objects, numbers)
    return {place: _rows_of(*place, numbers) for place in sorted({key[:2] for key in numbers})}


def _count_links(links: _Links, numbers: _Numbers) -> None:
    """Adds memberships and grants."""
    for (workspace, source, kind, action, instead), number in links.items():
        how = instead or _DONE.get(action, "updated")
        numbers[workspace, source, _ROWS[kind], how] += number


def _rows_of(workspace: str, source: str, numbers: _Numbers) -> dict[str, dict[str, int]]:
    """Everything of COLUMNS for one source."""
    return {
        what: {how: numbers[workspace, source, what, how] for how in columns}
        for what, columns in COLUMNS.items()
    }


def _count_skips(plan: Plan, numbers: _Numbers) -> None:
    """Adds what cannot be synchronised; an invalid attribute holds nothing else back."""
    for skip in plan.skips:
        if skip.code == "invalid_attribute":
            continue
        place = skip.workspace, skip.source, _skip_row(skip)
        numbers[*place, "impossible"] += 1
        if skip.needs_action:
            numbers[*place, "needs_action"] += 1


def _count_existing(plan: Plan, objects: _Objects, numbers: _Numbers) -> None:
    """Adds how many of a source exist that the plan does not touch."""
    for existing in plan.existing:
        for what in ("users", "departments", "groups"):
            place = existing.workspace, existing.source, what
            changed = objects.touched[place] - objects.joining[place]
            number: int = getattr(existing, what)
            numbers[*place, "existing"] = number - len(changed)


def _effects(change: Change) -> Iterator[tuple[str, str, str]]:
    """What the change of an object counts as: the row, the column, and the key of the object."""
    if change.kind == "group" and "groups" in change.fields_after:
        yield from _nesting_effects(change)
        if change.fields_after.keys() == {"groups"}:
            return
    if change.kind == "user" and change.after is not None and _names_manager(change):
        yield from _manager_effects(change)
    row, done = _ROWS[change.kind], _DONE.get(change.action)
    if done:
        yield row, done, change.key
        return
    for how in _updated(change):
        yield row, how, change.key


def _nesting_effects(change: Change) -> Iterator[tuple[str, str, str]]:
    """One for each group that the group of the change is put into or taken out of."""
    before, after = _nested(change.fields_before), _nested(change.fields_after)
    for name in after - before:
        yield "nested_groups", "created", f"{change.key}/{name}"
    for name in before - after:
        yield "nested_groups", "removed", f"{change.key}/{name}"


def _nested(fields: Fields) -> set[str]:
    """The groups that the fields of a group nest it in."""
    return {name for name, origin in mapping(fields, "groups").items() if origin is not None}


def _names_manager(change: Change) -> bool:
    """Whether the change of a user says anything of a manager."""
    return "manager" in change.fields_after or "manager" in change.fields_before


def _manager_effects(change: Change) -> Iterator[tuple[str, str, str]]:
    """One, if the change of a user gives it another manager or none."""
    manager = change.fields_after.get("manager")
    if manager != change.fields_before.get("manager"):
        yield "managers", "assigned" if manager else "cleared", change.key


def _updated(change: Change) -> list[str]:
    """The columns an update counts in.

    `updated` is for what is neither moved nor renamed, and for a user of whom more changes.
    """
    fields = change.fields_after
    columns = []
    if "department" in fields or "parent" in fields:
        columns.append("moved")
    if change.kind != "user" and ("name" in fields or "title" in fields):
        columns.append("renamed")
    changes_more = change.kind == "user" and fields.keys() - {"department", "dn"}
    if changes_more or not columns:
        columns.append("updated")
    return columns


def _skip_row(skip: Skip) -> str:
    """The row in which a skip is counted. For memberships that an undo leaves, it is the user's."""
    return "users" if skip.username else _SKIP_ROWS.get(skip.kind, "users")


_SKIP_ROWS: Final[Mapping[SkipKind, str]] = {
    "group": "groups",
    "department": "departments",
    "membership": "memberships",
    "manager": "memberships",
}


def as_json(counts: Counts) -> list[dict[str, object]]:
    """One object for each source of each workspace."""
    return [
        {"workspace": workspace, "source": source, **rows}
        for (workspace, source), rows in counts.items()
    ]


def heading(how: str) -> str:
    """The name of a column for people."""
    return how.replace("_", " ")


def table(counts: Counts) -> list[list[str]]:
    """Rows of cells: the first is the head and names the first source; others have a row each.

    A row and a column of nothing but zeros are left out. Several workspaces are named, too.

        corp         existing  created
        users               3        1
        memberships                  2
        partners
        users               1
    """
    rows = list(_rows_with_numbers(counts))
    used = set().union(*(numbers for _, _, numbers in rows))
    columns = [how for how in ORDER if how in used]
    headings = list(map(heading, columns))
    cells: list[list[str]] = []
    for source, rows_of_source in groupby(rows, key=itemgetter(0)):
        cells.append([source, *headings])
        headings = [""] * len(columns)
        cells += (_cells(what, numbers, columns) for _, what, numbers in rows_of_source)
    return cells


def _cells(what: str, numbers: Mapping[str, int], columns: Iterable[str]) -> list[str]:
    """A row in words, a zero as an empty cell."""
    return [what.replace("_", " "), *(str(numbers.get(how, "")) for how in columns)]


def _rows_with_numbers(counts: Counts) -> Iterator[tuple[str, str, dict[str, int]]]:
    """The name of a source, what, and how → how many without zeros; rows that have any."""
    several = len({workspace for workspace, _ in counts}) > 1
    for (workspace, source), rows in counts.items():
        name = f"{workspace}/{source}" if several else source
        for what, numbers in rows.items():
            shown = {how: number for how, number in _for_people(numbers).items() if number}
            if shown:
                yield name, what, shown


def _for_people(numbers: Mapping[str, int]) -> dict[str, int]:
    """The numbers of a row, with what is impossible in two parts."""
    rest = {how: number for how, number in numbers.items() if how != "impossible"}
    no_action = numbers.get("impossible", 0) - numbers.get("needs_action", 0)
    return rest | {"no_action": no_action}
