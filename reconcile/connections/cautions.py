"""What a person has to know or do after an import."""

import re
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any, Final

from reconcile.config.loading import Loaded
from reconcile.config.yaml.nodes import shortened, written
from reconcile.connections import fingerprints
from reconcile.connections.describe import Settings, leaves
from reconcile.connections.files import Connection
from reconcile.model import desired

KEPT: Final = (
    "the password stays as it is and will be sent to the new servers: make sure that they are yours"
)

_VARIABLE = re.compile(r"\bvars\s*(?:\.\s*(\w+)|\[\s*['\"](\w+)['\"]\s*\])")


def password_template(name: str) -> str:
    """Where the password of a source will come from, until somebody says otherwise."""
    return f"{{{{ env('{_variable(name)}') }}}}"


def password_wanted(name: str) -> str:
    """What to do for the password of a source."""
    return (
        f"the password is to be set: put it into the environment variable {_variable(name)}, "
        f"or change bind.password to where it is"
    )


def all_of(
    connection: Connection, settings: Settings, source: desired.Source, loaded: Loaded | None
) -> list[str]:
    """Everything about the source as it will be."""
    return [*_certificate(connection, source), *_fields(settings, loaded), *_variables(settings)]


def unknown_roles(settings: Settings, name: str, loaded: Loaded | None) -> list[str]:
    """Takes attributes for roles that nobody of the source can have out of `settings`, and says which."""
    users = settings.get("users")
    attributes = users.get("attributes") if isinstance(users, dict) else None
    if not isinstance(attributes, list) or not all(isinstance(one, dict) for one in attributes):
        return []
    given = {
        mapping.role
        for mapping in (loaded.desired.role_mappings if loaded else ())
        if not mapping.source or mapping.source == name
    }
    kept: list[Any] = []
    missing: set[str] = set()
    for one in attributes:
        roles = one.get("roles")
        if (
            not roles
            or not isinstance(roles, list)
            or not all(isinstance(role, str) for role in roles)
        ):
            kept.append(one)
            continue
        missing |= set(roles) - given
        if known := [role for role in roles if role in given]:
            kept.append(one | {"roles": known})
    settings["users"] = users | {"attributes": kept}  # type: ignore[operator]  # it is a mapping: see above
    return [
        f"attributes for the role {shortened(role)} are left out: no role mapping gives it to persons of this source; "
        f"add one and import again"
        for role in sorted(missing)
    ]


def _certificate(connection: Connection, source: desired.Source) -> Iterator[str]:
    tls, known = source.tls, connection.ca_certificates
    if tls.mode == "none":
        return
    if tls.verify == "none":
        yield "tls.verify is none: the server's certificate is not checked"
    elif tls.ca_file is None:
        yield (
            "TLS certificate is not installed: no CA file is named, so only authorities that this machine trusts "
            "are accepted; put the one that issued the server's certificate into a file and name it in tls.ca_file"
        )
    else:
        path = File(tls.ca_file)
        fingerprint = f" (SHA-256 {', '.join(known)})" if known else ""
        try:
            here = fingerprints.fingerprints(path)
        except OSError as error:
            yield (
                f"TLS certificate is not installed: {path} cannot be read ({error.strerror}); put the certificate "
                f"authority's certificate{fingerprint} there"
            )
            return
        if not here:
            yield f"TLS certificate is not installed: {path} holds no certificate in PEM"
        elif missing := sorted(set(known) - set(here)):
            lacking = ", ".join(missing)
            yield f"{path} is not the CA file that was exported: it lacks the certificate with SHA-256 {lacking}"


def _fields(settings: Settings, loaded: Loaded | None) -> Iterator[str]:
    users = settings.get("users") or {}
    known = {
        one.field
        for source in (loaded.desired.sources if loaded else ())
        for one in source.users.attributes
    }
    unknown = sorted(
        {one["field"] for one in users.get("attributes") or () if one["field"] not in known}
    )
    if unknown:
        names = ", ".join(map(shortened, unknown))
        yield f"no other rule fills the attributes {names}: make sure that the platform has fields of these names"


def _variables(settings: Settings) -> Iterator[str]:
    for path, value in leaves({"users": settings.get("users") or {}}):
        texts = (
            [value]
            if isinstance(value, str)
            else [one["value"] for one in value or () if isinstance(one, dict)]
        )
        if path[1] in {"fields", "attributes", "disabled_when"}:
            names = {one or other for text in texts for one, other in _VARIABLE.findall(text)}
            for name in sorted(names):
                yield f"{written(path)} reads the variable {name} of `vars`: make sure that it is there, and no secret"


def _variable(name: str) -> str:
    words = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
    return (
        f"{words or 'SOURCE'}_LDAP_PASSWORD"
        if not words[:1].isdigit()
        else f"SOURCE_{words}_LDAP_PASSWORD"
    )
