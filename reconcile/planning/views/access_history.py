"""What the history says about roles, memberships and who is in service."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from reconcile.model.change import Fields, text
from reconcile.model.history import Entry, Payload, Run
from reconcile.model.platform import BY_HAND
from reconcile.model.text.folding import fold_name
from reconcile.model.views.access import AccessChange, AccessKind

_LinkKey: TypeAlias = tuple[AccessKind, str, str]
"""Kind, id of the user, and the name of the role or the id of the group."""

_SHOWN_AS: Final[Mapping[str, Literal["role", "group", "user"]]] = {
    "grant": "role",
    "membership": "group",
    "user": "user",
    "group": "group",
}
"""The kinds of entries that can be about access → what they are about."""


class Gift(NamedTuple):
    """The run that gave a role or a membership, and why."""

    run: str
    since: str
    reason: str
    origin: str


class Gifts:
    """The last gift of each role and membership that runs have given."""

    def __init__(self) -> None:
        """Knows none yet."""
        self._last: dict[_LinkKey, Gift] = {}

    def add(self, run: Run, entries: Iterable[Entry]) -> None:
        """Takes in the next run; the oldest first."""
        for entry in entries:
            self._add(run, entry)

    def _add(self, run: Run, entry: Entry) -> None:
        if entry.kind not in ("grant", "membership") or entry.result != "applied":
            return
        payload = entry.read()
        if payload is None or not entry.user:
            return
        fields = payload.fields_after or payload.fields_before
        is_grant = entry.kind == "grant"
        target = text(fields, "role") if is_grant else entry.object
        key: _LinkKey = ("role" if is_grant else "group", entry.user, target)
        if payload.after is None:
            self._last.pop(key, None)
        else:
            origin = text(fields, "origin")
            self._last[key] = Gift(run.id, run.started, payload.reason, origin)

    def of(self, kind: AccessKind, user: str, target: str, origin: str) -> Gift | None:
        """The gift of what a user has now; None if no run gave it, or a person did after it."""
        gift = self._last.get((kind, user, target))
        # A source may have another name today, but a person is not a source.
        if gift is None or (gift.origin == BY_HAND) != (origin == BY_HAND):
            return None
        return gift


def access_changes(run: Run, entries: Iterable[Entry]) -> Iterator[AccessChange]:
    """What a run has changed about roles, memberships and service, in its order."""
    for entry in entries:
        payload = entry.read() if entry.kind in _SHOWN_AS else None
        if payload is None or entry.result != "applied":
            continue
        what = _what(entry, payload)
        if what:
            yield _change(run, entry, payload, what)


def _change(run: Run, entry: Entry, payload: Payload, what: str) -> AccessChange:
    """The change in names."""
    kind = _SHOWN_AS[entry.kind]
    name, username = _names(entry, payload)
    return AccessChange(
        workspace=run.workspace,
        when=run.started,
        run=run.id,
        by=f"{run.login} on {run.host}",
        kind=kind,
        name=name,
        username=username,
        what=what,
        reason=payload.reason,
    )


def _names(entry: Entry, payload: Payload) -> tuple[str, str]:
    """The role or group, and the user; "" for none."""
    fields = payload.fields_after or payload.fields_before
    if entry.kind == "user":
        return "", text(fields, "username") or payload.key
    if entry.kind == "group":
        return payload.key, ""
    return text(fields, _SHOWN_AS[entry.kind]), text(fields, "user")


def _what(entry: Entry, payload: Payload) -> str:
    """What became of the access, in words; "" if nothing did."""
    if entry.kind == "group":
        return _nesting_change(payload.fields_before, payload.fields_after)
    if entry.kind != "user":
        return "given" if payload.before is None else "taken away"
    if payload.before is None:
        return f"created, {text(payload.fields_after, 'status') or 'active'}"
    if payload.after is None:
        return "deleted"
    return _status_change(payload.before, payload.after)


def _status_change(before: Fields, after: Fields) -> str:
    """As in `active → blocked`; "" if the status stays."""
    then, now = text(before, "status"), text(after, "status")
    return f"{then} → {now}" if now and then != now else ""


def _nesting_change(before: Fields, after: Fields) -> str:
    """Into which groups all members of a group came, and out of which; "" for none."""
    then, now = _nested_in(before), _nested_in(after)
    if "groups" not in after and after:
        now = then
    parts = [f"nested in {name}" for name in sorted(now - then)]
    parts += [f"no longer nested in {name}" for name in sorted(then - now)]
    return ", ".join(parts)


def _nested_in(side: Fields) -> set[str]:
    """The groups that a group is nested in."""
    groups = side.get("groups")
    return set(map(str, groups)) if isinstance(groups, dict) else set()


class HistoryFilter(NamedTuple):
    """What of the history to show; "" is everything."""

    role: str = ""
    group: str = ""

    def keeps(self, entry: Entry) -> bool:
        """Whether the entry is about the role or the group. One without a text is about neither."""
        if not (self.role or self.group):
            return True
        payload = entry.read()
        return payload is not None and self._names(entry, payload)

    def _names(self, entry: Entry, payload: Payload) -> bool:
        sides = [side for side in (payload.before, payload.after) if side]
        if self.role and entry.kind == "grant":
            return any(text(side, "role") == self.role for side in sides)
        if not self.group:
            return False
        wanted = fold_name(self.group)
        if entry.kind == "membership":
            return any(fold_name(text(side, "group")) == wanted for side in sides)
        return entry.kind == "group" and any(
            wanted in _group_names(side, payload.key) for side in sides
        )


def _group_names(side: Fields, key: str) -> set[str]:
    """The names of a group and of those that it is nested in, folded."""
    return {fold_name(str(name)) for name in (key, text(side, "name"), *_nested_in(side))}
