"""Which group or department stands for which entry, and under which name.

A known entry is recognised by a link of the files, by its id, or by its DN if the object of that DN
has lost its own entry. A new entry takes the object of its name if that has lost its entry: the
same name in the same source is the same group. If a known entry wants such a name, the object that
has it steps aside under another name, so that no user enters a group through a name that stands for
something else. An entry that cannot have its name is *held*: it loses members as the directory
says, and gains none.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count
from typing import Final, Generic, Literal, TypeVar

import msgspec

from reconcile.errors import TemplateFailed
from reconcile.model.change import Skip, SkipCode
from reconcile.model.desired import Source, Template
from reconcile.model.directory import DirectoryGroup, OrganizationalUnit
from reconcile.model.platform import Department, Group
from reconcile.model.text import dn
from reconcile.model.text.dn import Folding
from reconcile.model.text.folding import fold_name
from reconcile.model.text.references import References
from reconcile.planning.target.candidates import link_line
from reconcile.planning.target.name_claims import Claim, Held, Refusal, settle, slots
from reconcile.planning.target.one_value import rendered
from reconcile.planning.target.profiles import Refused, check_text

Mirror = TypeVar("Mirror", bound=Group | Department)
Entry = DirectoryGroup | OrganizationalUnit
Slot = tuple[str, str]
_FOLDING: Final[Folding] = "compatibility"
"""How DNs on the platform and of entries are compared, if only one entry can be meant."""
ASIDE: Final = " (removed)"
"""The ending of an object's name after it lost its entry and another entry took its name."""


class Wish(msgspec.Struct, gc=False):
    """One entry that a rule selects; `parent` is the normalized DN of the department above."""

    source: Source
    key: str
    entry: Entry
    template: Template
    parent: str = ""
    frozen: bool = False
    """Its members are not known, so it is neither created nor renamed."""

    @property
    def at(self) -> tuple[str, str]:
        """Its source and normalized DN."""
        return self.source.name, self.key


class Entries(msgspec.Struct, frozen=True):
    """The entries of one kind that the directories have.

    `ids` are pairs of source and id in lower case, `keys` of source and normalized DN. `read` are
    the sources that were read, `declared` those of the files.
    """

    read: frozenset[str]
    declared: frozenset[str]
    ids: frozenset[tuple[str, str]]
    keys: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, entries: Mapping[str, Mapping[str, Entry]], declared: frozenset[str]) -> "Entries":
        """`entries`: source that was asked for them → normalized DN → entry.

        `declared` are all sources of the files.
        """
        ids: set[tuple[str, str]] = set()
        keys: set[tuple[str, str]] = set()
        for source, by_key in entries.items():
            keys.update((source, key) for key in by_key)
            stable_ids = (entry.external_id.lower() for entry in by_key.values())
            ids.update((source, stable_id) for stable_id in stable_ids if stable_id)
        return cls(frozenset(entries), declared, frozenset(ids), frozenset(keys))

    def lost(self, mirror: Group | Department) -> bool:
        """Whether the entry of a mirrored object is gone; False if its source was not read."""
        source = mirror.source
        if not source:
            return False
        if source not in self.read:
            return source not in self.declared
        if mirror.external_id:
            return (source, mirror.external_id.lower()) not in self.ids
        return (source, dn.key(mirror.dn)) not in self.keys


