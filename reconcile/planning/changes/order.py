"""The total order of a plan: creations first, parents before children; losses last, in reverse.

A group that leaves another group goes with the memberships that end.

Renames come before creations, so that a name that is given up can be taken. One exception to
"losses last": a deleted or erased user whose name another user takes in the same plan goes before
everything that names users, together with its memberships and grants. So does a group or department
that only an undo deletes.
"""

from collections.abc import Iterable, Mapping, Sequence
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
    """The changes of one workspace in the order in which they are made."""
    changes = list(changes)
    released = _released(changes)
    ranks: dict[tuple[int, int, int, int], list[Change]] = {}
    for change in changes:
        ranks.setdefault(_rank(change, released), []).append(change)
    # Within a rank only the name counts: comparing names alone is several times faster than whole
    # ranks.
    ranked = [change for rank in sorted(ranks) for change in sorted(ranks[rank], key=_named)]
    moving = [at for at, change in enumerate(ranked) if change.kind == "department"]
    for at, change in zip(moving, _feasible([ranked[at] for at in moving]), strict=True):
        ranked[at] = change
    return tuple(ranked)


def _released(changes: Sequence[Change]) -> set[tuple[Kind, str]]:
    """Kinds and folded names that one change gives up for good and another one takes."""
    leaving = {
        (change.kind, fold_name(change.key))
        for change in changes
        if change.action in ENDS and change.kind in _NAMED
    }
    if not leaving:
        return set()
    made = filter(None, map(makes, changes))
    return leaving & {(kind, fold_name(name)) for kind, name in made}


def _feasible(changes: list[Change]) -> list[Change]:
    """Departments, each after its parent and after the change that frees its title.

    Departments that trade places stay together.
    """
    needs = _department_needs(changes)
    done: list[int] = []
    while needs:
        ready = [at for at, wanted in needs.items() if needs.keys().isdisjoint(wanted)]
        ready = ready or list(needs)
        done += ready
        for at in ready:
            del needs[at]
    return [changes[at] for at in done]


def _department_needs(changes: Sequence[Change]) -> dict[int, list[int]]:
    """Position of a change of a department → positions of the changes it needs."""
    makers: dict[str, int] = {}
    freed: dict[str, int] = {}
    for at, change in enumerate(changes):
        made = makes(change)
        if made is None:
            continue
        makers[fold_name(made[1])] = at
        if change.before is not None:
            freed[fold_name(change.key)] = at
    needs: dict[int, list[int]] = {}
    for at, change in enumerate(changes):
        needs[at] = []
        made = makes(change)
        if made is None:
            continue
        now = _present_path(made[1], makers, changes)
        needed = (makers.get(fold_name(parent(made[1]))), freed.get(fold_name(now)))
        needs[at] = [other for other in needed if other is not None and other != at]
    return needs


def _present_path(wanted: str, makers: Mapping[str, int], changes: Sequence[Change]) -> str:
    """The present path of the place that a path of the wanted state names."""
    names = titles(wanted)
    at = makers.get(fold_name(path(names[:-1]))) if len(names) > 1 else None
    if at is None or changes[at].before is None:
        return wanted
    return path([*titles(changes[at].key), names[-1]])


def _named(change: Change) -> tuple[str, str]:
    return fold_name(change.key), change.key


def _rank(change: Change, released: set[tuple[Kind, str]]) -> tuple[int, int, int, int]:
    kind = _KIND_RANKS[change.kind]
    # Fast path: most changes of a large plan are creations, and none of the rules below applies to
    # them.
    if change.action == "create" and change.kind != "department":
        return 1, kind, 0, _ACTION_RANKS["create"]
    action = _ACTION_RANKS["rename" if _renames(change) else change.action]
    phase = 0 if released and _makes_room(change, released) else 2
    if unnests(change):
        return phase, -_KIND_RANKS["membership"], 0, action
    if change.action not in LOSSES:
        return 1, kind, _depth(change), action
    return phase, -kind, -_depth(change), action


def _makes_room(change: Change, released: set[tuple[Kind, str]]) -> bool:
    """Whether a loss goes first: it frees a name that is taken, or ends what is tied to one."""
    # If one department frees its title, all that end go first, so that children precede parents.
    if change.kind == "department":
        return change.action in ENDS and any(kind == "department" for kind, _ in released)
    before = change.fields_before
    if unnests(change):
        groups = before.get("groups")
        names = groups if isinstance(groups, dict) else ()
        return any(("group", fold_name(name)) in released for name in names)
    if change.action not in ENDS:
        return False
    if change.kind not in ("grant", "membership"):
        return (change.kind, fold_name(change.key)) in released
    user, group = str(before.get("user", change.key)), str(before.get("group", ""))
    return ("user", fold_name(user)) in released or ("group", fold_name(group)) in released


def _renames(change: Change) -> bool:
    if change.action not in ("update", "relink"):
        return False
    return not change.fields_after.keys().isdisjoint(("username", "name", "title"))


def _depth(change: Change) -> int:
    """How deep a department will be; a moved one comes after its new parent."""
    if change.kind != "department":
        return 0
    after = change.fields_after
    if "parent" in after:
        return len(titles(str(after["parent"] or ""))) + 1
    return len(titles(change.key))
