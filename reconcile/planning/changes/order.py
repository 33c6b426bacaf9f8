"""The total order of a plan: creations first, parents before children; losses last, in reverse.

A group that leaves another group goes with the memberships that end.

Renames come before creations, so that a name that is given up can be taken. One exception to
"losses last": a deleted or erased user whose name another user takes in the same plan goes before
everything that names users, together with its memberships and grants. So does a group or department
that only an undo deletes.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from reconcile.model.change import ENDS, LOSSES, Change, Kind, makes, mapping, text, unnests
from reconcile.model.kinds import KINDS, PAIRS
from reconcile.model.text.department_path import parent, path, titles
from reconcile.model.text.folding import fold_name

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
_KIND_RANKS: Final = {kind: rank for rank, kind in enumerate(KINDS)}
_ACTION_RANKS: Final = {action: rank for rank, action in enumerate(_ACTIONS)}
_NAME_FIELDS: Final = frozenset({"username", "name", "title"})
_FIRST, _MAKING, _LAST = range(3)
"""The phases of a plan: losses that free a name, what is made or changed, all other losses."""

Rank: TypeAlias = tuple[int, int, int, int]
"""Phase, kind, depth in the tree of departments, and action."""
Released: TypeAlias = set[tuple[Kind, str]]
"""Kinds and folded names that one change gives up for good and another one takes."""


def ordered(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes of one workspace in the order in which they are made."""
    changes = list(changes)
    released = _released(changes)
    ranks: dict[Rank, list[Change]] = {}
    for change in changes:
        ranks.setdefault(_rank(change, released), []).append(change)
    # Within a rank only the name counts: comparing names alone is several times faster than whole
    # ranks.
    ranked = [change for rank in sorted(ranks) for change in sorted(ranks[rank], key=_by_name)]
    # Departments go among themselves as they need each other.
    moving = [at for at, change in enumerate(ranked) if change.kind == "department"]
    for at, change in zip(moving, _feasible([ranked[at] for at in moving]), strict=True):
        ranked[at] = change
    return tuple(ranked)


def _released(changes: Sequence[Change]) -> Released:
    """The names of objects that end and that other objects take."""
    leaving: Released = set()
    for change in changes:
        if change.action in ENDS and change.kind not in PAIRS:
            leaving.add((change.kind, fold_name(change.key)))
    if not leaving:
        return leaving
    made = filter(None, map(makes, changes))
    return leaving & {(kind, fold_name(name)) for kind, name in made}


def _feasible(changes: list[Change]) -> list[Change]:
    """Departments, each after its parent and after the change that frees its title.

    Departments that trade places stay together.
    """
    needs = _DepartmentMoves.of(changes).needs()
    done: list[int] = []
    while needs:
        ready = [at for at, wanted in needs.items() if needs.keys().isdisjoint(wanted)]
        ready = ready or list(needs)
        done += ready
        for at in ready:
            del needs[at]
    return [changes[at] for at in done]


class _DepartmentMoves(NamedTuple):
    """The changes of departments, and by folded path the positions of those that matter to others.

    `makers`: a wanted path → the change that makes it; `freed`: a present path → the change that
    gives it up.
    """

    changes: Sequence[Change]
    makers: dict[str, int]
    freed: dict[str, int]

    @classmethod
    def of(cls, changes: Sequence[Change]) -> "_DepartmentMoves":
        """Notes what each change makes and gives up."""
        moves = cls(changes, {}, {})
        for at, change in enumerate(changes):
            made = makes(change)
            if made is not None:
                moves.makers[fold_name(made[1])] = at
                if change.before is not None:
                    moves.freed[fold_name(change.key)] = at
        return moves

    def needs(self) -> dict[int, list[int]]:
        """Position of each change → positions of the changes it needs."""
        return {at: list(self._needed(at)) for at in range(len(self.changes))}

    def _needed(self, at: int) -> Iterator[int]:
        """What has to come before the change at a position: its new parent, and a free title."""
        made = makes(self.changes[at])
        if made is None:
            return
        new_path = made[1]
        above = self.makers.get(fold_name(parent(new_path)))
        freeing = self.freed.get(fold_name(self._present(new_path)))
        for other in (above, freeing):
            if other is not None and other != at:
                yield other

    def _present(self, wanted: str) -> str:
        """The present path of the place that a path of the wanted state names."""
        *above, title = titles(wanted)
        at = self.makers.get(fold_name(path(above))) if above else None
        if at is None or self.changes[at].before is None:
            return wanted
        return path([*titles(self.changes[at].key), title])


def _by_name(change: Change) -> tuple[str, str]:
    """Case does not matter, but the order has to be total."""
    return fold_name(change.key), change.key


def _rank(change: Change, released: Released) -> Rank:
    """Where a change stands among those of other kinds, actions and depths."""
    kind = _KIND_RANKS[change.kind]
    # Fast path: most changes of a large plan are creations, and none of the rules below applies to
    # them.
    if change.action == "create" and change.kind != "department":
        return _MAKING, kind, 0, _ACTION_RANKS["create"]
    action = _ACTION_RANKS["rename" if _renames(change) else change.action]
    phase = _FIRST if released and _makes_room(change, released) else _LAST
    if unnests(change):
        return phase, -_KIND_RANKS["membership"], 0, action
    if change.action not in LOSSES:
        return _MAKING, kind, _depth(change), action
    return phase, -kind, -_depth(change), action


def _makes_room(change: Change, released: Released) -> bool:
    """Whether a loss goes first: it frees a name that is taken, or ends what is tied to one."""
    if unnests(change):
        return _frees_any(released, "group", mapping(change.fields_before, "groups"))
    if change.action not in ENDS:
        return False
    # If one department frees its title, all that end go first, so that children precede parents.
    if change.kind == "department":
        return any(kind == "department" for kind, _ in released)
    if change.kind not in PAIRS:
        return _frees_any(released, change.kind, [change.key])
    before = change.fields_before
    user, group = str(before.get("user", change.key)), text(before, "group")
    return _frees_any(released, "user", [user]) or _frees_any(released, "group", [group])


def _frees_any(released: Released, kind: Kind, names: Iterable[str]) -> bool:
    """Whether one of the names of a kind is released."""
    return any((kind, fold_name(name)) in released for name in names)


def _renames(change: Change) -> bool:
    """Whether a change gives another name."""
    if change.action not in ("update", "relink"):
        return False
    return not _NAME_FIELDS.isdisjoint(change.fields_after)


def _depth(change: Change) -> int:
    """How deep a department will be; a moved one comes after its new parent."""
    if change.kind != "department":
        return 0
    after = change.fields_after
    if "parent" in after:
        return len(titles(text(after, "parent"))) + 1
    return len(titles(change.key))
