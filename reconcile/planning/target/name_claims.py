"""What may have which name: usernames, group names, titles below one department.

Of two claims on one name, the one that already has it keeps it; otherwise neither gets it. A name
that another object holds is free only if that object gives it up in the same plan: by a rename that
itself succeeds, or because it is deleted. So the claims are settled together: all are granted at
first, then those on names that stay in use are taken back, until nothing changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from reconcile.model.change import SkipCode

Item = TypeVar("Item")


class Claim(msgspec.Struct, Generic[Item], gc=False):
    """`item` of a source wants `text` below `parent`. `id` is that of the existing object, or "".

    `name` is the folded text.
    """

    name: str
    id: str
    source: str
    dn: str
    item: Item
    parent: str = ""
    text: str = ""

    @property
    def slot(self) -> tuple[str, str]:
        """The place that one object can hold: parent and folded name."""
        return self.parent, self.name


class Held(msgspec.Struct, gc=False):
    """An object on the platform with a name."""

    id: str
    name: str
    source: str
    dn: str


class Refusal(msgspec.Struct, Generic[Item], gc=False):
    """A claim that was not granted."""

    claim: Claim[Item]
    code: SkipCode
    detail: str
    holder: Held | None = None
    """The object that has the name, if there is exactly one."""


def slots(held: Iterable[tuple[tuple[str, str], Held]]) -> dict[tuple[str, str], list[Held]]:
    """Slot → all objects that hold it: a platform may have both `Sales` and `SALES`."""
    holders: dict[tuple[str, str], list[Held]] = {}
    for slot, holder in held:
        holders.setdefault(slot, []).append(holder)
    return holders


def settle(
    claims: Iterable[Claim[Item]],
    held: Mapping[tuple[str, str], Sequence[Held]],
    duplicate: SkipCode,
) -> tuple[list[Claim[Item]], list[Refusal[Item]]]:
    """The granted claims, in their order, and the refused ones.

    `held`: slot → the objects that have it. `duplicate` is the code for two claims on one slot.
    """
    by_slot: dict[tuple[str, str], list[Claim[Item]]] = {}
    for claim in claims:
        by_slot.setdefault((claim.parent, claim.name), []).append(claim)
    refusals: list[Refusal[Item]] = []
    granted: dict[tuple[str, str], Claim[Item]] = {}
    for slot, claimants in by_slot.items():
        holders = {holder.id: holder for holder in held.get(slot, ())}
        winner = _winner(claimants, holders)
        if winner is None:
            dns = " and ".join(sorted(repr(claim.dn) for claim in claimants))
            refusals += [Refusal(claim, duplicate, f"claimed by {dns}") for claim in claimants]
            continue
        losers = [claim for claim in claimants if claim is not winner]
        refusals += [_refusal(loser, holders[winner.id], duplicate) for loser in losers]
        other = _other_spelling(winner, holders)
        if other is None:
            granted[slot] = winner
        else:
            refusals.append(_refusal(winner, other, duplicate))
    refusals += _take_back(granted, held, duplicate)
    return list(granted.values()), refusals


def _winner(claimants: Sequence[Claim[Item]], holders: Mapping[str, Held]) -> Claim[Item] | None:
    """The only claim on a slot, or the claim of the object that has it."""
    if len(claimants) == 1:
        return claimants[0]
    return next((claim for claim in claimants if claim.id in holders), None)


def _other_spelling(winner: Claim[Item], holders: Mapping[str, Held]) -> Held | None:
    """Another object with the winner's name, if the winner is to change its spelling of it.

    Several may have one name that people wrote by hand. None of them gets another spelling.
    """
    if winner.id not in holders or holders[winner.id].name == winner.text:
        return None
    return next((holder for holder in holders.values() if holder.id != winner.id), None)


def _take_back(
    granted: dict[tuple[str, str], Claim[Item]],
    held: Mapping[tuple[str, str], Sequence[Held]],
    duplicate: SkipCode,
) -> list[Refusal[Item]]:
    """Takes back every granted claim on a slot that a holder keeps. Returns their refusals."""
    refusals: list[Refusal[Item]] = []
    contested = {
        slot: held[slot]
        for slot, claim in granted.items()
        if slot in held and all(holder.id != claim.id for holder in held[slot])
    }
    leaving = {claim.id: slot for slot, claim in granted.items() if claim.id} if contested else {}
    settled = False
    while not settled:
        settled = True
        for slot, holders in list(contested.items()):
            staying = [holder for holder in holders if leaving.get(holder.id, slot) == slot]
            if not staying:
                continue
            # The loser keeps its own name, so claims on that are looked at again.
            settled = False
            loser = granted.pop(slot)
            del contested[slot]
            leaving.pop(loser.id, None)
            refusals.append(_refusal(loser, staying[0], duplicate))
    return refusals


def _refusal(loser: Claim[Item], holder: Held, duplicate: SkipCode) -> Refusal[Item]:
    if not holder.source:
        detail = f"the platform has a local {holder.name!r}"
        return Refusal(loser, "exists_locally", detail, holder)
    if holder.source != loser.source:
        detail = f"{holder.name!r} belongs to source {holder.source}"
        return Refusal(loser, "owned_by_other_source", detail, holder)
    whose = (
        f"that of {holder.dn!r}"
        if holder.dn
        else "taken by something without an entry in the directory"
    )
    return Refusal(loser, duplicate, f"{holder.name!r} is {whose}", holder)
