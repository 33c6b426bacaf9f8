"""The flat connection file of ProcessMaker 3.x: every key is mapped, or named in a warning.

Most of such a file:

    {
      "AUTH_SOURCE_NAME": "Employees",
      "AUTH_SOURCE_SERVER_NAME": "ldap.example.com",
      "AUTH_SOURCE_PORT": "389",
      "AUTH_SOURCE_ENABLED_TLS": "1",
      "AUTH_SOURCE_SEARCH_USER": "cn=reader,dc=example,dc=com",
      "AUTH_SOURCE_BASE_DN": "dc=example,dc=com",
      "AUTH_SOURCE_GRID_ATTRIBUTE": [
        {"attributeLdap": "telephoneNumber", "attributeUser": "phone", "attributeRole": ""}
      ],
      "LDAP_TYPE": "ldap",
      "CUSTOM_CHECK_GROUP_CLASS_IDENTIFIER": "0"
    }
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconcile.config.yaml.nodes import shortened
from reconcile.connections import processmaker_grid
from reconcile.connections.describe import Settings, present
from reconcile.connections.processmaker_filters import any_of, bracketed
from reconcile.connections.processmaker_grid import ATTRIBUTE
from reconcile.connections.processmaker_rest import warn_of_the_rest
from reconcile.connections.processmaker_values import Values

_TYPES: Final = {"": "openldap", "ad": "active_directory", "ldap": "openldap", "ds": "389ds"}
_PROVIDERS: Final = ("", "ldapadvanced", "ldap")
_HOST = re.compile(r"(?:(ldaps?)://)?(\[[0-9A-Fa-f:.]+\]|[^:/\s]+)(?::([0-9]+))?/?", re.IGNORECASE)
_LDAPS_PORT: Final = 636

_ALL_MEMBERS: Final = ("", "member", "uniquemember", "memberuid")
"""The product's default for each type; the source's type reads all of them anyway."""
_USUAL_GROUPS: Final = "(objectclass=posixgroup)(objectclass=group)(objectclass=groupofuniquenames)"
_USUAL_UNITS: Final = "(objectclass=organizationalunit)"


class UnusableFile(Exception):
    """The file cannot become a source; `faults` are keys and what is wrong with their values."""

    def __init__(self, faults: Iterable[tuple[str, str]]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(text for _, text in self.faults))


def is_flat(data: Mapping[str, Any]) -> bool:
    """Whether it is a file of this kind."""
    return any(key.startswith("AUTH_SOURCE_") for key in data)


def settings(data: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """The settings in the file, and what of it could not be taken. Raises UnusableFile."""
    values = Values(data)
    source = _source(values)
    warn_of_the_rest(values)
    if values.faults:
        raise UnusableFile(values.faults)
    return source, values.warnings


def _source(values: Values) -> Settings:
    """All settings of the source."""
    kind = _type(values)
    name = values.needed("AUTH_SOURCE_NAME")
    connection = _connection(values)
    return present(
        {
            "name": name,
            "type": kind,
            **connection,
            "require_signing": _signing(values, connection["tls"]["mode"]),
            "base_dn": values.needed("AUTH_SOURCE_BASE_DN"),
            "page_size": values.number("LDAP_PAGE_SIZE_LIMIT", range(100_001)),
            "register_on_login": values.switch("AUTH_SOURCE_AUTO_REGISTER"),
            "users": _users(values),
            "groups": _groups(values) or None,
            "departments": _departments(values) or None,
        }
    )


def _type(values: Values) -> str:
    """The type of the source. The provider is always LDAP; another one is a fault."""
    provider = values.text("AUTH_SOURCE_PROVIDER")
    if provider.lower() not in _PROVIDERS:
        message = f"expected ldapAdvanced or ldap, got {shortened(provider)}"
        values.fault("AUTH_SOURCE_PROVIDER", message)
    kind = values.text("LDAP_TYPE")
    if kind.lower() not in _TYPES:
        values.fault("LDAP_TYPE", f"expected ad, ldap or ds, got {shortened(kind)}")
    return _TYPES.get(kind.lower(), "openldap")


def _connection(values: Values) -> Settings:
    """Server, TLS and bind."""
    name, port, ldaps = _server(values)
    tls = values.switch("AUTH_SOURCE_ENABLED_TLS")
    scheme, usual_port = ("ldaps", _LDAPS_PORT) if ldaps else ("ldap", 389)
    url = f"{scheme}://{name}"
    if port not in (None, usual_port):
        url += f":{port}"
    mode = "starttls" if tls else "none"
    connection: Settings = {"servers": [url], "tls": {"mode": "ldaps" if ldaps else mode}}
    connection |= present({"bind": _bind(values)})
    if connection["tls"]["mode"] == "none":
        values.warn(
            "AUTH_SOURCE_ENABLED_TLS is off: everything, also the password, goes over the "
            "network in clear text; set tls.mode to starttls if the server can do it"
        )
    return connection


def _server(values: Values) -> tuple[str, int | None, bool]:
    """Name and port of the server, and whether it is LDAPS. A port in the name goes first."""
    key = "AUTH_SOURCE_SERVER_NAME"
    host = values.needed(key)
    port = values.number("AUTH_SOURCE_PORT", range(1, 65536))
    match = _HOST.fullmatch(host)
    if match is None:
        # A missing name is a fault already.
        if host:
            values.fault(key, f"expected the name of a server, got {shortened(host)}")
        return host, port, port == _LDAPS_PORT
    scheme, name, own_port = match.groups("")
    if 0 < len(own_port) < len("100000"):
        port = int(own_port)
    return name, port, port == _LDAPS_PORT or scheme.lower() == "ldaps"


def _bind(values: Values) -> Settings | None:
    """Anonymous or with a user, whose password the file does not say."""
    user = values.text("AUTH_SOURCE_SEARCH_USER")
    anonymous = values.switch("AUTH_ANONYMOUS")
    if anonymous and user:
        values.warn("AUTH_SOURCE_SEARCH_USER is left out: the connection is anonymous")
    if anonymous:
        return {"anonymous": True}
    if not user:
        values.fault("AUTH_SOURCE_SEARCH_USER", "is missing, and AUTH_ANONYMOUS is off")
        return None
    return {"dn": user}


def _signing(values: Values, tls_mode: str) -> bool | None:
    """Whether the server demands signed connections, which need TLS here."""
    if not values.switch("AUTH_SOURCE_SIGNIN_POLICY_FOR_LDAP"):
        return None
    if tls_mode == "none":
        values.warn(
            "AUTH_SOURCE_SIGNIN_POLICY_FOR_LDAP is left out: it demands a protected "
            "connection, and TLS is off"
        )
        return None
    return True


def _users(values: Values) -> Settings:
    """Which entries are persons, which of them are out of service, and their attributes."""
    return present(
        {
            "identifier": _attribute_name(values, "AUTH_SOURCE_IDENTIFIER_FOR_USER"),
            "filter": _users_filter(values),
            "inactive_ous": _inactive_ous(values),
            "attributes": processmaker_grid.attributes(values),
        }
    )


def _users_filter(values: Values) -> str | None:
    """Both filters of the file as one; None where it has neither."""
    classes = any_of(values.text("AUTH_SOURCE_IDENTIFIER_FOR_USER_CLASS"))
    own = bracketed(values.text("AUTH_SOURCE_USERS_FILTER"))
    if classes and own:
        return f"(&{classes}{own})"
    return (classes + own) or None


def _inactive_ous(values: Values) -> list[str] | None:
    """The OU of people who have retired."""
    retired = values.text("AUTH_SOURCE_RETIRED_OU")
    return [retired] if retired else None


def _groups(values: Values) -> Settings:
    """The attribute with the members and the filter, unless they are the usual ones."""
    key = "AUTH_SOURCE_IDENTIFIER_FOR_USER_GROUP"
    # The source reads the usual attributes anyway.
    is_usual = values.text(key).lower() in _ALL_MEMBERS
    return present(
        {
            "member_attribute": None if is_usual else _attribute_name(values, key),
            "filter": _filter(values, "GROUP_CLASS_IDENTIFIER", _USUAL_GROUPS),
        }
    )


def _departments(values: Values) -> Settings:
    """The filter, unless it is the usual one."""
    return present({"filter": _filter(values, "DEPARTMENT_CLASS_IDENTIFIER", _USUAL_UNITS)})


def _filter(values: Values, key: str, usual: str) -> str | None:
    """The filter of groups or departments; None for the usual one."""
    text = values.text(key)
    is_usual = text.lower().replace(" ", "") in ("", usual)
    return None if is_usual else any_of(text)


def _attribute_name(values: Values, key: str) -> str | None:
    """The name of an attribute; None where there is none, and with a warning for anything else."""
    text = values.text(key)
    if not text or ATTRIBUTE.fullmatch(text):
        return text or None
    values.warn(f"{key} is left out: {shortened(text)} is not an attribute name")
    return None
