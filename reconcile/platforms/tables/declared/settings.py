"""What a desired-state file says of a platform of type tables."""

from typing import Any, Final, TypeAlias

import msgspec

from reconcile.model import desired
from reconcile.platforms.tables.declared.conditions import Value

Choices: TypeAlias = Value | list[Value]
"""A value of a column, or several that mean the same: the first is written."""
ATTRIBUTE: Final = "attributes."
"""Before the name of an attribute among the fields of a user."""
USER_FIELDS: Final = (
    *("username", "first_name", "last_name", "email"),
    *("department", "manager", "external_id"),
)


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table, which of its rows count, and what new ones get."""

    table: str
    where: str = ""
    insert: dict[str, Value] = {}


class Objects(Part, frozen=True, forbid_unknown_fields=True):
    """Groups or departments: each row is one, known by its `id`."""

    id: str = "id"
    fields: dict[str, str] = {}


class Users(Objects, frozen=True, forbid_unknown_fields=True):
    """Users. `status` has a `column`, and for each status the value that means it."""

    status: dict[str, Choices] = {}


class Memberships(Part, frozen=True, forbid_unknown_fields=True):
    """Who is in which group: columns that hold their ids."""

    user: str = "user_id"
    group: str = "group_id"


class Nesting(Part, frozen=True, forbid_unknown_fields=True):
    """Which group is in which: columns that hold their ids."""

    member: str = "group_id"
    group: str = "parent_id"


class RoleNames(Part, frozen=True, forbid_unknown_fields=True):
    """The roles there are. `create`: one that is missing is made when it is first granted."""

    id: str = "id"
    name: str = "name"
    create: bool = False


class Roles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Roles, in one of three shapes.

    A `column` of the user with `values`; a `table` with the columns `user` and `role`; or the
    groups.
    """

    column: str = ""
    values: dict[str, Value] = {}
    none: Value | msgspec.UnsetType = msgspec.UNSET
    table: str = ""
    user: str = "user_id"
    role: str = "role_id"
    names: RoleNames | None = None
    where: str = ""
    insert: dict[str, Value] = {}
    groups: bool = False


class TablesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mapping; described in docs/platforms/tables.md."""

    users: Users
    groups: Objects | None = None
    departments: Objects | None = None
    memberships: Memberships | None = None
    nesting: Nesting | None = None
    roles: Roles | None = None


def tables_settings(settings: desired.Platform) -> TablesSettings:
    """The settings, defaults filled in. `problems` has found nothing wrong with them."""
    options: Any = settings.options
    return msgspec.convert(options, TablesSettings)


def choices(value: Choices) -> list[Value]:
    """The values of a column that mean one thing."""
    return list(value) if isinstance(value, list) else [value]
