"""Changes of who is in which group: only who is to come and who is to go, never all at once."""

import threading
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from typing import Any, Final

from reconcile.platforms.http.session import Session
from reconcile.platforms.scim.connection.errors import NOT_FOUND, Refused
from reconcile.platforms.scim.names import GROUPS, USERS
from reconcile.platforms.scim.paths import Path, Resource
from reconcile.platforms.scim.reading.lists import Reader, quoted_id
from reconcile.platforms.scim.reading.members import Directory, MemberReader, elements
from reconcile.platforms.scim.settings import ScimSettings
from reconcile.platforms.scim.writing import patch
from reconcile.platforms.scim.writing.deltas import Writing
from reconcile.ports import Unclear

_SHOWN_IN_GROUP: Final = frozenset({"list", "each"})
MEMBERS: Final = Path("", "members", "", "")
Roll = dict[str, str]
"""Id of each member → how the service calls it in this group."""


class RollWriter:
    """Adds members and removes them, one request at a time for a group."""

    def __init__(
        self, session: Session, reader: Reader, members: MemberReader, settings: ScimSettings
    ) -> None:
        """Knows of no group before `know`."""
        self._session = session
        self._reader = reader
        self._members = members
        self._writing = Writing(session, settings)
        self._settings = settings
        self._directory = Directory({}, {})
        self._rolls: dict[str, Roll] = {}
        self._suspect: Collection[str] = ()
        self._lock = threading.Lock()

    def know(
        self, directory: Directory, rolls: Mapping[str, Roll], suspect: Collection[str]
    ) -> None:
        """Takes what was read."""
        self._directory = directory
        self._rolls = {group: dict(roll) for group, roll in rolls.items()}
        self._suspect = suspect

    def add(self, group: str, members: Sequence[str], kind: str) -> None:
        """Puts members into a group that are not in it."""
        self.refuse_suspect(group)
        known = self._rolls.get(group, {})
        new = _without(members, known)
        if not new:
            return
        shown = self._added(group, [self._element(own, kind) for own in new], members)
        missing = _without(members, shown)
        if missing:
            raise Refused(
                200,
                f"the service said yes, and {len(missing)} of {len(members)} are not in the group: "
                f"{self._some_names(missing)}",
            )

    def remove(self, group: str, members: Sequence[str], kind: str) -> None:
        """Takes members out of a group. Those who are not in it are left alone."""
        self.refuse_suspect(group)
        known = self._rolls.get(group, {})
        values = [known.get(own, own) for own in members]
        by_filter = self._settings.members.remove == "filter"
        operations = patch.removed("members", values, by_filter=by_filter)
        try:
            shown = self._removed(group, operations, frozenset(members))
        except (Refused, Unclear):
            if not self._emptied(group, frozenset(members)):
                raise
            shown = {}
        if not by_filter:
            self._put_back(group, known, shown, frozenset(members), kind)
        self._refuse_staying([own for own in members if own in shown], len(members))

    def _refuse_staying(self, staying: Sequence[str], asked: int) -> None:
        """Raises Refused where members stay: the other way of removing may work."""
        if staying:
            other = "value" if self._settings.members.remove == "filter" else "filter"
            raise Refused(
                200,
                f"the service said yes, and {len(staying)} of {asked} are still in the "
                f"group: {self._some_names(staying)}. Try members.remove: {other}",
            )

    def _emptied(self, group: str, going: Collection[str]) -> bool:
        """Puts a group without members, where a service does not let the last ones be removed.

        Only where nobody else is in it, and with the ETag by which nobody can have come since.
        """
        where = _where(group)
        try:
            answer = self._session.get(where)
            resource, tag = answer.resource or {}, answer.headers.get("ETag")
            if not tag or not self._has_only(resource, going):
                return False
            empty = patch.merged(resource, [(MEMBERS, [])])
            self._session.send("PUT", where, empty, {"If-Match": tag})
        except (Refused, Unclear):
            return False
        with self._lock:
            self._rolls[group] = self._read_back(group, going) or {}
            return not self._rolls[group]

    def _has_only(self, group: Resource, going: Collection[str]) -> bool:
        """Whether a group shows its members, and all of them are among those that go."""
        if "members" not in group:
            return False
        for member in map(self._directory.member, elements(group)):
            if member is None or member[0] not in going:
                return False
        return True

    def refuse_suspect(self, group: str) -> None:
        """Raises Refused for a group that may have more members than it shows."""
        if group in self._suspect:
            raise Refused(
                200,
                f"the group shows exactly {len(self._rolls.get(group, {}))} members, as a service "
                "does that cuts them off, and a change could lose the others. Set "
                "members.complete: true if it really has no more, otherwise another members.read",
            )

    def _element(self, own: str, kind: str) -> dict[str, Any]:
        """What is sent of a new member. Some services want its URL as well."""
        element: dict[str, Any] = {"value": own}
        endpoint = USERS
        if kind == "nesting":
            element["type"] = "Group"
            endpoint = GROUPS
        if self._settings.members.reference:
            element["$ref"] = f"{self._session.base}/{endpoint}/{quoted_id(own)}"
        return element

    def _added(self, group: str, new: list[dict[str, Any]], asked: Sequence[str]) -> Roll:
        """Sends new members, and returns who is in the group then. Raises Refused without one."""
        try:
            answer = self._writing.operate(_where(group), patch.added("members", new))
        except Refused as refused:
            if refused.status == NOT_FOUND:
                raise _no_group() from refused
            raise
        shown = self._shown_by(answer)
        if shown is None or _without(asked, shown):
            shown = self._read_back(group, asked)
        self._keep(group, shown)
        if shown is None:
            raise _no_group()
        return shown

    def _removed(
        self, group: str, operations: Sequence[patch.Operation], asked: Collection[str]
    ) -> Roll:
        """Sends removals, and returns who is in the group then.

        A service that does not know the path may mean the member or the group: a look decides.
        Nobody is left in a group that no longer exists.
        """
        was_refused = False
        answer = None
        try:
            answer = self._writing.operate(_where(group), operations)
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
            was_refused = True
        shown = self._shown_by(answer)
        if shown is None or not shown.keys().isdisjoint(asked):
            shown = self._read_back(group, asked)
        self._keep(group, shown)
        if shown is None and not was_refused:
            raise _no_group()
        return shown or {}

    def _keep(self, group: str, shown: Roll | None) -> None:
        """Takes in who is in a group; None where there is no such group."""
        with self._lock:
            if shown is None:
                self._rolls.pop(group, None)
            else:
                self._rolls[group] = shown

    def _shown_by(self, answer: Resource | None) -> Roll | None:
        if answer is None or "members" not in answer:
            return None
        return self._directory.roll(elements(answer))

    def _read_back(self, group: str, asked: Collection[str]) -> Roll | None:
        """Who is in a group now; None where there is no such group."""
        way = self._settings.members.read
        if way in _SHOWN_IN_GROUP:
            single = self._reader.single(GROUPS, group)
            return None if single is None else self._directory.roll(elements(single))
        if way == "users_filter":
            return self._directory.roll(self._members.filtered(group))
        roll = dict(self._rolls.get(group, {}))
        for own in asked:
            roll.pop(own, None)
            if self._members.is_in(own, group):
                roll[own] = own
        return roll

    def _put_back(
        self, group: str, before: Roll, shown: Roll, asked: Collection[str], kind: str
    ) -> None:
        """Puts everyone back who went with those that were to go, and says so.

        So it is where a service does not know the way of removing that was written for others.
        """
        others = _without(before, asked)
        lost = _without(others, shown)
        if not lost or len(lost) < len(others):
            return
        back = [self._element(own, self._kind(own, kind)) for own in lost]
        shown_again = self._added(group, back, lost)
        raise Refused(
            200,
            f"the service took {len(lost)} other members out of the group; "
            f"{len(lost) - len(_without(lost, shown_again))} of them were put back. "
            "Set members.remove: filter",
        )

    def _kind(self, own: str, kind: str) -> str:
        """Whether a member is a user or a group."""
        if own in self._directory.groups:
            return "nesting"
        return "membership" if own in self._directory.users else kind

    def _some_names(self, members: Sequence[str]) -> str:
        """The first three names, for a message."""
        return ", ".join(map(self._called, members[:3]))

    def _called(self, own: str) -> str:
        return self._directory.users.get(own) or self._directory.groups.get(own, own)


def _without(members: Iterable[str], others: Container[str]) -> list[str]:
    """The members that are not among others."""
    return [own for own in members if own not in others]


def _where(group: str) -> str:
    return f"{GROUPS}/{quoted_id(group)}"


def _no_group() -> Refused:
    return Refused(NOT_FOUND, "the group no longer exists")
