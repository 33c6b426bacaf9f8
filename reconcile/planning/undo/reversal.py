"""The changes of a run taken out of a state one by one, the last first.

Objects are found by their ids, so that a rename in between does not matter.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from reconcile.model.change import ENDS, Skip, SkipKind
from reconcile.model.history import Entry, Payload
from reconcile.model.kinds import plain, references
from reconcile.model.platform import Department, Grant, Group, Membership, PlatformState, User
from reconcile.planning.undo.name_conflicts import Now, clashes
from reconcile.planning.undo.restore_fields import (
    MADE,
    attributes_back,
    changed_since,
    mapping,
    put_back,
    text,
    texts,
)

Step: TypeAlias = Callable[[Entry, Payload], str]

_DEPARTMENT_TEXTS: Final = plain("department")
_GROUP_TEXTS: Final = plain("group")


class Reversal:
    """A state that the changes of a run are taken out of."""

    def __init__(self, current: PlatformState) -> None:
        self._current = current
        self._sources = {one.name: one for one in current.sources}
        self._users = {one.id: one for one in current.users}
        self._groups = {one.id: one for one in current.groups}
        self._departments = {one.id: one for one in current.departments}
        self._memberships = {(one.user, one.group): one for one in current.memberships}
        self._grants = {(one.user, one.role): one for one in current.grants}
        self._again: dict[tuple[str, str], str] = {}
        """Kind and old id of what has to be made again → its new one."""
        self._ended: set[str] = set()
        """Users whom the run deleted or erased."""

    def state(self) -> PlatformState:
        """What has become of it."""
        while lost := [
            one.id
            for one in self._departments.values()
            if one.parent and one.parent not in self._departments
        ]:
            for row in lost:
                del self._departments[row]
        for group in [
            one for one in self._groups.values() if not one.groups.keys() <= self._groups.keys()
        ]:
            there = {
                above: origin for above, origin in group.groups.items() if above in self._groups
            }
            self._groups[group.id] = msgspec.structs.replace(group, groups=there)
        return msgspec.structs.replace(
            self._current,
            sources=tuple(self._sources.values()),
            departments=tuple(self._departments.values()),
            groups=tuple(self._groups.values()),
            users=tuple(self._users.values()),
            memberships=tuple(self._memberships.values()),
            grants=tuple(self._grants.values()),
        )

    def run(self, entries: Sequence[Entry]) -> Iterator[Skip]:
        """Takes back every change that was applied; tells what cannot be.

        What the run made goes last, for only then it shows what is left that needs it.
        """
        applied = [one for one in entries if one.result == "applied"]
        self._ended = {one.user for one in applied if one.kind == "user" and one.action in ENDS}
        self._again = {
            (one.kind, one.object): f"{MADE}{one.kind}:{one.object}"
            for one in applied
            if one.action == "delete" and one.kind in ("group", "department") and one.payload
        }
        made: dict[str, list[tuple[Entry, Payload]]] = {"user": [], "group": [], "department": []}
        for one in reversed(applied):
            payload = one.read()
            if payload is None:
                yield self._removed(one)
            elif one.action == "create" and one.kind in made:
                made[one.kind].append((one, payload))
            elif why := self._reverse(one, payload):
                yield self._skip(one, payload, why)
        for unmake, kind in ((self._unmake_users, "user"), (self._unmake_groups, "group")):
            for one, payload, why in unmake(made[kind]):
                yield self._skip(one, payload, why)
        for one, payload in made["department"]:
            if why := self._unmake_department(one, payload):
                yield self._skip(one, payload, why)
        yield from self._free_names()

    def _removed(self, one: Entry) -> Skip:
        user = self._users.get(one.user)
        if user is not None and user.status != "erased":
            return self._skip(one, None, "what was changed named somebody who was erased")
        who = user.username if user is not None else f"user {one.user}"
        return Skip(
            self._current.workspace,
            user.source if user else "",
            "",
            who,
            "not_undone",
            "was erased",
        )

    def _skip(self, entry: Entry, payload: Payload | None, why: str) -> Skip:
        user = self._users.get(entry.user)
        workspace = self._current.workspace
        source = payload.source if payload is not None else user.source if user is not None else ""
        if entry.kind in ("user", "grant", "membership"):
            known = (
                str(((payload.after or payload.before) or {}).get("user") or payload.key)
                if payload
                else ""
            )
            username = user.username if user is not None else known
            return Skip(
                workspace,
                source,
                user.dn if user else "",
                username or f"user {entry.user}",
                "not_undone",
                why,
                kind=entry.kind,
                subject=payload.key if payload and entry.kind != "user" else "",
            )
        key = payload.key if payload else ""
        return Skip(workspace, source, "", "", "not_undone", why, kind=entry.kind, subject=key)

    def _reverse(self, one: Entry, payload: Payload) -> str:
        steps: Mapping[str, Step] = {
            "source": self._source,
            "department": self._department,
            "group": self._group,
            "user": self._user,
            "membership": self._membership,
            "grant": self._grant,
        }
        return steps[one.kind](one, payload)

    def _source(self, one: Entry, payload: Payload) -> str:
        if one.action == "update" and "name" in (payload.after or {}):
            return "a source gets a former name back by `reconcile rename-source`"
        source = self._sources.get(payload.key)
        if source is None or one.action == "create":
            return "a source stays known" if source is not None else ""
        values, changed = put_back(source, payload, {})
        self._sources[payload.key] = msgspec.structs.replace(source, **values)
        return changed

    def _department(self, one: Entry, payload: Payload) -> str:
        if one.action == "delete":
            row = self._again["department", one.object]
            above = self._known(
                payload.before_ids.get("parent", ""), "department", self._departments
            )
            if (payload.before or {}).get("parent") and not above:
                return "the department above it is gone"
            self._departments[row] = Department(
                row, parent=above, **texts(payload.before, _DEPARTMENT_TEXTS)
            )
            return ""
        department = self._departments.get(one.object)
        if department is None:
            return "it is gone"
        values, changed = put_back(department, payload, {"parent": self._departments})
        self._departments[one.object] = msgspec.structs.replace(department, **values)
        return changed

    def _unmake_department(self, one: Entry, payload: Payload) -> str:
        department = self._departments.get(one.object)
        if department is None:
            return ""
        if changed := changed_since(department, payload.after, payload.after_ids):
            return f"changed since: {', '.join(changed)}"
        if any(other.parent == one.object for other in self._departments.values()):
            return "there are departments below it by now"
        if any(user.department == one.object for user in self._users.values()):
            return "there are users in it by now"
        del self._departments[one.object]
        return ""

    def _group(self, one: Entry, payload: Payload) -> str:
        if one.action == "delete":
            row = self._again["group", one.object]
            nested = {
                above: str(origin or "")
                for name, origin in mapping(payload.before).items()
                if (
                    above := self._known(
                        payload.before_ids.get(f"groups.{name}", ""), "group", self._groups
                    )
                )
            }
            self._groups[row] = Group(row, groups=nested, **texts(payload.before, _GROUP_TEXTS))
            return ""
        row = self._known(one.object, "group", self._groups)
        group = self._groups.get(row)
        if group is None:
            return "it is gone"
        values, changed = put_back(group, payload, {})
        nested = dict(group.groups)
        before, after = (
            {
                self._known(ids.get(f"groups.{name}", ""), "group", self._groups): origin
                for name, origin in side.items()
            }
            for side, ids in (
                (mapping(payload.before), payload.before_ids),
                (mapping(payload.after), payload.after_ids),
            )
        )
        for above in (before.keys() | after.keys()) - {""}:
            old = before.get(above)
            if nested.get(above) not in (after.get(above), old):
                changed = changed or "changed since: groups"
            elif old is None:
                nested.pop(above, None)
            else:
                nested[above] = old
        self._groups[row] = msgspec.structs.replace(group, **values, groups=nested)
        return changed

    def _unmake_groups(
        self, made: Iterable[tuple[Entry, Payload]]
    ) -> Iterator[tuple[Entry, Payload, str]]:
        """Takes away the groups that nobody needs; those that are nested in each other go together."""
        filled = {one.group for one in self._memberships.values()}
        going: dict[str, tuple[Entry, Payload]] = {}
        for one, payload in made:
            group = self._groups.get(one.object)
            if group is None:
                continue
            within = {
                payload.after_ids.get(f"groups.{name}", ""): origin or ""
                for name, origin in mapping(payload.after).items()
            }
            if changed := changed_since(group, payload.after, payload.after_ids):
                yield one, payload, f"changed since: {', '.join(changed)}"
            elif not group.groups.items() <= within.items():
                yield one, payload, "it is nested otherwise by now"
            elif group.id in filled:
                yield one, payload, "it has members by now"
            else:
                going[group.id] = one, payload
        waiting = [group for group in self._groups.values() if group.id not in going]
        while waiting:
            for above in waiting.pop().groups.keys() & going.keys():
                yield *going.pop(above), "other groups are nested in it by now"
                waiting.append(self._groups[above])
        for row in going:
            del self._groups[row]

    def _user(self, one: Entry, payload: Payload) -> str:
        user = self._users.get(one.user)
        if one.action == "delete":
            return "was deleted"
        if user is None or user.status == "erased":
            return "" if one.user in self._ended else "is gone"
        objects: dict[str, Mapping[str, object]] = {
            "user": self._users,
            "department": self._departments,
        }
        known = {field: objects[kind] for field, kind in references("user").items()}
        values, changed = put_back(user, payload, known, self._again)
        attributes, more = attributes_back(user, payload)
        self._users[user.id] = msgspec.structs.replace(user, **values, attributes=attributes)
        lost = (
            "its password of before is gone" if one.action == "adopt" and "source" in values else ""
        )
        return "; ".join(filter(None, (changed, more, lost)))

    def _unmake_users(
        self, made: Iterable[tuple[Entry, Payload]]
    ) -> Iterator[tuple[Entry, Payload, str]]:
        """Takes away the users who are as the run made them; those who lead each other go together."""
        attached = {pair[0] for pair in (*self._memberships, *self._grants)}
        going: dict[str, tuple[Entry, Payload]] = {}
        for one, payload in made:
            user = self._users.get(one.user)
            if user is None or one.user in self._ended:
                continue
            if user.status == "erased":
                yield one, payload, "was erased"
            elif changed := changed_since(user, payload.after, payload.after_ids):
                yield one, payload, f"stays, changed since: {', '.join(changed)}"
            elif user.id in attached:
                yield one, payload, "stays: it has memberships or roles that the run did not give"
            else:
                going[user.id] = one, payload
        waiting = [user for user in self._users.values() if user.id not in going]
        while waiting:
            manager = waiting.pop().manager
            if manager in going:
                yield *going.pop(manager), "stays: it is the manager of somebody who stays"
                waiting.append(self._users[manager])
        for row in going:
            del self._users[row]

    def _membership(self, one: Entry, payload: Payload) -> str:
        group = self._known(one.object, "group", self._groups)
        return self._pair(one, payload, self._memberships, group, group in self._groups, Membership)

    def _grant(self, one: Entry, payload: Payload) -> str:
        role = str(
            ((payload.after if payload.before is None else payload.before) or {}).get("role") or ""
        )
        return self._pair(one, payload, self._grants, role, role in self._current.roles, Grant)

    def _pair(
        self,
        one: Entry,
        payload: Payload,
        pairs: dict[tuple[str, str], Membership] | dict[tuple[str, str], Grant],
        other: str,
        there: bool,
        make: type[Membership] | type[Grant],
    ) -> str:
        pair = (one.user, other)
        found = pairs.get(pair)
        if one.action == "create":
            if found is not None and found.origin != text(payload.after, "origin"):
                return "changed since: origin"
            pairs.pop(pair, None)
        elif one.action != "delete":
            return "its origin stays"
        elif (
            one.user not in self._ended and found is None
        ):  # of whom the run ended, the end itself is told
            user = self._users.get(one.user)
            if user is None or user.status == "erased" or not there:
                kind = "user" if there else "group" if one.kind == "membership" else "role"
                return f"the {kind} is gone"
            pairs[pair] = make(*pair, text(payload.before, "origin"))  # type: ignore[assignment] # of one choice
        return ""

    def _known(self, old: str, kind: str, there: Mapping[str, object]) -> str:
        """The id of what had this one, or of what is made in its place; "" where there is neither."""
        return self._again.get((kind, old), old if old in there else "")

    def _free_names(self) -> Iterator[Skip]:
        """Nobody gets a name back that somebody else has by now: then the whole object stays as it is."""
        now: Now = (
            {one.id: one for one in self._current.users},
            {one.id: one for one in self._current.groups},
            {one.id: one for one in self._current.departments},
        )
        while found := list(
            clashes(self._users.values(), self._groups.values(), self._departments.values(), now)
        ):
            yield from (self._left(clash, now) for clash in found)

    def _left(
        self,
        clash: User | Group | Department,
        now: Now,
    ) -> Skip:
        workspace = self._current.workspace
        if isinstance(clash, User):
            self._users[clash.id] = old = now[0][clash.id]
            detail = f"stays as it is: {clash.username!r}, or its person in the directory, is another user's by now"
            return Skip(workspace, old.source, old.dn, old.username, "not_undone", detail)
        if isinstance(clash, Group):
            kind: SkipKind = "group"
            subject, what = clash.name, "name"
            _restore(self._groups, now[1], clash.id)
            self._memberships = {
                pair: one for pair, one in self._memberships.items() if one.group in self._groups
            }
        else:
            kind, subject, what = "department", clash.title, "title"
            _restore(self._departments, now[2], clash.id)
        detail = f"the {what}, or its entry in the directory, is another one's by now"
        return Skip(
            workspace, clash.source, "", "", "not_undone", detail, kind=kind, subject=subject
        )


def _restore(
    objects: dict[str, Group] | dict[str, Department], now: Mapping[str, object], row: str
) -> None:
    if row in now:
        objects[row] = now[row]  # type: ignore[assignment] # of one kind, as the caller says
    else:
        del objects[row]
