"""Objects that lost their entry give their names to others, and go on under another name.

So no user enters a group through a name that stands for something else.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import count
from typing import Final, Generic

import msgspec

from reconcile.model.desired import Source
from reconcile.model.platform import Group
from reconcile.model.text.folding import fold_name
from reconcile.planning.target.mirrors.entries import (
    Mirror,
    ReadEntries,
    Slot,
    name_of,
    parent_of,
    slot_of,
)
from reconcile.planning.target.name_claims import Claim, Holders

ASIDE: Final = " (removed)"
"""The ending of an object's name after it lost its entry and another entry took its name."""


class Heirs(Generic[Mirror]):
    """Which objects of one kind leave their names to entries."""

    def __init__(
        self, existing: Mapping[str, Mirror], holders: Holders, entries: ReadEntries
    ) -> None:
        """`existing` by id; `holders`: slot → the objects that have the name there."""
        self._existing = existing
        self._holders = holders
        self._entries = entries

    def at(self, slot: Slot) -> list[Mirror]:
        """The objects that have the name of a slot."""
        return [self._existing[holder.id] for holder in self._holders.get(slot, ())]

    def of_new_entry(self, slot: Slot, source: Source, taken: Collection[str]) -> Mirror | None:
        """The object that has the name of a new entry, if the source may take it.

        `taken` are ids of objects that stand for entries.
        """
        holders = self.at(slot)
        if len(holders) != 1 or holders[0].id in taken:
            return None
        return holders[0] if self.gives_up(holders[0], source) else None

    def gives_up(self, mirror: Mirror, to: Source) -> bool:
        """Whether an object that lost its entry leaves its name to a source."""
        may_take = mirror.source == to.name or mirror.source in to.takes_over
        return may_take and self._entries.lost(mirror)

    def step_aside(
        self,
        claims: Sequence[Claim[tuple[str, Mirror]]],
        sources: Mapping[str, Source],
        held: Collection[str],
    ) -> dict[Slot, list[Mirror]]:
        """Frees the slots that known entries want from objects that lost their entry.

        `held` are the ids of objects that keep their names. Returns slot → the objects that had it.
        """
        standing = {claim.id for claim in claims if claim.id}.union(held)
        wanted = Counter(claim.slot for claim in claims)
        aside: dict[Slot, list[Mirror]] = {}
        for claim in claims:
            # A new entry takes the object itself, and of two entries neither gets the name.
            if not claim.id or wanted[claim.slot] > 1:
                continue
            others = [holder for holder in self.at(claim.slot) if holder.id != claim.id]
            if others and self._all_give_up(others, sources[claim.source], standing):
                aside[claim.slot] = others
                holders = self._holders[claim.slot]
                self._holders[claim.slot] = [own for own in holders if own.id == claim.id]
        return aside

    def _all_give_up(self, others: Iterable[Mirror], to: Source, standing: Collection[str]) -> bool:
        """Whether all of these objects leave their name to a source, and stand for no entry."""
        return all(other.id not in standing and self.gives_up(other, to) for other in others)


class SpareNames:
    """Free names for objects that step aside: marked, and numbered if need be."""

    def __init__(self, mirrors: Iterable[Mirror], length: int) -> None:
        """`mirrors` have the names that are used; `length` limits a name, 0: any."""
        self._used = {slot_of(mirror) for mirror in mirrors}
        self._length = length

    def renamed(self, mirror: Mirror) -> Mirror:
        """The object under a free name.

        Its DN belongs to the entry that takes the name, or to none. By its id the object can still
        come back.
        """
        name = self._free(mirror)
        self._used.add((parent_of(mirror), fold_name(name)))
        field = "name" if isinstance(mirror, Group) else "title"
        return msgspec.structs.replace(mirror, dn="", **{field: name})

    def _free(self, mirror: Mirror) -> str:
        """A name that no object has: marked, and numbered if need be."""
        name, parent = name_of(mirror), parent_of(mirror)
        marked = self._shortened(name, ASIDE)
        for number in count(2):
            if (parent, fold_name(marked)) not in self._used:
                break
            marked = self._shortened(name, f"{ASIDE[:-1]} {number})")
        return marked

    def _shortened(self, name: str, ending: str) -> str:
        """The name and the ending, cut to what the platform takes."""
        if not self._length:
            return name + ending
        return name[: self._length - len(ending)] + ending
