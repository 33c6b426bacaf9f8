"""Changes of who is in which group: only who is to come and who is to go, never all at once."""

import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from reconcile.platforms.scim.connection.errors import NOT_FOUND, Refused
from reconcile.platforms.scim.connection.http import Session
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
        new = [own for own in members if own not in known]
        if not new:
            return
        operations = patch.added("members", [self._element(own, kind) for own in new])
        shown = self._changed(group, operations, frozenset(members))
        missing = [own for own in members if own not in shown]
        if missing:
            raise Refused(
                200,
                f"the service said yes, and {len(missing)} of {len(members)} are not in the group: "
                f"{', '.join(map(self._called, missing[:3]))}",
            )

    def remove(self, group: str, members: Sequence[str], kind: str) -> None:
        """Takes members out of a group. Those who are not in it are left alone."""
        self.refuse_suspect(group)
        known = self._rolls.get(group, {})
        values = [known.get(own, own) for own in members]
        by_filter = self._settings.members.remove == "filter"
        operations = patch.removed("members", values, by_filter=by_filter)
        try:
            shown = self._changed(group, operations, frozenset(members))
        except (Refused, Unclear):
            if not self._emptied(group, frozenset(members)):
                raise
            shown = {}
        if not by_filter:
            self._put_back(group, known, shown, frozenset(members), kind)
        staying = [own for own in members if own in shown]
        if staying:
            other = "value" if by_filter else "filter"
            raise Refused(
                200,
                f"the service said yes, and {len(staying)} of {len(members)} are still in the "
                f"group: {', '.join(map(self._called, staying[:3]))}. Try members.remove: {other}",
            )

    def _emptied(self, group: str, going: Collection[str]) -> bool:
        """Puts a group without members, where a service does not let the last ones be removed.

        Only where nobody else is in it, and with the ETag by which nobody can have come since.
        """
        where = f"{GROUPS}/{quoted_id(group)}"
        try:
            answer = self._session.get(where)
            resource, tag = answer.resource, answer.headers.get("ETag")
            if resource is None or not tag or "members" not in resource:
                return False
            known = map(self._directory.member, elements(resource))
            if any(member is None or member[0] not in going for member in known):
                return False
            empty = patch.merged(resource, [(MEMBERS, [])])
            self._session.send("PUT", where, empty, {"If-Match": tag})
        except (Refused, Unclear):
            return False
        with self._lock:
            self._rolls[group] = self._read_back(group, going) or {}
            return not self._rolls[group]

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
        element: dict[str, Any] = {"value": own}
        if kind == "nesting":
            element["type"] = "Group"
        if self._settings.members.reference:
            endpoint = GROUPS if kind == "nesting" else USERS
            element["$ref"] = f"{self._session.base}/{endpoint}/{quoted_id(own)}"
        return element

    def _changed(
        self, group: str, operations: Sequence[patch.Operation], asked: Collection[str]
    ) -> Roll:
        """Sends operations, and returns who is in the group then: by the answer, or by reading."""
        where = f"{GROUPS}/{quoted_id(group)}"
        gone = False
        try:
            answer = self._writing.operate(where, operations)
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
            if operations[0]["op"] != "remove":
                raise Refused(NOT_FOUND, "the group no longer exists") from refused
            answer, gone = None, True
        shown = self._shown_by(answer)
        if shown is None or self._lacks(shown, operations, asked):
            shown = self._read_back(group, asked)
        if shown is None:
            with self._lock:
                self._rolls.pop(group, None)
            if gone:
                return {}
            raise Refused(NOT_FOUND, "the group no longer exists")
        with self._lock:
            self._rolls[group] = shown
        return shown

    def _lacks(
        self, shown: Roll, operations: Sequence[patch.Operation], asked: Collection[str]
    ) -> bool:
        """Whether an answer does not show what was asked for."""
        adding = operations[0]["op"] == "add"
        return any((own in shown) != adding for own in asked)

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
        left = {
            own: called for own, called in self._rolls.get(group, {}).items() if own not in asked
        }
        return left | {own: own for own in asked if self._members.is_in(own, group)}

    def _put_back(
        self, group: str, before: Roll, shown: Roll, asked: Collection[str], kind: str
    ) -> None:
        """Puts everyone back who went with those that were to go, and says so.

        So it is where a service does not know the way of removing that was written for others.
        """
        others = [own for own in before if own not in asked]
        lost = [own for own in others if own not in shown]
        if not lost or len(lost) < len(others):
            return
        back = [self._element(own, self._kind(own, kind)) for own in lost]
        shown_again = self._changed(group, patch.added("members", back), frozenset(lost))
        raise Refused(
            200,
            f"the service took {len(lost)} other members out of the group; "
            f"{sum(own in shown_again for own in lost)} of them were put back. "
            "Set members.remove: filter",
        )

    def _kind(self, own: str, kind: str) -> str:
        """Whether a member is a user or a group."""
        if own in self._directory.groups:
            return "nesting"
        return "membership" if own in self._directory.users else kind

    def _called(self, own: str) -> str:
        return self._directory.users.get(own) or self._directory.groups.get(own, own)
