"""One change of a membership or grant, taken out of a state.

Each function returns why the change could not be undone, "" if it was.
"""

from typing import Final, TypeAlias

from reconcile.model.change import text
from reconcile.model.history import Entry, Payload
from reconcile.model.platform import Grant, Membership
from reconcile.planning.undo.working_state import WorkingState

Links: TypeAlias = dict[tuple[str, str], Membership] | dict[tuple[str, str], Grant]
"""User id and group id, or user id and role → the link."""
_NO_USER: Final = "the user no longer exists"


def restore_membership(state: WorkingState, entry: Entry, payload: Payload) -> str:
    """A membership that the run gave is removed, one that it removed is given again."""
    pair = entry.user, state.group_id(entry.object)
    if entry.action != "delete":
        return _remove(state.memberships, pair, entry, payload)
    if not _is_missing(state, state.memberships, pair):
        return ""
    if pair[1] not in state.groups:
        return "the group no longer exists"
    if state.living_user(entry.user) is None:
        return _NO_USER
    state.memberships[pair] = Membership(*pair, text(payload.fields_before, "origin"))
    return ""


def restore_grant(state: WorkingState, entry: Entry, payload: Payload) -> str:
    """A role that the run granted is removed, one that it removed is granted again."""
    fields = payload.fields_after if payload.before is None else payload.before
    pair = entry.user, text(fields, "role")
    if entry.action != "delete":
        return _remove(state.grants, pair, entry, payload)
    if not _is_missing(state, state.grants, pair):
        return ""
    if pair[1] not in state.current.roles:
        return "the role no longer exists"
    if state.living_user(entry.user) is None:
        return _NO_USER
    state.grants[pair] = Grant(*pair, text(payload.fields_before, "origin"))
    return ""


def _remove(links: Links, pair: tuple[str, str], entry: Entry, payload: Payload) -> str:
    """Takes away a link that the run gave, unless a person has given it since."""
    if entry.action != "create":
        return "its origin stays unchanged"
    link = links.get(pair)
    if link is not None and link.origin != text(payload.fields_after, "origin"):
        return "changed since: origin"
    links.pop(pair, None)
    return ""


def _is_missing(state: WorkingState, links: Links, pair: tuple[str, str]) -> bool:
    """Whether a link is to be given again. Users whom the run ended have a skip of their own."""
    return pair[0] not in state.ended and pair not in links
