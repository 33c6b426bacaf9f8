"""Who is in which group: four ways to read it, and looks at whether a service shows everyone."""

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.scim.connection.errors import Refused
from reconcile.platforms.scim.names import GROUPS, USERS
from reconcile.platforms.scim.paths import Resource, equals
from reconcile.platforms.scim.reading.lists import Reader
from reconcile.platforms.scim.settings import ScimSettings

_log = logging.getLogger(__name__)
SAMPLE: Final = 3
"""How many groups that show no members are looked at one by one."""
CAP: Final = 100
"""As many members as some services show at most."""
_ROUND: Final = frozenset({20, 25, 50, 100, 200, 250, 500, 1000})


class Rolls(NamedTuple):
    """The members of every group."""

    members: dict[str, dict[str, str]]
    """Group → id of each member → how the service calls the member there."""
    suspect: frozenset[str]
    """Groups that may have more members than are shown."""


class Directory:
    """Users and groups of the service, to tell what a member is."""

    def __init__(self, users: Mapping[str, str], groups: Mapping[str, str]) -> None:
        """Takes the names by id."""
        self.users = dict(users)
        self.groups = dict(groups)
        self._by_name = {name: own for own, name in self.users.items()}

    def add(self, kind: str, own: str, name: str) -> None:
        """Takes in an object that was made."""
        if kind == "user":
            self.users[own] = name
            self._by_name[name] = own
        else:
            self.groups[own] = name

    def remove(self, own: str) -> None:
        """Takes in that an object is gone."""
        self._by_name.pop(self.users.pop(own, ""), None)
        self.groups.pop(own, None)

    def member(self, element: Any) -> tuple[str, str] | None:
        """The id of a member, and the value it has in the list; None for no one that exists.

        Most services name members by id, some by user name.
        """
        called = element.get("value") if isinstance(element, Mapping) else element
        called = str(called) if isinstance(called, int) else called
        if not isinstance(called, str):
            return None
        if called in self.users or called in self.groups:
            return called, called
        reference = element.get("$ref") if isinstance(element, Mapping) else None
        tail = reference.rpartition("/")[2] if isinstance(reference, str) else ""
        if tail in self.users or tail in self.groups:
            return tail, called
        named = self._by_name.get(called)
        return None if named is None else (named, called)

    def roll(self, found: Iterable[Any]) -> dict[str, str]:
        """The members that exist: id → how the service calls the member in this group."""
        return dict(filter(None, map(self.member, found)))


class Listed(NamedTuple):
    """The resources that were read."""

    users: Mapping[str, Resource]
    groups: Mapping[str, Resource]


