"""What a plan or a report comes to for each source: how many of everything.

A user whose department changes is moved, and updated only if more than the DN changes with it; one
that is renamed and blocked counts as both. `existing` are those nothing happens to; it is not known
for a plan narrowed to targets.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
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
        *_ENDINGS,
    ),
    "groups": ("existing", "created", "updated", "renamed", "removed", "impossible", *_ENDINGS),
    "nested_groups": ("created", "removed", *_ENDINGS),
    "memberships": ("created", "removed", "impossible", *_ENDINGS),
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
    "impossible",
    *_ENDINGS,
)

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
    """What the plan is about."""
    return _count(plan, ((change, "") for change in plan.changes))


def done(plan: Plan, report: Report) -> Counts:
    """What became of it: what was applied, and what is `failed` or `unknown`."""
    outcomes = report.outcomes
    return _count(plan, ((each.change, _NOT_DONE.get(each.result, "")) for each in outcomes))


_Place: TypeAlias = tuple[str, str, str]
"""Workspace, source, and what is counted."""
_Numbers: TypeAlias = Counter[tuple[str, str, str, str]]
"""Workspace, source, what is counted and how → how many."""


def _count(plan: Plan, changes: Iterable[tuple[Change, str]]) -> Counts:
    """`changes`: each with how it is counted instead of what it says, "" for that."""
    keys: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    touched: dict[_Place, set[str]] = defaultdict(set)
    links: Counter[tuple[str, str, str, str, str]] = Counter()
    for change, instead in changes:
        # Links are most of a plan, and none of them occurs twice: they need no set.
        if change.kind in ("grant", "membership"):
            links[change.workspace, change.source, change.kind, change.action, instead] += 1
        else:
            _take(change, instead, keys, touched)
    numbers: _Numbers = Counter({place: len(names) for place, names in keys.items()})
    for (workspace, source, kind, action, instead), number in links.items():
        numbers[workspace, source, _ROWS[kind], instead or _DONE.get(action, "updated")] += number
    _count_skips(plan, numbers)
    _count_existing(plan, touched, numbers)
    return {place: _rows_of(*place, numbers) for place in sorted({key[:2] for key in numbers})}


def _rows_of(workspace: str, source: str, numbers: _Numbers) -> dict[str, dict[str, int]]:
    """Everything of COLUMNS for one source."""
    return {
        what: {how: numbers[workspace, source, what, how] for how in columns}
        for what, columns in COLUMNS.items()
    }


def _take(
    change: Change,
    instead: str,
    keys: dict[tuple[str, str, str, str], set[str]],
    touched: dict[_Place, set[str]],
) -> None:
    """Counts the change of an object once, whatever other change of the object there is."""
    if change.kind == "source":
        keys[change.workspace, change.source, "", ""].add("")
        return
    for what, how, key in _effects(change):
        keys[change.workspace, change.source, what, instead or how].add(key)
    if change.before is not None:
        touched[change.workspace, change.source, _ROWS[change.kind]].add(change.key)


def _count_skips(plan: Plan, numbers: _Numbers) -> None:
    """Adds what cannot be synchronised; an invalid attribute holds nothing else back."""
    for skip in plan.skips:
        if skip.code != "invalid_attribute":
            numbers[skip.workspace, skip.source, _skip_row(skip), "impossible"] += 1


def _count_existing(plan: Plan, touched: dict[_Place, set[str]], numbers: _Numbers) -> None:
    """Adds how many of a source exist that the plan does not touch."""
    joining = _joining(plan)
    for existing in plan.existing:
        for what in ("users", "departments", "groups"):
            place = existing.workspace, existing.source, what
            number: int = getattr(existing, what)
            numbers[*place, "existing"] = number - len(touched[place] - joining[place])


def _joining(plan: Plan) -> dict[_Place, set[str]]:
    """The keys of what did not belong to the source before."""
    joining: dict[_Place, set[str]] = defaultdict(set)
    for change in plan.changes:
        joins = change.before is not None and "source" in change.fields_after
        if joins and change.kind in _ROWS:
            joining[change.workspace, change.source, _ROWS[change.kind]].add(change.key)
    return joining


def _effects(change: Change) -> Iterator[tuple[str, str, str]]:
    """What the change of an object counts as: the row, the column, and the key of the object."""
    if change.kind == "group" and "groups" in change.fields_after:
        yield from _nesting_effects(change)
        if change.fields_after.keys() == {"groups"}:
            return
    if change.kind == "user" and change.after is not None:
        yield from _manager_effects(change)
    columns = [_DONE[change.action]] if change.action in _DONE else _updated(change)
    for how in columns:
        yield _ROWS[change.kind], how, change.key


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


def _manager_effects(change: Change) -> Iterator[tuple[str, str, str]]:
    """One, if the change of a user gives it another manager or none."""
    manager = change.fields_after.get("manager")
    if manager != change.fields_before.get("manager"):
        yield "managers", "assigned" if manager else "cleared", change.key


def _updated(change: Change) -> list[str]:
    """The columns an update counts in.

    `updated` is for what is neither moved nor renamed, and for a user of whom more changes.
    """
    fields = change.fields_after.keys()
    columns = []
    if not fields.isdisjoint(("department", "parent")):
        columns.append("moved")
    if change.kind != "user" and not fields.isdisjoint(("name", "title")):
        columns.append("renamed")
    changes_more = change.kind == "user" and fields - {"department", "dn"}
    if changes_more or not columns:
        columns.append("updated")
    return columns


def _skip_row(skip: Skip) -> str:
    """The row that a skip counts in. What an undo leaves of a user's memberships is the user's."""
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
    """A column of the numbers in words for people."""
    return "not synchronised" if how == "impossible" else how


def table(counts: Counts) -> list[list[str]]:
    """Rows of cells: the first is the head and names the first source; others have a row each.

    A row and a column of nothing but zeros are left out. Several workspaces are named, too.

        corp         existing  created
        users               3        1
        memberships                  2
        partners
        users               1
    """
    sources = _without_zeros(counts)
    used = {how for rows in sources.values() for numbers in rows.values() for how in numbers}
    columns = [how for how in ORDER if how in used]
    headings = list(map(heading, columns))
    cells: list[list[str]] = []
    for source, rows in sources.items():
        cells.append([source, *headings])
        headings = [""] * len(columns)
        for what, numbers in rows.items():
            row = [str(numbers.get(how, "")) for how in columns]
            cells.append([what.replace("_", " "), *row])
    return cells


def _without_zeros(counts: Counts) -> dict[str, dict[str, dict[str, int]]]:
    """The name of a source → what → how → how many, of all that is not zero."""
    several = len({workspace for workspace, _ in counts}) > 1
    sources: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    for (workspace, source), rows in counts.items():
        name = f"{workspace}/{source}" if several else source
        for what, numbers in rows.items():
            if any(numbers.values()):
                sources[name][what] = {how: number for how, number in numbers.items() if number}
    return sources
