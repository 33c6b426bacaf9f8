"""Changes made in one line, and a state to compare in names, for the contract suites."""

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from reconcile.model.change import Action, Change, Fields, Kind
from reconcile.model.platform import PlatformState, Status
from reconcile.planning.abilities import instead_of
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
            reasons += ["" if one.result == "applied" else one.detail for one in written]
    return reasons


def ok(
    platform: ManagedPlatform, *batches: Change | Sequence[Change], workspace: str = "main"
) -> None:
    reasons = write(platform, *batches, workspace=workspace)
    assert not any(reasons), reasons


def view(state: PlatformState) -> dict[str, Any]:
    """The state in names."""
    names = {one.id: one.username for one in state.users}
    groups = {one.id: one.name for one in state.groups}
    departments = {one.id: one for one in state.departments}

    def path(one: str) -> str:
        return f"{path(departments[one].parent)}/{departments[one].title}" if one else ""

    return {
        "sources": {one.name: one for one in state.sources},
        "departments": {
            path(one.id)[1:]: (one.source, one.external_id, one.dn) for one in state.departments
        },
        "groups": {one.name: (one.source, one.external_id, one.dn) for one in state.groups},
        "nested": {
            (one.name, groups[above]): origin
            for one in state.groups
            for above, origin in one.groups.items()
        },
        "users": {
            one.username: {
                field: getattr(one, field)
                for field in one.__struct_fields__
                if field not in {"id", "username", "department", "manager"} and getattr(one, field)
            }
            | ({"department": path(one.department)[1:]} if one.department else {})
            | ({"manager": names[one.manager]} if one.manager else {})
            for one in state.users
        },
        "roles": set(state.roles),
        "memberships": {
            (names[one.user], groups[one.group]): one.origin for one in state.memberships
        },
        "grants": {(names[one.user], one.role): one.origin for one in state.grants},
    }


def held(platform: ManagedPlatform, status: Status) -> Status:
    """The status that users get where one is wanted that the platform may lack."""
    return instead_of(status, platform.abilities) or status


def users(platform: ManagedPlatform) -> Any:
    return view(platform.read("main"))["users"]


def ids(platform: ManagedPlatform) -> dict[str, str]:
    return {one.username: one.id for one in platform.read("main").users}


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
