"""The changes from the current state to the wanted one: objects with the same id are the same.

Reasons come from the planner if it knows one; otherwise they name the rule.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from reconcile.model.change import Action, Change, Kind
from reconcile.model.identity import by_id, ids
from reconcile.model.named_state import StateNames
from reconcile.model.platform import Department, Group, PlatformState, Source
from reconcile.planning.changes.differing import differing, pick
from reconcile.planning.changes.link_diff import link_changes
from reconcile.planning.changes.reasons import Reasons
from reconcile.planning.changes.user_diff import user_changes

Object: TypeAlias = Source | Department | Group


def diff(current: PlatformState, wanted: PlatformState, reasons: Reasons) -> Iterator[Change]:
    """The changes, in no particular order."""
    now, then = StateNames(current), StateNames(wanted)
    states = _States(now, then, reasons)
    yield from states.objects("source", current.sources, wanted.sources)
    yield from states.objects("department", current.departments, wanted.departments)
    yield from states.objects("group", current.groups, wanted.groups)
    yield from states.nestings()
    yield from user_changes(now, then, reasons)
    yield from link_changes(
        "membership", current.memberships, wanted.memberships, now, then, reasons
    )
    yield from link_changes("grant", current.grants, wanted.grants, now, then, reasons)


class _States(NamedTuple):
    """The current and the wanted state of a workspace: changes of sources, departments, groups."""

    now: StateNames
    then: StateNames
    reasons: Reasons

    def objects(
        self, kind: Kind, current: Sequence[Object], wanted: Sequence[Object]
    ) -> Iterator[Change]:
        """Creations, updates and deletions of the objects of a kind.

        Only an undo deletes any of them, and never a source.
        """
        existing, staying = by_id(current), ids(wanted)
        for old in current:
            if kind != "source" and old.id not in staying:
                yield self._deletion(kind, old)
        for new in wanted:
            before = existing.get(new.id)
            if before is None:
                yield self._creation(kind, new)
            elif before is not new and before != new:
                yield from self._update(kind, before, new)

    def _deletion(self, kind: Kind, old: Object) -> Change:
        return Change(
            kind=kind,
            action="delete",
            key=self.now.key(old),
            before=self.now.fields(old),
            after=None,
            reason="",
            source=_source(old),
            workspace=self.now.state.workspace,
        )

    def _creation(self, kind: Kind, new: Object) -> Change:
        return Change(
            kind=kind,
            action="create",
            key=self.then.key(new),
            before=None,
            after=self.then.fields(new),
            reason="declared" if isinstance(new, Source) else f"selected: {new.dn}",
            source=_source(new),
            workspace=self.now.state.workspace,
        )

    def _update(self, kind: Kind, old: Object, new: Object) -> Iterator[Change]:
        """The update of a source, department or group, without its nesting."""
        changed = [field for field in differing(old, new) if field != "groups"]
        if not changed:
            return
        usual = "settings changed in the files"
        if not isinstance(new, Source):
            usual = f"changed in {new.source}"
        action: Action = "relink" if self.reasons.relinks(kind, new.id) else "update"
        yield Change(
            kind=kind,
            action=action,
            key=self.now.key(old),
            before=pick(self.now.fields(old), changed),
            after=pick(self.then.fields(new), changed),
            reason=self.reasons.of(kind, new.id) or usual,
            source=_source(new),
            workspace=self.now.state.workspace,
        )

    def nestings(self) -> Iterator[Change]:
        """One update for each group that a group enters or leaves.

        The nesting of a new group is part of its creation.
        """
        groups, staying = by_id(self.now.state.groups), ids(self.then.state.groups)
        for group in self.then.state.groups:
            old = groups.get(group.id)
            if old is None or old.groups == group.groups:
                continue
            outer_ids = {outer for outer, _ in old.groups.items() ^ group.groups.items()}
            # A group that is to be deleted is known by its present name only.
            outers = [self.then.group(at) if at in staying else groups[at] for at in outer_ids]
            for outer in sorted(outers, key=lambda outer: outer.name):
                yield self._nesting(old, group, groups.get(outer.id), outer)

    def _nesting(self, old: Group, new: Group, outer_before: Group | None, outer: Group) -> Change:
        """The update of a group that enters or leaves `outer`, or whose origin there changes."""
        origin_before, origin = old.groups.get(outer.id), new.groups.get(outer.id)
        reason = f"within {outer.dn}"
        if origin is None:
            selected = outer.id in self.reasons.groups
            reason = f"not {reason}" if selected else self.reasons.unselected(outer.id)
        nested_before = {outer_before.name: origin_before} if outer_before is not None else {}
        return Change(
            kind="group",
            action="update",
            key=old.name,
            before={"groups": nested_before},
            after={"groups": {outer.name: origin}},
            reason=reason,
            source=origin or origin_before or outer.source,
            workspace=self.now.state.workspace,
        )


def _source(of: Object) -> str:
    """The source that an object is, or comes from."""
    return of.name if isinstance(of, Source) else of.source
