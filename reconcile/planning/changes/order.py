"""The total order of a plan: creations first, parents before children; losses last, in reverse.

A group that is taken out of another one goes with the memberships that end.

Renames come before creations, so that a name one gives up can be taken by another. One exception to
"losses last": a user, deleted or erased, whose name somebody else takes in the same plan goes
before everything that names users, together with its memberships and grants. So does a group or
department that only an undo deletes.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from reconcile.model.change import ENDS, LOSSES, Change, Kind, makes, unnests
from reconcile.model.text.department_path import parent, path, titles
from reconcile.model.text.folding import fold_name

_KINDS = ("source", "department", "group", "user", "grant", "membership")
_ACTIONS = (
    "rename",
    "create",
    "adopt",
    "update",
    "relink",
    "activate",
    "deactivate",
    "block",
    "erase",
    "delete",
)
_KIND_RANKS: Final = {kind: rank for rank, kind in enumerate(_KINDS)}
_ACTION_RANKS: Final = {action: rank for rank, action in enumerate(_ACTIONS)}
_CREATE_RANK: Final = _ACTION_RANKS["create"]
_NAMED = ("department", "group", "user")


def ordered(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes of one workspace in the order in which they are applied."""
    changes = list(changes)
    released = _released(changes)
    ranks: dict[tuple[int, int, int, int], list[Change]] = {}
    for change in changes:
        ranks.setdefault(_rank(change, released), []).append(change)
    # Within a rank only the name counts: comparing names alone is several times faster than whole
    # ranks.
    ranked = [one for rank in sorted(ranks) for one in sorted(ranks[rank], key=_named)]
    moving = [at for at, change in enumerate(ranked) if change.kind == "department"]
    for at, change in zip(moving, _feasible([ranked[at] for at in moving]), strict=True):
        ranked[at] = change
    return tuple(ranked)


def _released(changes: Iterable[Change]) -> set[tuple[Kind, str]]:
    """The names that an object gives up by ending and that another takes in the same plan."""
    leaving: set[tuple[Kind, str]] = {
        (change.kind, fold_name(change.key))
        for change in changes
        if change.action in ENDS and change.kind in _NAMED
    }
    if not leaving:
        return leaving
    taken: set[tuple[Kind, str]] = set()
    for change in changes:
        made = makes(change)
        if made is not None:
            taken.add((made[0], fold_name(made[1])))
    return leaving & taken


def _feasible(changes: list[Change]) -> list[Change]:
    """Departments ordered so that the parent of each exists and its title is free.

    Departments that trade places stay together.
    """
    makers: dict[str, Change] = {}
    freed: dict[str, Change] = {}
    for change in changes:
        made = makes(change)
        if made is not None:
            makers[fold_name(made[1])] = change
            if change.before is not None:
                freed[fold_name(change.key)] = change
    places = {id(change): at for at, change in enumerate(changes)}
    needs: dict[int, list[int]] = {}
    for at, change in enumerate(changes):
        first = _before_department(change, makers, freed)
        needs[at] = [places[id(other)] for other in first if other is not change]
    done: list[int] = []
    while needs:
        ready = [at for at, first in needs.items() if needs.keys().isdisjoint(first)]
        if not ready:
            ready = list(needs)  # they trade places
        done += ready
        for at in ready:
            del needs[at]
    return [changes[at] for at in done]


def _before_department(
    change: Change, makers: Mapping[str, Change], freed: Mapping[str, Change]
) -> Iterator[Change]:
    """The change that makes the parent of a department, and the one that frees its title."""
    made = makes(change)
    if made is None:
        return
    maker = makers.get(fold_name(parent(made[1])))
    if maker is not None:
        yield maker
    holder = freed.get(fold_name(_now(made[1], makers)))
    if holder is not None:
        yield holder


def _now(path_then: str, makers: Mapping[str, Change]) -> str:
    """The current path of a department of the wanted state, as far as its parents exist now."""
    names = titles(path_then)
    above = makers.get(fold_name(path(names[:-1]))) if len(names) > 1 else None
    if above is not None and above.before is not None:
        return path([*titles(above.key), names[-1]])
    return path_then


def _named(change: Change) -> tuple[str, str]:
    return fold_name(change.key), change.key


def _rank(change: Change, released: set[tuple[Kind, str]]) -> tuple[int, int, int, int]:
    kind = _KIND_RANKS[change.kind]
    if change.action == "create" and change.kind != "department":
        # Fast path: most changes of a large plan are creations, and no rule below applies to them.
        return 1, kind, 0, _CREATE_RANK
    action = _ACTION_RANKS["rename" if _renames(change) else change.action]
    phase = 0 if released and _makes_room(change, released) else 2
    if unnests(change):
        return phase, -_KIND_RANKS["membership"], 0, action
    if change.action not in LOSSES:
        return 1, kind, _depth(change), action
    return phase, -kind, -_depth(change), action


def _makes_room(change: Change, released: set[tuple[Kind, str]]) -> bool:
    """Whether a change goes first: it frees a name, or is tied to an object that frees one.

    If a department frees its name, every department that ends goes first.
    """
    if change.kind == "department":
        return change.action in ENDS and any(kind == "department" for kind, _ in released)
    if unnests(change):
        groups = (change.before or {}).get("groups")
        names = groups if isinstance(groups, dict) else ()
        return any(("group", fold_name(name)) in released for name in names)
    if change.action not in ENDS:
        return False
    return any((kind, fold_name(name)) in released for kind, name in _ends(change))


def _ends(change: Change) -> tuple[tuple[Kind, str], ...]:
    """The object of a change; of a membership or grant the user and the group."""
    if change.kind not in ("grant", "membership"):
        return ((change.kind, change.key),)
    before = change.before or {}
    user, group = before.get("user", change.key), before.get("group", "")
    return ("user", str(user)), ("group", str(group))


def _renames(change: Change) -> bool:
    after = change.after or {}
    return change.action in ("update", "relink") and not after.keys().isdisjoint(
        ("username", "name", "title")
    )


def _depth(change: Change) -> int:
    """How deep a department will be; a moved one comes after its new parent."""
    if change.kind != "department":
        return 0
    after = change.after or {}
    if "parent" in after:
        return len(titles(str(after["parent"] or ""))) + 1
    return len(titles(change.key))
