"""Which object a change's names mean.

`before` is how the workspace was read, `now` is that with what was written since.

Only computes. Ids are those of the state that was read, as text; `Unknown` says in a person's words
what does not exist.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

from reconcile.model.change import Change, Fields, Kind, mapping
from reconcile.model.platform import PlatformState
from reconcile.model.text.department_path import path, titles
from reconcile.model.text.folding import fold_name

Tree: TypeAlias = dict[str, tuple[str, str]]
"""Department id → id of the one above or "", and title."""


class Unknown(Exception):
    """A change names something that does not exist; the text says what."""


class Move(NamedTuple):
    """An object that gives up one unique name for another; both in their form for comparison.

    If they are equal, it keeps its name, in another spelling.
    """

    id: str
    old: object
    new: object


class Names:
    """The names of one workspace."""

    def __init__(self, state: PlatformState) -> None:
        self.tree: Tree = {
            department.id: (department.parent, department.title) for department in state.departments
        }
        self.users_before = {user.username: user.id for user in state.users}
        self.groups_before = {group.name: group.id for group in state.groups}
        self.departments_before = paths(self.tree)
        self.users = dict(self.users_before)
        self.groups = dict(self.groups_before)
        self.departments = dict(self.departments_before)
        self._state = state

    def settle(self) -> None:
        """Takes in what changed in the tree."""
        self.departments = paths(self.tree)

    def _named(self, kind: Literal["user", "group"]) -> dict[str, str]:
        """Name → id of the users, or groups, that now exist."""
        return self.users if kind == "user" else self.groups

    def holders(self, kind: Literal["user", "group"]) -> dict[object, str]:
        """Case-folded name → id of every user, or group, that now exists."""
        return {fold_name(name): own for name, own in self._named(kind).items()}

    def rename(self, kind: Literal["user", "group"], renamed: Mapping[str, str]) -> None:
        """Takes in new names, all at once: id → name."""
        if not renamed:
            return
        names = {name: own for name, own in self._named(kind).items() if own not in renamed}
        names.update((name, own) for own, name in renamed.items())
        if kind == "user":
            self.users = names
        else:
            self.groups = names

    def forget(self, gone: Collection[str], kind: Literal["user", "group", "department"]) -> None:
        """Takes in that the objects of these ids are no more."""
        if kind == "department":
            self.tree = {own: node for own, node in self.tree.items() if own not in gone}
            self.departments = paths(self.tree)
            return
        names = self._named(kind)
        for name in [name for name, own in names.items() if own in gone]:
            del names[name]

    def row(self, change: Change) -> str:
        """The id of the user, group or department that an update or a loss is about."""
        known = {
            "user": self.users_before,
            "group": self.groups_before,
            "department": self.departments_before,
        }
        return _find(known[change.kind], change.key, f"the {change.kind} {change.key!r}")

    def user(self, name: str) -> str:
        """The id of a user by its name in the wanted state."""
        return _find(self.users, name, f"the user {name!r}")

    def department(self, name: str) -> str:
        """The id of a department by its path in the wanted state."""
        return _find(self.departments, name, f"the department {name!r}")

    def new_link(self, change: Change) -> tuple[str, str]:
        """User id, and group id or role name, of a grant or membership to create."""
        user, other = self._ends(change, change.fields_after)
        if change.kind != "grant":
            other = _find(self.groups, other, f"the group {other!r}")
        return self.user(user), other

    def link(self, change: Change) -> tuple[str, str]:
        """User id, and group id or role name, of an existing grant or membership.

        A name may hold the `/` that joins the key, so every way to split it is tried: what exists
        decides.
        """
        before = change.fields_before
        splits = [self._ends(change, before)] if "user" in before else _splits(change.key)
        pairs = [
            (self.users_before.get(user, ""), self._other_before(change, other))
            for user, other in splits
        ]
        existing = [pair for pair in pairs if pair in self._linked[change.kind]]
        if len(existing) > 1:
            raise Unknown(f"the key {change.key!r} could mean more than one {change.kind}")
        if not existing:
            raise Unknown(f"the {change.kind} {change.key!r} does not exist")
        return existing[0]

    def nesting(
        self, change: Change, now: Mapping[str, str] | None = None
    ) -> tuple[set[str], dict[str, str]]:
        """The ids of the groups that a group comes out of, and id → origin of those it goes into.

        `now`: the current names, where they are not those of this object.
        """
        now = self.groups if now is None else now
        before = mapping(change.fields_before, "groups")
        out = {_find(self.groups_before, name, f"the group {name!r}") for name in before}
        into: dict[str, str] = {}
        for name, origin in mapping(change.fields_after, "groups").items():
            above = _find(now, name, f"the group {name!r}")
            out.add(above)
            if origin is not None:
                into[above] = origin
        return out, into

    @cached_property
    def _linked(self) -> dict[Kind, set[tuple[str, str]]]:
        return {
            "grant": {(grant.user, grant.role) for grant in self._state.grants},
            "membership": {(tie.user, tie.group) for tie in self._state.memberships},
        }

    def _other_before(self, change: Change, name: str) -> str:
        return name if change.kind == "grant" else self.groups_before.get(name, "")

    def _ends(self, change: Change, fields: Fields) -> tuple[str, str]:
        return text(fields, "user"), text(fields, "role" if change.kind == "grant" else "group")


def text(fields: Fields, name: str) -> str:
    """A field's text; "" if it is null or left out."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def paths(tree: Tree, parents: Mapping[str, str] | None = None) -> dict[str, str]:
    """Path → id of every department of a tree, `parents` overruling some of the paths above.

    Departments that a hand has put below themselves have no path and are left out.
    """
    parents = parents or {}
    known: dict[str, str] = {}
    for start in tree:
        waiting: list[str] = []
        above = start
        while (
            above in tree and above not in known and above not in parents and above not in waiting
        ):
            waiting.append(above)
            above = tree[above][0]
        if above in parents and above not in known:
            known[above] = path([*titles(parents[above]), tree[above][1]])
        if above in waiting:
            continue
        base = known.get(above, "")
        for own in reversed(waiting):
            title = path([tree[own][1]])
            base = known[own] = f"{base}/{title}" if base else title
    return {name: own for own, name in known.items()}


