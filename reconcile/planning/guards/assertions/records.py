"""The records of a resulting state: mappings of text, as expressions see them."""

from collections import defaultdict
from typing import Any

from reconcile.model.desired import Records
from reconcile.model.transitive import reachable
from reconcile.planning.guards.assertions.drafts import Draft
from reconcile.planning.guards.assertions.resulting_state import (
    USER_FIELDS,
    ResultingState,
    folded,
)
from reconcile.planning.guards.losses.user_changes import IN_SERVICE


class UserRecord(dict[str, Any]):
    """The record of a user."""

    __slots__ = ("effective_groups",)

    effective_groups: frozenset[str]
    """The folded names of all groups of the user, by nested groups too."""


def records(state: ResultingState) -> Records:
    """The records of a workspace, by kind, in the order of their names."""
    outer: dict[Draft, list[Draft]] = defaultdict(list)
    for inner, above in state.living_nestings():
        outer[inner].append(above)
    groups_of: dict[Draft, list[Draft]] = defaultdict(list)
    members: dict[Draft, list[str]] = defaultdict(list)
    for user, group in state.living_memberships():
        groups_of[user].append(group)
        members[group].append(user.fields["username"])
    roles_of: dict[Draft, list[str]] = defaultdict(list)
    holders: dict[str, list[str]] = {role: [] for role in state.roles}
    for user, role in state.living_grants():
        roles_of[user].append(role)
        holders[role].append(user.fields["username"])
    effective = _Effective(outer)
    users = {
        user: _user(state, user, groups_of[user], roles_of[user], effective)
        for user in sorted(state.users, key=lambda draft: draft.fields["username"])
    }
    groups = {
        group: _group(group, members[group], outer[group])
        for group in sorted(state.groups, key=lambda draft: draft.fields["name"])
    }
    return {
        "users": list(users.values()),
        "groups": list(groups.values()),
        "departments": _departments(state, users),
        "roles": [{"name": name, "users": sorted(holders[name])} for name in sorted(holders)],
        "memberships": [
            {"user": record, "group": groups[group]}
            for user, record in users.items()
            for group in sorted(groups_of[user], key=lambda draft: draft.fields["name"])
        ],
    }


class _Effective:
    """All groups of a user. Users with the same groups share the work."""

    def __init__(self, outer: dict[Draft, list[Draft]]) -> None:
        self._outer = outer
        self._known: dict[frozenset[Draft], frozenset[str]] = {}

    def groups(self, direct: list[Draft]) -> frozenset[str]:
        """The folded names of these groups and of those they are nested in."""
        key = frozenset(direct)
        if key not in self._known:
            walked = reachable(direct, lambda group: self._outer.get(group, ()))
            self._known[key] = frozenset(map(folded, walked))
        return self._known[key]


def _user(
    state: ResultingState, user: Draft, groups: list[Draft], roles: list[str], effective: _Effective
) -> UserRecord:
    """The record of a user."""
    record = UserRecord({name: user.fields[name] for name in USER_FIELDS})
    record["active"] = user.fields["status"] in IN_SERVICE
    record["department"] = user.department()
    record["manager"] = state.manager(user)
    record["attributes"] = user.fields["attributes"]
    record["groups"] = sorted(group.fields["name"] for group in groups)
    record["roles"] = sorted(roles)
    record.effective_groups = effective.groups(groups)
    return record


def _group(group: Draft, members: list[str], outer: list[Draft]) -> dict[str, Any]:
    """The record of a group."""
    above = sorted(draft.fields["name"] for draft in outer)
    return {**group.fields, "members": sorted(members), "groups": above}


def _departments(state: ResultingState, users: dict[Draft, UserRecord]) -> list[dict[str, Any]]:
    """The records of all departments."""
    within: dict[str, list[str]] = defaultdict(list)
    for record in users.values():
        within[record["department"]].append(record["username"])
    paths = sorted(
        ((draft.path(), draft.department(), draft.fields) for draft in state.departments),
        key=lambda department: department[0],
    )
    return [
        {**fields, "path": path, "parent": parent, "users": sorted(within[path])}
        for path, parent, fields in paths
    ]
