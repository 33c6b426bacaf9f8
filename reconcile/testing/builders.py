"""Changes made in one line, and a state to compare in names, for the contract suites."""

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from reconcile.model.change import Action, Change, Fields, Kind
from reconcile.model.platform import Department, Group, PlatformState, Status, User
from reconcile.planning.fitting import instead_of
from reconcile.ports import Holder, ManagedPlatform

HOLDER = Holder("anna", "here", os.getpid(), "2026-03-01T08:00:00Z")


class Case(NamedTuple):
    """An adapter under test, and how to hinder it from outside.

    `hinder(username)` makes writing that user fail.
    """

    name: str
    platform: ManagedPlatform
    hinder: Callable[[str], None]


def change(
    kind: Kind,
    action: Action,
    key: str,
    after: Fields | None = None,
    before: Fields | None = None,
    workspace: str = "main",
) -> Change:
    if action != "create" and before is None:
        before = {}
    return Change(kind, action, key, before, after, "a test", "corp", workspace)


def user(name: str, **fields: str | dict[str, str | None] | None) -> Change:
    return change("user", "create", name, {"username": name, **fields})


def member(name: str, group: str, origin: str | None = "corp") -> Change:
    return change(
        "membership", "create", f"{name}/{group}", {"user": name, "group": group, "origin": origin}
    )


def grant(name: str, role: str, origin: str | None = "corp") -> Change:
    return change(
        "grant", "create", f"{name}/{role}", {"user": name, "role": role, "origin": origin}
    )


def department(title: str, parent: str | None = None, **fields: str | None) -> Change:
    key = f"{parent}/{title}" if parent else title
    return change("department", "create", key, {"title": title, "parent": parent, **fields})


def group(name: str, **fields: str | dict[str, str | None] | None) -> Change:
    return change("group", "create", name, {"name": name, **fields})


CORP = change(
    "source",
    "create",
    "corp",
    {
        "name": "corp",
        "type": "openldap",
        "base_dn": "dc=example,dc=com",
        "domain": "example.com",
        "note": "Head office",
    },
)


def nested(name: str, before: dict[str, str | None], after: dict[str, str | None]) -> Change:
    return change("group", "update", name, {"groups": after}, {"groups": before})


def write(
    platform: ManagedPlatform, *batches: Change | Sequence[Change], workspace: str = "main"
) -> list[str]:
    """Writes each batch in one transaction; the reasons of all."""
    reasons: list[str] = []
    with platform.lock([workspace], HOLDER), platform.transaction(workspace) as writer:
        writer.read()
        for batch in batches:
            written = writer.write([batch] if isinstance(batch, Change) else batch)
            reasons += [
                "" if outcome.result == "applied" else outcome.detail for outcome in written
            ]
    return reasons


def ok(
    platform: ManagedPlatform, *batches: Change | Sequence[Change], workspace: str = "main"
) -> None:
    reasons = write(platform, *batches, workspace=workspace)
    assert not any(reasons), reasons


def view(state: PlatformState) -> dict[str, Any]:
    """The state in names."""
    names = {user.id: user.username for user in state.users}
    groups = {group.id: group.name for group in state.groups}
    departments = {department.id: department for department in state.departments}

    def path(own: str) -> str:
        return f"{path(departments[own].parent)}/{departments[own].title}" if own else ""

    def fields(user: User) -> dict[str, Any]:
        shown = {name: getattr(user, name) for name in _SHOWN}
        shown["department"] = path(user.department)[1:]
        shown["manager"] = names[user.manager] if user.manager else ""
        return {name: value for name, value in shown.items() if value}

    return {
        "sources": {source.name: source for source in state.sources},
        "departments": {path(own)[1:]: _entry(thing) for own, thing in departments.items()},
        "groups": {group.name: _entry(group) for group in state.groups},
        "nested": {
            (group.name, groups[above]): origin
            for group in state.groups
            for above, origin in group.groups.items()
        },
        "users": {user.username: fields(user) for user in state.users},
        "roles": set(state.roles),
        "memberships": {
            (names[tie.user], groups[tie.group]): tie.origin for tie in state.memberships
        },
        "grants": {(names[tie.user], tie.role): tie.origin for tie in state.grants},
    }


_SHOWN = tuple(
    name
    for name in User.__struct_fields__
    if name not in ("id", "username", "department", "manager")
)


def _entry(thing: Group | Department) -> tuple[str, str, str]:
    return thing.source, thing.external_id, thing.dn


def is_empty(state: PlatformState, platform: ManagedPlatform) -> bool:
    """Whether a state has nothing; a platform that makes no roles has those of other people."""
    if not platform.abilities.any_role:
        state = msgspec.structs.replace(state, roles=frozenset(), taken=frozenset())
    return state == PlatformState(state.workspace)


def held(platform: ManagedPlatform, status: Status) -> Status:
    """The status that users get where one is wanted that the platform may lack."""
    return instead_of(status, platform.abilities) or status


def writable(platform: ManagedPlatform, text: str) -> str:
    """A text without the characters that the platform cannot keep."""
    if platform.abilities.charset != "basic":
        return text
    return "".join(char for char in text if ord(char) <= 0xFFFF)


def users(platform: ManagedPlatform) -> Any:
    return view(platform.read("main"))["users"]


def ids(platform: ManagedPlatform) -> dict[str, str]:
    return {user.username: user.id for user in platform.read("main").users}


ERASED: Fields = {
    "username": "erased-x",
    "first_name": "unknown",
    "last_name": "unknown",
    "email": "",
    "status": "erased",
    "status_origin": "corp",
    "status_cause": "missing",
    "external_id": None,
    "dn": None,
    "department": None,
    "manager": None,
    "attributes": {"phone": None},
}
