"""Users, groups and departments: the steps that create, change and delete them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from reconcile.model.book import Drop, Put
from reconcile.model.change import Change, nested_in
from reconcile.model.platform import ObjectKind
from reconcile.model.text.folding import fold_name
from reconcile.platforms.driver.batch import Batch
from reconcile.platforms.driver.links import (
    end_all,
    lead_no_more,
    nest,
    refuse_lost_nestings,
    renest,
)
from reconcile.platforms.driver.merge import NAME_OF
from reconcile.platforms.driver.renames import arrange, move_of, wanted_departments
from reconcile.platforms.driver.steps import New, Planned
from reconcile.platforms.resolve import Unknown, text


def create(batch: Batch) -> None:
    """New objects; those that others of the batch refer to come first."""
    kind = _kind(batch)
    places = _free_places(batch, kind)
    if kind == "group":
        places = refuse_lost_nestings(batch, places)
    order = _order(batch, kind, places)
    steps: dict[int, int] = {}
    by_name = {_called(batch.changes[place]): place for place in places}
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
        _nest_new(batch, by_name, steps)


def _nest_new(batch: Batch, by_name: Mapping[str, int], steps: Mapping[int, int]) -> None:
    """Nests the new groups, in each other too. `steps`: place → the step that creates the group."""
    coming = {name: steps[at] for name, at in by_name.items() if at in steps}
    for place, number in steps.items():
        if nested_in(batch.changes[place]):
            nest(batch, place, number, coming)


def _kind(batch: Batch) -> ObjectKind:
    kind = batch.changes[0].kind
    assert kind in ("user", "group", "department")  # noqa: S101 - the writer looks at the kind
    return kind


def _called(change: Change) -> str:
    """What an object is called in the changes of a plan: departments by their path."""
    if change.kind == "department":
        return change.key
    return text(change.after or {}, NAME_OF["user" if change.kind == "user" else "group"])


def _free_places(batch: Batch, kind: ObjectKind) -> list[int]:
    """The changes whose names and entries are free.

    A platform need not refuse what exists twice.
    """
    names = batch.workspace.names
    taken: dict[object, str] = dict.fromkeys(names.departments, "")
    if kind != "department":
        taken = names.holders("user" if kind == "user" else "group")
    entries = set(batch.workspace.identities)
    places: list[int] = []
    for place, change in enumerate(batch.changes):
        called = _called(change)
        name = called if kind == "department" else fold_name(called)
        after = change.after or {}
        entry = (kind, text(after, "source"), text(after, "external_id"))
        if name in taken:
            batch.failed[place] = f"another {kind} of the workspace has this name"
        elif entry[1] and entry[2] and entry in entries:
            batch.failed[place] = f"another {kind} stands for this entry of {entry[1]}"
        else:
            taken[name] = ""
            entries.add(entry)
            places.append(place)
    return places


def _order(batch: Batch, kind: ObjectKind, places: Sequence[int]) -> list[int]:
    if kind == "user":
        return _by_manager(batch, places)
    if kind == "department":
        return sorted(places, key=lambda place: batch.changes[place].key.count("/"))
    return list(places)


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
    """The step that creates an object; and its manager, if that one is created after it."""
    workspace, change = batch.workspace, batch.changes[place]
    workspace.expect_source(change)
    fields = workspace.sent(kind, change)
    after: tuple[int, ...] = ()
    because = waits_for = ""
    parent = str(fields.get("parent") or "")
    if parent and parent not in workspace.names.departments and parent in by_name:
        above = steps.get(by_name[parent])
        because = f"the department {parent!r} does not exist"
        if above is None:
            raise Unknown(because)
        fields["parent"], after = New(above), (above,)
    elif "parent" in fields:
        fields["parent"] = workspace.reference("parent", parent)
    if "department" in fields:
        fields["department"] = workspace.reference("department", fields["department"])
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
    """Gives a user its manager, if the two manage each other in a circle."""
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
    names = batch.workspace.names
    with _as_wanted(batch):  # others are named as they are called afterwards
        moves = {
            place: move
            for place, change in enumerate(batch.changes)
            if (move := move_of(names, kind, change)) is not None
        }
        steps: dict[int, Planned] = {}
        links: dict[int, list[Planned]] = {}

        def prepare(place: int, change: Change) -> None:
            if change.kind == "group" and (change.after or {}).keys() == {"groups"}:
                renest(batch, place, change)
                return
            steps[place] = _update(batch, kind, place, change)
            if change.action == "erase":
                ended, links[place] = end_all(batch, place, names.row(change))
                steps[place].after = tuple(ended)

        batch.each(prepare)
    planned = arrange(batch, kind, steps, {at: move for at, move in moves.items() if at in steps})
    for place, number in planned.items():
        if place in links:
            batch.ended[number] = links[place]
            lead_no_more(batch, place, names.row(batch.changes[place]), number)


@contextmanager
def _as_wanted(batch: Batch) -> Iterator[None]:
    """All names as they are once the batch is carried out."""
    names = batch.workspace.names
    users, groups, departments = names.users, names.groups, names.departments
    names.rename("user", _renamed(batch, "user", names.users_before))
    names.rename("group", _renamed(batch, "group", names.groups_before))
    if batch.changes[0].kind == "department":
        names.departments = wanted_departments(names, batch.changes)
    try:
        yield
    finally:
        names.users, names.groups, names.departments = users, groups, departments


def _renamed(batch: Batch, kind: ObjectKind, known: Mapping[str, str]) -> dict[str, str]:
    """Our id → new name, of those that get one."""
    return {
        known[change.key]: text(change.after or {}, NAME_OF[kind])
        for change in batch.changes
        if change.kind == kind and change.key in known and text(change.after or {}, NAME_OF[kind])
    }


def _update(batch: Batch, kind: ObjectKind, place: int, change: Change) -> Planned:
    workspace = batch.workspace
    workspace.expect_source(change)
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
    steps: dict[str, int] = {}

    def prepare(place: int, change: Change) -> None:
        own = workspace.names.row(change)
        below: list[str] = []
        if kind == "department":
            below = [one for one, (parent, _) in workspace.names.tree.items() if parent == own]
        if any(one not in steps for one in below):
            raise Unknown("it still has departments below it")
        target = workspace.platform_id(kind, own)
        step = Planned(place, (Drop(kind, target, by_run=True),), "delete", kind, target)
        step.after = tuple(steps[one] for one in below)
        step.because = "it still has departments below it"
        steps[own] = batch.plan(step)

    deepest_first = sorted(
        enumerate(batch.changes), key=lambda item: item[1].key.count("/"), reverse=True
    )
    for place, change in deepest_first if kind == "department" else enumerate(batch.changes):
        batch.prepare(place, change, prepare)
