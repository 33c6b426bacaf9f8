"""What may change hands: an account, group or department that a rule or a link gives to a source.

Each function returns why a change is not allowed, "" if it is.
"""

from reconcile.model.change import Change, Fields
from reconcile.model.desired import DesiredState, Source
from reconcile.model.platform import PlatformState, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.ownership.giving import Giving
from reconcile.planning.guards.ownership.owners import Owners, Thing, new_name
from reconcile.planning.guards.ownership.same_entry import (
    changes_entry,
    too_little_in_common,
    value_after,
)


class Taking:
    """The rules and links by which a source takes what is there."""

    def __init__(
        self, owners: Owners, giving: Giving, state: PlatformState, desired: DesiredState
    ) -> None:
        self._owners = owners
        self._giving = giving
        self._sources = {source.name: source for source in desired.sources}
        self._adopts = desired.lifecycle.adopt_local
        self._keeps_ids = state.keeps_ids
        self._ledger_lost = state.ledger_lost
        self._links = {(link.kind, fold_name(link.name), link.source) for link in desired.links}
        self._linking = {(link.kind, link.source) for link in desired.links}

    def why_not(self, change: Change) -> str:
        """A user, group or department changes hands only as a rule or link says."""
        owner, name = self._owners.after(change), new_name(change)
        if (change.kind, fold_name(name)) in self._owners.named_twice:
            return f"another change also gives the name {name}"
        if change.before is None:
            return self._giving.why_not_new(owner)
        before = self._owners.thing(change)
        # What does not exist makes the plan stale, which is found elsewhere.
        return "" if before is None else self._why_not_existing(change, before, owner)

    def _why_not_existing(self, change: Change, before: Thing, owner: str) -> str:
        """What exists changes hands by a rule or a link; what is nested is judged by itself."""
        if change.kind == "group" and "groups" in change.fields_after:
            return self._giving.why_not_nested(change, owner)
        if not before.source and not owner:
            return _why_not_changed_by_sync(change)
        if change.after is None or not _changes_hands(change.after, before, owner):
            return ""
        # A link of the files gives whatever it names.
        if (change.kind, fold_name(change.key), owner) in self._links:
            return ""
        return self._why_not_taken(change, before, owner)

    def _why_not_taken(self, change: Change, before: Thing, owner: str) -> str:
        """What changes hands goes to a declared source that may take it, by facts that agree."""
        source = self._sources.get(owner)
        if source is None:
            return self._giving.why_not_new(owner)
        if not before.source:
            return self._why_not_adopted(change, before, source)
        if before.source != owner and before.source not in source.takes_over:
            return f"{owner} would take it from {before.source}, which is not in its takes_over"
        if not _stands_for_an_entry(change.fields_after, before):
            return self._why_not_let_go(change, owner)
        if change.action != "relink":
            return "it would stand for another entry of the directory"
        return too_little_in_common(before, change.fields_after, source)

    def _why_not_let_go(self, change: Change, owner: str) -> str:
        """Only what is erased, or what a link gave up to another one, stands for no entry."""
        if change.fields_after.get("status") == "erased":
            return ""
        if (change.kind, owner) in self._linking:
            return ""
        return "it would stand for no entry of the directory"

    def _why_not_adopted(self, change: Change, before: Thing, source: Source) -> str:
        """Of what belongs to no source only a user is adopted: a recognised one, or by a rule."""
        if not isinstance(before, User) or change.action != "adopt":
            return f"{source.name} would take what belongs to no source"
        if self._is_recognised(before, change.fields_after, source):
            return ""
        return self._why_not_by_name(before, change.fields_after, source)

    def _why_not_by_name(self, before: User, after: Fields, source: Source) -> str:
        """A local account is adopted under its own name, as `adopt_local` says."""
        if self._adopts == "never":
            return f"{source.name} would take what belongs to no source"
        if not _same_text(before, after, "username"):
            return f"{source.name} would take an account of another name"
        if self._adopts == "always":
            return ""
        if fold_name(before.email) and _same_text(before, after, "email"):
            return ""
        return f"{source.name} would take an account with another e-mail address"

    def _is_recognised(self, before: User, after: Fields, source: Source) -> bool:
        """Whether the platform says whose account it is, or facts do if the ledger is lost."""
        kept_id = before.external_id.lower() if self._keeps_ids else ""
        if kept_id and kept_id == value_after(before, after, "external_id").lower():
            return True
        return self._ledger_lost and not too_little_in_common(before, after, source)


def _same_text(before: User, after: Fields, field: str) -> bool:
    """Whether a field stays the same but for its case."""
    return fold_name(value_after(before, after, field)) == fold_name(getattr(before, field))


def _changes_hands(after: Fields, before: Thing, owner: str) -> bool:
    """Whether it belongs to another source, or stands for another entry, afterwards."""
    if "source" in after and before.source != owner:
        return True
    return changes_entry(before, after)


def _stands_for_an_entry(after: Fields, before: Thing) -> bool:
    """Whether it has an id or a DN of the directory afterwards."""
    return any(value_after(before, after, field) for field in ("external_id", "dn"))


def _why_not_changed_by_sync(change: Change) -> str:
    """What belongs to no source stays, but a manager who is erased is cleared everywhere."""
    if change.kind == "user" and change.after == {"manager": None}:
        return ""
    return "it belongs to no source"
