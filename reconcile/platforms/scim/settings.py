"""The keys of a desired-state file that only a platform of type scim has."""

import string
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from reconcile.model import desired
from reconcile.model.platform import ObjectKind
from reconcile.platforms.http.values import mapping
from reconcile.platforms.scim import names
from reconcile.platforms.scim.paths import Path, parsed
from reconcile.platforms.scim.presets import PRESETS
from reconcile.ports import Fault


class OAuth2(msgspec.Struct, frozen=True):
    """Client credentials, by which a token is asked for."""

    token_url: str
    client_id: str
    client_secret: Any
    scope: str = ""


class Basic(msgspec.Struct, frozen=True):
    """A user name and a password."""

    username: str
    password: Any


class Header(msgspec.Struct, frozen=True):
    """A header of the service's own."""

    name: str
    value: Any


class Auth(msgspec.Struct, frozen=True):
    """How a request proves where it comes from: one of these ways."""

    bearer: Any = None
    oauth2: OAuth2 | None = None
    basic: Basic | None = None
    header: Header | None = None


class Members(msgspec.Struct, frozen=True):
    """How memberships are read and changed."""

    read: Literal["list", "each", "users_filter", "user_groups"] = "list"
    per_request: int = 100
    remove: Literal["filter", "value"] = "filter"
    reference: bool = False
    """Every member is sent with its URL."""
    complete: bool = False
    """A group that shows exactly 100 members has no more."""


class Pace(msgspec.Struct, frozen=True):
    """How fast requests may come."""

    concurrency: int = 8
    per_minute: int = 0


class Departments(msgspec.Struct, frozen=True):
    """Departments as resources of the service."""

    endpoint: str = "Departments"
    schema: str = ""
    title: str = "displayName"
    parent: str = "parent.value"
    user: str = f"{names.ENTERPRISE}:department"


class Tls(msgspec.Struct, frozen=True):
    """Whom to trust."""

    ca_file: str = ""


class ScimSettings(msgspec.Struct, frozen=True):
    """What a file says of a platform of type scim; described in docs/platforms/scim.md."""

    auth: Auth = Auth()
    service: str = "generic"
    tls: Tls = Tls()
    match: tuple[Literal["external_id", "user_name"], ...] = ("external_id", "user_name")
    paging: Literal["auto", "index", "cursor", "none"] = "auto"
    page_size: int = 100
    update: Literal["auto", "patch", "put"] = "auto"
    members: Members = Members()
    nested_groups: bool = False
    departments: Departments | None = None
    reactivate: Literal["patch", "recreate"] = "patch"
    fixed: tuple[str, ...] = ()
    require: dict[str, str] = {}
    drop: tuple[str, ...] = ()
    pace: Pace = Pace()
    protect: tuple[str, ...] = ()

    def drops(self, attribute: str) -> bool:
        """Whether an attribute is never sent, and not read: `externalId`, `group.externalId`."""
        return attribute in self.drop


def scim_settings(settings: desired.Platform) -> ScimSettings:
    """The settings: what the file says, then the preset of the service, then the defaults."""
    options = settings.options
    preset = PRESETS.get(str(options.get("service", "generic")), {})
    merged: dict[str, Any] = {**preset, **options}
    for key in ("members", "pace"):
        parts = {**mapping(preset.get(key)), **mapping(options.get(key))}
        if parts:
            merged[key] = parts
    known = {name: merged[name] for name in ScimSettings.__struct_fields__ if name in merged}
    return msgspec.convert(known, ScimSettings)


