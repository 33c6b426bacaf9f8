"""The changes of memberships and grants, each with the rule that gives or takes it."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from reconcile.model.change import Change, Kind
from reconcile.model.identity import ids
from reconcile.model.named_state import StateNames
from reconcile.model.platform import BY_HAND, Grant, Membership
from reconcile.planning.changes.reasons import Reasons

Link = TypeVar("Link", bound=Membership | Grant)


def link_changes(
    kind: Kind,
    current: Sequence[Link],
    wanted: Sequence[Link],
    now: StateNames,
    then: StateNames,
    reasons: Reasons,
) -> Iterator[Change]:
    """Creations and deletions of memberships or grants. Their origin never changes."""
    # Mostly all of them stay, and a link that stays is the same object.
    if set(map(id, current)) == set(map(id, wanted)):
        return
    before, after = set(current), set(wanted)
    for link in after - before:
        yield Change(
            kind=kind,
            action="create",
            key=then.key(link),
            before=None,
            after=then.fields(link),
            reason=_why_given(link, then, reasons),
            source=link.origin,
            workspace=now.state.workspace,
        )
    ended = before - after
    if not ended:
        return
    staying = ids(then.state.users)
    erased = {user.id for user in then.state.users if user.status == "erased"}
    for link in ended:
        # A source that adopts a user also owns what is taken from it.
        owners = then if link.user in staying else now
        reason = "the user is deleted"
        if link.user in erased:
            reason = "the user is erased"
        elif link.user in staying:
            reason = _why_taken(link, now, then, reasons)
        yield Change(
            kind=kind,
            action="delete",
            key=now.key(link),
            before=now.fields(link),
            after=None,
            reason=reason,
            source=link.origin or owners.owner(link),
            workspace=now.state.workspace,
        )


def _why_given(link: Membership | Grant, then: StateNames, reasons: Reasons) -> str:
    """The group or the rule that gives a link."""
    if isinstance(link, Membership):
        return f"member of {then.group(link.group).dn}"
    return reasons.grant(link)


def _why_taken(
    link: Membership | Grant, now: StateNames, then: StateNames, reasons: Reasons
) -> str:
    """Why a user who stays loses a link."""
    if isinstance(link, Membership):
        if link.group in reasons.groups:
            return f"not a member of {then.group(link.group).dn}"
        return reasons.unselected(link.group)
    if link.origin == BY_HAND:
        return "given by hand, and roles.authoritative is true"
    return f"no longer given by the role mappings of {now.owner(link)}"
