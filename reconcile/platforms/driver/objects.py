"""Users, groups and departments: the steps that create, change and delete them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Literal

from reconcile.model.book import Drop, Put
from reconcile.model.change import Change
from reconcile.model.platform import ObjectKind
from reconcile.model.text.folding import fold_name
from reconcile.platforms.driver.batch import Batch
from reconcile.platforms.driver.chains import last_first
from reconcile.platforms.driver.links import (
    end_all,
    lead_no_more,
    nest,
    refuse_lost_nestings,
    renest,
)
from reconcile.platforms.driver.renames import arrange, move_of, wanted_departments
from reconcile.platforms.driver.running.steps import New, Planned
from reconcile.platforms.driver.vocabulary import NAME_OF
from reconcile.platforms.resolve import Move, Names, Unknown, text


def create(batch: Batch) -> None:
    """New objects; those that others of the batch refer to come first."""
    kind = _kind(batch)
    places = _free_places(batch, kind)
    if kind == "group":
        places = refuse_lost_nestings(batch, places)
    creations = _Creations(batch, kind, places)
    batch.each(_order(batch, kind, places), creations.plan)
    creations.lead_in_circles()
    if kind == "group":
        creations.nest()


class _Creations:
    """The steps that create the objects of a batch."""

    def __init__(self, batch: Batch, kind: ObjectKind, places: Sequence[int]) -> None:
        self._batch = batch
        self._kind = kind
        self._places = {_called(batch.changes[place]): place for place in places}
        """By the name of the object."""
        self._steps: dict[int, int] = {}
        """Place → number of the step that creates the object."""
        self._led_later: list[tuple[int, str]] = []
        """Users whose manager is created after them."""

    def plan(self, place: int, change: Change) -> None:
        """Plans a creation. Raises Unknown where the change names what does not exist."""
        workspace = self._batch.workspace
        workspace.expect_source(change)
        fields = workspace.sent(self._kind, change)
        step = Planned(place, operation="create", kind=self._kind, fields=fields)
        if "parent" in fields:
            self._set_parent(step, str(fields["parent"]))
        if "department" in fields:
            fields["department"] = workspace.reference("department", fields["department"])
        if "manager" in fields:
            self._set_manager(step, str(fields["manager"]))
        step.edits = (Put(self._kind, "", workspace.remembered(self._kind, change)),)
        self._steps[place] = self._batch.plan(step)

    def _set_parent(self, step: Planned, parent: str) -> None:
        """The department above, which may be created in the same batch, before this one."""
        workspace = self._batch.workspace
        if parent in workspace.names.departments or parent not in self._places:
            step.fields["parent"] = workspace.reference("parent", parent)
            return
        step.because = f"the department {parent!r} does not exist"
        above = self._steps.get(self._places[parent])
        if above is None:
            raise Unknown(step.because)
        step.fields["parent"], step.after = New(above), (above,)

    def _set_manager(self, step: Planned, manager: str) -> None:
        """The manager, who may be created in the same batch, before this user or after it."""
        workspace = self._batch.workspace
        if manager in workspace.names.users or manager not in self._places:
            step.fields["manager"] = workspace.reference("manager", manager)
            return
        step.because = f"the manager {manager!r} does not exist"
        leader = self._steps.get(self._places[manager])
        if leader is None:
            del step.fields["manager"]
            self._led_later.append((step.place, manager))
        else:
            step.fields["manager"], step.after = New(leader), (leader,)

    def lead_in_circles(self) -> None:
        """Gives users their managers where they lead each other in a circle."""
        for place, manager in self._led_later:
            leader = self._steps.get(self._places[manager])
            if leader is None:
                continue
            own = self._steps[place]
            step = Planned(place, operation="update", target=New(own), after=(own, leader))
            step.fields = {"manager": New(leader)}
            step.because = step.without = f"without its manager {manager}, which failed"
            self._batch.plan(step)

    def nest(self) -> None:
        """Nests the new groups, in each other too."""
        coming = {
            name: self._steps[place] for name, place in self._places.items() if place in self._steps
        }
        for place, number in list(self._steps.items()):
            nest(self._batch, place, number, coming)


def _kind(batch: Batch) -> ObjectKind:
    kind = batch.changes[0].kind
    assert kind in ("user", "group", "department")  # noqa: S101 - the writer looks at the kind
    return kind


def _called(change: Change) -> str:
    """What an object is called in the changes of a plan: departments by their path."""
    if change.kind == "department":
        return change.key
    return text(change.fields_after, NAME_OF["user" if change.kind == "user" else "group"])


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
        after = change.fields_after
        entry = (kind, text(after, "source"), text(after, "external_id"))
        if name in taken:
            batch.failed[place] = f"another {kind} of the workspace has this name"
        elif all(entry) and entry in entries:
            batch.failed[place] = f"another {kind} stands for this entry of {entry[1]}"
        else:
            taken[name] = ""
            entries.add(entry)
            places.append(place)
    return places


def _order(batch: Batch, kind: ObjectKind, places: Sequence[int]) -> list[int]:
    """The places of new objects, those that others refer to before these."""
    if kind == "user":
        return _by_manager(batch, places)
    return sorted(places, key=batch.depth) if kind == "department" else list(places)


def _by_manager(batch: Batch, places: Sequence[int]) -> list[int]:
    """The places of new users, managers before those they lead; a circle begins anywhere."""
    by_name = {text(batch.changes[place].fields_after, "username"): place for place in places}
    managers = {place: text(batch.changes[place].fields_after, "manager") for place in places}
    return last_first(places, lambda place: by_name.get(managers[place]))


_REFERRING: Final = ("parent", "department", "manager")


def update(batch: Batch) -> None:
    """Whatever a change of an object holds; names may go round among those of the batch."""
    kind = _kind(batch)
    names = batch.workspace.names
    steps: dict[int, Planned] = {}
    moves: dict[int, Move] = {}
    links: dict[int, list[Planned]] = {}

    def prepare(place: int, change: Change) -> None:
        if change.kind == "group" and change.fields_after.keys() == {"groups"}:
            renest(batch, place, change)
            return
        steps[place] = _update(batch, kind, place, change)
        if change.action == "erase":
            ended, links[place] = end_all(batch, place, names.row(change))
            steps[place].after = tuple(ended)
        move = move_of(names, kind, change)
        if move is not None:
            moves[place] = move

    with _as_wanted(batch, kind):  # others are named as they are called afterwards
        batch.each(batch.places, prepare)
    planned = arrange(batch, kind, steps, moves)
    for place, number in planned.items():
        if place in links:
            batch.ended[number] = links[place]
            lead_no_more(batch, place, names.row(batch.changes[place]), number)


@contextmanager
def _as_wanted(batch: Batch, kind: ObjectKind) -> Iterator[None]:
    """All names as they are once the batch is carried out."""
    names = batch.workspace.names
    users, groups, departments = names.users, names.groups, names.departments
    if kind == "department":
        names.departments = wanted_departments(names, batch.changes)
    else:
        names.rename(kind, _renamed(batch, kind))
    try:
        yield
    finally:
        names.users, names.groups, names.departments = users, groups, departments


def _renamed(batch: Batch, kind: Literal["user", "group"]) -> dict[str, str]:
    """Our id → new name, of those that get one."""
    names = batch.workspace.names
    known = names.users_before if kind == "user" else names.groups_before
    renamed: dict[str, str] = {}
    for change in batch.changes:
        new = text(change.fields_after, NAME_OF[kind])
        if new and change.key in known:
            renamed[known[change.key]] = new
    return renamed


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
        below = _below(workspace.names, own) if kind == "department" else []
        if not steps.keys() >= set(below):
            raise Unknown(_NOT_EMPTY)
        target = workspace.platform_id(kind, own)
        step = Planned(place, (Drop(kind, target, by_run=True),), "delete", kind, target)
        step.after = tuple(steps[department] for department in below)
        step.because = _NOT_EMPTY
        steps[own] = batch.plan(step)

    places: Sequence[int] = batch.places
    if kind == "department":
        places = sorted(places, key=batch.depth, reverse=True)
    batch.each(places, prepare)


_NOT_EMPTY: Final = "it still has departments below it"


def _below(names: Names, own: str) -> list[str]:
    """The departments directly below one."""
    return [department for department, (parent, _) in names.tree.items() if parent == own]
