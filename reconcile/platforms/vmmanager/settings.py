"""The keys of a desired-state file that only a platform of type vmmanager has."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import msgspec

from reconcile.model import desired
from reconcile.platforms.http.values import mapping
from reconcile.ports import Fault

LEAST: Final = "@user"
"""The role of an account that has no other."""


class Auth(msgspec.Struct, frozen=True):
    """Who makes the requests: an account with its password, or a token of its own."""

    email: str = ""
    password: Any = None
    token: Any = None
    lifetime: int = 3600
    """Seconds that a token lives."""
    cookie: bool = False
    """The token is sent as the cookie ses6, too."""


class Tls(msgspec.Struct, frozen=True):
    """Whom to trust."""

    ca_file: str = ""


class Fields(msgspec.Struct, frozen=True):
    """What an account calls things; "" for the login, or an e-mail address, by `login`."""

    login: str = ""
    email: str = ""
    state: str = "state"
    roles: str = "roles"
    full_name: str = "full_name"
    lang: str = "lang"
    source: str = "auth_source"
    machines: str = "host_count"


class Paths(msgspec.Struct, frozen=True):
    """The services of an installation, with their versions."""

    auth: str = "auth/v4"
    vm: str = "vm/v3"


class Pace(msgspec.Struct, frozen=True):
    """How fast requests may come."""

    concurrency: int = 4
    per_minute: int = 0


class VmSettings(msgspec.Struct, frozen=True):
    """What a file says of a platform of type vmmanager; see docs/platforms/vmmanager.md."""

    auth: Auth = Auth()
    tls: Tls = Tls()
    login: Literal["email", "username"] = "email"
    fields: Fields = Fields()
    active_states: tuple[str, ...] = ("active",)
    roles: tuple[str, ...] = ("@admin", "@advanced_user", LEAST, "@admin.readonly")
    paging: Literal["limit", "none"] = "limit"
    page_size: int = 500
    orderby: str = "id"
    read_one: Literal["auto", "account", "where", "list"] = "auto"
    settle: int = 5
    """Seconds that a change may take to show."""
    fixed: tuple[Literal["username"], ...] = ()
    paths: Paths = Paths()
    pace: Pace = Pace()
    protect: tuple[str, ...] = ()

    @property
    def login_field(self) -> str:
        """The field of an account that holds its login."""
        return self.fields.login or self.login

    @property
    def email_field(self) -> str:
        """The field with an e-mail address beside the login; "" where the login is the address."""
        if self.login == "email":
            return ""
        return self.fields.email or "email"


def vm_settings(settings: desired.Platform) -> VmSettings:
    """The settings: what the file says, then the defaults."""
    options = settings.options
    known = {name: options[name] for name in VmSettings.__struct_fields__ if name in options}
    return msgspec.convert(known, VmSettings)


def problems(settings: desired.Platform) -> Iterable[Fault]:
    """What the schema cannot say: combinations of keys."""
    yield from _auth_problems(mapping(settings.options.get("auth")))
    try:
        vm = vm_settings(settings)
    except msgspec.ValidationError as error:
        yield (), f"cannot be understood: {error}"
        return
    if vm.login == "email" and vm.fields.email:
        yield (
            ("fields", "email"),
            "is for login: username alone; with login: email the address is the login",
        )
    if LEAST not in vm.roles:
        yield ("roles",), f"lacks {LEAST}, the role of an account that has no other"
    # Only with a password is it known which account makes the requests.
    if vm.auth.token is not None and not vm.auth.email and not vm.protect:
        message = "is missing: with auth.token, name the token's account here, or in auth.email"
        yield ("protect",), f"{message}, so that it is never touched"


def _auth_problems(auth: Any) -> Iterator[Fault]:
    """Either an account with its password, or a token."""
    if "token" in auth:
        if "password" in auth:
            yield ("auth",), "has token and password: write one of them"
        return
    missing = [name for name in ("email", "password") if name not in auth]
    if missing:
        message = f"has no {' and '.join(missing)}: write email and password of an administrator"
        yield ("auth",), f"{message}'s account, or token"