class Mirrored(msgspec.Struct, Generic[Mirror]):
    """All objects of one kind that the workspace should have.

    `ids`: source and normalized DN → id of a selected one, `held` ones included. `reasons`: id →
    why an object stands for another entry than before, or steps aside. `relinked` are the ids of
    the former, `lost` those of objects without an entry.
    """

    wanted: tuple[Mirror, ...]
    ids: dict[tuple[str, str], str]
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
        entries: Entries,
        make: Callable[[str, str, str, str, str, str], Mirror],
        links: Mapping[tuple[str, str], tuple[Mirror, str]],
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
        self._links = links
        self._linked = {mirror.id for mirror, _ in links.values()}
        self._called = called
        self._sources: dict[str, Source] = {}
        self._skips: list[Skip] = []
        self._reasons: dict[str, str] = {}
        self._relinked: set[str] = set()
        # What exists, by id, by name, by the directory's id and by DN.
        self._existing: dict[str, Mirror] = {mirror.id: mirror for mirror in current}
        self._slots = slots(
            (_slot(mirror), Held(mirror.id, name_of(mirror), mirror.source, mirror.dn))
            for mirror in current
        )
        self._by_external: dict[tuple[str, str], Mirror] = {}
        self._by_dn: dict[str, dict[str, Mirror]] = {}
        for mirror in current:
            if mirror.external_id:
                self._by_external[mirror.source, mirror.external_id.lower()] = mirror
            if mirror.dn:
                self._by_dn.setdefault(mirror.source, {})[dn.key(mirror.dn)] = mirror
        self._spellings = {
            source: References((by_dn,), _FOLDING) for source, by_dn in self._by_dn.items()
        }
        self._wished: dict[str, References] = {}
        self._wanted: dict[str, Mirror] = dict(self._existing)
        self._ids: dict[tuple[str, str], str] = {}
        self._held: set[str] = set()

    def mirror(self, wishes: Sequence[Wish]) -> Mirrored[Mirror]:
        """`wishes` come parents first."""
        self._sources = {wish.source.name: wish.source for wish in wishes}
        keys: dict[str, set[str]] = {}
        for wish in wishes:
            keys.setdefault(wish.source.name, set()).add(wish.key)
        self._wished = {source: References((own,), _FOLDING) for source, own in keys.items()}
        claims = self._claims(wishes, {wish.at: self._known(wish) for wish in wishes})
        aside = self._step_aside(claims)
        granted = self._settled(claims)
        for claim in granted:
            key, item = claim.item
            self._wanted[item.id] = item
            self._ids[claim.source, key] = item.id
        self._rename_aside(
            [(mirror, claim.dn) for claim in granted for mirror in aside.get(claim.slot, ())]
        )
        return Mirrored(
            tuple(self._wanted.values()),
            self._ids,
            frozenset(self._held),
            self._reasons,
            frozenset(self._relinked),
            self._lost(),
            self._skips,
        )

    def _lost(self) -> frozenset[str]:
        """Ids of the objects without an entry."""
        standing = set(self._ids.values())
        others = (mirror for mirror in self._existing.values() if mirror.id not in standing)
        return frozenset(mirror.id for mirror in others if self._entries.lost(mirror))

    def refuse(self, source: str, entry_dn: str, code: SkipCode, detail: str) -> None:
        """Notes a skip."""
        self._skips.append(
            Skip(self._workspace, source, entry_dn, "", code, detail, kind=self._kind)
        )

    def _known(self, wish: Wish) -> Mirror | None:
        """The object of an entry: by a link, by its id, or by its DN. None for a new entry."""
        source, stable_id = wish.source.name, wish.entry.external_id.lower()
        by_id = self._by_external.get((source, stable_id)) if stable_id else None
        if wish.at in self._links:
            return self._by_link(wish, by_id)
        # What a link gives to another entry is not this entry's.
        if by_id is not None and by_id.id not in self._linked:
            return by_id
        by_dn = self._by_dn_of(wish)
        if by_dn is None or by_dn.id in self._linked:
            return None
        # The DN counts only if the object's own entry is gone.
        if by_dn.external_id and (source, by_dn.external_id.lower()) in self._entries.ids:
            return None
        if by_dn.external_id or stable_id:
            known = by_dn.external_id or "unknown"
            self._tie(by_dn, f"relinked by DN: the directory's id was {known}")
        return by_dn

    def _by_link(self, wish: Wish, by_id: Mirror | None) -> Mirror:
        """The object that a link gives to an entry. Another one that had the entry loses it."""
        linked, why = self._links[wish.at]
        self._tie(linked, why)
        if by_id is not None and by_id.id != linked.id:
            without_entry = msgspec.structs.replace(by_id, external_id="", dn="")
            self._wanted[by_id.id] = self._existing[by_id.id] = without_entry
            why = f"its entry in {wish.source.name} is another {self._kind}'s, by a link"
            self._reasons[by_id.id] = why
        return linked

    def _by_dn_of(self, wish: Wish) -> Mirror | None:
        """The object with the entry's DN, or with a spelling of it that can mean no other entry."""
        source = wish.source.name
        by_dn = self._by_dn.get(source, {})
        if wish.key in by_dn or not by_dn:
            return by_dn.get(wish.key)
        spelling = self._spellings[source].only(wish.key)
        if spelling and self._wished[source].only(spelling) == wish.key:
            return by_dn[spelling]
        return None

    def _tie(self, mirror: Mirror, why: str) -> None:
        self._relinked.add(mirror.id)
        self._reasons[mirror.id] = why

    def _claims(
        self, wishes: Sequence[Wish], known: Mapping[tuple[str, str], Mirror | None]
    ) -> list[Claim[tuple[str, Mirror]]]:
        """The names that the entries claim; parents come before children."""
        titles = {wish.at: self._title(wish, known[wish.at]) for wish in wishes}
        wanted = Counter(_place(wish, titles[wish.at]) for wish in wishes)
        taken = {mirror.id for mirror in known.values() if mirror is not None}
        ids: dict[tuple[str, str], str] = {}
        claims: list[Claim[tuple[str, Mirror]]] = []
        for wish in wishes:
            before, title = known[wish.at], titles[wish.at]
            parent = ids.get((wish.source.name, wish.parent)) if wish.parent else ""
            if parent is None:
                self._refuse_wish(wish, "parent_not_selected", "its parent cannot be created")
                continue
            # Without a name, or with unknown members, the object stays as it is.
            if isinstance(title, Refused):
                self._refuse_wish(wish, title.code, title.detail)
            if wish.frozen or isinstance(title, Refused):
                if before is not None:
                    ids[wish.at] = before.id
                    self._hold(wish.at, self._item(wish, before, name_of(before), _parent(before)))
                continue
            slot = (parent, fold_name(title))
            if before is None and wanted[_place(wish, title)] == 1:
                before = self._heir(wish, slot, taken)
            item = self._item(wish, before, title, parent)
            ids[wish.at] = item.id
            claims.append(_claim(wish, slot, before, item))
        return claims

    def _refuse_wish(self, wish: Wish, code: SkipCode, detail: str) -> None:
        self.refuse(wish.source.name, wish.entry.dn, code, detail)

    def _item(self, wish: Wish, before: Mirror | None, title: str, parent: str) -> Mirror:
        source, entry = wish.source.name, wish.entry
        if before is None:
            own_id = f"new {self._kind} {source} {wish.key}"
            return self._make(own_id, title, parent, source, entry.external_id, entry.dn)
        known = before.external_id if before.source == source else ""
        same = not entry.external_id or entry.external_id.lower() == known.lower()
        stable_id = known if same else entry.external_id
        return self._make(
            before.id, title, parent, source, stable_id, dn.respelt(before.dn, entry.dn)
        )

    def _title(self, wish: Wish, before: Mirror | None) -> str | Refused:
        """The name of an entry, or why it has none."""
        current = name_of(before) if before is not None else ""
        try:
            title = rendered(wish.template, wish.entry, current)
            if title is None:
                why = f"the template {wish.template.text!r} supplies nothing"
                return Refused("template_failed", why)
            check_text("the name", title, self._length)
        except TemplateFailed as error:
            return Refused("template_failed", str(error))
        except Refused as refused:
            return refused
        return title

    def _heir(self, wish: Wish, slot: Slot, taken: set[str]) -> Mirror | None:
        """The object that has the name of a new entry, if the source may take it."""
        holders = [self._existing[holder.id] for holder in self._slots.get(slot, ())]
        if len(holders) != 1 or holders[0].id in taken:
            return None
        heir = holders[0]
        if not self._gives_up(heir, wish.source):
            return None
        taken.add(heir.id)
        where = "" if heir.source == wish.source.name else f"taken over from {heir.source}: "
        self._tie(heir, f"{where}relinked by name: the entry {heir.dn or 'it had'} is gone")
        return heir

    def _gives_up(self, mirror: Mirror, to: Source) -> bool:
        """Whether an object that lost its entry leaves its name to a source."""
        may_take = mirror.source == to.name or mirror.source in to.takes_over
        return may_take and self._entries.lost(mirror)

    def _step_aside(self, claims: Sequence[Claim[tuple[str, Mirror]]]) -> dict[Slot, list[Mirror]]:
        """Frees the slots that known entries want from objects that lost their entry.

        Returns slot → the objects that had it.
        """
        standing = {claim.id for claim in claims if claim.id} | self._held
        wanted = Counter(claim.slot for claim in claims)
        aside: dict[Slot, list[Mirror]] = {}
        for claim in claims:
            holders = (self._existing[holder.id] for holder in self._slots.get(claim.slot, ()))
            others = [holder for holder in holders if holder.id != claim.id]
            if not claim.id or not others or wanted[claim.slot] > 1:
                continue
            source = self._sources[claim.source]
            if standing.isdisjoint(other.id for other in others) and all(
                self._gives_up(other, source) for other in others
            ):
                aside[claim.slot] = others
                slot = self._slots[claim.slot]
                self._slots[claim.slot] = [holder for holder in slot if holder.id == claim.id]
        return aside

    def _rename_aside(self, aside: Sequence[tuple[Mirror, str]]) -> None:
        """Renames objects that step aside, each listed with the DN that takes its name."""
        if not aside:
            return
        used = {_slot(mirror) for mirror in (*self._existing.values(), *self._wanted.values())}
        for mirror, taker in aside:
            name = self._free_name(mirror, used)
            used.add((_parent(mirror), fold_name(name)))
            field = "name" if isinstance(mirror, Group) else "title"
            # Its DN belongs to the entry that takes the name, or to none. By its id the object can
            # still come back.
            self._wanted[mirror.id] = msgspec.structs.replace(mirror, dn="", **{field: name})
            self._reasons[mirror.id] = f"its entry is gone, and {taker} takes its name"

    def _free_name(self, mirror: Mirror, used: Collection[Slot]) -> str:
        """The name of an object that steps aside: marked, and numbered if that name is used."""
        name, parent = name_of(mirror), _parent(mirror)
        aside = self._shortened(name, ASIDE)
        for number in count(2):
            if (parent, fold_name(aside)) not in used:
                break
            aside = self._shortened(name, f"{ASIDE[:-1]} {number})")
        return aside

    def _shortened(self, name: str, ending: str) -> str:
        """The name and the ending, cut to what the platform takes."""
        return name[: self._length - len(ending)] + ending if self._length else name + ending

    def _settled(self, claims: list[Claim[tuple[str, Mirror]]]) -> list[Claim[tuple[str, Mirror]]]:
        """The claims that are granted: the name is free and the parent exists. Others are refused.

        What is refused may have been the parent of others, or was to free a name, so this repeats
        until nothing changes.
        """
        while True:
            granted, refused = settle(claims, self._slots, "duplicate_name")
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

    def _hold(self, at: tuple[str, str], item: Mirror) -> None:
        """Keeps an object's name; it still stands for its entry."""
        self._ids[at] = item.id
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
        if not holder.source:
            return f": if it is the same one, write links: [{line}]"
        if self._entries.lost(mirror):
            takes = f"takes_over: [{holder.source}] in the source {claim.source}"
            gone = ", whose entry is gone"
            return f"{gone}: if it is the same one, write {takes}, or links: [{line}]"
        is_read = holder.source in self._entries.read
        return "" if is_read else f": if it is the same one, write links: [{line}]"

    def _circular(
        self, granted: list[Claim[tuple[str, Mirror]]]
    ) -> list[tuple[Claim[tuple[str, Mirror]], Claim[tuple[str, Mirror]]]]:
        """New objects whose name belongs to one that moves below them: neither can be first."""
        parents = {claim.item[1].id: claim.parent for claim in granted}
        movers = {claim.id: claim for claim in granted if claim.id}
        circular = []
        for claim in granted:
            if claim.id:
                continue
            for holder in self._slots.get(claim.slot, ()):
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
    wish: Wish, slot: Slot, before: Mirror | None, item: Mirror
) -> Claim[tuple[str, Mirror]]:
    parent, name = slot
    known_id = before.id if before is not None else ""
    return Claim(name, known_id, wish.source.name, wish.entry.dn, (wish.key, item), parent)


def name_of(mirror: Group | Department) -> str:
    """A group's name, a department's title."""
    return mirror.name if isinstance(mirror, Group) else mirror.title


def _parent(mirror: Group | Department) -> str:
    return "" if isinstance(mirror, Group) else mirror.parent


def _slot(mirror: Group | Department) -> Slot:
    return _parent(mirror), fold_name(name_of(mirror))


def _place(wish: Wish, title: str | Refused) -> tuple[str, str, str]:
    """What two wishes for one name have in common, before the ids of their parents are known."""
    name = "" if isinstance(title, Refused) else fold_name(title)
    return (wish.source.name, wish.parent, name) if wish.parent else ("", "", name)
