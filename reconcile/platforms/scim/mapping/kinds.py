"""The mappings of all kinds of objects, by kind: what reading and writing share."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

from reconcile.model.platform import ObjectKind, Row
from reconcile.platforms.scim.mapping.groups import DepartmentMapping, GroupMapping
from reconcile.platforms.scim.mapping.users import Edit, UserMapping
from reconcile.platforms.scim.paths import Resource
from reconcile.platforms.scim.settings import Departments, ScimSettings


class KindMapping(Protocol):
    """Translates one kind of object both ways."""

    endpoint: str
    """The path of its list, below the base URL."""

    def row(self, resource: Resource) -> Row:
        """The fields of a resource."""

    def body(self, fields: Row) -> Resource:
        """The resource of a new object."""

    def edits(self, row: Row, fields: Row, emails: list[Any]) -> Iterator[Edit]:
        """The changes of an object with this row. Only users have e-mail addresses."""


class Name(NamedTuple):
    """The field and the attribute that are an object's name."""

    field: str
    attribute: str


NAMES: Final[dict[ObjectKind, Name]] = {
    "user": Name("username", "userName"),
    "group": Name("name", "displayName"),
    "department": Name("title", "displayName"),
}


class Mappings:
    """The mapping of each kind."""

    def __init__(self, settings: ScimSettings) -> None:
        """Takes the settings. Without departments, `of` still answers, with the usual endpoint."""
        departments = settings.departments or Departments()
        self.users = UserMapping(settings)
        self.has_departments = settings.departments is not None
        self.of: dict[ObjectKind, KindMapping] = {
            "user": self.users,
            "group": GroupMapping(settings),
            "department": DepartmentMapping(settings, departments),
        }
