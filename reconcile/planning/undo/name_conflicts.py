"""What is to get a name, or a place in a directory, that something else has by now."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from reconcile.model.platform import Department, Group, User
from reconcile.model.text.folding import fold_name

Now: TypeAlias = tuple[Mapping[str, User], Mapping[str, Group], Mapping[str, Department]]
"""Users, groups and departments as they are now, by id."""


def clashes(
    users: Iterable[User],
    groups: Iterable[Group],
    departments: Iterable[Department],
    now: Now,
) -> Iterator[User | Group | Department]:
    """What is to get a name, or a place in a directory, that something else has."""
    everything: list[
        tuple[Iterable[User | Group | Department], Mapping[str, User | Group | Department]]
    ] = [
        (users, now[0]),
        (groups, now[1]),
        (departments, now[2]),
    ]
    for objects, before in everything:
        taken: dict[tuple[str, ...], str] = {}
        for one in sorted(objects, key=lambda one, before=before: before.get(one.id) is not one):  # type: ignore[misc]
            if before.get(one.id) is one:
                taken |= dict.fromkeys(_unique(one), one.id)
                continue
            for key in _unique(one):
                if taken.setdefault(key, one.id) != one.id:
                    yield one


def _unique(one: User | Group | Department) -> list[tuple[str, ...]]:
    if isinstance(one, User):
        own: tuple[str, ...] = ("name", fold_name(one.username))
    elif isinstance(one, Group):
        own = ("name", fold_name(one.name))
    else:
        own = ("title", one.parent, one.title)
    return (
        [own, ("external id", one.source, one.external_id)]
        if one.source and one.external_id
        else [own]
    )
