"""A platform state as rows for tables, JSON and CSV: everything in names, sorted."""

from collections.abc import Iterable, Iterator

import msgspec

from reconcile.model.named_state import StateNames
from reconcile.model.platform import PlatformState


def users(state: PlatformState) -> Iterator[dict[str, object]]:
    """One row a user."""
    names = StateNames(state)
    groups: dict[str, list[str]] = {}
    roles: dict[str, list[str]] = {}
    for membership in state.memberships:
        groups.setdefault(membership.user, []).append(names.group(membership.group).name)
    for grant in state.grants:
        roles.setdefault(grant.user, []).append(grant.role)
    for user in sorted(state.users, key=lambda user: (user.username.casefold(), user.id)):
        fields = names.fields(user)
        yield {
            "workspace": state.workspace,
            **{
                field: fields[field]
                for field in ("username", "first_name", "last_name", "email", "status")
            },
            **{field: fields[field] for field in ("source", "external_id", "dn")},
            "roles": sorted(roles.get(user.id, [])),
            "groups": sorted(groups.get(user.id, []), key=str.casefold),
            **{field: fields[field] for field in ("department", "manager", "attributes")},
        }


def groups(state: PlatformState) -> Iterator[dict[str, object]]:
    """One row a group; `member_groups` are nested in it, `groups` are those it is in."""
    names = StateNames(state)
    usernames = {user.id: user.username for user in state.users}
    members: dict[str, list[str]] = {}
    for membership in state.memberships:
        members.setdefault(membership.group, []).append(usernames[membership.user])
    nested: dict[str, list[str]] = {}
    for group in state.groups:
        for above in group.groups:
            nested.setdefault(above, []).append(group.name)
    for group in sorted(state.groups, key=lambda group: (group.name.casefold(), group.id)):
        listed = sorted(members.get(group.id, []), key=str.casefold)
        yield {
            "workspace": state.workspace,
            **names.fields(group),
            "groups": sorted((names.group(above).name for above in group.groups), key=str.casefold),
            "members": listed,
            "member_groups": sorted(nested.get(group.id, []), key=str.casefold),
        }


def departments(state: PlatformState) -> Iterator[dict[str, object]]:
    """One row a department; `members` are usernames of those directly in it."""
    names = StateNames(state)
    members: dict[str, list[str]] = {}
    for user in state.users:
        members.setdefault(user.department, []).append(user.username)
    for department in sorted(state.departments, key=lambda one: names.path(one.id).casefold()):
        listed = sorted(members.get(department.id, []), key=str.casefold)
        yield {
            "workspace": state.workspace,
            "path": names.path(department.id),
            **names.fields(department),
            "members": listed,
        }


def roles(state: PlatformState) -> Iterator[dict[str, object]]:
    """One row a role that exists or is granted; `users` are the usernames of those who have it."""
    usernames = {user.id: user.username for user in state.users}
    holders: dict[str, list[str]] = {role: [] for role in state.roles}
    for grant in state.grants:
        holders.setdefault(grant.role, []).append(usernames[grant.user])
    for role in sorted(holders, key=str.casefold):
        users = sorted(holders[role], key=str.casefold)
        yield {"workspace": state.workspace, "name": role, "users": users}


def previewed(users: Iterable[msgspec.Struct]) -> Iterator[dict[str, object]]:
    """One row for each person who would be synchronised."""
    for one in users:
        row = msgspec.structs.asdict(one)
        yield row | {"exists": _yes(row)}


def skipped(skips: Iterable[msgspec.Struct]) -> Iterator[dict[str, object]]:
    """One row for each person who cannot be; `skip` says why."""
    for one in skips:
        row = msgspec.structs.asdict(one)
        yield row | {"exists": _yes(row), "skip": f"{row['code']}: {row['detail']}"}


def _yes(row: dict[str, object]) -> str:
    return "yes" if row["exists"] else "no"
