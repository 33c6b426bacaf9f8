"""A batch of changes of one kind and action, on its way to steps and back to outcomes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from reconcile.model.book import REMEMBERED
from reconcile.model.change import Change, Fields
from reconcile.model.platform import (
    NOW,
    Abilities,
    Department,
    Group,
    LinkKind,
    ObjectKind,
    Pair,
    PlatformState,
    User,
)
from reconcile.model.report import APPLIED, Written
from reconcile.platforms.driver.merge import NAME_OF, REFERENCES, Merged
from reconcile.platforms.driver.steps import Planned, Result
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
            "membership": {
                (link.user, link.group): link.origin for link in merged.state.memberships
            },
            "grant": {(link.user, link.role): link.origin for link in merged.state.grants},
        }
        """The memberships and grants, by our ids and the names of roles → who put them there."""
        self.managers = {user.id: user.manager for user in merged.state.users if user.manager}
        """Our id of a user → that of its manager, as the workspace was read."""
        self.identities = {
            (kind, entry.source, entry.external_id): entry.id
            for kind, objects in _objects(merged.state)
            for entry in objects
            if entry.source and entry.external_id
        }
        """Kind, source and external id of what stands for an entry → our id."""
        self.entries = {
            (kind, entry.id): {"external_id": entry.external_id, "dn": entry.dn}
            for kind, objects in _objects(merged.state)
            for entry in objects
            if not entry.source
        }
        """Kind and our id of what belongs to no source → the entry that the platform ties it to."""
        self.abilities = abilities
        self.started = started

    def platform_id(self, kind: ObjectKind, own: str) -> str:
        """The platform's id of an object. Raises Unknown if the platform no longer has it."""
        if (kind, own) not in self.theirs:
            raise Unknown("it no longer exists")
        return self.theirs[kind, own]

    def expect_source(self, change: Change) -> None:
        """Raises Unknown if the change names a source that the platform does not know."""
        source = text(change.after or {}, "source")
        if source and source not in self.sources:
            raise Unknown(f"the source {source!r} does not exist")

    def sent(self, kind: ObjectKind, change: Change) -> dict[str, object]:
        """What the platform gets for an object: the fields of the change that it keeps.

        Departments and managers stay names, for `reference`.
        """
        after = change.after or {}
        kept = self.abilities.fields.get(kind, SENT[kind])
        fields: dict[str, object] = {
            name: value or "" for name, value in after.items() if name in kept
        }
        if "attributes" in fields:
            fields["attributes"] = _patch((change.before or {}).get("attributes"), after)
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
        after = change.after or {}
        fields = {name: text(after, name) for name in after if name in REMEMBERED}
        if text(after, "source") and change.action != "create":
            # What the platform kept itself is the ledger's from now on.
            fields = {**self.entries.get((kind, self.names.row(change)), {}), **fields}
        if fields.get("departed_at") == NOW:
            fields["departed_at"] = self.started
        if NAME_OF[kind] in after:
            fields["name"] = text(after, NAME_OF[kind])
        if kind == "user" and change.action == "create":
            fields["status"] = fields.get("status") or "active"
        return fields


def _objects(
    state: PlatformState,
) -> tuple[tuple[ObjectKind, Sequence[User | Group | Department]], ...]:
    return ("user", state.users), ("group", state.groups), ("department", state.departments)


def _patch(before: object, after: Fields) -> dict[str, str | None]:
    """The attributes that change; None for one that goes, whether it is null or left out."""
    patch: dict[str, str | None] = dict.fromkeys(before) if isinstance(before, dict) else {}
    values = after.get("attributes")
    return {**patch, **values} if isinstance(values, dict) else patch


class Batch:
    """Changes of one kind and action: the steps that carry them out, and what comes of them."""

    def __init__(self, workspace: Workspace, changes: Sequence[Change]) -> None:
        """Takes the changes; their places are those in this sequence."""
        self.workspace = workspace
        self.changes = changes
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

    def each(self, prepare: Callable[[int, Change], None]) -> None:
        """Prepares every change; one that names what does not exist fails, and no other with it."""
        for place, change in enumerate(self.changes):
            self.prepare(place, change, prepare)

    def prepare(self, place: int, change: Change, prepare: Callable[[int, Change], None]) -> None:
        """Prepares one change; it fails if it names something that does not exist."""
        try:
            prepare(place, change)
        except Unknown as unknown:
            self.failed[place] = str(unknown)

    def written(self, results: Sequence[Result]) -> list[Written]:
        """What became of each change, from what became of its steps."""
        outcomes = [
            Written("failed", self.failed[place]) if place in self.failed else APPLIED
            for place in range(len(self.changes))
        ]
        for step, result in zip(self.planned, results, strict=True):
            for at, place in enumerate(step.places or (step.place,)):
                done = at < len(result.done) and result.done[at]
                if result.state != "kept" and not done:
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
