"""The groups and departments that are wanted: those the rules select, matched with what is there, under free names.

Both are the same thing here: an entry of a directory mirrored under a title, groups side by side, departments below
each other. What is no longer selected stays as it is; only what the sync put into it is taken out (`membership`,
`accounts`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

import msgspec

from reconcile.errors import TemplateFailed
from reconcile.model import dn
from reconcile.model.change import Skip, SkipCode
from reconcile.model.desired import Template
from reconcile.model.directory import DirectoryGroup, OrganizationalUnit
from reconcile.model.folding import fold_name
from reconcile.model.platform import Department, Group, Limits, PlatformState
from reconcile.planning.naming import Claim, Held, settle, slots
from reconcile.planning.people import Refused, check_text
from reconcile.planning.rules import SourceRules

Mirror = TypeVar("Mirror", bound=Group | Department)


class Wish(msgspec.Struct, gc=False):
    """One entry that a rule selects; `parent` is the normalized DN of the department above or ""."""

    source: str
    key: str
    entry: DirectoryGroup | OrganizationalUnit
    template: Template
    parent: str = ""


class Mirrored(msgspec.Struct, Generic[Mirror]):
    """All of one kind that the workspace is to hold.

    `ids`: source and normalized DN → id of those selected; one that is there but may not change as it should (its new
    name is taken, its template failed) keeps its id, and its members go on following the directory.
    """

    wanted: tuple[Mirror, ...]
    ids: dict[tuple[str, str], str]
    skips: list[Skip]


def groups(sources: Sequence[SourceRules], current: PlatformState, limits: Limits) -> Mirrored[Group]:
    """The groups of a workspace, nested in each other as they are (`nesting` says how they are to be)."""
    there = {group.id: group for group in current.groups}

    def make(group_id: str, title: str, _parent: str, source: str, external_id: str, entry_dn: str) -> Group:
        nested_in = there[group_id].groups if group_id in there else {}
        return Group(group_id, title, source, external_id, entry_dn, nested_in)

    wishes = (
        Wish(rules.source.name, key, rules.index.groups[key], rule.name)
        for rules in sources
        for key, rule in rules.groups.items()
    )
    held = slots(
        (("", fold_name(group.name)), Held(group.id, group.name, group.source, group.dn)) for group in current.groups
    )
    length = limits.lengths.get("group", 0)
    mirroring = _Mirroring(current.workspace, "group", length, current.groups, held, make)
    mirroring.known = {(one.source.name, entry.external_id) for one in sources for entry in one.index.groups.values()}
    return mirroring.mirror(wishes)


def departments(sources: Sequence[SourceRules], current: PlatformState, limits: Limits) -> Mirrored[Department]:
    """The departments of a workspace; one whose parent cannot be is left out with it."""
    wishes = (
        Wish(rules.source.name, one.key, rules.index.units[one.key], one.rule.title, one.parent)
        for rules in sources
        for one in rules.departments
    )
    held = slots(
        ((one.parent, fold_name(one.title)), Held(one.id, one.title, one.source, one.dn)) for one in current.departments
    )
    length = limits.lengths.get("department", 0)
    mirroring = _Mirroring(current.workspace, "department", length, current.departments, held, Department)
    mirroring.known = {(one.source.name, entry.external_id) for one in sources for entry in one.index.units.values()}
    for rules in sources:
        for key in rules.orphans:
            mirroring.refuse(
                rules.source.name, rules.index.units[key].dn, "parent_not_selected", "its parent is not selected"
            )
    return mirroring.mirror(wishes)


class _Mirroring(Generic[Mirror]):
    """Works out one kind in one workspace."""

    def __init__(
        self,
        workspace: str,
        kind: str,
        length: int,
        current: Iterable[Mirror],
        held: dict[tuple[str, str], list[Held]],
        make: Callable[[str, str, str, str, str, str], Mirror],
    ) -> None:
        self._workspace = workspace
        self._kind = kind
        self._length = length
        self._slots = held
        self._make = make
        self.known: set[tuple[str, str]] = set()
        """Source and external id of every entry of this kind that the directories have."""
        self._skips: list[Skip] = []
        self._held: dict[tuple[str, str], str] = {}
        self._there: dict[str, Mirror] = {one.id: one for one in current}
        self._by_external = {(one.source, one.external_id): one for one in self._there.values() if one.external_id}
        self._by_dn = {(one.source, dn.key(one.dn)): one for one in self._there.values() if one.dn}

    def mirror(self, wishes: Iterable[Wish]) -> Mirrored[Mirror]:
        """`wishes` come parents first."""
        claims = list(self._claims(wishes))
        while True:
            granted, refused = settle(claims, self._slots, "duplicate_name")
            for refusal in refused:
                self.refuse(refusal.claim.source, refusal.claim.dn, refusal.code, refusal.detail)
                self._hold(refusal.claim)
            for claim, mover in self._circular(granted):
                detail = f"{mover.dn!r} has this name until it moves below it: rename one of them first"
                self.refuse(claim.source, claim.dn, "duplicate_name", detail)
                granted.remove(claim)
            possible = self._there.keys() | {claim.item[1].id for claim in granted}
            settled = len(claims)
            claims = [claim for claim in granted if not claim.parent or claim.parent in possible]
            if len(claims) == settled:
                break
            for claim in granted:
                if claim.parent and claim.parent not in possible:
                    self.refuse(claim.source, claim.dn, "parent_not_selected", "its parent cannot be created")
                    self._hold(claim)
        wanted = self._there | {claim.item[1].id: claim.item[1] for claim in granted}
        ids = self._held | {(claim.source, claim.item[0]): claim.item[1].id for claim in granted}
        return Mirrored(tuple(wanted.values()), ids, self._skips)

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

    def _hold(self, claim: Claim[tuple[str, Mirror]]) -> None:
        if claim.id:
            self._held[claim.source, claim.item[0]] = claim.id

    def refuse(self, source: str, entry_dn: str, code: SkipCode, detail: str) -> None:
        """Notes a skip."""
        self._skips.append(Skip(self._workspace, source, entry_dn, "", code, f"{self._kind}: {detail}"))

    def _claims(self, wishes: Iterable[Wish]) -> Iterator[Claim[tuple[str, Mirror]]]:
        ids: dict[tuple[str, str], str] = {}
        for wish in wishes:
            if wish.parent and (wish.source, wish.parent) not in ids:
                self.refuse(wish.source, wish.entry.dn, "parent_not_selected", "its parent cannot be created")
                continue
            before = self._find(wish)
            try:
                title = self._title(wish)
            except Refused as refused:
                self.refuse(wish.source, wish.entry.dn, refused.code, refused.detail)
                if before is not None:
                    self._held[wish.source, wish.key] = ids[wish.source, wish.key] = before.id
                continue
            own_id = before.id if before is not None else f"new {self._kind} {wish.source} {wish.key}"
            ids[wish.source, wish.key] = own_id
            parent = ids[wish.source, wish.parent] if wish.parent else ""
            external_id = wish.entry.external_id or (before.external_id if before is not None else "")
            entry_dn = dn.respelt(before.dn, wish.entry.dn) if before is not None else wish.entry.dn
            item = self._make(own_id, title, parent, wish.source, external_id, entry_dn)
            before_id = before.id if before is not None else ""
            yield Claim(fold_name(title), before_id, wish.source, wish.entry.dn, (wish.key, item), parent, title)

    def _title(self, wish: Wish) -> str:
        """Raises Refused when there is no usable title."""
        try:
            title = wish.template.render(wish.entry)
        except TemplateFailed as error:
            raise Refused("template_failed", str(error)) from error
        if title is None:
            raise Refused("template_failed", f"the template {wish.template.text!r} supplies nothing")
        check_text("the name", title, self._length)
        return title

    def _find(self, wish: Wish) -> Mirror | None:
        """What is there of the entry: by its id, else by its DN if that has no entry of its own any more."""
        by_external = self._by_external.get((wish.source, wish.entry.external_id))
        if by_external is not None:
            return by_external
        by_dn = self._by_dn.get((wish.source, wish.key))
        return (
            None if by_dn is None or (by_dn.external_id and (by_dn.source, by_dn.external_id) in self.known) else by_dn
        )
