"""New objects, and finding out whether one exists although its answer was lost."""

import logging

from reconcile.errors import PlatformUnreadable
from reconcile.model.platform import ObjectKind, Row
from reconcile.platforms.http.answers import Answer
from reconcile.platforms.http.session import Session
from reconcile.platforms.scim.connection.errors import CONFLICT, Refused
from reconcile.platforms.scim.known import Known
from reconcile.platforms.scim.mapping.kinds import NAMES, Mappings
from reconcile.platforms.scim.paths import Resource
from reconcile.platforms.scim.reading.filters import having
from reconcile.platforms.scim.reading.lists import Reader
from reconcile.platforms.scim.writing.verify import in_words, not_done
from reconcile.ports import Unclear

_log = logging.getLogger(__name__)


class Creator:
    """Makes users, groups and departments."""

    def __init__(self, session: Session, reader: Reader, mappings: Mappings, known: Known) -> None:
        """Makes nothing yet."""
        self._session = session
        self._reader = reader
        self._mappings = mappings
        self._known = known

    def create(self, kind: ObjectKind, fields: Row) -> str:
        """Makes an object and returns its id. Raises Refused, Unclear or PlatformUnreadable."""
        mapping = self._mappings.of[kind]
        endpoint = mapping.endpoint
        try:
            answer = self._session.send("POST", endpoint, mapping.body(fields))
        except Unclear:
            made = self._look_for(kind, fields, proof=False)
            if not made:
                raise
            return made
        except Refused as refused:
            if refused.status == CONFLICT and self._look_for(kind, fields, proof=True):
                raise Unclear(f"{endpoint}: {refused}, and it is there as it was sent") from refused
            raise
        own = _id_of(answer, endpoint)
        self._know(kind, own, fields, answer.resource or {})
        return own

    def _know(self, kind: ObjectKind, own: str, fields: Row, resource: Resource) -> None:
        """Takes in an object that was made; what the service did not keep is logged."""
        self._known.add(kind, own, str(fields.get(NAMES[kind].field, "")))
        row = self._mappings.of[kind].row(resource) if resource.get("id") else dict(fields)
        self._known.see(kind, own, row, resource)
        missing = not_done(row, fields)
        if missing:
            _log.warning(
                "the service made the %s %s otherwise than it was sent: %s. "
                "What it does not keep belongs in drop",
                kind, fields.get(NAMES[kind].field, ""), in_words(missing),
            )  # fmt: skip

    def _look_for(self, kind: ObjectKind, fields: Row, *, proof: bool) -> str:
        """The id of an object that was not known before and is as it was sent; "" for none.

        `proof`: only the external id counts. That everything else is the same is enough where an
        answer was lost, and not where the service says that the name is taken.
        """
        name = NAMES[kind]
        endpoint = self._mappings.of[kind].endpoint
        try:
            namesakes = having(self._reader, endpoint, name.attribute, fields.get(name.field, ""))
        except PlatformUnreadable:
            return ""
        new = [namesake for namesake in namesakes if not self._known.has(kind, namesake["id"])]
        mine = [namesake for namesake in new if self._is_mine(kind, namesake, fields, proof=proof)]
        if len(mine) != 1:
            return ""
        self._know(kind, mine[0]["id"], fields, mine[0])
        return str(mine[0]["id"])

    def _is_mine(self, kind: ObjectKind, resource: Resource, fields: Row, *, proof: bool) -> bool:
        """Whether a resource is the one that was sent.

        The external id decides where both sides have one. Otherwise the fields are compared,
        without an external id that the service does not show.
        """
        sent, shown = fields.get("external_id"), resource.get("externalId")
        if proof or (sent and shown):
            return bool(sent and sent == shown)
        compared = dict(fields)
        if not shown:
            compared.pop("external_id", None)
        return not not_done(self._mappings.of[kind].row(resource), compared)


def _id_of(answer: Answer, endpoint: str) -> str:
    """The id of a new object: of the body, or of the Location. Raises Unclear without one."""
    resource = answer.resource or {}
    own = resource.get("id") or answer.headers.get("Location", "").rpartition("/")[2]
    if not isinstance(own, str | int) or not own:
        raise Unclear(f"POST {endpoint}: the answer has no id")
    return str(own)
