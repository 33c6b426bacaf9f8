"""What no plan may take away, even if accepted: `safety.protect`, and our own account."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from reconcile.model.change import Change, GuardName, Violation
from reconcile.model.desired import Protect
from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name
from reconcile.model.text.name_patterns import NamePatterns, folded
from reconcile.planning.guards.limits.phrases import counted
from reconcile.planning.guards.losses.effective_members import EffectiveMembers
from reconcile.planning.guards.losses.loss_summary import LossSummary
from reconcile.planning.guards.losses.user_changes import (
    changes_hands,
    folded_names,
    in_service,
    stands_for_another,
    takes_out_of_service,
)

_DONE: Final[Mapping[str, str]] = {
    "deactivate": "deactivated",
    "block": "blocked",
    "erase": "erased",
    "delete": "deleted",
    "adopt": "adopted by a source",
}


def protected_violations(
    summary: LossSummary, state: PlatformState, protect: Protect, own_username: str
) -> Iterator[Violation]:
    """The violations that cannot be accepted."""
    yield from _users(summary, state, protect, own_username)
    groups, roles = NamePatterns(protect.groups), NamePatterns(protect.roles)
    if groups:
        yield from _changed_groups(summary, state, groups)
    if roles:
        lost = (link.target for link in summary.grants if roles.matches(link.target))
        yield from _losers(state, "role", Counter(lost))
    if groups:
        yield from _losers(state, "group", _leaving(summary, state, groups))
    yield from _administrators(summary, state, protect)


def _changed_groups(
    summary: LossSummary, state: PlatformState, groups: NamePatterns
) -> Iterator[Violation]:
    """Protected groups that would be renamed or deleted."""
    for change in summary.groups:
        if not groups.matches(change.key):
            continue
        becomes: Literal["renamed", "deleted"] = "deleted"
        done = "deleted"
        if change.after is not None:
            becomes, done = "renamed", f"renamed to {change.after['name']}"
        yield Violation(
            workspace=state.workspace,
            guard="protected_group",
            source="",
            subject=change.key,
            number=1,
            detail=f"the group {change.key} would be {done}, but it is protected."
            " If this is intended, remove it from `safety.protect.groups`",
            becomes=becomes,
            acceptable=False,
        )


def _losers(state: PlatformState, kind: str, lost: Counter[str]) -> Iterator[Violation]:
    """Protected roles and groups that users would lose. `lost`: name → how many lose it."""
    guard: GuardName = "protected_role" if kind == "role" else "protected_group"
    for name, number in sorted(lost.items()):
        yield Violation(
            workspace=state.workspace,
            guard=guard,
            source="",
            subject=name,
            number=number,
            detail=f"{_losing(kind, number)} the {kind} {name}, which is protected."
            f" If this is intended, remove it from `safety.protect.{kind}s`",
            acceptable=False,
        )


def _losing(kind: str, number: int) -> str:
    """How many lose a role, or leave a group: users, or groups that are nested in it."""
    if kind == "role":
        return f"{counted(number, 'user')} would lose"
    return f"{counted(number, 'member')} would leave"


def _leaving(summary: LossSummary, state: PlatformState, groups: NamePatterns) -> Counter[str]:
    """Name of each protected group → how many leave it, or leave a group nested in it."""
    leaving: Counter[str] = Counter()
    if not summary.memberships:
        return leaving
    before, after = EffectiveMembers(state), summary.members_after()
    for group in state.groups:
        if not groups.matches(group.name):
            continue
        links = [link for link in summary.memberships if link.target == group.name]
        users = {fold_name(link.member) for link in links if not link.nesting}
        users |= before.within(group.name) - after.within(group.name)
        if users or links:
            leaving[group.name] = len(users) or len(links)
    return leaving


def _users(
    summary: LossSummary, state: PlatformState, protect: Protect, own_username: str
) -> Iterator[Violation]:
    """Protected users, and the account of `reconcile` itself, each reported once."""
    patterns, own = NamePatterns(protect.users), folded(own_username)
    reported: set[str] = set()
    for change in (*summary.users, *summary.renamed_or_adopted, *summary.relinked):
        guard = _guard_of_user(change.key, patterns, own)
        name = fold_name(change.key)
        if guard is None or name in reported:
            continue
        reported.add(name)
        yield Violation(
            workspace=state.workspace,
            guard=guard,
            source="",
            subject=change.key,
            number=1,
            detail=f"{change.key} would be {_done(change)}, but it is {_WHY_NOT[guard]}",
            acceptable=False,
        )


def _guard_of_user(username: str, patterns: NamePatterns, own: str) -> GuardName | None:
    """The guard that keeps a user; `own` is the folded name of our own account, "" for none."""
    if own and folded(username) == own:
        return "own_account"
    return "protected_user" if patterns.matches(fold_name(username)) else None


_WHY_NOT: Final[Mapping[str, str]] = {
    "own_account": "the account that reconcile itself uses."
    " Give reconcile another account, or keep this one out of the sources",
    "protected_user": "protected. If this is intended, change `safety.protect.users`",
}


def _done(change: Change) -> str:
    """What the change does to the user, as a participle."""
    if change.action in _DONE:
        return _DONE[change.action]
    if changes_hands(change):
        return f"taken over by {change.fields_after['source'] or 'no source'}"
    if stands_for_another(change):
        return "given to another entry of the directory"
    return f"renamed to {change.fields_after['username']}"


def _administrators(
    summary: LossSummary, state: PlatformState, protect: Protect
) -> Iterator[Violation]:
    """Too few administrators who depend on no directory, and so can always put things right."""
    role = folded(protect.admin_role)
    administrators = _local_holders(state, role)
    total = len(administrators)
    left = len(administrators - _losing_administration(summary, role))
    if left < total and left < protect.min_admins:
        yield Violation(
            workspace=state.workspace,
            guard="min_admins",
            source="",
            subject="",
            number=total - left,
            detail=f"{_left(left, total)}, and there must be at least {protect.min_admins}."
            " If this is intended, change `safety.protect.min_admins`",
            acceptable=False,
        )


def _left(left: int, total: int) -> str:
    """How many of the administrators would be left."""
    if total == 1:
        return "the only administrator who depends on no source would be lost"
    return f"{left or 'none'} of {total} administrators who depend on no source would be left"


def _local_holders(state: PlatformState, role: str) -> set[str]:
    """The case-folded names of local users in service who have the role."""
    local = folded_names(user for user in in_service(state) if not user.source)
    return {
        local[grant.user]
        for grant in state.grants
        if grant.user in local and folded(grant.role) == role
    }


def _losing_administration(summary: LossSummary, role: str) -> set[str]:
    """The case-folded names of users who leave, are adopted by a source, or lose the role."""
    adopted = {
        fold_name(change.key)
        for change in summary.renamed_or_adopted
        if not takes_out_of_service(change) and _adopts(change)
    }
    stripped = {fold_name(link.member) for link in summary.grants if folded(link.target) == role}
    return adopted | stripped | summary.lost_names


def _adopts(change: Change) -> bool:
    """Whether a source takes over a local account."""
    return changes_hands(change) and not change.fields_before.get("source")
