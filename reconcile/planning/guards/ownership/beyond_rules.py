"""Whether a change does something to an account, group or department that only the rules may do.

The planner never makes a change that is found here. But a plan file can hold any change, under any
name, so these guards compare the state before with the state after and never go by what a change is
called. An account, group or department changes hands when its source changes, or the entry it
stands for. That takes a rule of the configuration (`adopt_local`, `takes_over`, `match_by`) whose
facts agree, or a link of the files. What belongs to no source is not changed, and a source gives
roles and memberships only to its own users.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from reconcile.model.change import Change, Fields, GuardName, Kind, Violation, text
from reconcile.model.desired import DesiredState, Source
from reconcile.model.kinds import PAIRS
from reconcile.model.platform import PlatformState, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.ownership.owners import Owners, Thing, nested_in, new_name
from reconcile.planning.guards.ownership.same_entry import (
    changes_entry,
    too_little_in_common,
    value_after,
)
from reconcile.planning.selection.source_names import as_declared

_TAKEN: Final[Mapping[Kind, GuardName]] = {
    "user": "account_taken",
    "group": "group_taken",
    "department": "department_taken",
}

_NOT_ITS_OWN: Final[GuardName] = "not_its_own"


def beyond_rules(
    changes: Iterable[Change], state: PlatformState, desired: DesiredState
) -> Iterator[Violation]:
    """The violations in the changes of one workspace; none of them can be accepted."""
    changes = list(changes)
    rules = _Rules(changes, state, desired)
    seen: set[tuple[str, ...]] = set()
    for change in changes:
        parts = _parts(change)
        if seen & parts:
            guard, why = _NOT_ITS_OWN, "another change is about the same"
        else:
            guard, why = rules.why_not(change)
        seen |= parts
        if why:
            detail = f"{change.kind} {change.key}: {why}. No rule of the configuration does that"
            yield Violation(
                state.workspace,
                guard,
                "",
                change.key,
                1,
                f"{detail}. Make a new plan",
                acceptable=False,
            )


class _Rules:
    """What the configuration allows in one workspace.

    Each `why_not_…` returns why a change is not allowed, "" if it is.
    """

    def __init__(self, changes: list[Change], state: PlatformState, desired: DesiredState) -> None:
        self._owners = Owners(changes, state)
        self._sources = {source.name: source for source in desired.sources}
        self._adopts = desired.lifecycle.adopt_local
        self._keeps_ids = state.keeps_ids
        self._ledger_lost = state.ledger_lost
        self._roles = {mapping.role for mapping in desired.role_mappings}
        self._roles |= {rule.role for rule in desired.departments}
        self._links = {(link.kind, fold_name(link.name), link.source) for link in desired.links}
        self._linking = {(link.kind, link.source) for link in desired.links}

    def why_not(self, change: Change) -> tuple[GuardName, str]:
        """Why a change is not allowed, and the guard that forbids it."""
        guard = _NOT_ITS_OWN
        if change.kind in _TAKEN:
            guard, why = _TAKEN[change.kind], self.why_not_changed(change)
        elif change.kind in PAIRS:
            why = self.why_not_given(change)
        else:
            why = self.why_not_declared(change)
        return (guard, why) if why else (_NOT_ITS_OWN, self.why_not_of_its_source(change))

    def why_not_declared(self, change: Change) -> str:
        """A source becomes what the files declare."""
        source = self._sources.get(change.key)
        if source is None:
            return "it is not declared"
        declared = msgspec.structs.asdict(as_declared(source))
        after = change.fields_after
        differing = [field for field, value in after.items() if declared[field] != value]
        return f"the files declare another {', '.join(differing)}" if differing else ""

    def why_not_changed(self, change: Change) -> str:
        """A user, group or department changes hands only as a rule or link says."""
        owner, name = self._owners.after(change), new_name(change)
        if (change.kind, fold_name(name)) in self._owners.named_twice:
            return f"another change also gives the name {name}"
        if change.before is None:
            return "" if owner in self._sources else _would_be_of(owner)
        before = self._owners.thing(change)
        # A missing object makes the plan stale, which is found elsewhere.
        return "" if before is None else self._why_existing_not_changed(change, before, owner)

    def _why_existing_not_changed(self, change: Change, before: Thing, owner: str) -> str:
        if change.kind == "group" and "groups" in change.fields_after:
            return self._why_not_nested(change, owner)
        if not before.source and not owner:
            return _why_not_changed_by_sync(change)
        linked = (change.kind, fold_name(change.key), owner) in self._links
        if change.after is None or linked or not _changes_hands(change, before, owner):
            return ""
        return self._why_not_taken(change, before, owner)

    def _why_not_taken(self, change: Change, before: Thing, owner: str) -> str:
        """What changes hands goes to a declared source that may take it, by facts that agree."""
        source = self._sources.get(owner)
        if source is None:
            return _would_be_of(owner)
        if not before.source:
            return self._why_not_adopted(change, before, source)
        if before.source != owner and before.source not in source.takes_over:
            return f"{owner} would take it from {before.source}, which is not in its takes_over"
        if not _stands_for_an_entry(change, before):
            return self._why_not_let_go(change, owner)
        if change.action != "relink":
            return "it would stand for another entry of the directory"
        return too_little_in_common(before, change.fields_after, source)

    def _why_not_let_go(self, change: Change, owner: str) -> str:
        """Only what is erased, or what a link gave up to another one, stands for no entry."""
        erased = change.fields_after.get("status") == "erased"
        if erased or (change.kind, owner) in self._linking:
            return ""
        return "it would stand for no entry of the directory"

    def _why_not_adopted(self, change: Change, before: Thing, source: Source) -> str:
        """A local account is adopted under its own name, as `adopt_local` says."""
        after = change.fields_after
        if not isinstance(before, User) or change.action != "adopt":
            return f"{source.name} would take what belongs to no source"
        if self._is_recognised(before, after, source):
            return ""
        if self._adopts == "never":
            return f"{source.name} would take what belongs to no source"
        if fold_name(value_after(before, after, "username")) != fold_name(before.username):
            return f"{source.name} would take an account of another name"
        email = fold_name(value_after(before, after, "email"))
        same_email = email and email == fold_name(before.email)
        if self._adopts == "matching_email" and not same_email:
            return f"{source.name} would take an account with another e-mail address"
        return ""

    def _is_recognised(self, before: User, after: Fields, source: Source) -> bool:
        """Whether the platform says whose account it is, or facts do if the ledger is lost."""
        kept_id = before.external_id.lower() if self._keeps_ids else ""
        if kept_id and kept_id == value_after(before, after, "external_id").lower():
            return True
        return self._ledger_lost and not too_little_in_common(before, after, source)

    def _why_not_nested(self, change: Change, owner: str) -> str:
        """A source nests only its own groups; taking a group out is judged by the limits."""
        origins = {origin for origin in nested_in(change.after).values() if origin is not None}
        allowed = {owner} & self._sources.keys()
        if origins <= allowed:
            return ""
        culprit = min(origins - {owner} or origins)
        return f"{_named(culprit)} would put it into another group"

    def why_not_given(self, change: Change) -> str:
        """A source gives roles of rules, and groups of its own, to users of its own."""
        after = change.after
        if after is None:
            return ""
        origin = text(after, "origin")
        if origin not in self._sources:
            return f"it would be given by {_named(origin)}, which is not declared"
        if self._owners.of("user", str(after["user"])) != origin:
            return f"{origin} would give it to a user that is not its own"
        if change.kind == "membership" and self._owners.of("group", str(after["group"])) != origin:
            return f"{origin} would put a user into a group that is not its own"
        if change.kind == "grant" and after["role"] not in self._roles:
            return "no rule gives this role"
        return ""

    def why_not_of_its_source(self, change: Change) -> str:
        """A change belongs to the source it takes from, because limits are counted by source."""
        expected = self._owners.sources_of(change)
        if change.source in expected:
            return ""
        return f"it is of {_named(min(expected))}, and not of {change.source!r}"


def _parts(change: Change) -> set[tuple[str, ...]]:
    """What a change is about, by the current name: no two changes of a plan are about the same."""
    about = (change.kind, change.key)
    if change.before is None:
        return {(*about, "create")}
    if change.after is None:
        return {(*about, "delete")}
    nested = {(*about, "groups", name) for name in nested_in(change.after)}
    return nested | {(*about, "change", field) for field in change.after if field != "groups"}


def _changes_hands(change: Change, before: Thing, owner: str) -> bool:
    """Whether it belongs to another source, or stands for another entry, afterwards."""
    after = change.fields_after
    if "source" in after and before.source != owner:
        return True
    return changes_entry(before, after)


def _stands_for_an_entry(change: Change, before: Thing) -> bool:
    after = change.fields_after
    return bool(value_after(before, after, "external_id") or value_after(before, after, "dn"))


def _why_not_changed_by_sync(change: Change) -> str:
    """What belongs to no source stays, but a manager who is erased is cleared everywhere."""
    if change.kind == "user" and change.after == {"manager": None}:
        return ""
    return "it belongs to no source"


def _would_be_of(source: str) -> str:
    if not source:
        return "it would be of no source"
    return f"it would be of {_named(source)}, which is not declared"


def _named(source: str) -> str:
    return f"the source {source}" if source else "no source"
