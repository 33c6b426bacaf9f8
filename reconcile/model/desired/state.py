"""All files together."""

import msgspec

from reconcile.model.desired.promises import Secret
from reconcile.model.desired.rules import (
    DepartmentRule,
    GroupRule,
    Lifecycle,
    Link,
    RoleMapping,
    Roles,
)
from reconcile.model.desired.safety import Safety
from reconcile.model.desired.source import Source


class Platform(msgspec.Struct, frozen=True):
    """Where users live. `options` are the keys of an installed plug-in, unknown to this project."""

    type: str
    url: Secret | None = None
    workspaces: tuple[str, ...] = ("main",)
    folder: str = "."
    """Relative paths in `url` start here: the folder of the file that declares it."""
    administrator: str = "admin"
    """Username of the user who takes over what an erased user owned."""
    unknown_user: str = "unknown"
    """Username of the user who takes over an erased user's open work."""
    create_roles: bool = True
    """A role that does not exist is made when it is first granted."""
    state: Secret | None = None
    """The database URL of the ledger, `state` of the file; None for the default."""
    state_folder: str = "."
    """Relative paths in `state` start here."""
    options: dict[str, object] = {}


class Schedule(msgspec.Struct, frozen=True):
    """When a service runs: five cron fields, in a time zone; `timezone` None is the machine's."""

    cron: str
    text: str
    """As written in the file."""
    timezone: str | None = None


class DesiredState(msgspec.Struct, frozen=True):
    """All files together."""

    platform: Platform
    sources: tuple[Source, ...]
    role_mappings: tuple[RoleMapping, ...] = ()
    roles: Roles = Roles()
    groups: tuple[GroupRule, ...] = ()
    departments: tuple[DepartmentRule, ...] = ()
    lifecycle: Lifecycle = Lifecycle()
    safety: Safety = Safety()
    schedule: Schedule | None = None
    links: tuple[Link, ...] = ()
