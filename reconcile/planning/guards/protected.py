"""What no plan may take away, whoever accepts it: `safety.protect`, and the account that reconcile itself uses."""

from collections import Counter
from collections.abc import Iterator

from reconcile.model.change import Change, Violation
from reconcile.model.desired import Protect
from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.effective_members import Crowds
from reconcile.planning.guards.losses import (
    IN_SERVICE,
    Losses,
    changes_hands,
    stands_for_another,
    takes_out,
)
from reconcile.planning.selection.patterns import NamePatterns, folded

_DONE = {
    "deactivate": "deactivated",
    "block": "blocked",
    "erase": "erased",
    "delete": "deleted",
    "adopt": "adopted by a source",
}


def breaches(
    losses: Losses, state: PlatformState, protect: Protect, own_username: str
) -> Iterator[Violation]:
    """The violations that nobody can accept."""
    yield from _users(losses, state, protect, own_username)
    roles, groups = NamePatterns(protect.roles), NamePatterns(protect.groups)
    for change in losses.groups if groups else ():
        if groups.matches(change.key):
            done, to = (
                ("deleted", "")
                if change.after is None
                else ("renamed", f" to {change.after['name']}")
            )
            yield Violation(
                state.workspace,
                f"protected_group:{state.workspace}/{change.key}:{done}",
                f"the group {change.key} would be {done}{to}, and is protected: if that is meant, take it out of"
                " `safety.protect.groups`",
                acceptable=False,
            )
    for what, lost in (
        (
            "role",
            Counter(link.target for link in losses.grants if roles and roles.matches(link.target)),
        ),
        ("group", _leaving(losses, state, groups) if groups else Counter[str]()),
    ):
        for name, number in sorted(lost.items()):
            yield Violation(
                state.workspace,
                f"protected_{what}:{state.workspace}/{name}:{number}",
                f"{number} would lose the {what} {name}, which is protected: if that is meant, take it out of"
                f" `safety.protect.{what}s`",
                acceptable=False,
            )
    yield from _admins(losses, state, protect)


def _leaving(losses: Losses, state: PlatformState, groups: NamePatterns) -> Counter[str]:
    """Name of each protected group → how many leave it: itself, or one of the groups within it that they are in by."""
    found: Counter[str] = Counter()
    if not losses.memberships:
        return found
    before, after = Crowds(state), losses.after(state)
    for group in state.groups:
        if groups.matches(group.name):
            ends = [link for link in losses.memberships if link.target == group.name]
            users = {fold_name(link.member) for link in ends if not link.nesting}
            users |= before.within(group.name) - after.within(group.name)
            if users or ends:
                found[group.name] = len(users) or len(ends)
    return found


def _users(
    losses: Losses, state: PlatformState, protect: Protect, own_username: str
) -> Iterator[Violation]:
    patterns, own = NamePatterns(protect.users), folded(own_username)
    told: set[str] = set()
    for change in (*losses.users, *losses.taken, *losses.relinked):
        name = fold_name(change.key)
        if name in told:
            continue
        if own and folded(change.key) == own:
            why = "the account that reconcile itself uses: give it another one, or keep this one out of the sources"
            code = "own_account"
        elif patterns and patterns.matches(name):
            why = "protected: if that is meant, change `safety.protect.users`"
            code = "protected_user"
        else:
            continue
        told.add(name)
        detail = f"{change.key} would be {_done(change)}, and is {why}"
        yield Violation(
            state.workspace, f"{code}:{state.workspace}/{change.key}:1", detail, acceptable=False
        )


def _done(change: Change) -> str:
    if change.action in _DONE:
        return _DONE[change.action]
    if changes_hands(change):
        return f"taken over by {(change.after or {})['source'] or 'no source'}"
    if stands_for_another(change):
        return "given to another entry of the directory"
    return f"renamed to {(change.after or {})['username']}"


def _admins(losses: Losses, state: PlatformState, protect: Protect) -> Iterator[Violation]:
    """Administrators who depend on no directory: whoever is left can put things right."""
    role = folded(protect.admin_role)
    local = {user.id: user for user in state.users if not user.source and user.status in IN_SERVICE}
    admins = {
        fold_name(local[grant.user].username)
        for grant in state.grants
        if grant.user in local and folded(grant.role) == role
    }
    lost = {fold_name(change.key) for change in losses.users}
    lost |= {
        fold_name(change.key)
        for change in losses.taken
        if not takes_out(change) and _adopts(change)
    }
    lost |= {fold_name(link.member) for link in losses.grants if folded(link.target) == role}
    left = len(admins - lost)
    if left < len(admins) and left < protect.min_admins:
        yield Violation(
            state.workspace,
            f"min_admins:{state.workspace}:{len(admins) - left}",
            f"{left} of {len(admins)} administrators who depend on no source would be left, and"
            f" {protect.min_admins} have to stay: if that is meant, change `safety.protect.min_admins`",
            acceptable=False,
        )


def _adopts(change: Change) -> bool:
    return changes_hands(change) and not (change.before or {}).get("source")
