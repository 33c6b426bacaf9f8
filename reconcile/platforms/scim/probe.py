"""What `reconcile test` finds out about a service. Every request is a GET.

What a service announces is a hint; what it does decides.
"""

import uuid
from collections.abc import Iterator
from typing import Any

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.http.address import is_open
from reconcile.platforms.http.completeness import Everything, Page
from reconcile.platforms.http.values import mapping
from reconcile.platforms.scim.connection.errors import Refused
from reconcile.platforms.scim.names import GROUPS, USERS
from reconcile.platforms.scim.paths import equals
from reconcile.platforms.scim.reading.members import elements
from reconcile.platforms.scim.service import Service
from reconcile.platforms.scim.settings import ScimSettings
from reconcile.ports import Check


class Probe:
    """Looks at one service."""

    def __init__(self, service: Service, settings: ScimSettings) -> None:
        """Looks when it is asked."""
        self._service = service
        self._settings = settings

    def checks(self) -> Iterator[Check]:
        """One line for each thing found; ends with the first that fails."""
        base = self._service.session.base
        try:
            yield Check("service", True, self._announced())
            first = self._first_page()
            if first is not None:
                yield Check("paging", True, self._paging(first))
            users = self._service.reader.everything(USERS)
            yield Check("users", True, self._users(users))
            yield from self._filters(users)
            yield from self._groups()
            self._service.read()
        except PlatformUnreadable as error:
            yield Check("platform", False, str(error))
            return
        except Refused as refused:
            yield Check("platform", False, f"{base} answers {refused.status}: {refused}")
            return
        yield Check("platform", True, self._reached(base))

    def _reached(self, base: str) -> str:
        text = f"{base} can be read completely"
        if is_open(base):
            text += "; WARNING: without TLS, anyone on the way can read the token and all users"
        return text

    def _announced(self) -> str:
        try:
            config = self._service.session.get("ServiceProviderConfig").resource or {}
        except Refused as refused:
            return f"announces nothing (ServiceProviderConfig: {refused.status})"
        able = [name for name in ("patch", "filter", "etag", "sort", "bulk") if _says(config, name)]
        text = f"announces {', '.join(able) or 'nothing'}"
        if not _says(config, "patch") and self._settings.update == "auto":
            text += "; no patch: where PATCH is refused, changes go by PUT"
        return text

    def _first_page(self) -> Page | None:
        if self._settings.paging not in ("auto", "index"):
            return None
        return self._service.reader.page(USERS, {"startIndex": "1", "count": "1"})

    def _paging(self, first: Page) -> str:
        if first.cursor:
            return "by cursor"
        if len(first.resources) > 1:
            return (
                f"count=1 gives {len(first.resources)}: the service ignores paging; set paging: "
                "none, if it gives everything at once"
            )
        if first.total is None or first.total < 2:
            return "fewer than two users: it cannot be seen whether pages differ"
        second = self._service.reader.page(USERS, {"startIndex": "2", "count": "1"})
        if second.ids == first.ids:
            return "page 2 is page 1 again: the service ignores startIndex; set paging: none"
        return f"page 2 differs from page 1; {first.total} users are announced"

    def _users(self, users: Everything) -> str:
        count = len(users.resources)
        text = f"{count} read" if users.proved else f"{count} read, and the service says no total"
        shown = users.resources.values()
        if count and not any(user.get("externalId") for user in shown):
            text += "; none shows an externalId, so it will be seen when the first is made"
        if any("groups" in user for user in shown):
            text += "; they show their groups (members.read: user_groups works)"
        return text

    def _filters(self, users: Everything) -> Iterator[Check]:
        """Whether a filter for a user name that does not exist gives no user."""
        if not users.resources:
            return
        query = {"filter": equals("userName", str(uuid.uuid4())), "startIndex": "1", "count": "2"}
        if self._settings.paging == "none":
            query = {"filter": query["filter"]}
        try:
            users_shown = self._service.reader.page(USERS, query).resources
        except (Refused, PlatformUnreadable) as refused:
            yield Check("filter", True, f"not understood ({refused}): not needed, only slower")
            return
        if users_shown:
            yield Check("filter", True, "ignored: everyone comes; its answers are not used")
        else:
            yield Check("filter", True, "obeyed")

    def _groups(self) -> Iterator[Check]:
        """How many groups there are, and whether the list shows their members."""
        groups = self._service.reader.everything(GROUPS).resources
        showing = len(list(filter(None, map(elements, groups.values()))))
        text = f"{len(groups)} read, {showing} of them show members in the list"
        if groups and not showing and self._settings.members.read == "list":
            text += "; where groups have members, set members.read"
        yield Check("groups", True, text)


def _says(config: dict[str, Any], name: str) -> bool:
    """Whether a service announces that it can do something."""
    return mapping(config.get(name)).get("supported") is True
