"""Which users a list shows, and that what it is asked for exists."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from reconcile.errors import UsageError
from reconcile.model.platform import BY_HAND, PlatformState, Status
from reconcile.model.text.folding import fold_name
from reconcile.model.text.printing import quoted
from reconcile.model.views.access import Access


class UserFilter(NamedTuple):
    """Those who have one of the roles, are in one of the groups and so on; () is everyone."""

    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    sources: tuple[str, ...] = ()
    by_hand: bool = False
    """Only who was given a role or a membership by hand."""

    def check(self, states: Sequence[PlatformState]) -> None:
        """Raises UsageError for a role or group that none of the workspaces has."""
        roles = {role for state in states for role in _roles(state)}
        for role in self.roles:
            _check_known(role, roles, "role", exact=True)
        groups = {group.name for state in states for group in state.groups}
        for group in self.groups:
            _check_known(group, groups, "group", exact=False)

    def users(self, state: PlatformState) -> Collection[str]:
        """The ids of the users in a workspace."""
        chosen = {
            user.id
            for user in state.users
            if (not self.statuses or user.status in self.statuses)
            and (not self.sources or user.source in self.sources)
        }
        if self.roles:
            chosen &= {grant.user for grant in state.grants if grant.role in self.roles}
        if self.groups:
            chosen &= self._members(state)
        if self.by_hand:
            chosen &= {grant.user for grant in state.grants if grant.origin == BY_HAND} | {
                membership.user for membership in state.memberships if membership.origin == BY_HAND
            }
        return chosen

    def _members(self, state: PlatformState) -> set[str]:
        """The ids of the users who are directly in one of the groups."""
        names = set(map(fold_name, self.groups))
        groups = {group.id for group in state.groups if fold_name(group.name) in names}
        return {each.user for each in state.memberships if each.group in groups}


def _roles(state: PlatformState) -> set[str]:
    """The roles that exist or are held."""
    return {*state.roles, *(grant.role for grant in state.grants)}


def of_role(roles: Sequence[Access], role: str) -> list[Access]:
    """The role in each workspace that has it. Raises UsageError if none does."""
    _check_known(role, {access.name for access in roles}, "role", exact=True)
    return [access for access in roles if access.name == role]


def _check_known(name: str, known: Iterable[str], what: str, *, exact: bool) -> None:
    """Raises UsageError for a name that is not among those, and names the nearest ones."""
    names = set(known)
    by_fold = {fold_name(text): text for text in sorted(names)}
    if name in names or (not exact and fold_name(name) in by_fold):
        return
    near = [by_fold[text] for text in get_close_matches(fold_name(name), by_fold, 3)]
    spelled = " or ".join(f"'{quoted(text)}'" for text in near)
    hint = f"; did you mean {spelled}?" if near else ""
    raise UsageError(f"the platform has no {what} '{quoted(name)}'{hint}")
