"""One service, which is one workspace: everything of it is read, and single things are changed."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from reconcile.errors import PlatformUnreadable
from reconcile.model.platform import Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.model.text.name_patterns import NamePatterns
from reconcile.platforms.scim.connection.errors import CONFLICT, NOT_FOUND, Refused
from reconcile.platforms.scim.connection.http import Session
from reconcile.platforms.scim.mapping.groups import DepartmentMapping, GroupMapping
from reconcile.platforms.scim.mapping.users import Edit, UserMapping
from reconcile.platforms.scim.names import GROUPS, USERS
from reconcile.platforms.scim.paths import Path, Resource
from reconcile.platforms.scim.reading.filters import having
from reconcile.platforms.scim.reading.lists import Reader, quoted_id
from reconcile.platforms.scim.reading.members import Directory, Listed, MemberReader
from reconcile.platforms.scim.settings import ScimSettings
from reconcile.platforms.scim.writing import patch
from reconcile.platforms.scim.writing.deltas import Writing
from reconcile.platforms.scim.writing.locks import Locks
from reconcile.platforms.scim.writing.rolls import RollWriter
from reconcile.platforms.scim.writing.verify import in_words, not_done
from reconcile.ports import Progress, Unclear, no_progress

_log = logging.getLogger(__name__)
_NAME: Final[Mapping[ObjectKind, tuple[str, str]]] = {
    "user": ("username", "userName"),
    "group": ("name", "displayName"),
    "department": ("title", "displayName"),
}
"""The field and the attribute that are an object's name."""