def blocked(
    moves: Mapping[int, Move], holders: Mapping[object, str], failed: Iterable[int] = ()
) -> dict[int, str]:
    """Which of the moves cannot be, and why: index → reason.

    A name is free if no object holds it, or its holder gives it up in a move that can be. `holders`
    is name → id of all that exist, `failed` are moves that are known to fail.
    """
    lost = dict.fromkeys(failed, "")
    mover = {move.id: place for place, move in moves.items() if move.new != move.old}
    taken: dict[object, int] = {}
    waiting: dict[int, list[int]] = {}
    for place, move in moves.items():
        holder = holders.get(move.new)
        if place in lost:
            continue
        if taken.setdefault(move.new, place) != place:
            lost[place] = "another change of this plan takes the same name"
        elif holder is not None and holder != move.id and move.new != move.old:
            if holder in mover:
                waiting.setdefault(mover[holder], []).append(place)
            else:
                lost[place] = "the name is taken"
    _block_waiting(lost, waiting)
    return lost


def _block_waiting(lost: dict[int, str], waiting: dict[int, list[int]]) -> None:
    """Adds to `lost` the moves that wait for a lost one, and those that wait for them."""
    look = list(lost)
    while look:
        for place in waiting.pop(look.pop(), ()):
            if place not in lost:
                lost[place] = "the name is taken: its holder kept it"
                look.append(place)


def _find(known: Mapping[str, str], name: str, what: str) -> str:
    own = known.get(name)
    if own is None:
        raise Unknown(f"{what} does not exist")
    return own


def _splits(key: str) -> list[tuple[str, str]]:
    return [(key[:place], key[place + 1 :]) for place, char in enumerate(key) if char == "/"]
