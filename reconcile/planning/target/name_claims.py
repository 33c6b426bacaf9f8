"""Who may have which name: usernames, group names, titles below one department. `folding` says what is one name.

Of two claims on one name, the one that has it already keeps it; otherwise neither gets it. A name
that something else holds is free only if that gives it up in the same plan: by a rename that itself
succeeds, or because it is deleted. So the claims are settled together: all are granted at first,
then those that rest on a name nobody gives up are taken back, until nothing moves.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from reconcile.model.change import SkipCode

Item = TypeVar("Item")


class Claim(msgspec.Struct, Generic[Item], gc=False):
    """`item` of a source wants `text` below `parent`; `id` is that of the thing it is already, or "".

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
        """What can be held once."""
        return self.parent, self.name


class Held(msgspec.Struct, gc=False):
    """What is on the platform under a name."""

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
    """What has the name, where one thing has it."""


def slots(held: Iterable[tuple[tuple[str, str], Held]]) -> dict[tuple[str, str], list[Held]]:
    """Slot → all that hold it: a platform that tells `Sales` from `SALES` may have both."""
    found: dict[tuple[str, str], list[Held]] = {}
    for slot, holder in held:
        found.setdefault(slot, []).append(holder)
    return found


def settle(
    claims: Iterable[Claim[Item]],
    held: Mapping[tuple[str, str], Sequence[Held]],
    duplicate: SkipCode,
) -> tuple[list[Claim[Item]], list[Refusal[Item]]]:
    """The claims granted, in their order, and those refused. `held`: slot → those who stay unless they give it up.

    `duplicate` is the code for two claims on one slot.
    """
    by_slot: dict[tuple[str, str], list[Claim[Item]]] = {}
    for claim in claims:
        by_slot.setdefault((claim.parent, claim.name), []).append(claim)
    refusals: list[Refusal[Item]] = []
    granted: dict[tuple[str, str], Claim[Item]] = {}
    for slot, claimants in by_slot.items():
        holders = {holder.id: holder for holder in held.get(slot, ())}
        winner = (
            claimants[0]
            if len(claimants) == 1
            else next((one for one in claimants if one.id in holders), None)
        )
        if winner is not None:
            granted[slot] = winner
            losers = [one for one in claimants if one is not winner]
            refusals += [_refusal(one, holders[winner.id], duplicate) for one in losers]
            # Several may hold one name where people wrote it by hand: none of them gets another
            # spelling of it.
            others = [holder for holder in holders.values() if holder.id != winner.id]
            if others and winner.id in holders and holders[winner.id].name != winner.text:
                del granted[slot]
                refusals.append(_refusal(winner, others[0], duplicate))
        else:
            who = " and ".join(sorted(repr(claimant.dn) for claimant in claimants))
            refusals += [Refusal(one, duplicate, f"claimed by {who}") for one in claimants]
    refusals += _take_back(granted, held, duplicate)
    return list(granted.values()), refusals


def _take_back(
    granted: dict[tuple[str, str], Claim[Item]],
    held: Mapping[tuple[str, str], Sequence[Held]],
    duplicate: SkipCode,
) -> list[Refusal[Item]]:
    """Removes from `granted` every claim on a slot that a holder keeps; a refusal for each."""
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
            staying = next(
                (holder for holder in holders if leaving.get(holder.id, slot) == slot), None
            )
            if staying is not None:
                settled = False
                loser = granted.pop(slot)
                del contested[slot]
                leaving.pop(loser.id, None)
                refusals.append(_refusal(loser, staying, duplicate))
    return refusals


def _refusal(loser: Claim[Item], holder: Held, duplicate: SkipCode) -> Refusal[Item]:
    if not holder.source:
        detail = f"the platform has a local {holder.name!r}"
        return Refusal(loser, "exists_locally", detail, holder)
    if holder.source != loser.source:
        detail = f"{holder.name!r} belongs to source {holder.source}"
        return Refusal(loser, "owned_by_other_source", detail, holder)
    whose = (
        f"that of {holder.dn!r}" if holder.dn else "taken, by what has no entry in the directory"
    )
    return Refusal(loser, duplicate, f"{holder.name!r} is {whose}", holder)
