"""Notices about the workspaces: links that do nothing, shared addresses, administrators."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from reconcile.model.desired import DesiredState, Link, Protect
from reconcile.model.notice import Notice
from reconcile.model.platform import PlatformState, User
from reconcile.model.text.folding import fold_name
from reconcile.model.text.name_patterns import folded
from reconcile.planning.guards.losses.user_changes import in_service
from reconcile.planning.target.target_state import TargetState

SHOWN: Final = 10
"""So many shared addresses are named; the rest is a number."""


def idle_links(desired: DesiredState, results: Sequence[TargetState]) -> Iterator[Notice]:
    """The links that do nothing in any of the workspaces."""
    idle: dict[Link, list[str]] = {}
    for result in results:
        for link, why in result.links.idle:
            idle.setdefault(link, []).append(why)
    for link, whys in idle.items():
        if len(whys) < len(results):
            continue
        # That a link is done with says more than that another workspace has no such user.
        whys.sort(key=lambda why: not why.startswith("it is true"))
        yield Notice(
            code="idle_link",
            text=f"the link of the {link.kind} {link.name} does nothing: {whys[0]}",
            path=f"links[{desired.links.index(link)}]",
            sources=(link.source,),
        )


def shared_addresses(results: Iterable[TargetState]) -> Iterator[Notice]:
    """E-mail addresses of several persons: no fault, but a reset link goes to all of them."""
    shared: dict[str, set[str]] = {}
    for result in results:
        for address, names in _sharing(result.state.living()).items():
            shared.setdefault(address, set()).update(names)
    for address, users in sorted(shared.items())[:SHOWN]:
        shown = _some(sorted(users))
        text = f"the e-mail address {address} is that of several users: {shown}"
        yield Notice("shared_address", text)
    if len(shared) > SHOWN:
        yield Notice(
            "shared_address",
            f"{len(shared) - SHOWN} more e-mail addresses are shared by several users",
        )


def _sharing(users: Iterable[User]) -> dict[str, list[str]]:
    """Folded e-mail address → the usernames of the persons who have it, if there are several."""
    addressed = [user for user in users if user.email and user.source]
    addresses = [fold_name(user.email) for user in addressed]
    persons = Counter(addresses)
    sharing: dict[str, list[str]] = {}
    if len(persons) == len(addresses):  # as in nearly every directory
        return sharing
    for user, address in zip(addressed, addresses, strict=True):
        if persons[address] > 1:
            sharing.setdefault(address, []).append(user.username)
    return sharing


def _some(names: Sequence[str]) -> str:
    """Names as a list that is not too long."""
    listed = ", ".join(names[:SHOWN])
    return f"{listed} and {len(names) - SHOWN} more" if len(names) > SHOWN else listed


def no_administrator(desired: DesiredState, current: Sequence[PlatformState]) -> Iterator[Notice]:
    """`protect.admin_role` that protects nobody: no user has the role, and no rule gives it.

    For the default, this is reported only if local accounts have roles, because then it may be a
    mistake.
    """
    protect = desired.safety.protect
    if not current or not protect.min_admins:
        return
    if folded(protect.admin_role) in map(folded, _roles_in_use(desired, current)):
        return
    is_default = protect.admin_role == Protect().admin_role
    local_roles = sorted(_roles_of_local_accounts(current))
    if is_default and not local_roles:
        return
    text = f"no user has the role {protect.admin_role}, and no rule gives it, "
    text += "so min_admins protects no one"
    if local_roles:
        text += f"; roles of local accounts: {', '.join(local_roles[:SHOWN])}"
    path = "safety.protect.admin_role"
    if is_default:  # no file says so
        yield Notice("no_administrator", f"{path}: {text}")
    else:
        yield Notice("no_administrator", text, path)


def _roles_in_use(desired: DesiredState, current: Iterable[PlatformState]) -> set[str]:
    """The roles that rules give or users have."""
    roles = set(desired.roles_given)
    for state in current:
        roles |= {grant.role for grant in state.grants}
    return roles


def _roles_of_local_accounts(current: Iterable[PlatformState]) -> set[str]:
    """The roles of users in service who depend on no source."""
    roles: set[str] = set()
    for state in current:
        local = {user.id for user in in_service(state) if not user.source}
        roles |= {grant.role for grant in state.grants if grant.user in local}
    return roles
