"""Which existing group or department stands for an entry: by a link, by its id, or by its DN.

Where a DN changes hands, or a link moves an object to another entry, the object is *relinked*.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Generic

import msgspec

from reconcile.model.identity import by_id
from reconcile.model.text import dn
from reconcile.model.text.dn import Folding
from reconcile.model.text.references import References
from reconcile.planning.target.mirrors.entries import Mirror, Place, ReadEntries, SelectedEntry

_FOLDING: Final[Folding] = "compatibility"
"""How DNs on the platform and of entries are compared, if only one entry can be meant."""


class Recognition(Generic[Mirror]):
    """Finds the objects of one kind in one workspace by their entries."""

    def __init__(
        self,
        kind: str,
        current: Sequence[Mirror],
        entries: ReadEntries,
        links: Mapping[Place, tuple[Mirror, str]],
    ) -> None:
        """`links`: place of an entry → the object that a link gives it, and why."""
        self.existing: dict[str, Mirror] = by_id(current)
        """What there is, by id; an object that a link took its entry from is without one."""
        self.reasons: dict[str, str] = {}
        """Id → why an object stands for another entry than before."""
        self.relinked: set[str] = set()
        self._kind = kind
        self._entries = entries
        self._links = links
        self._linked = {mirror.id for mirror, _ in links.values()}
        self._by_external: dict[tuple[str, str], Mirror] = {}
        self._by_dn: dict[str, dict[str, Mirror]] = {}
        for mirror in current:
            self._add(mirror)
        self._spellings = _spellings(self._by_dn)
        self._selected: Mapping[str, References] = {}

    def _add(self, mirror: Mirror) -> None:
        """Notes by which id and DN an object is found."""
        if mirror.external_id:
            self._by_external[mirror.source, mirror.external_id.lower()] = mirror
        if mirror.dn:
            self._by_dn.setdefault(mirror.source, {})[dn.key(mirror.dn)] = mirror

    def recognise(self, selected: Sequence[SelectedEntry]) -> dict[Place, Mirror | None]:
        """Place of each entry → the object that stands for it; None for a new entry."""
        keys: dict[str, dict[str, None]] = {}
        for entry in selected:
            keys.setdefault(entry.source.name, {})[entry.key] = None
        self._selected = _spellings(keys)
        return {entry.place: self._known(entry) for entry in selected}

    def tie(self, mirror: Mirror, why: str) -> None:
        """Notes that an object stands for another entry than before."""
        self.relinked.add(mirror.id)
        self.reasons[mirror.id] = why

    def _known(self, selected: SelectedEntry) -> Mirror | None:
        """The object of an entry; None for a new entry."""
        stable_id = selected.entry.external_id.lower()
        same_id = None
        if stable_id:
            same_id = self._by_external.get((selected.source.name, stable_id))
        if selected.place in self._links:
            return self._by_link(selected, same_id)
        # What a link gives to another entry is not this entry's.
        if same_id is not None and same_id.id not in self._linked:
            return same_id
        same_dn = self._with_dn_of(selected)
        if same_dn is None or same_dn.id in self._linked:
            return None
        # The DN counts only if the object's own entry is gone.
        if same_dn.external_id and self._entries.has_id(same_dn):
            return None
        if same_dn.external_id or stable_id:
            known = same_dn.external_id or "unknown"
            self.tie(same_dn, f"relinked by DN: the directory's id was {known}")
        return same_dn

    def _by_link(self, selected: SelectedEntry, same_id: Mirror | None) -> Mirror:
        """The object that a link gives to an entry. Another one that had the entry loses it."""
        linked, why = self._links[selected.place]
        self.tie(linked, why)
        if same_id is not None and same_id.id != linked.id:
            self.existing[same_id.id] = msgspec.structs.replace(same_id, external_id="", dn="")
            taken = f"its entry in {selected.source.name} is another {self._kind}'s, by a link"
            self.reasons[same_id.id] = taken
        return linked

    def _with_dn_of(self, selected: SelectedEntry) -> Mirror | None:
        """The object with the entry's DN, or with a spelling of it that can mean no other entry."""
        source = selected.source.name
        by_dn = self._by_dn.get(source, {})
        if selected.key in by_dn or not by_dn:
            return by_dn.get(selected.key)
        spelling = self._spellings[source].only(selected.key)
        if spelling and self._selected[source].only(spelling) == selected.key:
            return by_dn[spelling]
        return None


def _spellings(keys: Mapping[str, Mapping[str, object]]) -> dict[str, References]:
    """Source → its normalized DNs, to be found by other spellings."""
    return {source: References((own,), _FOLDING) for source, own in keys.items()}