FIXABLE: Final[Mapping[str, tuple[ObjectKind, str]]] = {
    "user.userName": ("user", "username"),
    "user.name.givenName": ("user", "first_name"),
    "user.name.familyName": ("user", "last_name"),
    "user.emails": ("user", "email"),
    "user.externalId": ("user", "external_id"),
    "group.displayName": ("group", "name"),
    "group.externalId": ("group", "external_id"),
}
"""An attribute that may be fixed → the kind and field it is."""
DROPPABLE: Final[Mapping[str, tuple[ObjectKind, str]]] = {
    "name.givenName": ("user", "first_name"),
    "name.familyName": ("user", "last_name"),
    "emails": ("user", "email"),
    "externalId": ("user", "external_id"),
    "manager": ("user", "manager"),
    "group.externalId": ("group", "external_id"),
}
"""An attribute that may be dropped → the kind and field that is not kept then."""
_ALSO_DROPPABLE: Final = frozenset({"roles", "emails.type", "emails.primary"})
_UNDROPPABLE: Final = frozenset({"userName", "active"})
FIELDS: Final = frozenset({"username", "first_name", "last_name", "email"})
"""What a template of `require` may name."""


def fields_of(
    kind: ObjectKind, attributes: Iterable[str], known: Mapping[str, tuple[ObjectKind, str]]
) -> frozenset[str]:
    """The fields of a kind that attributes stand for. `known`: DROPPABLE or FIXABLE."""
    meant = (known[name] for name in attributes if name in known)
    return frozenset(field for its_kind, field in meant if its_kind == kind)


def problems(settings: desired.Platform) -> Iterable[Fault]:
    """What the schema cannot say: combinations, names of attributes, templates."""
    options = settings.options
    if settings.url is None:
        yield (
            ("url",),
            "is missing: it is the base URL of the service, as in https://id.example.com/scim/v2",
        )
    yield from _auth_problems(options.get("auth"))
    try:
        merged = scim_settings(settings)
    except msgspec.ValidationError as error:
        yield (), f"cannot be understood: {error}"
        return
    yield from _attribute_problems(merged)
    yield from _template_problems(merged.require)
    yield from _contradictions(merged)


def _auth_problems(auth: object) -> Iterator[Fault]:
    """Exactly one way to prove where a request comes from."""
    ways = [name for name in Auth.__struct_fields__ if name in mapping(auth)]
    if len(ways) != 1:
        said = f"has {' and '.join(ways)}" if ways else "says nothing"
        yield ("auth",), f"{said}: write one of bearer, oauth2, basic and header"


def _attribute_problems(settings: ScimSettings) -> Iterator[Fault]:
    """Names in `fixed` and `drop` that stand for nothing there."""
    for at, name in enumerate(settings.fixed):
        if name not in FIXABLE:
            yield ("fixed", at), f"unknown attribute; known here: {', '.join(FIXABLE)}"
    for at, name in enumerate(settings.drop):
        if not _can_be_dropped(name):
            yield ("drop", at), f"{name!r} cannot be dropped"


def _can_be_dropped(name: str) -> bool:
    """Whether an attribute is one of those known here, or any other path."""
    if name in DROPPABLE or name in _ALSO_DROPPABLE:
        return True
    return name not in _UNDROPPABLE and parsed(name) is not None


def _template_problems(require: Mapping[str, str]) -> Iterator[Fault]:
    """Keys of `require` that are no path, and templates that cannot be filled."""
    for name, template in require.items():
        if parsed(name) is None:
            yield ("require", name), "is no path of an attribute, as name.formatted is one"
        try:
            unknown = _places(template) - FIELDS
        except ValueError as error:
            yield ("require", name), f"is no template: {error}"
            continue
        for field in sorted(unknown):
            yield (
                ("require", name),
                f"unknown field {{{field}}}; known here: {', '.join(sorted(FIELDS))}",
            )


def _places(template: str) -> set[str]:
    """The names in braces. Raises ValueError for what is no template."""
    parts = string.Formatter().parse(template)
    return {field for _, field, _, _ in parts if field is not None}


def _contradictions(settings: ScimSettings) -> Iterator[Fault]:
    """Attributes that one key wants and another drops."""
    if "external_id" in settings.match and settings.drops("externalId"):
        yield ("match",), "says external_id, and externalId is in drop: remove one of them"
    for name in filter(settings.drops, settings.require):
        yield ("drop",), f"has {name}, which require sends"


def required_paths(settings: ScimSettings) -> dict[Path, str]:
    """The attributes that are always sent, with their templates."""
    return {path: text for name, text in settings.require.items() if (path := parsed(name))}
