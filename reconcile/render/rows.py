"""A platform state as rows for tables, JSON and CSV: everything in names, sorted."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

import msgspec

from reconcile.model.change import Fields
from reconcile.model.named_state import StateNames
from reconcile.model.platform import Group, PlatformState, User


def users(
    state: PlatformState, chosen: Collection[str] | None = None
) -> Iterator[dict[str, object]]:
    """One row a user, in the order of usernames; only those with these ids, if `chosen`.

    `roles` and `groups` are lists of names, `attributes` is an object, the rest is text or null.
    """
    names = StateNames(state)
    groups: dict[str, list[str]] = defaultdict(list)
    roles: dict[str, list[str]] = defaultdict(list)
    for membership in state.memberships:
        groups[membership.user].append(names.group(membership.group).name)
    for grant in state.grants:
        roles[grant.user].append(grant.role)
    shown = (user for user in state.users if chosen is None or user.id in chosen)
    for user in sorted(shown, key=_user_order):
        fields = names.fields(user)
        yield {
            "workspace": state.workspace,
            **_only(fields, "username", "first_name", "last_name", "email", "status"),
            **_only(fields, "source", "external_id", "dn"),
            "roles": sorted(roles[user.id]),
            "groups": _sorted(groups[user.id]),
            **_only(fields, "department", "manager", "attributes"),
        }


def groups(state: PlatformState) -> Iterator[dict[str, object]]:
    """One row a group, in the order of names.

    `members` are usernames; `member_groups` are nested in it, `groups` are those it is in.
    """
    names = StateNames(state)
    usernames = {user.id: user.username for user in state.users}
    members: dict[str, list[str]] = defaultdict(list)
    for membership in state.memberships:
        members[membership.group].append(usernames[membership.user])
    nested: dict[str, list[str]] = defaultdict(list)
    for group in state.groups:
        for parent in group.groups:
            nested[parent].append(group.name)
    for group in sorted(state.groups, key=_group_order):
        yield {
            "workspace": state.workspace,
            **names.fields(group),
            "groups": _sorted(names.group(parent).name for parent in group.groups),
            "members": _sorted(members[group.id]),
            "member_groups": _sorted(nested[group.id]),
        }


def departments(state: PlatformState) -> Iterator[dict[str, object]]:
    """One row a department, in the order of paths.

    `path` has the titles from the topmost department on; `members` are usernames of those directly
    in it.
    """
    names = StateNames(state)
    members: dict[str, list[str]] = defaultdict(list)
    for user in state.users:
        members[user.department].append(user.username)
    paths = {department.id: names.path(department.id) for department in state.departments}
    for department in sorted(state.departments, key=lambda each: _by_name(paths[each.id])):
        yield {
            "workspace": state.workspace,
            "path": paths[department.id],
            **names.fields(department),
            "members": _sorted(members[department.id]),
        }


def _by_name(name: str) -> tuple[str, str]:
    """Without regard to case; names that differ only in case have one order on each platform."""
    return name.casefold(), name


def _user_order(user: User) -> tuple[str, str, str]:
    """By username; by id where two have one name."""
    return *_by_name(user.username), user.id


def _group_order(group: Group) -> tuple[str, str, str]:
    """By name; by id where two have one name."""
    return *_by_name(group.name), group.id


def _sorted(names: Iterable[str]) -> list[str]:
    """Names as a person looks for them."""
    return sorted(names, key=_by_name)


def _only(fields: Fields, *names: str) -> dict[str, object]:
    """The named ones of the fields, in the order of the names."""
    return {name: fields[name] for name in names}


def roles(state: PlatformState) -> Iterator[dict[str, object]]:
    """One row a role that exists or is granted; `users` are the usernames of those who have it."""
    usernames = {user.id: user.username for user in state.users}
    holders: dict[str, list[str]] = {role: [] for role in state.roles}
    for grant in state.grants:
        holders.setdefault(grant.role, []).append(usernames[grant.user])
    for role in sorted(holders, key=_by_name):
        users = _sorted(holders[role])
        yield {"workspace": state.workspace, "name": role, "users": users}


def previewed(users: Iterable[msgspec.Struct]) -> Iterator[dict[str, object]]:
    """One row for each person who would be synchronised."""
    for user in users:
        row = msgspec.structs.asdict(user)
        yield row | {"exists": _yes(row)}


def skipped(skips: Iterable[msgspec.Struct]) -> Iterator[dict[str, object]]:
    """One row for each person who cannot be; `skip` says why."""
    for skip in skips:
        row = msgspec.structs.asdict(skip)
        yield row | {"exists": _yes(row), "skip": f"{row['code']}: {row['detail']}"}


def _yes(row: dict[str, object]) -> str:
    """Whether the person has a user already, as a table says it."""
    return "yes" if row["exists"] else "no"