class Service:
    """Reads and changes one service. Changes may come from several threads at once."""

    def __init__(
        self, session: Session, settings: ScimSettings, progress: Progress = no_progress
    ) -> None:
        """Connects when it is first used."""
        self.session = session
        self._settings = settings
        self._progress = progress
        self.reader = Reader(session, settings)
        self._users = UserMapping(settings)
        self._groups = GroupMapping(settings)
        departments = settings.departments
        self._departments = DepartmentMapping(settings, departments) if departments else None
        self._members = MemberReader(self.reader, settings)
        self._rolls = RollWriter(session, self.reader, self._members, settings)
        self._writing = Writing(session, settings)
        self._protected = NamePatterns(settings.protect)
        self._locks = Locks()
        self._directory = Directory({}, {})
        self._rows: dict[tuple[ObjectKind, str], Row] = {}
        self._emails: dict[str, list[Any]] = {}
        """All addresses of users, as the service shows them."""

    def read(self) -> Contents:
        """Everything. Complete, or raises PlatformUnreadable."""
        users = self.reader.everything(USERS)
        self._progress("users read", len(users.resources))
        groups = self.reader.everything(GROUPS, self._members.list_query())
        proved = users.proved and groups.proved
        listed = Listed(
            self._unprotected(users.resources, "userName"),
            self._unprotected(groups.resources, "displayName"),
        )
        directory = Directory(
            {own: str(one.get("userName", "")) for own, one in listed.users.items()},
            {own: str(one.get("displayName", "")) for own, one in listed.groups.items()},
        )
        rolls = self._members.rolls(listed, directory)
        self._rolls.know(directory, rolls.members, rolls.suspect)
        self._directory = directory
        rows: dict[ObjectKind, dict[str, Row]] = {
            "user": {own: self._users.row(one) for own, one in listed.users.items()},
            "group": {own: self._groups.row(one) for own, one in listed.groups.items()},
            "department": {},
        }
        if self._departments is not None:
            found = self.reader.everything(self._departments.endpoint)
            proved = proved and found.proved
            rows["department"] = {
                own: self._departments.row(one) for own, one in found.resources.items()
            }
        self._remember(rows, listed.users)
        grants = {
            (own, role) for own, one in listed.users.items() for role in self._users.roles(one)
        }
        links = {**self._links(rolls.members, directory), "grant": grants}
        return Contents(rows, links, {role for _, role in grants}, proved=proved)

    def _unprotected(self, resources: Mapping[str, Resource], name: str) -> dict[str, Resource]:
        if not self._protected:
            return dict(resources)
        matches = self._protected.matches
        return {own: one for own, one in resources.items() if not matches(str(one.get(name, "")))}

    def _remember(
        self, rows: dict[ObjectKind, dict[str, Row]], users: Mapping[str, Resource]
    ) -> None:
        """Drops references that lead nowhere, and keeps what changes are made from."""
        for user in rows["user"].values():
            if "manager" in user and user["manager"] not in rows["user"]:
                user["manager"] = ""
            if "department" in user and user["department"] not in rows["department"]:
                user["department"] = ""
        for department in rows["department"].values():
            if department["parent"] not in rows["department"]:
                department["parent"] = ""
        self._rows = {(kind, own): row for kind, of in rows.items() for own, row in of.items()}
        self._emails = {}
        for own, user in users.items():
            emails = user.get("emails")
            if isinstance(emails, list) and emails:
                self._emails[own] = emails

    def _links(
        self, rolls: Mapping[str, Mapping[str, str]], directory: Directory
    ) -> dict[LinkKind, set[Pair]]:
        memberships: set[Pair] = set()
        nestings: set[Pair] = set()
        for group, members in rolls.items():
            for member in members:
                if member in directory.users:
                    memberships.add((member, group))
                elif self._settings.nested_groups:
                    nestings.add((member, group))
        return {"membership": memberships, "nesting": nestings}

    def create(self, kind: ObjectKind, fields: Row) -> str:
        """Makes an object. Raises Refused, Unclear or PlatformUnreadable."""
        body = self._body(kind, fields)
        endpoint = self._endpoint(kind)
        try:
            answer = self.session.send("POST", endpoint, body)
        except Unclear:
            made = self._look_for(kind, fields, proof=False)
            if not made:
                raise
            return made
        except Refused as refused:
            if refused.status == CONFLICT and self._look_for(kind, fields, proof=True):
                raise Unclear(f"{endpoint}: {refused}, and it is there as it was sent") from refused
            raise
        resource = answer.resource or {}
        own = resource.get("id") or answer.headers.get("Location", "").rpartition("/")[2]
        if not isinstance(own, str | int) or not own:
            raise Unclear(f"POST {endpoint}: the answer has no id")
        own = str(own)
        self._know(kind, own, fields, resource)
        return own

    def _know(self, kind: ObjectKind, own: str, fields: Row, resource: Resource) -> None:
        """Takes in an object that was made; what the service did not keep is logged."""
        name = str(fields.get(_NAME[kind][0], ""))
        self._directory.add(kind, own, name)
        row = self._row(kind, resource) if resource.get("id") else dict(fields)
        self._rows[kind, own] = row
        if kind == "user" and isinstance(resource.get("emails"), list):
            self._emails[own] = resource["emails"]
        missing = not_done(row, fields)
        if missing:
            _log.warning(
                "the service made the %s %s otherwise than it was sent: %s. "
                "What it does not keep belongs in drop",
                kind, name, in_words(missing),
            )  # fmt: skip

    def _look_for(self, kind: ObjectKind, fields: Row, *, proof: bool) -> str:
        """The id of an object that was not known before and is as it was sent; "" for none.

        `proof`: only the external id counts. That everything else is the same is enough where an
        answer was lost, and not where the service says that somebody has the name.
        """
        field, attribute = _NAME[kind]
        wanted = fields.get(field, "")
        try:
            found = having(self.reader, self._endpoint(kind), attribute, wanted)
        except PlatformUnreadable:
            return ""
        new = [one for one in found if (kind, one["id"]) not in self._rows]
        mine = [one for one in new if self._is_mine(kind, one, fields, proof=proof)]
        if len(mine) != 1:
            return ""
        self._know(kind, mine[0]["id"], fields, mine[0])
        return str(mine[0]["id"])

    def _is_mine(self, kind: ObjectKind, resource: Resource, fields: Row, *, proof: bool) -> bool:
        sent, shown = fields.get("external_id"), resource.get("externalId")
        if proof or (sent and shown):
            return bool(sent and sent == shown)
        left = {name: value for name, value in fields.items() if name != "external_id" or shown}
        return not not_done(self._row(kind, resource), left)

    def update(self, kind: ObjectKind, own: str, fields: Row) -> None:
        """Sets fields, and looks whether they are set."""
        with self._locks.of(own):
            if kind == "group":
                self._rolls.refuse_suspect(own)
            row = self._rows.get((kind, own), {})
            if self._is_made_anew(kind, row, fields):
                self.delete(kind, own)
                raise Unclear("the account is deleted, and the next run makes it anew")
            edits = self._edits(kind, own, row, fields)
            if not edits:
                return
            endpoint = self._endpoint(kind)
            try:
                shown = self._writing.change(endpoint, own, edits, lambda path: _has(row, path))
            except Refused as refused:
                self._refuse(kind, own, row, fields, refused, len(edits))
                raise
            self._verify(kind, own, fields, shown)

    def _is_made_anew(self, kind: ObjectKind, row: Row, fields: Row) -> bool:
        """Whether a user comes back whose account cannot become active again.

        The new account has an id of its own: to the next run the old one was deleted.
        """
        comes_back = fields.get("status") == "active" and row.get("status") != "active"
        return kind == "user" and comes_back and self._settings.reactivate == "recreate"

    def _refuse(
        self, kind: ObjectKind, own: str, row: Row, fields: Row, refused: Refused, count: int
    ) -> None:
        """Raises Refused where the service says no and has done a part of it."""
        if refused.status == NOT_FOUND:
            raise Refused(NOT_FOUND, f"the {kind} no longer exists") from refused
        if count < 2:
            return
        resource = self.reader.single(self._endpoint(kind), own)
        now = self._row(kind, resource) if resource else row
        before, after = not_done(row, fields), not_done(now, fields)
        if done := sorted(before.keys() - after.keys()):
            raise Refused(
                refused.status,
                f"{refused}; but the service has changed {', '.join(done)}: its PATCH is not all "
                "or nothing. Set update: put",
            ) from refused

    def _verify(self, kind: ObjectKind, own: str, fields: Row, shown: Resource | None) -> None:
        """Raises Refused where the service does not show what it said yes to."""
        missing: dict[str, tuple[str, str]] = {}
        if shown is not None:
            missing = not_done(self._row(kind, shown), fields)
        if shown is None or missing:
            shown = self.reader.single(self._endpoint(kind), own)
            if shown is None:
                raise Refused(NOT_FOUND, f"the {kind} no longer exists")
            missing = not_done(self._row(kind, shown), fields)
        self._rows[kind, own] = self._row(kind, shown)
        if kind == "user":
            emails = shown.get("emails")
            self._emails[own] = emails if isinstance(emails, list) else []
        if missing:
            raise Refused(
                200,
                f"the service said yes and did not do it: {in_words(missing)}. What it never does "
                "belongs in fixed or drop",
            )

    def delete(self, kind: ObjectKind, own: str) -> None:
        """Removes an object, and looks whether it is gone."""
        endpoint = self._endpoint(kind)
        try:
            self.session.send("DELETE", f"{endpoint}/{quoted_id(own)}")
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
        else:
            left = self.reader.single(endpoint, own)
            if left is not None:
                raise Refused(200, _still_there(kind, left))
        self._rows.pop((kind, own), None)
        self._directory.remove(own)

    def link(self, kind: LinkKind, pairs: Sequence[Pair], *, making: bool) -> None:
        """Makes or removes links."""
        if kind == "grant":
            for user, role in pairs:
                self._grant(user, role, making=making)
            return
        for group, members in _by_holder(pairs).items():
            with self._locks.of(group):
                change = self._rolls.add if making else self._rolls.remove
                change(group, members, kind)

    def _grant(self, user: str, role: str, *, making: bool) -> None:
        where = f"{USERS}/{quoted_id(user)}"
        if making:
            operations = patch.added("roles", [{"value": role}])
        else:
            operations = patch.removed("roles", [role], by_filter=True)
        with self._locks.of(user):
            shown = self._writing.operate(where, operations)
            if shown is None or (role in self._users.roles(shown)) != making:
                shown = self.reader.single(USERS, user)
            has = shown is not None and role in self._users.roles(shown)
        if has != making:
            raise Refused(
                200,
                f"the service said yes and the user {'does not have' if making else 'still has'} "
                f"the role {role!r}. Services without roles need drop: [roles]",
            )

    def _endpoint(self, kind: ObjectKind) -> str:
        if kind == "department":
            return self._departments.endpoint if self._departments else "Departments"
        return USERS if kind == "user" else GROUPS

    def _row(self, kind: ObjectKind, resource: Resource) -> Row:
        if kind == "user":
            return self._users.row(resource)
        if kind == "department" and self._departments is not None:
            return self._departments.row(resource)
        return self._groups.row(resource)

    def _body(self, kind: ObjectKind, fields: Row) -> Resource:
        if kind == "user":
            return self._users.body(fields)
        if kind == "department" and self._departments is not None:
            return self._departments.body(fields)
        return self._groups.body(fields)

    def _edits(self, kind: ObjectKind, own: str, row: Row, fields: Row) -> list[Edit]:
        if kind == "user":
            return list(self._users.edits(row, fields, self._emails.get(own, [])))
        if kind == "department" and self._departments is not None:
            return list(self._departments.edits(fields))
        return list(self._groups.edits(fields))


def _by_holder(pairs: Iterable[Pair]) -> dict[str, list[str]]:
    by_holder: dict[str, list[str]] = {}
    for member, holder in pairs:
        by_holder.setdefault(holder, []).append(member)
    return by_holder


def _has(row: Row, path: Path) -> bool:
    """Whether a user has an element of a type."""
    start = f'{path.base}[type eq "{path.type}"]'
    return any(name.startswith(start) for name in row.get("attributes") or {})


def _still_there(kind: ObjectKind, left: Resource) -> str:
    if left.get("active") is False:
        return (
            f"the service said yes, and only deactivated the {kind}: use deactivate or block in "
            "lifecycle in the place of delete"
        )
    return f"the service said yes, and the {kind} still exists"
