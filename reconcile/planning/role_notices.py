"""Notices about roles: those that a plan gives for the first time, and those that nobody has."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from reconcile.model.change import Change, text
from reconcile.model.desired import DesiredState
from reconcile.model.notice import Notice
from reconcile.model.platform import PlatformState
from reconcile.model.text import slips
from reconcile.planning.selection.platform_rules import roles_of_rules

_SHOWN: Final = 20
"""So many roles of each kind are named in one workspace."""


def new_roles(
    desired: DesiredState, changes: Iterable[Change], current: Sequence[PlatformState]
) -> Iterator[Notice]:
    """`new_role`: roles that no user has yet and no platform knows, with the name that was meant.

    Where a workspace has no roles at all every role is new, and nothing can be compared.
    """
    given: dict[str, set[str]] = {state.workspace: set() for state in current}
    for change in changes:
        if change.kind == "grant" and change.action == "create":
            given.setdefault(change.workspace, set()).add(text(change.fields_after, "role"))
    paths = _paths(desired)
    for state in current:
        holders = Counter(grant.role for grant in state.grants)
        known = sorted({*state.roles, *holders}, key=lambda role: (-holders[role], role))
        if not known:
            continue
        for role in sorted(given[state.workspace].difference(known))[:_SHOWN]:
            near = slips.meant(role, known)
            yield Notice(
                code="new_role",
                text=f"role {role!r} is new{_where(state, current)}{_meant(near, holders[near])}",
                path=paths.get(role, ""),
                pattern=role,
                nearest=(near,) if near else (),
            )


def unused_roles(
    desired: DesiredState,
    current: Sequence[PlatformState],
    wanted: Sequence[PlatformState],
    implied: str = "",
) -> Iterator[Notice]:
    """`unused_role`: roles that no user has afterwards, though a rule gives them or users had them.

    `wanted`: each workspace as the plan makes it, in the order of `current`. `implied` is the role
    that users have without a grant.
    """
    paths = _paths(desired)
    for before, after in zip(current, wanted, strict=True):
        had = Counter(grant.role for grant in before.grants)
        unused = (paths.keys() | had.keys()) - {grant.role for grant in after.grants}
        unused.discard(implied)
        for role in sorted(unused)[:_SHOWN]:
            yield Notice(
                code="unused_role",
                text=f"role {role!r} is unused{_where(before, current)}"
                f"{_why_unused(had[role], by_rule=role in paths)}",
                path=paths.get(role, ""),
                pattern=role,
            )


def _paths(desired: DesiredState) -> dict[str, str]:
    """Each role that a rule gives → the path of the first such rule."""
    paths: dict[str, str] = {}
    for path, role in roles_of_rules(desired):
        paths.setdefault(role, path)
    return paths


def _where(state: PlatformState, current: Sequence[PlatformState]) -> str:
    """The workspace, if there are several."""
    return f" in workspace {state.workspace}" if len(current) > 1 else ""


def _meant(near: str, number: int) -> str:
    """`; did you mean 'editor', held by 12 users?`, or nothing."""
    if not near:
        return ""
    held = f", held by {_users(number)}" if number else ""
    return f"; did you mean {near!r}{held}?"


def _why_unused(had: int, *, by_rule: bool) -> str:
    """What a reader has to know of a role that nobody has."""
    if had:
        after = "" if by_rule else ", and no rule gives it"
        return f" after this plan: {_users(had)} would lose it{after}"
    return ": the rule gives it to no one"


def _users(number: int) -> str:
    return "1 user" if number == 1 else f"{number} users"
