"""Groups and departments: resources of the service as rows, and rows as resources."""

from collections.abc import Iterator
from typing import Any

from reconcile.model.platform import Row
from reconcile.platforms.http.values import text
from reconcile.platforms.scim import names
from reconcile.platforms.scim.mapping.users import EXTERNAL_ID, Edit
from reconcile.platforms.scim.paths import Path, Resource, parsed, put, value
from reconcile.platforms.scim.settings import Departments, ScimSettings

NAME = Path("", "displayName", "", "")


class GroupMapping:
    """Translates groups both ways."""

    def __init__(self, settings: ScimSettings) -> None:
        """Takes the settings."""
        self.endpoint = names.GROUPS
        self._keeps_ids = not settings.drops("group.externalId")
        self._changes_ids = self._keeps_ids and "group.externalId" not in settings.fixed
        self._shows_ids = self._keeps_ids and "external_id" in settings.match

    def row(self, group: Resource) -> Row:
        """The fields of a group."""
        row: Row = {"name": text(group.get("displayName"))}
        if self._shows_ids:
            row["external_id"] = text(group.get("externalId"))
        return row

    def body(self, fields: Row) -> Resource:
        """The resource of a new group."""
        group: Resource = {
            "schemas": [names.GROUP],
            "displayName": fields["name"],
            "members": [],  # some services want them from the beginning
        }
        if self._keeps_ids and fields.get("external_id"):
            group["externalId"] = fields["external_id"]
        return group

    def edits(self, row: Row, fields: Row, emails: list[Any]) -> Iterator[Edit]:  # noqa: ARG002
        """What is to become of a group. An id that cannot change is the ledger's alone."""
        if "name" in fields:
            yield NAME, fields["name"]
        if "external_id" in fields and self._changes_ids:
            yield EXTERNAL_ID, fields["external_id"] or None


class DepartmentMapping:
    """Translates departments both ways, where the service has them as resources."""

    def __init__(self, settings: ScimSettings, departments: Departments) -> None:
        """Takes the settings. `problems` has found nothing wrong with the paths."""
        self.endpoint = departments.endpoint
        self._schema = departments.schema
        self._shows_ids = "external_id" in settings.match
        self._title = parsed(departments.title) or NAME
        self._parent = parsed(departments.parent) or NAME

    def row(self, department: Resource) -> Row:
        """The fields of a department."""
        row: Row = {
            "title": text(value(department, self._title)),
            "parent": text(value(department, self._parent)),
        }
        if self._shows_ids:
            row["external_id"] = text(department.get("externalId"))
        return row

    def body(self, fields: Row) -> Resource:
        """The resource of a new department."""
        department: Resource = {"schemas": list(filter(None, [self._schema]))}
        for path, new in self.edits({}, fields, []):
            put(department, path, new)
        return department

    def edits(self, row: Row, fields: Row, emails: list[Any]) -> Iterator[Edit]:  # noqa: ARG002
        """What is to become of a department."""
        for field, path in (
            ("title", self._title),
            ("parent", self._parent),
            ("external_id", EXTERNAL_ID),
        ):
            if field in fields:
                yield path, fields[field] or None
