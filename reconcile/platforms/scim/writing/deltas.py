"""Changes of one object: deltas sent by PATCH, or merged into what is there for a PUT."""

import logging
from collections.abc import Callable, Sequence

from reconcile.platforms.http.answers import Answer
from reconcile.platforms.http.session import Session
from reconcile.platforms.scim.connection.errors import CANNOT, STALE, Refused
from reconcile.platforms.scim.mapping.users import Edit
from reconcile.platforms.scim.names import GROUPS
from reconcile.platforms.scim.paths import Path, Resource
from reconcile.platforms.scim.reading.lists import quoted_id
from reconcile.platforms.scim.settings import ScimSettings
from reconcile.platforms.scim.writing import patch

_log = logging.getLogger(__name__)


class Writing:
    """Sends changes to one service."""

    def __init__(self, session: Session, settings: ScimSettings) -> None:
        """Sends nothing yet."""
        self._session = session
        self._put = settings.update == "put"
        self._may_put = settings.update != "patch"
        self._shows_members = settings.members.read in ("list", "each")

    def change(
        self, endpoint: str, own: str, edits: Sequence[Edit], is_there: Callable[[Path], bool]
    ) -> Resource | None:
        """Makes edits of an object. Returns the resource where the answer shows it.

        Groups go by PATCH wherever that works: a PUT has to say all of their members.

        Raises Refused, Unclear or PlatformUnreadable.
        """
        where = f"{endpoint}/{quoted_id(own)}"
        if endpoint == GROUPS or not self._put:
            try:
                return self.operate(where, patch.operations(edits, is_there))
            except Refused as refused:
                if refused.status not in CANNOT or not self._may_put:
                    raise
                _log.info("the service has no PATCH for %s: changes go by PUT", endpoint)
                self._put = self._put or endpoint != GROUPS
        return self._replace(where, edits)

    def operate(self, where: str, operations: Sequence[patch.Operation]) -> Resource | None:
        """One PATCH. Returns the resource where the answer shows it."""
        if not operations:
            return None
        return _shown(self._session.send("PATCH", where, patch.message(operations)))

    def _replace(self, where: str, edits: Sequence[Edit]) -> Resource | None:
        """Reads, merges and writes back; once more where the object was changed in between."""
        try:
            return self._replace_once(where, edits)
        except Refused as refused:
            if refused.status != STALE:
                raise
        return self._replace_once(where, edits)

    def _replace_once(self, where: str, edits: Sequence[Edit]) -> Resource | None:
        """Reads, merges and writes back, with the ETag where the service gives one."""
        answer = self._session.get(where)
        resource = answer.resource or {}
        self._refuse_losing_members(where, resource)
        tag = answer.headers.get("ETag")
        headers = {"If-Match": tag} if tag else {}
        return _shown(self._session.send("PUT", where, patch.merged(resource, edits), headers))

    def _refuse_losing_members(self, where: str, resource: Resource) -> None:
        """Raises Refused for a group whose members cannot be sent back, as none are shown."""
        if self._shows_members or not where.startswith(GROUPS):
            return
        if "members" not in resource:
            raise Refused(
                501,
                "the service has no PATCH for groups and does not show their members: a PUT "
                "could lose them",
            )


def _shown(answer: Answer) -> Resource | None:
    """The resource of an answer; None where the answer has none."""
    resource = answer.resource
    return resource if resource is not None and "id" in resource else None
