"""Names that pass from one object to another: in a chain, the last first; in a circle, by parking.

Who takes a name waits for the one that gives it up. In a circle one object is parked: it gets a
name of its own until its new one is free. Where a step of a circle is refused, those that have
their new names get their old ones back.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from reconcile.model.book import Put
from reconcile.model.change import Change
from reconcile.model.platform import ObjectKind
from reconcile.model.text.department_path import titles
from reconcile.model.text.folding import fold_name
from reconcile.platforms.driver.batch import Batch
from reconcile.platforms.driver.merge import NAME_OF
from reconcile.platforms.driver.steps import Planned, Result
from reconcile.platforms.resolve import Move, Names, blocked, paths, text

KEPT_IT = "the name is taken: its holder kept it"


def move_of(names: Names, kind: ObjectKind, change: Change) -> Move | None:
    """The name that an object gives up, and the one it takes; None if it keeps its name."""
    after = change.after or {}
    if kind == "department":
        return _move_in_tree(names, change)
    known = names.users_before if kind == "user" else names.groups_before
    new = text(after, NAME_OF[kind])
    if not new or change.key not in known:
        return None
    return Move(known[change.key], fold_name(change.key), fold_name(new))


def _move_in_tree(names: Names, change: Change) -> Move | None:
    after = change.after or {}
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
        after = change.after or {}
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
    for place, reason in blocked(moves, holders).items():
        batch.failed[place] = reason
    going = {at: move for at, move in moves.items() if at not in batch.failed}
    mover = {move.id: at for at, move in going.items() if move.new != move.old}
    waits_for = {
        at: mover[holders[move.new]]
        for at, move in going.items()
        if move.new != move.old and holders.get(move.new, move.id) != move.id
    }
    circles = _circles(waits_for)
    circled = {place for circle in circles for place in circle}
    numbers: dict[int, int] = {}
    for place in _last_first(steps, waits_for):
        if place in batch.failed or place in circled:
            continue
        step = steps[place]
        if place in waits_for and waits_for[place] in numbers:
            step.after, step.because = (*step.after, numbers[waits_for[place]]), KEPT_IT
        numbers[place] = batch.plan(step)
    for circle in circles:
        _rotate(batch, kind, circle, steps)
    return numbers


def _holders(batch: Batch, kind: ObjectKind) -> dict[object, str]:
    names = batch.workspace.names
    if kind == "department":
        return {node: own for own, node in names.tree.items()}
    return names.holders("user" if kind == "user" else "group")


def _circles(waits_for: Mapping[int, int]) -> list[list[int]]:
    """Each circle once; every place in it waits for the next, and the last for the first."""
    circles: list[list[int]] = []
    seen: set[int] = set()
    for start in waits_for:
        chain: dict[int, None] = {}
        place: int | None = start
        while place is not None and place not in seen:
            seen.add(place)
            chain[place] = None
            place = waits_for.get(place)
        if place in chain:
            walked = list(chain)
            circles.append(walked[walked.index(place) :])
    return circles


def _last_first(steps: Mapping[int, Planned], waits_for: Mapping[int, int]) -> list[int]:
    """The places in an order in which each comes after the one it waits for, circles apart."""
    ordered: dict[int, None] = {}
    for start in steps:
        chain: dict[int, None] = {}
        place: int | None = start
        while place is not None and place in steps and place not in ordered and place not in chain:
            chain[place] = None
            place = waits_for.get(place)
        ordered |= dict.fromkeys(reversed(chain))
    return list(ordered)


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
    field = NAME_OF[kind]
    first = circle[0]
    own = batch.workspace.names.row(batch.changes[first])
    old = batch.changes[first].key if kind != "department" else titles(batch.changes[first].key)[-1]
    name = parked(old, own)
    park = msgspec.structs.replace(
        steps[first],
        operation="update",
        fields={field: name},
        edits=(Put(kind, str(steps[first].target), {"name": name}),),
    )
    numbers = [batch.plan(park)]
    rest: dict[int, dict[str, object]] = {}
    for place in (*reversed(circle[1:]), first):
        fields = dict(steps[place].fields)
        names = {key: fields.pop(key) for key in (field, "parent") if key in fields}
        if place == first:
            names.setdefault(field, old)
        rest[place] = fields
        step = msgspec.structs.replace(steps[place], operation="update", fields=names)
        step.after, step.because = (numbers[-1],), KEPT_IT
        numbers.append(batch.plan(step))
    for place in circle:
        if rest[place]:
            step = msgspec.structs.replace(steps[place], fields=rest[place], edits=())
            step.after, step.because = (numbers[-1],), KEPT_IT
            batch.plan(step)
    batch.circles.append(numbers)


def restore(
    batch: Batch,
    kind: ObjectKind,
    results: Sequence[Result],
    run: Callable[[list[Planned]], list[Result]],
) -> dict[int, str]:
    """Gives old names back in circles that did not come round; for each place, why it failed.

    The last that took a name gives it back first, so that the one before it finds its own free.
    """
    failed: dict[int, str] = {}
    for numbers in batch.circles:
        states = {results[number].state for number in numbers}
        if states == {"kept"} or "unknown" in states:
            continue
        back = [batch.planned[n].place for n in numbers if results[n].state == "kept"]
        for place in dict.fromkeys(reversed(back)):
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
