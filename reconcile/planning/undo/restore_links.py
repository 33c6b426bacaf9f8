"""One change of a membership or grant, taken out of a state.

Each function returns why the change could not be undone, "" if it was.
"""

from typing import TypeAlias

from reconcile.model.history import Entry, Payload
from reconcile.model.platform import Grant, Membership
from reconcile.planning.undo.restore_fields import text
from reconcile.planning.undo.working_state import WorkingState

Links: TypeAlias = dict[tuple[str, str], Membership] | dict[tuple[str, str], Grant]
"""User id and group id, or user id and role → the link."""


def restore_membership(state: WorkingState, entry: Entry, payload: Payload) -> str:
    """A membership that the run gave is removed, one that it removed is given again."""
    pair = entry.user, state.group_id(entry.object)
    if entry.action != "delete":
        return _remove(state.memberships, pair, entry, payload)
    if not _needed(state, state.memberships, pair):
        return ""
    why = _missing(state, entry.user, "" if pair[1] in state.groups else "group")
    if not why:
        state.memberships[pair] = Membership(*pair, text(payload.before, "origin"))
    return why


def restore_grant(state: WorkingState, entry: Entry, payload: Payload) -> str:
    """A role that the run granted is removed, one that it removed is granted again."""
    fields = payload.after if payload.before is None else payload.before
    pair = entry.user, str((fields or {}).get("role") or "")
    if entry.action != "delete":
        return _remove(state.grants, pair, entry, payload)
    if not _needed(state, state.grants, pair):
        return ""
    why = _missing(state, entry.user, "" if pair[1] in state.current.roles else "role")
    if not why:
        state.grants[pair] = Grant(*pair, text(payload.before, "origin"))
    return why


def _remove(links: Links, pair: tuple[str, str], entry: Entry, payload: Payload) -> str:
    if entry.action != "create":
        return "its origin stays unchanged"
    link = links.get(pair)
    if link is not None and link.origin != text(payload.after, "origin"):
        return "changed since: origin"
    links.pop(pair, None)
    return ""


def _needed(state: WorkingState, links: Links, pair: tuple[str, str]) -> bool:
    """Whether a link is to be given again. Users whom the run ended have a skip of their own."""
    return pair[0] not in state.ended and pair not in links


def _missing(state: WorkingState, user_id: str, missing: str) -> str:
    """Why a link cannot be given again; `missing` is `group` or `role` if that is gone."""
    user = state.users.get(user_id)
    if missing:
        return f"the {missing} no longer exists"
    if user is None or user.status == "erased":
        return "the user no longer exists"
    return ""
