"""The total order of a plan: what is made first, parents before children; what is taken away last, in reverse.

A group that is taken out of another one goes with the memberships that end.

Renames come before creations, so that a name one gives up can be taken by another. One exception to "losses last": a
user, deleted or erased, whose name somebody else takes in the same plan goes before everything that names users,
together with its memberships and grants.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from reconcile.model.change import ENDS, LOSSES, Change, makes, unnests
from reconcile.model.path import parent, path, titles

_KINDS = ("source", "department", "group", "user", "grant", "membership")
_ACTIONS = ("rename", "create", "adopt", "update", "activate", "deactivate", "block", "erase", "delete")
_KIND_RANKS: Final = {kind: rank for rank, kind in enumerate(_KINDS)}
_ACTION_RANKS: Final = {action: rank for rank, action in enumerate(_ACTIONS)}
_OF_USERS = ("user", "grant", "membership")


def ordered(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes of one workspace as they are to be carried out."""
    changes = list(changes)
    leaving = {one.key.casefold() for one in changes if one.kind == "user" and one.action in ENDS}
    taken = {_username(one) for one in changes if one.kind == "user"} if leaving else set()
    released = leaving & taken
    ranks: dict[tuple[int, int, int, int], list[Change]] = {}
    for change in changes:
        ranks.setdefault(_rank(change, released), []).append(change)
    # Within a rank only the name counts: comparing names alone is several times faster than whole ranks.
    ranked = [one for rank in sorted(ranks) for one in sorted(ranks[rank], key=_named)]
    moving = [at for at, change in enumerate(ranked) if change.kind == "department"]
    for at, change in zip(moving, _feasible([ranked[at] for at in moving]), strict=True):
        ranked[at] = change
    return tuple(ranked)


def _feasible(changes: list[Change]) -> list[Change]:
    """Departments so that each finds its parent there and its title free; those that trade places stay together."""
    makers = {made[1].casefold(): change for change in changes if (made := makes(change)) is not None}
    freed = {change.key.casefold(): change for change in changes if change.before is not None and makes(change)}
    places = {id(change): at for at, change in enumerate(changes)}
    needs: dict[int, list[int]] = {}
    for at, change in enumerate(changes):
        made = makes(change)
        found = (
            ()
            if made is None
            else (makers.get(parent(made[1]).casefold()), freed.get(_now(made[1], makers).casefold()))
        )
        needs[at] = [places[id(one)] for one in found if one is not None and one is not change]
    done: list[int] = []
    while needs:
        ready = [at for at, wanted in needs.items() if needs.keys().isdisjoint(wanted)] or list(needs)
        done += ready
        for at in ready:
            del needs[at]
    return [changes[at] for at in done]


def _now(path_then: str, makers: Mapping[str, Change]) -> str:
    """What a path of the wanted state is called now, as far up as its departments are there already."""
    names = titles(path_then)
    above = makers.get(path(names[:-1]).casefold()) if len(names) > 1 else None
    if above is not None and above.before is not None:
        return path([*titles(above.key), names[-1]])
    return path_then


def _username(change: Change) -> str:
    """The name a change gives to a user, case-folded; "" for none."""
    return str((change.after or {}).get("username", "")).casefold()


def _named(change: Change) -> tuple[str, str]:
    return change.key.casefold(), change.key


def _rank(change: Change, released: set[str]) -> tuple[int, int, int, int]:
    kind = _KIND_RANKS[change.kind]
    if change.action == "create" and change.kind != "department":
        return 1, kind, 0, _ACTION_RANKS["create"]  # nearly all of a large plan, and of the others nothing holds for it
    action = _ACTION_RANKS["rename" if _renames(change) else change.action]
    if unnests(change):
        return 2, -_KIND_RANKS["membership"], 0, action
    if change.action not in LOSSES:
        return 1, kind, _depth(change), action
    phase = 2
    if released and change.action in ENDS and change.kind in _OF_USERS:
        user = str((change.before or {}).get("user", change.key)).casefold()
        phase = 0 if user in released else 2
    return phase, -kind, -_depth(change), action


def _renames(change: Change) -> bool:
    after = change.after or {}
    return change.action == "update" and not after.keys().isdisjoint(("username", "name", "title"))


def _depth(change: Change) -> int:
    """How deep a department will be; a moved one comes after its new parent."""
    if change.kind != "department":
        return 0
    after = change.after or {}
    return len(titles(str(after["parent"] or ""))) + 1 if "parent" in after else len(titles(change.key))
