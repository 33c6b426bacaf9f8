"""The keys that only a platform of type postgresql_roles has, and what it can do with them."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from reconcile.model import desired
from reconcile.model.platform import Abilities
from reconcile.ports import Fault

LONGEST_NAME: Final = 63
"""Bytes of a name. The server cuts a longer one off and says no more than a notice."""
PREDEFINED: Final = "pg_*"
"""The names of the server's own roles."""
RESERVED: Final = ("public", "none")
"""What is no name of a role in any SQL statement."""


class OnDelete(msgspec.Struct, frozen=True):
    """What becomes of what a role owns that is dropped."""

    reassign_to: str


class RoleSettings(msgspec.Struct, frozen=True):
    """What a file says; described in docs/platforms/postgresql_roles.md."""

    schema: str = "reconcile"
    """Where the ledger is, in the database of the URL."""
    roles: tuple[str, ...] = (PREDEFINED,)
    """Roles that rules may grant, with `*` for any text. They are no groups."""
    protect: tuple[str, ...] = ()
    """Names of roles that are never touched."""
    valid_until: str = ""
    """The attribute that VALID UNTIL is; "" for none."""
    end_sessions: bool = False
    """Whether the sessions of a user who is blocked are ended."""
    on_delete: OnDelete | None = None
    """None: no role is ever dropped."""
    chunk: int = 1000
    """How many roles one transaction may change."""


def role_settings(settings: desired.Platform) -> RoleSettings:
    """The settings, defaults filled in. `problems` has found nothing wrong with them."""
    options: Any = settings.options
    return msgspec.convert(options, RoleSettings)


def problems(settings: desired.Platform) -> Iterator[Fault]:
    """What the schema cannot say."""
    if settings.url is None:
        why = "is missing: it names a database of the server, for the ledger, as in "
        yield ("url",), f"{why}postgresql+psycopg://reconcile@db.example.com/reconcile"
    if len(settings.workspaces) > 1:
        yield ("workspaces",), "the roles of a server are one workspace: name one alone"
    options = settings.options
    for option in options.keys() - set(RoleSettings.__struct_fields__):
        yield (option,), "is not a setting of a platform of type postgresql_roles"
    schema = options.get("schema")
    if isinstance(schema, str) and schema.lower().startswith("pg_"):
        yield ("schema",), "the server keeps names that begin with pg_ for itself"
    yield from _long_names(options)


def _long_names(options: dict[str, object]) -> Iterable[Fault]:
    on_delete = options.get("on_delete")
    reassign_to = on_delete.get("reassign_to") if isinstance(on_delete, dict) else None
    for path, name in (
        (("schema",), options.get("schema")),
        (("on_delete", "reassign_to"), reassign_to),
    ):
        if isinstance(name, str) and len(name.encode()) > LONGEST_NAME:
            yield path, f"has more than {LONGEST_NAME} bytes, which is all a name may have"


def untouched(settings: RoleSettings) -> tuple[str, ...]:
    """Names of roles that are never touched, with `*` for any text."""
    heir = (settings.on_delete.reassign_to,) if settings.on_delete is not None else ()
    return (PREDEFINED, *settings.protect, *heir)


def abilities(settings: RoleSettings, own_username: str) -> Abilities:
    """What roles can be and hold."""
    user = {"username", "status", "external_id"}
    attributes = frozenset({settings.valid_until} if settings.valid_until else ())
    if attributes:
        user.add("attributes")
    protected = (*RESERVED, *settings.roles, *untouched(settings))
    return Abilities(
        lengths={"username": LONGEST_NAME, "group": LONGEST_NAME},
        lengths_in="bytes",
        protected={"user": protected, "group": protected},
        lacks=frozenset({"department"}),
        fields={"user": frozenset(user), "group": frozenset({"name", "external_id"})},
        attributes=attributes,
        times=attributes,
        statuses=frozenset({"active", "blocked"}),
        deletes=frozenset({"user", "group"} if settings.on_delete else ()),
        nested_groups=True,
        circles=False,
        one_namespace=True,
        one_workspace=True,
        own_username=own_username,
        links_per_call=100,
    )
