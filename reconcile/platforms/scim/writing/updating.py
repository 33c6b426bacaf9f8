"""Changes and removals of single objects, each followed by a look at what the service shows."""

from reconcile.model.platform import ObjectKind, Row
from reconcile.platforms.http.session import Session
from reconcile.platforms.scim.connection.errors import NOT_FOUND, Refused
from reconcile.platforms.scim.known import Known
from reconcile.platforms.scim.mapping.kinds import Mappings
from reconcile.platforms.scim.paths import Path, Resource
from reconcile.platforms.scim.reading.lists import Reader, quoted_id
from reconcile.platforms.scim.settings import ScimSettings
from reconcile.platforms.scim.writing.deltas import Writing
from reconcile.platforms.scim.writing.verify import in_words, not_done
from reconcile.ports import Unclear


class Updater:
    """Sets fields of objects, and removes objects."""

    def __init__(
        self,
        session: Session,
        reader: Reader,
        mappings: Mappings,
        known: Known,
        settings: ScimSettings,
    ) -> None:
        """Changes nothing yet."""
        self._session = session
        self._reader = reader
        self._mappings = mappings
        self._known = known
        self._writing = Writing(session, settings)
        self._recreates = settings.reactivate == "recreate"

    def update(self, kind: ObjectKind, own: str, fields: Row) -> None:
        """Sets fields, and looks whether they are set."""
        mapping = self._mappings.of[kind]
        row = self._known.row(kind, own)
        if self._is_made_anew(kind, row, fields):
            self.delete(kind, own)
            raise Unclear("the account is deleted, and the next run makes it anew")
        edits = list(mapping.edits(row, fields, self._known.emails(own)))
        if not edits:
            return
        try:
            shown = self._writing.change(mapping.endpoint, own, edits, lambda path: _has(row, path))
        except Refused as refused:
            if refused.status == NOT_FOUND:
                raise _no_longer_exists(kind) from refused
            if len(edits) > 1:
                self._refuse_half_done(kind, own, fields, refused)
            raise
        self._verify(kind, own, fields, shown)

    def _is_made_anew(self, kind: ObjectKind, row: Row, fields: Row) -> bool:
        """Whether a user comes back whose account cannot become active again.

        The new account has an id of its own: to the next run the old one was deleted.
        """
        if kind != "user" or not self._recreates:
            return False
        return fields.get("status") == "active" and row.get("status") != "active"

    def _refuse_half_done(self, kind: ObjectKind, own: str, fields: Row, refused: Refused) -> None:
        """Raises Refused where the service says no and has done a part of it."""
        row = self._known.row(kind, own)
        resource = self._reader.single(self._mappings.of[kind].endpoint, own)
        now = self._mappings.of[kind].row(resource) if resource else row
        done = sorted(not_done(row, fields).keys() - not_done(now, fields).keys())
        if done:
            raise Refused(
                refused.status,
                f"{refused}; but the service has changed {', '.join(done)}: its PATCH is not all "
                "or nothing. Set update: put",
            ) from refused

    def _verify(self, kind: ObjectKind, own: str, fields: Row, shown: Resource | None) -> None:
        """Raises Refused where the service does not show what it said yes to.

        The answer of the change is enough where it shows the fields. Some services answer with
        the state from before, so otherwise the object is read.
        """
        mapping = self._mappings.of[kind]
        row = None if shown is None else mapping.row(shown)
        if shown is None or row is None or not_done(row, fields):
            shown = self._reader.single(mapping.endpoint, own)
            if shown is None:
                raise _no_longer_exists(kind)
            row = mapping.row(shown)
        self._known.see(kind, own, row, shown)
        missing = not_done(row, fields)
        if missing:
            raise Refused(
                200,
                f"the service said yes and did not do it: {in_words(missing)}. What it never does "
                "belongs in fixed or drop",
            )

    def delete(self, kind: ObjectKind, own: str) -> None:
        """Removes an object, and looks whether it is gone. One that is gone already is fine."""
        endpoint = self._mappings.of[kind].endpoint
        try:
            self._session.send("DELETE", f"{endpoint}/{quoted_id(own)}")
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
        else:
            left = self._reader.single(endpoint, own)
            if left is not None:
                raise Refused(200, _still_there(kind, left))
        self._known.remove(kind, own)


def _has(row: Row, path: Path) -> bool:
    """Whether a user has an element of a type."""
    start = f'{path.base}[type eq "{path.type}"]'
    return any(name.startswith(start) for name in row.get("attributes") or {})


def _no_longer_exists(kind: ObjectKind) -> Refused:
    return Refused(NOT_FOUND, f"the {kind} no longer exists")


def _still_there(kind: ObjectKind, left: Resource) -> str:
    """Why a removal did not happen: many services only deactivate a user."""
    if left.get("active") is False:
        return (
            f"the service said yes, and only deactivated the {kind}: use deactivate or block in "
            "lifecycle in the place of delete"
        )
    return f"the service said yes, and the {kind} still exists"
