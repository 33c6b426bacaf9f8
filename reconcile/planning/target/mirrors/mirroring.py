"""Which group or department stands for which entry, and under which name.

A known entry is recognised by a link of the files, by its id, or by its DN if the object of that DN
has lost its own entry (`recognition`). A new entry takes the object of its name if that has lost
its entry: the same name in the same source is the same group. If a known entry wants such a name,
the object that has it steps aside under another name (`stepping_aside`). An entry that cannot have
its name is *held*: it loses members as the directory says, and gains none.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Literal

import msgspec

from reconcile.errors import TemplateFailed
from reconcile.model.change import Skip, SkipCode
from reconcile.model.desired import Source
from reconcile.model.identity import by_id
from reconcile.model.platform import Department, Group
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.planning.target.link_line import link_line
from reconcile.planning.target.mirrors.entries import (
    Mirror,
    Place,
    ReadEntries,
    SelectedEntry,
    Slot,
    name_of,
    parent_of,
    slot_of,
)
from reconcile.planning.target.mirrors.recognition import Recognition
from reconcile.planning.target.mirrors.stepping_aside import Heirs, SpareNames
from reconcile.planning.target.name_claims import Claim, NameHolder, Refusal, settle, slots
from reconcile.planning.target.one_value import rendered
from reconcile.planning.target.profiles import Refused, check_text


class Mirrored(msgspec.Struct, Generic[Mirror]):
    """All objects of one kind that the workspace is to hold.

    `ids`: place of an entry → id of the object, `held` ones included. `reasons`: id → why an object
    stands for another entry than before, or steps aside. `relinked` are the ids of the former,
    `lost` those of objects without an entry.
    """

    wanted: tuple[Mirror, ...]
    ids: dict[Place, str]
    held: frozenset[str]
    reasons: dict[str, str]
    relinked: frozenset[str]
    lost: frozenset[str]
    skips: list[Skip]


class Mirroring(Generic[Mirror]):
    """Works out one kind in one workspace."""

    def __init__(
        self,
        workspace: str,
        kind: Literal["group", "department"],
        length: int,
        current: Sequence[Mirror],
        entries: ReadEntries,
        make: Callable[[str, str, str, str, str, str], Mirror],
        links: Mapping[Place, tuple[Mirror, str]],
        called: Callable[[Mirror], str],
    ) -> None:
        """`length` limits a name, 0: any; `make` takes id, name, parent, source, external id, DN.

        `called` is how a link names one of `current`.
        """
        self._workspace = workspace
        self._kind = kind
        self._length = length
        self._entries = entries
        self._make = make
        self._called = called
        self._recognition = Recognition(kind, current, entries, links)
        self._existing = self._recognition.existing
        self._holders = slots((slot_of(mirror), _holder(mirror)) for mirror in current)
        self._heirs = Heirs(self._existing, self._holders, entries)
        self._skips: list[Skip] = []
        self._wanted: dict[str, Mirror] = {}
        self._ids: dict[Place, str] = {}
        self._held: set[str] = set()

    def mirror(self, selected: Sequence[SelectedEntry]) -> Mirrored[Mirror]:
        """`selected` come parents first."""
        known = self._recognition.recognise(selected)
        self._wanted = dict(self._existing)
        claims = self._claims(selected, known)
        sources = {entry.source.name: entry.source for entry in selected}
        aside = self._heirs.step_aside(claims, sources, self._held)
        granted = self._settled(claims)
        for claim in granted:
            key, item = claim.item
            self._wanted[item.id] = item
            self._ids[claim.source, key] = item.id
        self._rename_aside(granted, aside)
        return Mirrored(
            wanted=tuple(self._wanted.values()),
            ids=self._ids,
            held=frozenset(self._held),
            reasons=self._recognition.reasons,
            relinked=frozenset(self._recognition.relinked),
            lost=self._lost(),
            skips=self._skips,
        )

    def _lost(self) -> frozenset[str]:
        """Ids of the objects without an entry."""
        standing = set(self._ids.values())
        others = (mirror for mirror in self._existing.values() if mirror.id not in standing)
        return frozenset(mirror.id for mirror in others if self._entries.lost(mirror))

    def refuse(self, source: str, entry_dn: str, code: SkipCode, detail: str) -> None:
        """Notes a skip."""
        self._skips.append(
            Skip(
                workspace=self._workspace,
                source=source,
                dn=entry_dn,
                username="",
                code=code,
                detail=detail,
                kind=self._kind,
            )
        )

    def _claims(
        self, selected: Sequence[SelectedEntry], known: Mapping[Place, Mirror | None]
    ) -> list[Claim[tuple[str, Mirror]]]:
        """The names that the entries claim; parents come before children."""
        titles = {entry.place: self._title(entry, known[entry.place]) for entry in selected}
        wanted = Counter(_wish(entry, titles[entry.place]) for entry in selected)
        taken = {mirror.id for mirror in known.values() if mirror is not None}
        ids: dict[Place, str] = {}
        claims: list[Claim[tuple[str, Mirror]]] = []
        for entry in selected:
            before, title = known[entry.place], titles[entry.place]
            parent = ids.get((entry.source.name, entry.parent)) if entry.parent else ""
            if parent is None:
                self._refuse_entry(entry, "parent_not_selected", "its parent cannot be created")
                continue
            # Without a name, or with unknown members, the object stays as it is.
            if isinstance(title, Refused):
                self._refuse_entry(entry, title.code, title.detail)
            if entry.frozen or isinstance(title, Refused):
                if before is not None:
                    ids[entry.place] = before.id
                    self._hold_as_it_is(entry, before)
                continue
            slot = (parent, fold_name(title))
            if before is None and wanted[_wish(entry, title)] == 1:
                before = self._heir(entry.source, slot, taken)
            item = self._item(entry, before, title, parent)
            ids[entry.place] = item.id
            claims.append(_claim(entry, slot, before, item))
        return claims

    def _refuse_entry(self, selected: SelectedEntry, code: SkipCode, detail: str) -> None:
        self.refuse(selected.source.name, selected.entry.dn, code, detail)

    def _hold_as_it_is(self, selected: SelectedEntry, before: Mirror) -> None:
        """Keeps the name and the parent of an object."""
        item = self._item(selected, before, name_of(before), parent_of(before))
        self._hold(selected.place, item)

    def _heir(self, source: Source, slot: Slot, taken: set[str]) -> Mirror | None:
        """The object that a new entry of a source inherits by its name. It is `taken` then."""
        heir = self._heirs.of_new_entry(slot, source, taken)
        if heir is None:
            return None
        taken.add(heir.id)
        why = f"relinked by name: the entry {heir.dn or 'it had'} is gone"
        if heir.source != source.name:
            why = f"taken over from {heir.source}: {why}"
        self._recognition.tie(heir, why)
        return heir

    def _item(
        self, selected: SelectedEntry, before: Mirror | None, title: str, parent: str
    ) -> Mirror:
        """The object of an entry under a name; `before` is the one that exists."""
        source, entry = selected.source.name, selected.entry
        if before is None:
            own_id = f"new {self._kind} {source} {selected.key}"
            return self._make(own_id, title, parent, source, entry.external_id, entry.dn)
        # An id that is read in another case, or not read at all, stays as it is known.
        stable_id = before.external_id if before.source == source else ""
        if entry.external_id and entry.external_id.lower() != stable_id.lower():
            stable_id = entry.external_id
        spelling = dn.respelt(before.dn, entry.dn)
        return self._make(before.id, title, parent, source, stable_id, spelling)

    def _title(self, selected: SelectedEntry, before: Mirror | None) -> str | Refused:
        """The name of an entry, or why it has none."""
        current = name_of(before) if before is not None else ""
        try:
            title = rendered(selected.template, selected.entry, current)
            if title is None:
                why = f"the template {selected.template.text!r} supplies nothing"
                return Refused("template_failed", why)
            check_text("the name", title, self._length)
        except TemplateFailed as error:
            return Refused("template_failed", str(error))
        except Refused as refused:
            return refused
        return title

    def _rename_aside(
        self, granted: Iterable[Claim[tuple[str, Mirror]]], aside: Mapping[Slot, Iterable[Mirror]]
    ) -> None:
        """Renames the objects whose names were granted to entries."""
        if not aside:
            return
        spare = SpareNames((*self._existing.values(), *self._wanted.values()), self._length)
        for claim in granted:
            for mirror in aside.get(claim.slot, ()):
                self._wanted[mirror.id] = spare.renamed(mirror)
                why = f"its entry is gone, and {claim.dn} takes its name"
                self._recognition.reasons[mirror.id] = why

    def _settled(self, claims: list[Claim[tuple[str, Mirror]]]) -> list[Claim[tuple[str, Mirror]]]:
        """The claims that are granted: the name is free and the parent exists. Others are refused.

        What is refused may have been the parent of others, or was to free a name, so this repeats
        until nothing changes.
        """
        while True:
            granted, refused = settle(claims, self._holders, "duplicate_name")
            for refusal in refused:
                self._refused(refusal.claim, refusal.code, refusal.detail + self._way_out(refusal))
            for claim, mover in self._circular(granted):
                has_it = f"{mover.dn!r} has this name until it moves below it"
                self._refused(claim, "duplicate_name", f"{has_it}: rename one of them first")
                granted.remove(claim)
            possible = self._existing.keys() | {claim.item[1].id for claim in granted} | {""}
            settled = len(claims)
            claims = [claim for claim in granted if claim.parent in possible]
            if len(claims) == settled:
                return claims
            for claim in granted:
                if claim.parent not in possible:
                    self._refused(claim, "parent_not_selected", "its parent cannot be created")

    def _refused(self, claim: Claim[tuple[str, Mirror]], code: SkipCode, detail: str) -> None:
        """Notes a skip. An object that exists is held under its present name and parent."""
        self.refuse(claim.source, claim.dn, code, detail)
        if not claim.id:
            return
        key, item = claim.item
        before = self._existing[claim.id]
        if isinstance(before, Group):
            held = msgspec.structs.replace(item, name=before.name)
        else:
            held = msgspec.structs.replace(item, title=before.title, parent=before.parent)
        self._hold((claim.source, key), held)

    def _hold(self, place: Place, item: Mirror) -> None:
        """Keeps an object's name; it still stands for its entry."""
        self._ids[place] = item.id
        self._held.add(item.id)
        self._wanted[item.id] = item

    def _way_out(self, refusal: Refusal[tuple[str, Mirror]]) -> str:
        """What to do about a name that another object has."""
        holder, claim = refusal.holder, refusal.claim
        if holder is None or claim.id or holder.source == claim.source:
            return ""
        entry = claim.item[1].external_id or claim.dn
        mirror = self._existing[holder.id]
        line = link_line(self._kind, self._called(mirror), claim.source, entry)
        if holder.source and self._entries.lost(mirror):
            takes = f"takes_over: [{holder.source}] in the source {claim.source}"
            gone = ", whose entry is gone"
            return f"{gone}: if it is the same one, write {takes}, or links: [{line}]"
        # While its source is read and has its entry, it is another one.
        if holder.source in self._entries.read:
            return ""
        return f": if it is the same one, write links: [{line}]"

    def _circular(
        self, granted: Sequence[Claim[tuple[str, Mirror]]]
    ) -> list[tuple[Claim[tuple[str, Mirror]], Claim[tuple[str, Mirror]]]]:
        """New objects whose name belongs to one that moves below them: neither can be first."""
        parents = {claim.item[1].id: claim.parent for claim in granted}
        movers = by_id(claim for claim in granted if claim.id)
        circular: list[tuple[Claim[tuple[str, Mirror]], Claim[tuple[str, Mirror]]]] = []
        for claim in granted:
            if claim.id:
                continue
            for holder in self._holders.get(claim.slot, ()):
                mover = movers.get(holder.id)
                if mover is not None and _is_within(mover.parent, claim.item[1].id, parents):
                    circular.append((claim, mover))
        return circular


def _is_within(inner: str, outer: str, parents: Mapping[str, str]) -> bool:
    """Whether a department (id) is another one or below it. `parents`: id → id of the parent."""
    while inner and inner != outer:
        inner = parents.get(inner, "")
    return bool(inner)


def _claim(
    selected: SelectedEntry, slot: Slot, before: Mirror | None, item: Mirror
) -> Claim[tuple[str, Mirror]]:
    """The claim of an entry on a name; `before` is the object that exists."""
    parent, name = slot
    return Claim(
        name=name,
        id=before.id if before is not None else "",
        source=selected.source.name,
        dn=selected.entry.dn,
        item=(selected.key, item),
        parent=parent,
    )


def _holder(mirror: Group | Department) -> NameHolder:
    return NameHolder(mirror.id, name_of(mirror), mirror.source, mirror.dn)


def _wish(selected: SelectedEntry, title: str | Refused) -> tuple[str, str, str]:
    """What two entries that want one name have in common, before the ids of parents are known."""
    name = "" if isinstance(title, Refused) else fold_name(title)
    if not selected.parent:
        return "", "", name
    return selected.source.name, selected.parent, name
