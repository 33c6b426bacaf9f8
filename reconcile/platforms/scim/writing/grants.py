"""Grants: the roles of users, changed one by one and looked at afterwards."""

from reconcile.platforms.http.session import Session
from reconcile.platforms.scim.connection.errors import Refused
from reconcile.platforms.scim.mapping.users import UserMapping
from reconcile.platforms.scim.names import USERS
from reconcile.platforms.scim.paths import Resource
from reconcile.platforms.scim.reading.lists import Reader, quoted_id
from reconcile.platforms.scim.settings import ScimSettings
from reconcile.platforms.scim.writing import patch
from reconcile.platforms.scim.writing.deltas import Writing


class GrantWriter:
    """Gives roles to users and takes them away."""

    def __init__(
        self, session: Session, reader: Reader, users: UserMapping, settings: ScimSettings
    ) -> None:
        """Changes nothing yet."""
        self._reader = reader
        self._users = users
        self._writing = Writing(session, settings)

    def add(self, user: str, role: str) -> None:
        """Gives a role. Raises Refused where the user does not show it then."""
        shown = self._operate(user, patch.added("roles", [{"value": role}]))
        if not self._has(shown, role):
            shown = self._reader.single(USERS, user)
        if not self._has(shown, role):
            raise _not_done("does not have", role)

    def remove(self, user: str, role: str) -> None:
        """Takes a role away. Raises Refused where the user still shows it then."""
        shown = self._operate(user, patch.removed("roles", [role], by_filter=True))
        if shown is None or self._has(shown, role):
            shown = self._reader.single(USERS, user)
        if self._has(shown, role):
            raise _not_done("still has", role)

    def _operate(self, user: str, operations: list[patch.Operation]) -> Resource | None:
        return self._writing.operate(f"{USERS}/{quoted_id(user)}", operations)

    def _has(self, user: Resource | None, role: str) -> bool:
        return user is not None and role in self._users.roles(user)


def _not_done(what: str, role: str) -> Refused:
    return Refused(
        200,
        f"the service said yes and the user {what} the role {role!r}. "
        "Services without roles need drop: [roles]",
    )
