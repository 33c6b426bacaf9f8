"""The keys of a desired-state file that only a platform of type sql has."""

from collections.abc import Iterable
from typing import Any

import msgspec

from reconcile.model import desired
from reconcile.ports import Fault


class SqlSettings(msgspec.Struct, frozen=True):
    """What a file says of a platform of type sql; described in docs/sql-platform.md."""

    administrator: str = "admin"
    """Username of the user who takes over what an erased user owned."""
    unknown_user: str = "unknown"
    """Username of the user who takes over an erased user's open work."""
    create_roles: bool = True
    """A role that does not exist is created when it is first granted."""


def sql_settings(settings: desired.Platform) -> SqlSettings:
    """The settings, defaults filled in. `problems` has found nothing wrong with them."""
    options: Any = settings.options
    return msgspec.convert(options, SqlSettings)


def problems(settings: desired.Platform) -> Iterable[Fault]:
    """The url has to be there; what it says is a secret, looked at when connecting."""
    if settings.url is None:
        yield ("url",), "is missing: it names the database, as in sqlite:///acme.db"
    for option in settings.options.keys() - set(SqlSettings.__struct_fields__):
        yield (option,), "is not a setting of a platform of type sql"
