"""Which group or department stands for which entry, and under which name.

An entry is known by a link of the files, by its id, or by its DN where that has no entry of its own
any more. One that is new takes what has its name if the entry of that is gone: the same name in the
same source is the same group. Where an entry that is known already wants such a name, what has it
steps aside under another one, so that nobody comes into a group through a name that stands for
something else. An entry that cannot have its name is *held*: it loses members as the directory
says, and gains none.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
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
"""Of what is there and what is wished for; whatever can be the same is, where nothing else can
be."""
ASIDE: Final = " (removed)"
"""What the name of something whose entry is gone ends in once an entry that is there takes its
name."""


class Wish(msgspec.Struct, gc=False):
    """One entry that a rule selects; `parent` is the normalized DN of the department above or ""."""

    source: Source
    key: str
    entry: Entry
    template: Template
    parent: str = ""
    frozen: bool = False
    """Nobody knows what is in it, so it stays as it is: it is neither made nor renamed."""

    @property
    def at(self) -> tuple[str, str]:
        """Its source and normalized DN."""
        return self.source.name, self.key


class Entries(msgspec.Struct, frozen=True):
    """The entries of one kind that the directories have: source and id (without case), source and normalized DN."""

    read: frozenset[str]
    declared: frozenset[str]
    ids: frozenset[tuple[str, str]]
    keys: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, entries: Mapping[str, Mapping[str, Entry]], declared: frozenset[str]) -> "Entries":
        """`entries`: source that was asked for them → normalized DN → entry; `declared`: all sources of the files."""
        ids = {
            (name, one.external_id.lower())
            for name, found in entries.items()
            for one in found.values()
        }
        keys = frozenset((name, key) for name, found in entries.items() for key in found)
        return cls(frozenset(entries), declared, frozenset(one for one in ids if one[1]), keys)

    def lost(self, one: Group | Department) -> bool:
        """Whether the entry behind a mirrored thing is gone; of a source that was not read that is not known."""
        if not one.source or one.source not in self.read:
            return bool(one.source) and one.source not in self.declared
        if one.external_id:
            return (one.source, one.external_id.lower()) not in self.ids
        return (one.source, dn.key(one.dn)) not in self.keys


class Mirrored(msgspec.Struct, Generic[Mirror]):
    """All of one kind that the workspace is to hold.

    `ids`: source and normalized DN → id of those selected, the `held` ones included. `reasons`: id → why one stands
    for another entry than before, or steps aside; `relinked` are the ids of the former, `lost` those without an entry.
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
        """`length` is that of a name, 0 for any; `make` takes id, name, parent, source, external id and DN.

        `called` is how a link names one of `current`.
        """
        self._workspace = workspace
        self._kind = kind
        self._length = length
        self._entries = entries
        self._make = make
        self._links = links
        self._linked = {one.id for one, _ in links.values()}
        self._called = called
        self._sources: dict[str, Source] = {}
        self._skips: list[Skip] = []
        self._reasons: dict[str, str] = {}
        self._relinked: set[str] = set()
        self._there: dict[str, Mirror] = {one.id: one for one in current}
        self._slots = slots(
            (_slot(one), Held(one.id, name_of(one), one.source, one.dn)) for one in current
        )
        self._by_external = {
            (one.source, one.external_id.lower()): one for one in current if one.external_id
        }
        self._by_dn: dict[str, dict[str, Mirror]] = {}
        for one in current:
            if one.dn:
                self._by_dn.setdefault(one.source, {})[dn.key(one.dn)] = one
        self._spellings = {
            source: References((named,), _FOLDING) for source, named in self._by_dn.items()
        }
        self._wished: dict[str, References] = {}
        self._wanted: dict[str, Mirror] = dict(self._there)
        self._ids: dict[tuple[str, str], str] = {}
        self._held: set[str] = set()

    def mirror(self, wishes: Sequence[Wish]) -> Mirrored[Mirror]:
        """`wishes` come parents first."""
        self._sources = {wish.source.name: wish.source for wish in wishes}
        keys = {
            name: {wish.key for wish in wishes if wish.source.name == name}
            for name in self._sources
        }
        self._wished = {name: References((some,), _FOLDING) for name, some in keys.items()}
        claims = self._claims(wishes, {wish.at: self._known(wish) for wish in wishes})
        aside = self._step_aside(claims)
        granted = self._settled(claims)
        for claim in granted:
            key, item = claim.item
            self._wanted[item.id] = item
            self._ids[claim.source, key] = item.id
        self._rename_aside(
            [(one, claim.dn) for claim in granted for one in aside.get(claim.slot, ())]
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
        standing = set(self._ids.values())
        return frozenset(
            one.id
            for one in self._there.values()
            if one.id not in standing and self._entries.lost(one)
        )

    def refuse(self, source: str, entry_dn: str, code: SkipCode, detail: str) -> None:
        """Notes a skip."""
        self._skips.append(
            Skip(self._workspace, source, entry_dn, "", code, detail, kind=self._kind)
        )

    def _known(self, wish: Wish) -> Mirror | None:
        """What is there of the entry: by a link, by its id, else by its DN if that has no entry of its own any more."""
        source, stable_id = wish.source.name, wish.entry.external_id.lower()
        by_id = self._by_external.get((source, stable_id)) if stable_id else None
        if wish.at in self._links:
            one, why = self._links[wish.at]
            self._tie(one, why)
            if by_id is not None and by_id.id != one.id:
                gone = msgspec.structs.replace(by_id, external_id="", dn="")
                self._wanted[by_id.id] = self._there[by_id.id] = gone
                self._reasons[by_id.id] = (
                    f"its entry in {source} is another {self._kind}'s, by a link"
                )
            return one
        if by_id is not None and by_id.id not in self._linked:
            return by_id
        by_dn = self._named(wish)
        if by_dn is None or by_dn.id in self._linked:
            return None
        if by_dn.external_id and (source, by_dn.external_id.lower()) in self._entries.ids:
            return None
        if by_dn.external_id or stable_id:
            self._tie(
                by_dn, f"relinked by DN: the directory's id was {by_dn.external_id or 'unknown'}"
            )
        return by_dn

    def _named(self, wish: Wish) -> Mirror | None:
        """What has the DN of an entry, or another spelling of it that can be that of nothing else."""
        source = wish.source.name
        named = self._by_dn.get(source, {})
        if wish.key in named or not named:
            return named.get(wish.key)
        other = self._spellings[source].only(wish.key)
        return named[other] if other and self._wished[source].only(other) == wish.key else None

    def _tie(self, one: Mirror, why: str) -> None:
        self._relinked.add(one.id)
        self._reasons[one.id] = why

    def _claims(
        self, wishes: Sequence[Wish], known: Mapping[tuple[str, str], Mirror | None]
    ) -> list[Claim[tuple[str, Mirror]]]:
        titles = {wish.at: self._title(wish, known[wish.at]) for wish in wishes}
        wanted = Counter(_place(wish, titles[wish.at]) for wish in wishes)
        taken = {one.id for one in known.values() if one is not None}
        ids: dict[tuple[str, str], str] = {}
        claims: list[Claim[tuple[str, Mirror]]] = []
        for wish in wishes:
            source, before, title = wish.source.name, known[wish.at], titles[wish.at]
            if wish.parent and (source, wish.parent) not in ids:
                self.refuse(
                    source, wish.entry.dn, "parent_not_selected", "its parent cannot be created"
                )
                continue
            parent = ids[source, wish.parent] if wish.parent else ""
            if wish.frozen or isinstance(title, Refused):
                if isinstance(title, Refused):
                    self.refuse(source, wish.entry.dn, title.code, title.detail)
                if before is not None:
                    ids[wish.at] = before.id
                    self._hold(wish.at, self._item(wish, before, name_of(before), _parent(before)))
                continue
            slot = (parent, fold_name(title))
            if before is None and wanted[_place(wish, title)] == 1:
                before = self._heir(wish, slot, taken)
            item = self._item(wish, before, title, parent)
            ids[wish.at] = item.id
            before_id = before.id if before is not None else ""
            claims.append(
                Claim(slot[1], before_id, source, wish.entry.dn, (wish.key, item), parent)
            )
        return claims

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
        try:
            title = rendered(
                wish.template, wish.entry, name_of(before) if before is not None else ""
            )
            if title is None:
                return Refused(
                    "template_failed", f"the template {wish.template.text!r} supplies nothing"
                )
            check_text("the name", title, self._length)
        except TemplateFailed as error:
            return Refused("template_failed", str(error))
        except Refused as refused:
            return refused
        return title

    def _heir(self, wish: Wish, slot: Slot, taken: set[str]) -> Mirror | None:
        """What has the name of a new entry, if its own entry is gone and it is the source's to take."""
        holders = [self._there[one.id] for one in self._slots.get(slot, ())]
        if (
            len(holders) != 1
            or holders[0].id in taken
            or not self._gives_up(holders[0], wish.source)
        ):
            return None
        one = holders[0]
        taken.add(one.id)
        where = "" if one.source == wish.source.name else f"taken over from {one.source}: "
        self._tie(one, f"{where}relinked by name: the entry {one.dn or 'it had'} is gone")
        return one

    def _gives_up(self, one: Mirror, to: Source) -> bool:
        return self._entries.lost(one) and (one.source == to.name or one.source in to.takes_over)

    def _step_aside(self, claims: Iterable[Claim[tuple[str, Mirror]]]) -> dict[Slot, list[Mirror]]:
        """Takes what has lost its entry out of the slots that entries known already want: slot → what was there."""
        claims = list(claims)
        standing = {claim.id for claim in claims if claim.id} | self._held
        gives_up = self._gives_up
        wanted = Counter(claim.slot for claim in claims)
        aside: dict[Slot, list[Mirror]] = {}
        for claim in claims:
            holders = [self._there[one.id] for one in self._slots.get(claim.slot, ())]
            others = [one for one in holders if one.id != claim.id]
            if not claim.id or not others or wanted[claim.slot] > 1:
                continue
            source = self._sources[claim.source]
            if all(one.id not in standing and gives_up(one, source) for one in others):
                aside[claim.slot] = others
                self._slots[claim.slot] = [
                    one for one in self._slots[claim.slot] if one.id == claim.id
                ]
        return aside

    def _rename_aside(self, aside: Sequence[tuple[Mirror, str]]) -> None:
        """Gives each that has lost its entry, listed with the DN that takes its name, one that nothing has or wants."""
        used = (
            {_slot(item) for item in (*self._there.values(), *self._wanted.values())}
            if aside
            else set()
        )
        for one, taker in aside:
            name, parent = name_of(one), _parent(one)
            numbers = count(2)
            ending = ASIDE
            while (parent, fold_name(self._shortened(name, ending))) in used:
                ending = f"{ASIDE[:-1]} {next(numbers)})"
            new = self._shortened(name, ending)
            used.add((parent, fold_name(new)))
            field = "name" if isinstance(one, Group) else "title"
            # Its DN is that of what takes its name, or nobody's: by its id it can still come back.
            self._wanted[one.id] = msgspec.structs.replace(one, dn="", **{field: new})
            self._reasons[one.id] = f"its entry is gone, and {taker} takes its name"

    def _shortened(self, name: str, ending: str) -> str:
        """The name and the ending, together no longer than the platform takes."""
        return name[: self._length - len(ending)] + ending if self._length else name + ending

    def _settled(self, claims: list[Claim[tuple[str, Mirror]]]) -> list[Claim[tuple[str, Mirror]]]:
        """The claims granted: names free, parents there. Those refused are noted, and held if they are there."""
        while True:
            granted, refused = settle(claims, self._slots, "duplicate_name")
            for refusal in refused:
                self._refused(refusal.claim, refusal.code, refusal.detail + self._way_out(refusal))
            for claim, mover in self._circular(granted):
                detail = (
                    f"{mover.dn!r} has this name until it moves below it: rename one of them first"
                )
                self._refused(claim, "duplicate_name", detail)
                granted.remove(claim)
            possible = self._there.keys() | {claim.item[1].id for claim in granted}
            settled = len(claims)
            claims = [claim for claim in granted if not claim.parent or claim.parent in possible]
            if len(claims) == settled:
                return claims
            for claim in granted:
                if claim.parent and claim.parent not in possible:
                    self._refused(claim, "parent_not_selected", "its parent cannot be created")

    def _refused(self, claim: Claim[tuple[str, Mirror]], code: SkipCode, detail: str) -> None:
        self.refuse(claim.source, claim.dn, code, detail)
        if claim.id:
            key, item = claim.item
            before = self._there[claim.id]
            old = (
                {"name": before.name}
                if isinstance(before, Group)
                else {"title": before.title, "parent": before.parent}
            )
            self._hold((claim.source, key), msgspec.structs.replace(item, **old))

    def _hold(self, at: tuple[str, str], item: Mirror) -> None:
        """What is there keeps its name, and still stands for its entry."""
        self._ids[at] = item.id
        self._held.add(item.id)
        self._wanted[item.id] = item

    def _way_out(self, refusal: Refusal[tuple[str, Mirror]]) -> str:
        """What a person can do about a name that something else has."""
        holder, claim = refusal.holder, refusal.claim
        if holder is None or claim.id or holder.source == claim.source:
            return ""
        entry = claim.item[1].external_id or claim.dn
        one = self._there[holder.id]
        line = link_line(self._kind, self._called(one), claim.source, entry)
        if holder.source and not self._entries.lost(one):
            return (
                ""
                if holder.source in self._entries.read
                else f": if it is the same one, write links: [{line}]"
            )
        takes = (
            f"takes_over: [{holder.source}] in the source {claim.source}, or "
            if holder.source
            else ""
        )
        gone = ", whose entry is gone" if holder.source else ""
        return f"{gone}: if it is the same one, write {takes}links: [{line}]"

    def _circular(
        self, granted: list[Claim[tuple[str, Mirror]]]
    ) -> list[tuple[Claim[tuple[str, Mirror]], Claim[tuple[str, Mirror]]]]:
        """New ones whose name is held by what is to move below them: neither could be first."""
        parents = {claim.item[1].id: claim.parent for claim in granted}
        movers = {claim.id: claim for claim in granted if claim.id}
        found = []
        for claim in granted:
            for holder in () if claim.id else self._slots.get(claim.slot, ()):
                above = movers[holder.id].parent if holder.id in movers else ""
                while above and above != claim.item[1].id:
                    above = parents.get(above, "")
                if above:
                    found.append((claim, movers[holder.id]))
        return found


def name_of(one: Group | Department) -> str:
    """A group's name, a department's title."""
    return one.name if isinstance(one, Group) else one.title


def _parent(one: Group | Department) -> str:
    return "" if isinstance(one, Group) else one.parent


def _slot(one: Group | Department) -> Slot:
    return _parent(one), fold_name(name_of(one))


def _place(wish: Wish, title: str | Refused) -> tuple[str, str, str]:
    """What two wishes for one name have in common, before the ids of their parents are known."""
    name = "" if isinstance(title, Refused) else fold_name(title)
    return (wish.source.name, wish.parent, name) if wish.parent else ("", "", name)