class MemberReader:
    """Reads members in the way that the settings say."""

    def __init__(self, reader: Reader, settings: ScimSettings) -> None:
        """Reads nothing yet."""
        self._reader = reader
        self._settings = settings

    def list_query(self) -> dict[str, str]:
        """What to ask a list of groups for: without members where these are read elsewhere."""
        if self._settings.members.read == "list":
            return {}
        return {"attributes": "id,displayName,externalId"}

    def rolls(self, listed: Listed, directory: Directory) -> Rolls:
        """The members of every group. Raises PlatformUnreadable."""
        shown = self._shown(listed)
        members = {group: directory.roll(found) for group, found in shown.items()}
        counts = {group: len(found) for group, found in shown.items()}
        return Rolls(members, self._suspects(listed, counts))

    def _shown(self, listed: Listed) -> dict[str, list[Any]]:
        way = self._settings.members.read
        if way == "user_groups":
            return self._by_user(listed)
        if way == "users_filter":
            if listed.groups:
                self._prove_filter()
            return {group: self.filtered(group) for group in listed.groups}
        if way == "each":
            singles = self._reader.each(GROUPS, listed.groups)
            return {group: elements(resource) for group, resource in singles.items()}
        shown = {group: elements(resource) for group, resource in listed.groups.items()}
        if not any(shown.values()):
            self._prove_none(
                shown, "a list of groups does not show members: set members.read to each"
            )
        return shown

    def filtered(self, group: str) -> list[Any]:
        """The users of a group, by a filter over users."""
        query = {"filter": equals("groups.value", group)}
        found = self._reader.everything(USERS, query).resources
        for user in found.values():
            own = user.get("groups")
            if isinstance(own, list) and group not in _values(own):
                raise PlatformUnreadable(
                    f"a filter for the group {group} gives users who are not in it: the service "
                    "ignores the filter. Set members.read to list, each or user_groups"
                )
        return [{"value": user} for user in found]

    def _prove_filter(self) -> None:
        """Nobody is in a group that does not exist."""
        query = {
            "filter": equals("groups.value", str(uuid.uuid4())),
            "startIndex": "1",
            "count": "1",
        }
        try:
            page = self._reader.page(USERS, query)
        except Refused as refused:
            if refused.status == 404:
                return
            raise PlatformUnreadable(
                f"the service refuses the filter groups.value ({refused.status}: {refused}): "
                "set members.read to list, each or user_groups"
            ) from refused
        if page.resources or page.total:
            raise PlatformUnreadable(
                "a filter for users of a group that does not exist gives users: the service "
                "ignores the filter. Set members.read to list, each or user_groups"
            )

    def _by_user(self, listed: Listed) -> dict[str, list[Any]]:
        shown: dict[str, list[Any]] = {group: [] for group in listed.groups}
        for user, resource in listed.users.items():
            for group in _values(resource.get("groups")):
                if group in shown:
                    shown[group].append({"value": user})
        if not any(shown.values()):
            self._prove_none(shown, "users do not show their groups: set members.read to each")
        return shown

    def _prove_none(self, shown: Iterable[str], quirk: str) -> None:
        """Looks at some groups one by one where no group shows a member."""
        for group in list(shown)[:SAMPLE]:
            resource = self._reader.single(GROUPS, group)
            if resource is not None and elements(resource):
                raise PlatformUnreadable(f"the group {group} has members, and {quirk}")

    def _suspects(self, listed: Listed, counts: Mapping[str, int]) -> frozenset[str]:
        """Groups with as many members as a service shows at most, and no proof that it is all."""
        if self._settings.members.complete or self._settings.members.read == "users_filter":
            return frozenset()
        highest = max(counts.values(), default=0)
        caps = {CAP}
        if highest in _ROUND and Counter(counts.values())[highest] > 1:
            caps.add(highest)
        full = [group for group, count in counts.items() if count in caps]
        return frozenset(group for group in full if not self._is_all(listed, group, counts[group]))

    def _is_all(self, listed: Listed, group: str, shown: int) -> bool:
        """Whether the service shows elsewhere that these are all.

        Raises PlatformUnreadable where there are more.
        """
        if self._settings.members.read == "list":
            single = self._reader.single(GROUPS, group)
            if single is not None and len(elements(single)) > shown:
                raise PlatformUnreadable(
                    f"the group {group} has {len(elements(single))} members, and a list of groups "
                    f"shows {shown}: set members.read to each"
                )
        by_users = sum(group in _values(one.get("groups")) for one in listed.users.values())
        if by_users > shown:
            raise PlatformUnreadable(
                f"{by_users} users say that they are in the group {group}, and it shows {shown}: "
                "the service cuts members off. Set members.read to user_groups"
            )
        return by_users == shown or self._is_all_by_filter(listed, group, shown)

    def _is_all_by_filter(self, listed: Listed, group: str, shown: int) -> bool:
        query = {"filter": equals("groups.value", group), "startIndex": "1", "count": "1"}
        try:
            total = self._reader.page(USERS, query).total
        except Refused:
            return False
        if total is None or total == len(listed.users):
            return False
        if total > shown:
            raise PlatformUnreadable(
                f"{total} users are in the group {group}, and it shows {shown}: the service cuts "
                "members off. Set members.read to users_filter"
            )
        return total == shown

    def is_in(self, user: str, group: str) -> bool:
        """Whether a user says that it is in a group."""
        resource = self._reader.single(USERS, user)
        return resource is not None and group in _values(resource.get("groups"))


def elements(group: Mapping[str, Any]) -> list[Any]:
    """The members that a group's resource shows."""
    found = group.get("members")
    return found if isinstance(found, list) else []


def _values(found: Any) -> Iterator[str]:
    for element in found if isinstance(found, list) else ():
        called = element.get("value") if isinstance(element, Mapping) else element
        if isinstance(called, str | int):
            yield str(called)
