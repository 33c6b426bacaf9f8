"""Names that pass from one object to another: in a chain, the last first; in a circle, by parking.

Who takes a name waits for the one that gives it up. In a circle one object is parked: it gets a
name of its own until its new one is free. Where a step of a circle is refused, those that have
their new names get their old ones back.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import msgspec

from reconcile.model.book import Put
from reconcile.model.change import Change
from reconcile.model.platform import ObjectKind
from reconcile.model.text.department_path import titles
from reconcile.model.text.folding import fold_name
from reconcile.platforms.driver.batch import Batch
from reconcile.platforms.driver.chains import circles, last_first
from reconcile.platforms.driver.running.steps import Planned, Result
from reconcile.platforms.driver.vocabulary import NAME_OF
from reconcile.platforms.resolve import Move, Names, blocked, paths, text

KEPT_IT = "the name is taken: its holder kept it"


def move_of(names: Names, kind: ObjectKind, change: Change) -> Move | None:
    """The name that an object gives up, and the one it takes; None if it keeps its name."""
    after = change.fields_after
    if kind == "department":
        return _move_in_tree(names, change)
    known = names.users_before if kind == "user" else names.groups_before
    new = text(after, NAME_OF[kind])
    if not new or change.key not in known:
        return None
    return Move(known[change.key], fold_name(change.key), fold_name(new))


def _move_in_tree(names: Names, change: Change) -> Move | None:
    after = change.fields_after
    own = names.departments_before.get(change.key)
    if own is None or not {"title", "parent"} & after.keys():
        return None
    parent, title = names.tree[own]
    if "parent" in after:
        above = text(after, "parent")
        parent = names.departments.get(above, above)
    return Move(own, names.tree[own], (parent, text(after, "title") or title))


def wanted_departments(names: Names, changes: Iterable[Change]) -> dict[str, str]:
    """Path → id of every department once all of these changes are made."""
    tree = dict(names.tree)
    parents: dict[str, str] = {}
    for change in changes:
        own = names.departments_before.get(change.key)
        after = change.fields_after
        if change.kind != "department" or own not in tree:
            continue
        above, title = tree[own]
        tree[own] = (above, text(after, "title") or title)
        if "parent" in after:
            parents[own] = text(after, "parent")
    return paths(tree, parents)


def arrange(
    batch: Batch, kind: ObjectKind, steps: Mapping[int, Planned], moves: Mapping[int, Move]
) -> dict[int, int]:
    """Plans the updates of a batch so that every name is free when it is taken.

    Returns place → number of the step, but for those that go round in a circle.
    """
    holders = _holders(batch, kind)
    batch.failed |= blocked(moves, holders)
    renamed = {
        place: move
        for place, move in moves.items()
        if place not in batch.failed and move.new != move.old
    }
    mover = {move.id: place for place, move in renamed.items()}
    waits_for = {
        place: mover[holders[move.new]]
        for place, move in renamed.items()
        if holders.get(move.new, move.id) != move.id
    }
    closed = circles(waits_for)
    left_out = batch.failed.keys() | set[int]().union(*closed)
    numbers: dict[int, int] = {}
    for place in last_first(steps, waits_for.get):
        if place in left_out:
            continue
        step = steps[place]
        giver = numbers.get(waits_for.get(place, -1))
        if giver is not None:
            step.after, step.because = (*step.after, giver), KEPT_IT
        numbers[place] = batch.plan(step)
    for circle in closed:
        _rotate(batch, kind, circle, steps)
    return numbers


def _holders(batch: Batch, kind: ObjectKind) -> dict[object, str]:
    names = batch.workspace.names
    if kind == "department":
        return {node: own for own, node in names.tree.items()}
    return names.holders("user" if kind == "user" else "group")


def parked(name: str, own: str) -> str:
    """The name of an object that has given up its own.

    A domain stays, for usernames that need one.
    """
    _, at, domain = name.partition("@")
    return f"being-renamed-{own}{at}{domain}"


def _rotate(
    batch: Batch, kind: ObjectKind, circle: Sequence[int], steps: Mapping[int, Planned]
) -> None:
    """Plans the renames of a circle, its other fields after the last of them."""
    first = circle[0]
    old = _name_now(batch, kind, first)
    numbers = [batch.plan(_parking(batch, kind, steps[first], old))]
    rest: dict[int, dict[str, object]] = {}
    for place in (*reversed(circle[1:]), first):
        names, rest[place] = _split(steps[place], kind)
        if place == first:
            # It takes its name back where it only moves below another department.
            names.setdefault(NAME_OF[kind], old)
        step = msgspec.structs.replace(steps[place], operation="update", fields=names)
        numbers.append(batch.plan(_after(step, numbers[-1])))
    for place in circle:
        if rest[place]:
            step = msgspec.structs.replace(steps[place], fields=rest[place], edits=())
            batch.plan(_after(step, numbers[-1]))
    batch.circles.append(numbers)


def _name_now(batch: Batch, kind: ObjectKind, place: int) -> str:
    """What an object is called before its change; a department by its title."""
    key = batch.changes[place].key
    return titles(key)[-1] if kind == "department" else key


def _parking(batch: Batch, kind: ObjectKind, step: Planned, old: str) -> Planned:
    """The step by which the first object of a circle gives up its name."""
    name = parked(old, batch.workspace.names.row(batch.changes[step.place]))
    edit = Put(kind, str(step.target), {"name": name})
    fields: dict[str, object] = {NAME_OF[kind]: name}
    return msgspec.structs.replace(step, operation="update", fields=fields, edits=(edit,))


def _split(step: Planned, kind: ObjectKind) -> tuple[dict[str, object], dict[str, object]]:
    """The fields of a step that make up a name, and the others."""
    others = dict(step.fields)
    names = {field: others.pop(field) for field in (NAME_OF[kind], "parent") if field in others}
    return names, others


def _after(step: Planned, number: int) -> Planned:
    """The step, to be made after the one that frees its name."""
    step.after, step.because = (number,), KEPT_IT
    return step


def restore(
    batch: Batch,
    results: Sequence[Result],
    run: Callable[[list[Planned]], list[Result]],
) -> dict[int, str]:
    """Gives old names back in circles that did not come round; for each place, why it failed.

    The last that took a name gives it back first, so that the one before it finds its own free.
    """
    failed: dict[int, str] = {}
    kind = cast("ObjectKind", batch.changes[0].kind)
    for numbers in batch.circles:
        states = {results[number].state for number in numbers}
        if states == {"kept"} or "unknown" in states:
            continue
        kept = [number for number in numbers if results[number].state == "kept"]
        places = [batch.planned[number].place for number in reversed(kept)]
        for place in dict.fromkeys(places):
            failed[place] = KEPT_IT
            failed |= _give_back(batch, kind, place, run)
    return failed


def _give_back(
    batch: Batch, kind: ObjectKind, place: int, run: Callable[[list[Planned]], list[Result]]
) -> dict[int, str]:
    change, names = batch.changes[place], batch.workspace.names
    own = names.row(change)
    target = batch.workspace.platform_id(kind, own)
    fields: dict[str, object] = {NAME_OF[kind]: change.key}
    if kind == "department":
        parent, title = names.tree[own]
        above = batch.workspace.platform_id("department", parent) if parent else ""
        fields = {"title": title, "parent": above}
    put = Put(kind, target, {"name": str(fields[NAME_OF[kind]])})
    (result,) = run([Planned(place, (put,), "update", kind, target, fields)])
    if result.state == "kept":
        return {}
    return {place: f"{KEPT_IT}; nor could it get its old name back: {result.detail}"}
