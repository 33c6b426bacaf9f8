"""The guards: what of a plan is refused until a person accepts it, or for good.

They look at the changes of one workspace, at its current state and at how much was read. So the
same guards judge a plan when it is made and once more, under the lock, before its first change.

Losing all of something is refused at any size: all users of a source, all members of a mirrored
group, all holders of a role of a source. Only users in service count: a blocked member does not
stay, and does not replace one who leaves. New users do not offset lost ones. The code of such a
violation ends in `:all`, so accepting twelve of many does not accept all twelve. `none` as a limit
does not disable this check.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from reconcile.model.change import Change, Violation
from reconcile.model.desired import Safety
from reconcile.model.history import Losses
from reconcile.model.platform import PlatformState, Reading
from reconcile.planning.guards.limits.changed_users import changed_users, lost_users
from reconcile.planning.guards.limits.emptied_fields import emptied_fields
from reconcile.planning.guards.limits.limit_check import LimitCheck
from reconcile.planning.guards.limits.lost_grants import LostGrants, stripped_accounts
from reconcile.planning.guards.limits.lost_memberships import LostMemberships
from reconcile.planning.guards.losses.emptied_groups import EmptiedGroups
from reconcile.planning.guards.losses.loss_summary import LossSummary
from reconcile.planning.guards.protected import protected_violations
from reconcile.planning.guards.source_health import shrunk

NOTHING: Final[Losses] = {}


def violations(
    changes: Iterable[Change],
    state: PlatformState,
    safety: Safety,
    own_username: str = "",
    readings: Iterable[Reading] = (),
    *,
    renaming: bool = False,
    recent: Losses = NOTHING,
) -> tuple[Violation, ...]:
    """What the guards find in the changes of one workspace.

    `readings` are what the sources held when the changes were planned. `renaming`: users are
    renamed on purpose, which does not count as an update; protected users stay protected. `recent`
    is what earlier runs took away within the window.
    """
    summary = LossSummary(changes, state, renaming=renaming)
    check, emptied = LimitCheck(state, safety, summary, recent), EmptiedGroups(state, summary)
    return (
        *lost_users(check, emptied),
        *LostMemberships(check, emptied).violations(),
        *LostGrants(check, emptied).violations(),
        *stripped_accounts(check),
        *changed_users(check),
        *emptied_fields(summary, state, safety),
        *protected_violations(summary, state, safety.protect, own_username),
        *shrunk(state.workspace, readings, state.readings, safety),
    )


def login_violations(
    changes: Iterable[Change],
    state: PlatformState,
    safety: Safety,
    own_username: str = "",
    readings: Iterable[Reading] = (),
    recent: Losses = NOTHING,
) -> tuple[Violation, ...]:
    """What the guards find in the changes of a user who logs in: all but `updates` and `creates`.

    Many small losses add up: when a whole company logs in on one morning, it must not lose what a
    plan may not take away.
    """
    limits = msgspec.structs.replace(safety.limits, updates=None, creates=None)
    held = msgspec.structs.replace(safety, limits=limits)
    return violations(changes, state, held, own_username, readings, recent=recent)
