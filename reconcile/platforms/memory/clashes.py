"""Which objects have a name, or an external id, that another one has."""

from collections.abc import Collection, Iterable, Iterator
from typing import TypeAlias

from reconcile.model.platform import Department, Group, User
from reconcile.model.text.folding import fold_name

Object: TypeAlias = User | Group | Department


def clashes(objects: Iterable[Object], changed: Collection[str]) -> dict[str, str]:
    """Id → why, of those of the changed objects that clash with one before them.

    What is not changed comes first, so that a clash is the fault of what is.
    """
    taken: dict[tuple[str, ...], str] = {}
    found: dict[str, str] = {}
    for thing in sorted(objects, key=lambda thing: thing.id in changed):
        for key in _unique(thing):
            if taken.setdefault(key, thing.id) != thing.id and thing.id in changed:
                found[thing.id] = f"another one has this {key[0]}"
    return found


def _unique(thing: Object) -> Iterator[tuple[str, ...]]:
    """What no two objects of a kind may share."""
    match thing:
        case User():
            yield "username", fold_name(thing.username)
        case Group():
            yield "name", fold_name(thing.name)
        case Department():
            yield "title", thing.parent, thing.title
    if thing.source and thing.external_id:
        yield "external id", thing.source, thing.external_id
