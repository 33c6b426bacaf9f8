"""Who is in which group: four ways to read it, and looks at whether a service shows everyone."""

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.http.completeness import Page
from reconcile.platforms.http.values import content, mapping, sequence
from reconcile.platforms.scim.connection.errors import NOT_FOUND, Refused
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
        called = content(element)
        if isinstance(called, int):
            called = str(called)
        if not isinstance(called, str):
            return None
        if called in self.users or called in self.groups:
            return called, called
        own = self._referenced(element) or self._by_name.get(called)
        return (own, called) if own is not None else None

    def _referenced(self, element: Any) -> str | None:
        """The id at the end of a member's URL; None where it is no user or group."""
        reference = mapping(element).get("$ref")
        if not isinstance(reference, str):
            return None
        tail = reference.rpartition("/")[2]
        return tail if tail in self.users or tail in self.groups else None

    def roll(self, shown: Iterable[Any]) -> dict[str, str]:
        """The members that exist: id → how the service calls the member in this group."""
        return dict(filter(None, map(self.member, shown)))


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
        members = {group: directory.roll(elements) for group, elements in shown.items()}
        counts = {group: len(elements) for group, elements in shown.items()}
        return Rolls(members, self._suspects(listed, counts))

    def _shown(self, listed: Listed) -> dict[str, list[Any]]:
        """The members of every group as the service shows them, in the way of the settings."""
        way = self._settings.members.read
        if way == "user_groups":
            return self._by_user(listed)
        if way == "users_filter":
            if listed.groups:
                self._prove_filter()
            return {group: self.filtered(group) for group in listed.groups}
        if way == "each":
            return _elements_by_group(self._reader.each(GROUPS, listed.groups))
        shown = _elements_by_group(listed.groups)
        if not any(shown.values()):
            self._prove_none(
                shown, "a list of groups does not show members: set members.read to each"
            )
        return shown

    def filtered(self, group: str) -> list[Any]:
        """The users of a group, by a filter over users."""
        query = {"filter": equals("groups.value", group)}
        users = self._reader.everything(USERS, query).resources
        for user in users.values():
            shows_groups = isinstance(user.get("groups"), list)
            if shows_groups and not _says_in(user, group):
                raise PlatformUnreadable(
                    f"a filter for the group {group} gives users who are not in it: the service "
                    "ignores the filter. Set members.read to list, each or user_groups"
                )
        return [{"value": own} for own in users]

    def _prove_filter(self) -> None:
        """Raises PlatformUnreadable where a group that does not exist has members."""
        try:
            page = self._first_page(str(uuid.uuid4()))
        except Refused as refused:
            if refused.status == NOT_FOUND:
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

    def _first_page(self, group: str) -> Page:
        """One user of a group, and how many there are, by a filter over users."""
        query = {"filter": equals("groups.value", group), "startIndex": "1", "count": "1"}
        return self._reader.page(USERS, query)

    def _by_user(self, listed: Listed) -> dict[str, list[Any]]:
        """The users of every group, by the groups that each user shows."""
        shown: dict[str, list[Any]] = {group: [] for group in listed.groups}
        for user, resource in listed.users.items():
            for group in _groups(resource):
                if group in shown:
                    shown[group].append({"value": user})
        if not any(shown.values()):
            self._prove_none(shown, "users do not show their groups: set members.read to each")
        return shown

    def _prove_none(self, shown: Iterable[str], quirk: str) -> None:
        """Looks at some groups one by one where no group shows a member."""
        for group in list(shown)[:SAMPLE]:
            if self._single_elements(group):
                raise PlatformUnreadable(f"the group {group} has members, and {quirk}")

    def _suspects(self, listed: Listed, counts: Mapping[str, int]) -> frozenset[str]:
        """Groups with as many members as a service shows at most, and no proof that it is all."""
        members = self._settings.members
        if members.complete or members.read == "users_filter":
            return frozenset()
        caps = _caps(counts)
        full = [group for group, count in counts.items() if count in caps]
        return frozenset(group for group in full if not self._is_all(listed, group, counts[group]))

    def _is_all(self, listed: Listed, group: str, shown: int) -> bool:
        """Whether the service shows elsewhere that these are all.

        Raises PlatformUnreadable where there are more.
        """
        if self._settings.members.read == "list":
            in_single = len(self._single_elements(group))
            if in_single > shown:
                raise PlatformUnreadable(
                    f"the group {group} has {in_single} members, and a list of groups "
                    f"shows {shown}: set members.read to each"
                )
        by_users = sum(_says_in(user, group) for user in listed.users.values())
        if by_users > shown:
            raise PlatformUnreadable(
                f"{by_users} users say that they are in the group {group}, and it shows {shown}: "
                "the service cuts members off. Set members.read to user_groups"
            )
        return by_users == shown or self._is_all_by_filter(listed, group, shown)

    def _is_all_by_filter(self, listed: Listed, group: str, shown: int) -> bool:
        """Whether a filter over users gives as many members.

        A filter that gives all users proves nothing: the service may have ignored it.
        Raises PlatformUnreadable where there are more.
        """
        try:
            total = self._first_page(group).total
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
        return resource is not None and _says_in(resource, group)

    def _single_elements(self, group: str) -> list[Any]:
        """The members that a group shows by itself; none where it no longer exists."""
        return elements(self._reader.single(GROUPS, group) or {})


def elements(group: Mapping[str, Any]) -> list[Any]:
    """The members that a group's resource shows."""
    return sequence(group.get("members"))


def _elements_by_group(groups: Mapping[str, Resource]) -> dict[str, list[Any]]:
    return {group: elements(resource) for group, resource in groups.items()}


def _groups(user: Mapping[str, Any]) -> Iterator[str]:
    """The ids of the groups that a user shows."""
    for called in map(content, sequence(user.get("groups"))):
        if isinstance(called, str | int):
            yield str(called)


def _says_in(user: Mapping[str, Any], group: str) -> bool:
    """Whether a user shows that it is in a group."""
    return group in _groups(user)


def _caps(counts: Mapping[str, int]) -> set[int]:
    """The numbers of members at which a service may cut them off.

    That is the usual one, and the highest count where it is round and several groups have it.
    """
    highest = max(counts.values(), default=0)
    if highest in _ROUND and Counter(counts.values())[highest] > 1:
        return {CAP, highest}
    return {CAP}
