"""A batch of changes of one kind and action, on its way to steps and back to outcomes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from reconcile.model.book import REMEMBERED
from reconcile.model.change import Change, mapping
from reconcile.model.platform import (
    NOW,
    Abilities,
    Department,
    Group,
    LinkKind,
    ObjectKind,
    Pair,
    User,
)
from reconcile.model.report import APPLIED, Written
from reconcile.platforms.driver.merge import Merged
from reconcile.platforms.driver.running.steps import Planned, Result
from reconcile.platforms.driver.vocabulary import NAME_OF, REFERENCES
from reconcile.platforms.resolve import Names, Unknown, text

SENT: Final[Mapping[ObjectKind, tuple[str, ...]]] = {
    "department": ("title", "parent", "external_id"),
    "group": ("name", "external_id"),
    "user": (
        *("username", "first_name", "last_name", "email", "status"),
        *("department", "manager", "attributes", "external_id"),
    ),
}
"""The fields that a platform keeps if its abilities do not say which."""


class Workspace:
    """The names and ids of one workspace while a run writes to it."""

    def __init__(self, merged: Merged, names: Names, abilities: Abilities, started: str) -> None:
        """`names` are those of the merged state; `started`: when the run began, RFC 3339."""
        self.names = names
        self.theirs = dict(merged.theirs)
        self.sources = {source.name for source in merged.state.sources}
        self.nested = {group.id: frozenset(group.groups) for group in merged.state.groups}
        """Our id of a group → those of the groups it was in when the workspace was read."""
        self.links: dict[LinkKind, dict[Pair, str]] = {
            "membership": {(tie.user, tie.group): tie.origin for tie in merged.state.memberships},
            "grant": {(tie.user, tie.role): tie.origin for tie in merged.state.grants},
        }
        """The memberships and grants, by our ids and the names of roles → who put them there."""
        self.managers = {user.id: user.manager for user in merged.state.users if user.manager}
        """Our id of a user → that of its manager, as the workspace was read."""
        self.identities: dict[tuple[ObjectKind, str, str], str] = {}
        """Kind, source and external id of what stands for an entry → our id."""
        self.entries: dict[tuple[ObjectKind, str], dict[str, str]] = {}
        """Kind and our id of what belongs to no source → the entry that the platform ties it to."""
        self._read_entries("user", merged.state.users)
        self._read_entries("group", merged.state.groups)
        self._read_entries("department", merged.state.departments)
        self.abilities = abilities
        self.started = started

    def _read_entries(self, kind: ObjectKind, objects: Sequence[User | Group | Department]) -> None:
        """Takes in which entries of directories the objects of a kind stand for."""
        for thing in objects:
            if not thing.source:
                self.entries[kind, thing.id] = {"external_id": thing.external_id, "dn": thing.dn}
            elif thing.external_id:
                self.identities[kind, thing.source, thing.external_id] = thing.id

    def platform_id(self, kind: ObjectKind, own: str) -> str:
        """The platform's id of an object. Raises Unknown if the platform no longer has it."""
        if (kind, own) not in self.theirs:
            raise Unknown("it no longer exists")
        return self.theirs[kind, own]

    def expect_source(self, change: Change) -> None:
        """Raises Unknown if the change names a source that the platform does not know."""
        source = text(change.fields_after, "source")
        if source and source not in self.sources:
            raise Unknown(f"the source {source!r} does not exist")

    def sent(self, kind: ObjectKind, change: Change) -> dict[str, object]:
        """What the platform gets for an object: the fields of the change that it keeps.

        Departments and managers stay names, for `reference`.
        """
        after = change.fields_after
        kept = self.abilities.fields.get(kind, SENT[kind])
        fields: dict[str, object] = {
            name: value or "" for name, value in after.items() if name in kept
        }
        if "attributes" in fields:
            fields["attributes"] = _patch(change)
        return fields

    def reference(self, field: str, name: object) -> str:
        """The platform's id of what a field names; "" for nothing. Raises Unknown."""
        if not name:
            return ""
        kind = REFERENCES[field]
        own = self.names.user(str(name)) if kind == "user" else self.names.department(str(name))
        return self.platform_id(kind, own)

    def remembered(self, kind: ObjectKind, change: Change) -> dict[str, str]:
        """What the book keeps of a change, by the names of its fields."""
        after = change.fields_after
        fields = {name: text(after, name) for name in after if name in REMEMBERED}
        new = change.action == "create"
        if not new and text(after, "source"):
            # What the platform kept itself is the ledger's from now on.
            fields = {**self.entries.get((kind, self.names.row(change)), {}), **fields}
        if fields.get("departed_at") == NOW:
            fields["departed_at"] = self.started
        if NAME_OF[kind] in after:
            fields["name"] = text(after, NAME_OF[kind])
        if new and kind == "user":
            fields["status"] = fields.get("status") or "active"
        return fields


def _patch(change: Change) -> dict[str, str | None]:
    """The attributes that change; None for one that goes, whether it is null or left out."""
    gone: dict[str, str | None] = dict.fromkeys(mapping(change.fields_before, "attributes"))
    return gone | mapping(change.fields_after, "attributes")


class Batch:
    """Changes of one kind and action: the steps that carry them out, and what comes of them."""

    def __init__(self, workspace: Workspace, changes: Sequence[Change]) -> None:
        """Takes the changes; their places are those in this sequence."""
        self.workspace = workspace
        self.changes = changes
        self.places = range(len(changes))
        self.planned: list[Planned] = []
        self.ended: dict[int, list[Planned]] = {}
        """Number of the step that erases a user → the links that are made again if it fails."""
        self.failed: dict[int, str] = {}
        """Why a change cannot even be tried, by its place."""
        self.circles: list[list[int]] = []
        """The numbers of the steps by which names go round in a circle, the parking first."""

    def plan(self, step: Planned) -> int:
        """Adds a step, and returns its number."""
        self.planned.append(step)
        return len(self.planned) - 1

    def each(self, places: Iterable[int], prepare: Callable[[int, Change], None]) -> None:
        """Prepares the changes at these places, in this order.

        One that names what does not exist fails, and no other with it.
        """
        for place in places:
            try:
                prepare(place, self.changes[place])
            except Unknown as unknown:
                self.failed[place] = str(unknown)

    def depth(self, place: int) -> int:
        """How deep the department of a change is in the tree."""
        return self.changes[place].key.count("/")

    def written(self, results: Sequence[Result]) -> list[Written]:
        """What became of each change, from what became of its steps."""
        outcomes = [APPLIED] * len(self.changes)
        for place, why in self.failed.items():
            outcomes[place] = Written("failed", why)
        for step, result in zip(self.planned, results, strict=True):
            if result.state == "kept":
                continue
            for at, place in enumerate(step.carries):
                if not result.holds(at):
                    outcomes[place] = _worse(outcomes[place], step, result)
        return outcomes


def _worse(outcome: Written, step: Planned, result: Result) -> Written:
    """What becomes of a change by a step that was not kept. An unknown step outweighs all."""
    if outcome.result == "unknown":
        return outcome
    if result.state == "unknown":
        return Written("unknown", result.detail)
    if step.without and outcome.result == "applied":
        return Written("applied", step.without)
    if outcome.result == "failed":
        return outcome
    return Written("failed", result.detail or step.because)
