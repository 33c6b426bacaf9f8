"""The total order of a plan: what is made first, parents before children; what is taken away last, in reverse.

A group that is taken out of another one goes with the memberships that end.

Renames come before creations, so that a name one gives up can be taken by another. One exception to
"losses last": a user, deleted or erased, whose name somebody else takes in the same plan goes
before everything that names users, together with its memberships and grants. So does a group or
department that only an undo deletes.
"""

from collections.abc import Iterable, Mapping
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
_NAMED = ("department", "group", "user")


def ordered(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes of one workspace as they are to be carried out."""
    changes = list(changes)
    leaving = {
        (one.kind, fold_name(one.key))
        for one in changes
        if one.action in ENDS and one.kind in _NAMED
    }
    taken = (
        {(made[0], fold_name(made[1])) for one in changes if (made := makes(one))}
        if leaving
        else set()
    )
    released = leaving & taken
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


def _feasible(changes: list[Change]) -> list[Change]:
    """Departments so that each finds its parent there and its title free; those that trade places stay together."""
    makers = {
        fold_name(made[1]): change for change in changes if (made := makes(change)) is not None
    }
    freed = {
        fold_name(change.key): change
        for change in changes
        if change.before is not None and makes(change)
    }
    places = {id(change): at for at, change in enumerate(changes)}
    needs: dict[int, list[int]] = {}
    for at, change in enumerate(changes):
        made = makes(change)
        found = (
            ()
            if made is None
            else (
                makers.get(fold_name(parent(made[1]))),
                freed.get(fold_name(_now(made[1], makers))),
            )
        )
        needs[at] = [places[id(one)] for one in found if one is not None and one is not change]
    done: list[int] = []
    while needs:
        ready = [at for at, wanted in needs.items() if needs.keys().isdisjoint(wanted)] or list(
            needs
        )
        done += ready
        for at in ready:
            del needs[at]
    return [changes[at] for at in done]


def _now(path_then: str, makers: Mapping[str, Change]) -> str:
    """What a path of the wanted state is called now, as far up as its departments are there already."""
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
        return (
            1,
            kind,
            0,
            _ACTION_RANKS["create"],
        )  # nearly all of a large plan, and of the others nothing holds for it
    action = _ACTION_RANKS["rename" if _renames(change) else change.action]
    phase = 0 if released and _makes_room(change, released) else 2
    if unnests(change):
        return phase, -_KIND_RANKS["membership"], 0, action
    if change.action not in LOSSES:
        return 1, kind, _depth(change), action
    return phase, -kind, -_depth(change), action


def _makes_room(change: Change, released: set[tuple[Kind, str]]) -> bool:
    """Whether it goes first: what gives a name to another, what is tied to that, and every department with one."""
    if change.kind == "department":
        return change.action in ENDS and any(kind == "department" for kind, _ in released)
    before = change.before or {}
    if unnests(change):
        groups = before.get("groups")
        return any(
            ("group", fold_name(name)) in released
            for name in (groups if isinstance(groups, dict) else ())
        )
    if change.action not in ENDS:
        return False
    ends: tuple[tuple[Kind, str], ...] = ((change.kind, change.key),)
    if change.kind in ("grant", "membership"):
        ends = (
            ("user", str(before.get("user", change.key))),
            ("group", str(before.get("group", ""))),
        )
    return any((kind, fold_name(name)) in released for kind, name in ends)


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
    return (
        len(titles(str(after["parent"] or ""))) + 1
        if "parent" in after
        else len(titles(change.key))
    )
