"""The changes of users: new ones, deleted and erased ones, profiles, and statuses.

A change of a user's status is a step of its own, beside the update of the profile, because losses
are ordered and guarded.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from reconcile.model.change import Action, Change, Fields
from reconcile.model.identity import by_id
from reconcile.model.kinds import of_aspect
from reconcile.model.named_state import StateNames
from reconcile.model.platform import Cause, Status, User
from reconcile.planning.changes.differing import differing, pick
from reconcile.planning.changes.reasons import Reasons

_STATUS_FIELDS: Final = of_aspect("user", "service")
_ACTIONS: Mapping[Status, Action] = {
    "active": "activate",
    "vacation": "activate",
    "inactive": "deactivate",
    "blocked": "block",
    "blocked_in_directory": "block",
}
_WHY: Mapping[Cause, str] = {"": "active in {source}", "disabled": "disabled in {source}"}


def user_changes(now: StateNames, then: StateNames, reasons: Reasons) -> Iterator[Change]:
    """The changes of all users of a workspace."""
    left = by_id(now.state.users)
    for user in then.state.users:
        old = left.pop(user.id, None)
        if old is None:
            yield Change(
                kind="user",
                action="create",
                key=user.username,
                before=None,
                after=then.fields(user),
                reason=reasons.users.get(user.id, ""),
                source=user.source,
                workspace=now.state.workspace,
            )
        elif old is not user and old != user:
            yield from _UserDiff(old, user, now, then, reasons).changes()
    for old in left.values():
        yield Change(
            kind="user",
            action="delete",
            key=old.username,
            before=now.fields(old),
            after=None,
            reason=reasons.users.get(old.id, ""),
            source=old.source,
            workspace=now.state.workspace,
        )


class _UserDiff:
    """The changes of one user who stays, or of whom only the row stays."""

    def __init__(
        self, old: User, user: User, now: StateNames, then: StateNames, reasons: Reasons
    ) -> None:
        self._old = old
        self._user = user
        self._differing = differing(old, user)
        self._before = now.fields(old)
        self._after = then.fields(user)
        self._workspace = now.state.workspace
        self._reason = reasons.users.get(user.id, "")
        self._relinks = reasons.relinks("user", user.id)

    def changes(self) -> Iterator[Change]:
        """Erases the user, or updates its profile and then its status."""
        if self._user.status == "erased" and self._old.status != "erased":
            yield self._erasure()
            return
        profile = [field for field in self._differing if field not in _STATUS_FIELDS]
        if profile:
            yield from self._profile(profile)
        service = [field for field in _STATUS_FIELDS if field in self._differing]
        if service:
            yield self._service(service)

    def _erasure(self) -> Change:
        """All attributes go, those too that are not read for the comparison."""
        after = pick(self._after, self._differing)
        if "attributes" in self._differing:
            after["attributes"] = dict.fromkeys(sorted(self._old.attributes))
        return self._change("erase", pick(self._before, self._differing), after, self._reason)

    def _profile(self, fields: Sequence[str]) -> Iterator[Change]:
        """The update of a profile: fields that differ, and of the attributes those that differ."""
        why = self._reason or f"changed in {self._user.source}"
        before, after = pick(self._before, fields), pick(self._after, fields)
        if "attributes" in fields:
            before["attributes"], after["attributes"] = self._differing_attributes()
        if "username" in fields and "manager" in fields:
            # A rename comes before creations, a manager after them: the manager may be new and take
            # the old name.
            manager_before, manager = before.pop("manager"), after.pop("manager")
            yield self._change("update", {"manager": manager_before}, {"manager": manager}, why)
        yield self._change(self._profile_action(), before, after, why)

    def _profile_action(self) -> Action:
        """Whether a profile is taken over, or given to another entry, by its update."""
        if self._relinks:
            return "relink"
        return "adopt" if self._user.source and not self._old.source else "update"

    def _differing_attributes(self) -> tuple[dict[str, str | None], dict[str, str | None]]:
        """The attributes that differ, before and after; None for one that does not exist."""
        before: dict[str, str | None] = {}
        after: dict[str, str | None] = {}
        old, new = self._old.attributes, self._user.attributes
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                before[name], after[name] = old.get(name), new.get(name)
        return before, after

    def _service(self, fields: Sequence[str]) -> Change:
        """The step of the status, with why it is so."""
        user, why = self._user, self._reason
        action: Action = "update"
        if user.status != self._old.status:
            action = _ACTIONS.get(user.status, "update")
        if user.status_cause in _WHY and not user.departed:
            why = _WHY[user.status_cause].format(source=user.source) + self._since()
        return self._change(action, pick(self._before, fields), pick(self._after, fields), why)

    def _since(self) -> str:
        """Since when, if the end of a grace period takes the user out of service."""
        old, user = self._old, self._user
        is_end = user.waiting == "disabled" and old.departed_at == user.departed_at
        return f" since {old.departed_at[:10]}" if is_end else ""

    def _change(self, action: Action, before: Fields, after: Fields, reason: str) -> Change:
        return Change(
            kind="user",
            action=action,
            key=self._old.username,
            before=before,
            after=after,
            reason=reason,
            source=self._user.source,
            workspace=self._workspace,
        )
