"""Warnings after an import: what to check or do by hand."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path as File
from typing import Any, Final

from reconcile.config.loading import Loaded
from reconcile.config.yaml.nodes import shortened, written
from reconcile.connections.describe import Settings, leaves
from reconcile.connections.files import Connection
from reconcile.connections.fingerprints import fingerprints
from reconcile.model import desired

KEPT: Final = (
    "the password stays as it is and will be sent to the new servers: make sure that they are yours"
)

_VARIABLE = re.compile(r"\bvars\s*(?:\.\s*(\w+)|\[\s*['\"](\w+)['\"]\s*\])")


def password_template(name: str) -> str:
    """Where the password of a source comes from after an import: an environment variable."""
    return f"{{{{ env('{password_variable(name)}') }}}}"


def password_wanted(name: str) -> str:
    """What to do about the password of a source."""
    return (
        "the password has to be set: put it into the environment variable "
        f"{password_variable(name)}, or change bind.password to where it is"
    )


def all_of(
    connection: Connection, settings: Settings, source: desired.Source, loaded: Loaded | None
) -> list[str]:
    """All warnings about the source as it will be.

    They are about its certificate, its extended attributes, and variables that its templates read.
    """
    return [*_certificate(connection, source), *_fields(settings, loaded), *_variables(settings)]


def unknown_roles(settings: Settings, name: str, loaded: Loaded | None) -> list[str]:
    """Removes roles that the source's users cannot have from the attributes in `settings`.

    An attribute left without roles is removed too. Returns a warning for each role.
    """
    attributes = _attributes(settings)
    if not attributes:
        return []
    granted = _granted(name, loaded)
    kept = [_with_roles(attribute, granted) for attribute in attributes]
    settings["users"] = settings["users"] | {"attributes": list(filter(None, kept))}
    named: set[str] = set()
    for attribute in attributes:
        named.update(_roles(attribute))
    return [
        f"attributes for the role {shortened(role)} are left out: no role mapping gives it to "
        "people of this source; add one and import again"
        for role in sorted(named - granted)
    ]


def _attributes(settings: Settings) -> list[Settings]:
    """The extended attributes of users; none in settings of another form."""
    users = settings.get("users")
    attributes = users.get("attributes") if isinstance(users, dict) else None
    if not isinstance(attributes, list):
        return []
    are_settings = all(isinstance(attribute, dict) for attribute in attributes)
    return attributes if are_settings else []


def _with_roles(attribute: Settings, granted: set[str]) -> Settings | None:
    """An attribute with those of its roles that are granted; None if it had others only."""
    roles = _roles(attribute)
    if not roles:
        return attribute
    known = [role for role in roles if role in granted]
    return attribute | {"roles": known} if known else None


def _roles(attribute: Settings) -> list[str]:
    """The roles that an attribute is for; none for all roles, and in settings of another form."""
    roles = attribute.get("roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        return []
    return roles


def _granted(name: str, loaded: Loaded | None) -> set[str]:
    """The roles that mappings give to people of a source."""
    mappings = loaded.desired.role_mappings if loaded is not None else ()
    return {mapping.role for mapping in mappings if mapping.source in ("", name)}


def _certificate(connection: Connection, source: desired.Source) -> Iterator[str]:
    """Settings that protect the connection less than they should."""
    tls = source.tls
    if tls.mode == "none":
        return
    if tls.verify == "none":
        yield "tls.verify is none: the server's certificate is not checked"
    elif tls.ca_file is None:
        yield (
            "TLS certificate is not installed: no CA file is named, so only authorities that this "
            "machine trusts are accepted; put the one that issued the server's certificate into a "
            "file and name it in tls.ca_file"
        )
    else:
        yield from _ca_file(File(tls.ca_file), connection.ca_certificates)


def _ca_file(path: File, exported: Sequence[str]) -> Iterator[str]:
    """What is missing in the CA file; `exported` are the fingerprints in the connection file."""
    fingerprint = f" (SHA-256 {', '.join(exported)})" if exported else ""
    try:
        installed = fingerprints(path)
    except OSError as error:
        yield (
            f"TLS certificate is not installed: {path} cannot be read ({error.strerror}); put the "
            f"certificate authority's certificate{fingerprint} there"
        )
        return
    missing = sorted(set(exported) - set(installed))
    if not installed:
        yield f"TLS certificate is not installed: {path} holds no certificate in PEM"
    elif missing:
        yield (
            f"{path} is not the CA file that was exported: it lacks the certificate with SHA-256 "
            f"{', '.join(missing)}"
        )


def _fields(settings: Settings, loaded: Loaded | None) -> Iterator[str]:
    """Extended attributes that no rule fills yet: the platform may not have their fields."""
    sources = loaded.desired.sources if loaded is not None else ()
    known = {attribute.field for source in sources for attribute in source.users.attributes}
    named = {attribute["field"] for attribute in _attributes(settings)}
    unknown = sorted(named - known)
    if unknown:
        names = ", ".join(map(shortened, unknown))
        yield (
            f"no other rule fills the attributes {names}: make sure that the platform has fields "
            "of these names"
        )


_TEMPLATES: Final = ("fields", "attributes", "disabled_when")
"""The keys of `users` with templates over an entry."""


def _variables(settings: Settings) -> Iterator[str]:
    """Variables of `vars` that templates read: they are not part of the connection file."""
    users = settings.get("users") or {}
    templates = {key: value for key, value in users.items() if key in _TEMPLATES}
    for path, value in leaves({"users": templates}):
        for name in sorted(_variables_in(value)):
            yield (
                f"{written(path)} reads the variable {name} of `vars`: make sure that it exists, "
                "and is not a secret"
            )


def _variables_in(value: Any) -> set[str]:
    """The variables in a template, or in the templates of a list of attributes."""
    if isinstance(value, list):
        return set().union(*(_variables_in(attribute["value"]) for attribute in value))
    matches = _VARIABLE.findall(value or "")
    return {dotted or quoted for dotted, quoted in matches}


def password_variable(name: str) -> str:
    """The environment variable for the password of a source."""
    words = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") or "SOURCE"
    prefix = "SOURCE_" if words[0].isdigit() else ""
    return f"{prefix}{words}_LDAP_PASSWORD"
