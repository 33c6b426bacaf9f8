"""Objects that would get a name, or an entry of a directory, that another object has now."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from reconcile.model.platform import Department, Group, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.undo.working_state import WorkingState

Object = TypeVar("Object", User, Group, Department)


def conflicts(state: WorkingState, before: WorkingState) -> Iterator[User | Group | Department]:
    """What is in conflict in `state`, `before` being the platform as it is now."""
    yield from _conflicts(state.users, before.users)
    yield from _conflicts(state.groups, before.groups)
    yield from _conflicts(state.departments, before.departments)


def _conflicts(objects: Mapping[str, Object], before: Mapping[str, Object]) -> Iterator[Object]:
    """What the undo leaves alone keeps its names; only what it changes can be in conflict."""
    taken: dict[tuple[str, ...], str] = {}
    changed: list[Object] = []
    for entity in objects.values():
        if before.get(entity.id) is entity:
            taken |= dict.fromkeys(_unique(entity), entity.id)
        else:
            changed.append(entity)
    for entity in changed:
        for key in _unique(entity):
            if taken.setdefault(key, entity.id) != entity.id:
                yield entity


def _unique(entity: User | Group | Department) -> list[tuple[str, ...]]:
    """The keys that no other object of the kind may have."""
    keys = [_name(entity)]
    if entity.source and entity.external_id:
        keys.append(("external id", entity.source, entity.external_id))
    return keys


def _name(entity: User | Group | Department) -> tuple[str, ...]:
    """The name that is unique; that of a department below its parent only."""
    if isinstance(entity, User):
        return "name", fold_name(entity.username)
    if isinstance(entity, Group):
        return "name", fold_name(entity.name)
    return "title", entity.parent, entity.title
