"""The numbers of a plan or a report for each source: how many of everything.

A user whose department changes is moved, and updated only if more than the DN changes with it; one
that is renamed and blocked counts as both. `existing` are those nothing happens to; it is not known
for a plan narrowed to targets.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from reconcile.model.change import Change, Plan, Skip, SkipKind
from reconcile.model.report import Report

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "users": (
        *(
            "existing",
            "created",
            "adopted",
            "updated",
            "moved",
            "returned",
            "deactivated",
            "blocked",
            "erased",
        ),
        *("removed", "impossible", "failed", "unknown"),
    ),
    "departments": (
        "existing",
        "created",
        "updated",
        "renamed",
        "moved",
        "removed",
        "impossible",
        "failed",
        "unknown",
    ),
    "groups": (
        "existing",
        "created",
        "updated",
        "renamed",
        "removed",
        "impossible",
        "failed",
        "unknown",
    ),
    "nested_groups": ("created", "removed", "failed", "unknown"),
    "memberships": ("created", "removed", "impossible", "failed", "unknown"),
    "grants": ("created", "removed", "failed", "unknown"),
    "managers": ("assigned", "cleared", "failed", "unknown"),
}
"""What is counted of what."""

ORDER: Final = (
    *(
        "existing",
        "created",
        "adopted",
        "assigned",
        "updated",
        "renamed",
        "moved",
        "returned",
        "cleared",
    ),
    *("deactivated", "blocked", "erased", "removed", "impossible", "failed", "unknown"),
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
    """The outcome: what was applied, and what is `failed` or `unknown`."""
    return _count(plan, ((one.change, _NOT_DONE.get(one.result, "")) for one in report.outcomes))


_Place: TypeAlias = tuple[str, str, str]
"""Workspace, source, and what is counted."""


def _count(plan: Plan, changes: Iterable[tuple[Change, str]]) -> Counts:
    """`changes`: each with how it is counted instead of what it says, "" for that."""
    sets: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    touched: dict[_Place, set[str]] = defaultdict(set)
    links: Counter[tuple[str, str, str, str, str]] = Counter()
    for change, instead in changes:
        # Links are most of a plan, and each of them is there once: they need no set.
        if change.kind in ("grant", "membership"):
            links[change.workspace, change.source, change.kind, change.action, instead] += 1
        else:
            _take(change, instead, sets, touched)
    for number, skip in enumerate(one for one in plan.skips if one.code != "invalid_attribute"):
        sets[skip.workspace, skip.source, _impossible(skip), "impossible"].add(str(number))
    numbers = Counter({place: len(keys) for place, keys in sets.items()})
    for (workspace, source, kind, action, instead), number in links.items():
        numbers[workspace, source, _ROWS[kind], instead or _DONE.get(action, "updated")] += number
    _count_existing(plan, touched, numbers)
    return {
        (workspace, source): {
            what: {how: numbers[workspace, source, what, how] for how in columns}
            for what, columns in COLUMNS.items()
        }
        for workspace, source in sorted({place[:2] for place in numbers})
    }


def _take(
    change: Change,
    instead: str,
    sets: dict[tuple[str, str, str, str], set[str]],
    touched: dict[_Place, set[str]],
) -> None:
    """Counts the change of an object once, whatever else happens to the same object."""
    if change.kind == "source":
        sets[change.workspace, change.source, "", ""].add("")
        return
    for what, how, key in _told(change):
        sets[change.workspace, change.source, what, instead or how].add(key)
    if change.before is not None:
        touched[change.workspace, change.source, _ROWS[change.kind]].add(change.key)


def _count_existing(
    plan: Plan, touched: dict[_Place, set[str]], numbers: Counter[tuple[str, str, str, str]]
) -> None:
    """Adds how many of a source exist that the plan does not touch."""
    newly = _adopted(plan)
    for there in plan.existing:
        for what in ("users", "departments", "groups"):
            place = there.workspace, there.source, what
            number: int = getattr(there, what)
            numbers[*place, "existing"] = number - len(touched[place] - newly[place])


def _adopted(plan: Plan) -> dict[tuple[str, str, str], set[str]]:
    """Users who were not of the source before."""
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for change in plan.changes:
        if change.before is not None and "source" in (change.after or {}) and change.kind in _ROWS:
            found[change.workspace, change.source, _ROWS[change.kind]].add(change.key)
    return found


def _told(change: Change) -> Iterator[tuple[str, str, str]]:
    """What is counted, how, and its key."""
    what, after = _ROWS[change.kind], change.after or {}
    if change.kind == "group" and "groups" in after:
        for side, other, how in (
            (after, change.before, "created"),
            (change.before or {}, after, "removed"),
        ):
            for name in _nested(side) - _nested(other or {}):
                yield "nested_groups", how, f"{change.key}/{name}"
        if after.keys() == {"groups"}:
            return
    before = change.before or {}
    if (
        change.kind == "user"
        and change.after is not None
        and before.get("manager") != after.get("manager")
    ):
        yield "managers", "assigned" if after.get("manager") else "cleared", change.key
    for how in (_DONE[change.action],) if change.action in _DONE else _updated(change):
        yield what, how, change.key


def _nested(fields: Mapping[str, object]) -> set[str]:
    groups = fields.get("groups")
    return (
        {name for name, origin in groups.items() if origin is not None}
        if isinstance(groups, dict)
        else set()
    )


def _updated(change: Change) -> Iterator[str]:
    """How an update is counted: by the most that it does."""
    fields = (change.after or {}).keys()
    moved = not fields.isdisjoint(("department", "parent"))
    renamed = change.kind != "user" and not fields.isdisjoint(("name", "title"))
    if moved:
        yield "moved"
    if renamed:
        yield "renamed"
    if not (moved or renamed) or (change.kind == "user" and fields - {"department", "dn"}):
        yield "updated"


def _impossible(skip: Skip) -> str:
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


def table(counts: Counts, *, several: bool) -> list[list[str]]:
    """Rows of cells: the first is the head and names the first source; others have a row each.

    A row and a column of nothing but zeros are left out. `several`: name the workspaces too.
    """
    named = {
        f"{workspace}/{source}" if several else source: {
            what: numbers for what, numbers in kinds.items() if any(numbers.values())
        }
        for (workspace, source), kinds in counts.items()
    }
    named = {name: kinds for name, kinds in named.items() if kinds}
    shown = [
        how
        for how in ORDER
        if any(row.get(how) for kinds in named.values() for row in kinds.values())
    ]
    rows: list[list[str]] = []
    for name, kinds in named.items():
        rows.append([name, *([""] * len(shown) if rows else shown)])
        for what, numbers in kinds.items():
            rows.append([what.replace("_", " "), *(str(numbers.get(how) or "") for how in shown)])
    return rows
