"""Notices about the workspaces: links that do nothing, shared addresses, administrators."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from reconcile.model.desired import DesiredState, Link, Protect
from reconcile.model.notice import Notice
from reconcile.model.platform import PlatformState
from reconcile.model.text.folding import fold_name
from reconcile.planning.guards.losses.user_changes import IN_SERVICE
from reconcile.planning.selection.patterns import folded
from reconcile.planning.target.target_state import Wanted

SHOWN: Final = 10
"""So many shared addresses are named; the rest is a number."""


def idle_links(desired: DesiredState, results: Sequence[Wanted]) -> Iterator[Notice]:
    """The links that do nothing in any of the workspaces."""
    idle: dict[Link, list[str]] = {}
    for result in results:
        for link, why in result.links.idle:
            idle.setdefault(link, []).append(why)
    for link, whys in idle.items():
        if len(whys) == len(results):
            why = next((one for one in whys if one.startswith("it is true")), whys[0])
            text = f"the link of the {link.kind} {link.name} does nothing: {why}"
            yield Notice(
                "idle_link", text, f"links[{desired.links.index(link)}]", sources=(link.source,)
            )


def shared_addresses(results: Iterable[Wanted]) -> Iterator[Notice]:
    """E-mail addresses of several persons: no fault, but a reset link goes to all of them."""
    shared: dict[str, set[str]] = {}
    for result in results:
        by_address: dict[str, list[str]] = {}
        for user in result.state.users:
            if user.email and user.source and user.status != "erased":
                by_address.setdefault(fold_name(user.email), []).append(user.username)
        for address, names in by_address.items():
            if len(names) > 1:
                shared.setdefault(address, set()).update(names)
    for address, users in sorted(shared.items())[:SHOWN]:
        listed = sorted(users)
        more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
        users_shown = f"{', '.join(listed[:SHOWN])}{more}"
        text = f"the e-mail address {address} is that of several users: {users_shown}"
        yield Notice("shared_address", text)
    if len(shared) > SHOWN:
        yield Notice(
            "shared_address",
            f"{len(shared) - SHOWN} more e-mail addresses are shared by several users",
        )


def no_administrator(desired: DesiredState, current: Sequence[PlatformState]) -> Iterator[Notice]:
    """`protect.admin_role` that protects nobody: no user has the role, and no rule gives it.

    For the default, this is reported only if local accounts have roles, because then it may be a
    mistake.
    """
    role = desired.safety.protect.admin_role
    if not current:
        return
    given = {mapping.role for mapping in desired.role_mappings} | {
        rule.role for rule in desired.departments
    }
    if not desired.safety.protect.min_admins or folded(role) in map(folded, given):
        return
    granted = {grant.role for state in current for grant in state.grants}
    if folded(role) in map(folded, granted):
        return
    local = {
        (state.workspace, user.id)
        for state in current
        for user in state.users
        if not user.source and user.status in IN_SERVICE
    }
    roles = sorted(
        {
            grant.role
            for state in current
            for grant in state.grants
            if (state.workspace, grant.user) in local
        }
    )
    if role != Protect().admin_role or roles:
        there = f"; roles of local accounts: {', '.join(roles[:SHOWN])}" if roles else ""
        text = f"no user has the role {role}, and no rule gives it, "
        text += f"so min_admins protects no one{there}"
        path = "safety.protect.admin_role"
        if role == Protect().admin_role:  # no file says so
            yield Notice("no_administrator", f"{path}: {text}")
        else:
            yield Notice("no_administrator", text, path)
