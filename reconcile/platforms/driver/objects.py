"""Users, groups and departments: the steps that create, change and delete them."""

from collections.abc import Mapping, Sequence
from typing import Final

from reconcile.model.book import Drop, Put
from reconcile.model.change import Change, nested_in
from reconcile.model.platform import ObjectKind
from reconcile.model.text.folding import fold_name
from reconcile.platforms.driver.batch import Batch
from reconcile.platforms.driver.links import nest, renest
from reconcile.platforms.driver.merge import NAME_OF
from reconcile.platforms.driver.renames import arrange, move_of
from reconcile.platforms.driver.steps import New, Planned
from reconcile.platforms.resolve import Unknown, text


def create(batch: Batch) -> None:
    """New objects; those that others of the batch refer to come first."""
    kind = _kind(batch)
    places = _free_places(batch, kind)
    order = _by_manager(batch, places) if kind == "user" else list(places)
    steps: dict[int, int] = {}
    by_name = {text(batch.changes[place].after or {}, NAME_OF[kind]): place for place in places}
    leaders: list[tuple[int, str]] = []
    for place in order:
        try:
            step, waits_for = _creation(batch, kind, place, by_name, steps)
        except Unknown as unknown:
            batch.failed[place] = str(unknown)
            continue
        steps[place] = batch.plan(step)
        if waits_for:
            leaders.append((place, waits_for))
    for place, manager in leaders:
        _lead(batch, place, manager, by_name, steps)
    if kind == "group":
        coming = {name: steps.get(at, -1) for name, at in by_name.items()}
        for place, number in steps.items():
            if nested_in(batch.changes[place]):
                nest(batch, place, number, coming)


def _kind(batch: Batch) -> ObjectKind:
    kind = batch.changes[0].kind
    assert kind in ("user", "group", "department")  # noqa: S101 - the writer looks at the kind
    return kind


def _free_places(batch: Batch, kind: ObjectKind) -> list[int]:
    """The changes whose names are free. A platform need not refuse a name that exists twice."""
    taken: dict[object, str] = {}
    if kind != "department":
        taken = batch.workspace.names.holders("user" if kind == "user" else "group")
    places: list[int] = []
    for place, change in enumerate(batch.changes):
        name = (
            change.key
            if kind == "department"
            else fold_name(text(change.after or {}, NAME_OF[kind]))
        )
        if name in taken or (kind == "department" and name in batch.workspace.names.departments):
            batch.failed[place] = f"another {kind} of the workspace has this name"
            continue
        taken[name] = ""
        places.append(place)
    return places


def _by_manager(batch: Batch, places: Sequence[int]) -> list[int]:
    """The places of new users, managers before those they lead; a circle begins anywhere."""
    by_name = {text(batch.changes[place].after or {}, "username"): place for place in places}
    ordered: dict[int, None] = {}
    for start in places:
        chain: dict[int, None] = {}
        place: int | None = start
        while place is not None and place not in ordered and place not in chain:
            chain[place] = None
            place = by_name.get(text(batch.changes[place].after or {}, "manager"))
        ordered |= dict.fromkeys(reversed(chain))
    return list(ordered)


def _creation(
    batch: Batch,
    kind: ObjectKind,
    place: int,
    by_name: Mapping[str, int],
    steps: Mapping[int, int],
) -> tuple[Planned, str]:
    """The step that creates an object; and its manager, where that one is created after it."""
    workspace, change = batch.workspace, batch.changes[place]
    fields = workspace.sent(kind, change)
    after: tuple[int, ...] = ()
    because = waits_for = ""
    for field in ("parent", "department"):
        if field in fields:
            fields[field] = workspace.reference(field, fields[field])
    manager = str(fields.get("manager") or "")
    if manager and manager not in workspace.names.users and manager in by_name:
        because = f"the manager {manager!r} does not exist"
        step = steps.get(by_name[manager])
        if step is not None:
            fields["manager"] = New(step)
            after = (step,)
        else:
            del fields["manager"]
            waits_for = manager
    elif "manager" in fields:
        fields["manager"] = workspace.reference("manager", manager)
    put = Put(kind, "", workspace.remembered(kind, change))
    planned = Planned(place, (put,), "create", kind, fields=fields, after=after, because=because)
    return planned, waits_for


def _lead(
    batch: Batch, place: int, manager: str, by_name: Mapping[str, int], steps: Mapping[int, int]
) -> None:
    """Gives a user its manager, where the two lead each other in a circle."""
    own, other = steps[place], steps.get(by_name[manager])
    without = f"without its manager {manager}, which failed"
    if other is None:
        return
    batch.plan(
        Planned(
            place,
            operation="update",
            target=New(own),
            fields={"manager": New(other)},
            after=(own, other),
            because=without,
            without=without,
        )
    )


_REFERRING: Final = ("parent", "department", "manager")


def update(batch: Batch) -> None:
    """Whatever a change of an object holds; names may go round among those of the batch."""
    kind = _kind(batch)
    moves = {}
    renamed: dict[str, str] = {}
    for place, change in enumerate(batch.changes):
        move = move_of(batch.workspace.names, kind, change)
        if move is not None:
            moves[place] = move
        if kind == "user" and move is not None and text(change.after or {}, "username"):
            renamed[move.id] = text(change.after or {}, "username")
    names = batch.workspace.names
    before = names.users
    if kind == "user":
        names.rename("user", renamed)  # managers are named as they are called afterwards
    steps: dict[int, Planned] = {}

    def prepare(place: int, change: Change) -> None:
        if change.kind == "group" and (change.after or {}).keys() == {"groups"}:
            renest(batch, place, change)
        else:
            steps[place] = _update(batch, kind, place, change)

    batch.each(prepare)
    names.users = before
    arrange(batch, kind, steps, {at: move for at, move in moves.items() if at in steps})


def _update(batch: Batch, kind: ObjectKind, place: int, change: Change) -> Planned:
    workspace = batch.workspace
    target = workspace.platform_id(kind, workspace.names.row(change))
    fields = workspace.sent(kind, change)
    for field in _REFERRING:
        if field in fields:
            fields[field] = workspace.reference(field, fields[field])
    remembered = workspace.remembered(kind, change)
    put = Put(kind, target, remembered, forget=change.action == "erase")
    return Planned(place, (put,), "update" if fields else "", kind, target, fields)


def delete(batch: Batch) -> None:
    """Objects go with their links; a department with others below it stays."""
    kind = _kind(batch)
    workspace = batch.workspace
    above = {parent for parent, _ in workspace.names.tree.values()}

    def prepare(place: int, change: Change) -> None:
        own = workspace.names.row(change)
        if kind == "department" and own in above:
            raise Unknown("it still has departments below it")
        target = workspace.platform_id(kind, own)
        batch.plan(Planned(place, (Drop(kind, target, by_run=True),), "delete", kind, target))

    batch.each(prepare)
