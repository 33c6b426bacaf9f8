"""The flat connection file of ProcessMaker 3.x: every key is mapped, or named in a warning.

The product writes switches as "1" and "0" or as true and false, numbers as text, and leaves out
what is empty.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconcile.config.templates.entry_templates import RESERVED
from reconcile.config.yaml.nodes import shortened
from reconcile.connections.describe import Settings

_TYPES: Final = {"ad": "active_directory", "ldap": "openldap", "ds": "389ds"}
_PROVIDERS: Final = ("ldapadvanced", "ldap")
_SWITCHES: Final = {
    **dict.fromkeys(("1", "on", "true", "yes"), True),
    **dict.fromkeys(("", "0", "off", "false", "no"), False),
}
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*(?:;[A-Za-z0-9-]+)*|[0-9]+(?:\.[0-9]+)+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST = re.compile(r"(?:(ldaps?)://)?(\[[0-9A-Fa-f:.]+\]|[^:/\s]+)(?::([0-9]+))?/?", re.IGNORECASE)

_ALL_MEMBERS: Final = ("member", "uniquemember", "memberuid")
"""The product's default for each type; the source's type reads all of them anyway."""
_USUAL_GROUPS: Final = "(objectclass=posixgroup)(objectclass=group)(objectclass=groupofuniquenames)"
_USUAL_UNITS: Final = "(objectclass=organizationalunit)"
_OF_THE_FORM: Final = re.compile(
    r"(AUTH_SOURCE_)?CUSTOM_.*|AUTH_SOURCE_ATTRIBUTE_IDS|AUTH_SOURCE_GRID_TEXT|.*-checkbox"
)
"""Used only by the product's settings page: copies of other keys and states of its fields."""


class Refused(Exception):
    """The file cannot become a source; `faults` are keys and what is wrong with their values."""

    def __init__(self, faults: Iterable[tuple[str, str]]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(text for _, text in self.faults))


def is_flat(data: Mapping[str, Any]) -> bool:
    """Whether it is a file of this kind."""
    return any(key.startswith("AUTH_SOURCE_") for key in data)


def settings(data: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """The settings from the file, and warnings about what could not be used. Raises Refused."""
    reading = _Reading(data)
    made = reading.source()
    reading.name_the_rest()
    if reading.faults:
        raise Refused(reading.faults)
    return made, reading.warnings


class _Reading:
    """One file; remembers which keys were used."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._seen: set[str] = set()
        self.warnings: list[str] = []
        self.faults: list[tuple[str, str]] = []

    def source(self) -> Settings:
        kind = self._type()
        made: Settings = {"name": self._needed("AUTH_SOURCE_NAME"), "type": kind}
        made |= self._connection()
        if self._switch("AUTH_SOURCE_SIGNIN_POLICY_FOR_LDAP"):
            self._require_signing(made)
        made["base_dn"] = self._needed("AUTH_SOURCE_BASE_DN")
        size = self._number("LDAP_PAGE_SIZE_LIMIT", range(100_001))
        if size is not None:
            made["page_size"] = size
        made["register_on_login"] = self._switch("AUTH_SOURCE_AUTO_REGISTER")
        made["users"] = self._users()
        groups = self._member_attribute() | self._filter("GROUP_CLASS_IDENTIFIER", _USUAL_GROUPS)
        if groups:
            made["groups"] = groups
        departments = self._filter("DEPARTMENT_CLASS_IDENTIFIER", _USUAL_UNITS)
        if departments:
            made["departments"] = departments
        return made

    def _require_signing(self, made: Settings) -> None:
        if made["tls"]["mode"] == "none":
            self.warnings.append(
                "AUTH_SOURCE_SIGNIN_POLICY_FOR_LDAP is left out: it demands a protected "
                "connection, and TLS is off"
            )
        else:
            made["require_signing"] = True

    def _member_attribute(self) -> Settings:
        """The attribute of a group that names its members, unless the source reads it anyway."""
        key = "AUTH_SOURCE_IDENTIFIER_FOR_USER_GROUP"
        attribute = self._text(key)
        if not attribute or attribute.lower() in _ALL_MEMBERS:
            return {}
        return {"member_attribute": attribute} if self._attribute_name(key, attribute) else {}

    def _filter(self, key: str, usual: str) -> Settings:
        """The filter of groups or departments, unless it is the usual one."""
        text = self._text(key)
        if not text or text.lower().replace(" ", "") == usual:
            return {}
        return {"filter": _any_of(text)}

    def name_the_rest(self) -> None:
        """Warnings about every key with a value that the import does not use."""
        if self._text("AUTH_SOURCE_PASSWORD"):
            self.warnings.append(
                "AUTH_SOURCE_PASSWORD is ignored: a password never comes from a file like this. "
                "Change it if it was real"
            )
        if self._text("AUTH_SOURCE_UID"):
            self.warnings.append("AUTH_SOURCE_UID is ignored: sources are identified by name")
        if role := self._text("USR_ROLE"):
            name = self._text("AUTH_SOURCE_NAME")
            self.warnings.append(
                f"USR_ROLE is left out: role_mappings say which role people get, "
                f"as in {{role: {shortened(role)}, source: {shortened(name)}, default: true}}"
            )
        for key, value in self._data.items():
            if key in self._seen or value in (None, "", [], {}):
                continue
            if not _OF_THE_FORM.fullmatch(key):
                self.warnings.append(f"{shortened(key)} is not known and is ignored")
            elif value not in ("0", 0, False):
                self.warnings.append(
                    f"{shortened(key)} is ignored: it belongs to the page it was downloaded from"
                )

    def _type(self) -> str:
        provider = self._text("AUTH_SOURCE_PROVIDER")
        if provider and provider.lower() not in _PROVIDERS:
            self.faults.append(
                (
                    "AUTH_SOURCE_PROVIDER",
                    f"expected ldapAdvanced or ldap, got {shortened(provider)}",
                )
            )
        kind = self._text("LDAP_TYPE") or "ldap"
        if kind.lower() not in _TYPES:
            self.faults.append(("LDAP_TYPE", f"expected ad, ldap or ds, got {shortened(kind)}"))
        return _TYPES.get(kind.lower(), "openldap")

    def _connection(self) -> Settings:
        name, port, ldaps = self._server()
        tls = self._switch("AUTH_SOURCE_ENABLED_TLS")
        scheme, usual_port = ("ldaps", 636) if ldaps else ("ldap", 389)
        url = f"{scheme}://{name}"
        if port not in (None, usual_port):
            url += f":{port}"
        mode = "starttls" if tls else "none"
        made: Settings = {"servers": [url], "tls": {"mode": "ldaps" if ldaps else mode}}
        self._bind(made)
        if made["tls"]["mode"] == "none":
            self.warnings.append(
                "AUTH_SOURCE_ENABLED_TLS is off: everything, also the password, goes over the "
                "network in clear text; set tls.mode to starttls if the server can do it"
            )
        return made

    def _server(self) -> tuple[str, int | None, bool]:
        """Name and port of the server, and whether it is LDAPS. A port in the name goes first."""
        key = "AUTH_SOURCE_SERVER_NAME"
        host = self._needed(key)
        port = self._number("AUTH_SOURCE_PORT", range(1, 65536))
        match = _HOST.fullmatch(host)
        if match is None:
            if host:
                message = f"expected the name of a server, got {shortened(host)}"
                self.faults.append((key, message))
            return host, port, port == 636
        scheme, name, own_port = match.groups()
        if own_port and len(own_port) < 6:
            port = int(own_port)
        return name, port, port == 636 or (scheme or "").lower() == "ldaps"

    def _bind(self, made: Settings) -> None:
        user = self._text("AUTH_SOURCE_SEARCH_USER")
        if self._switch("AUTH_ANONYMOUS"):
            made["bind"] = {"anonymous": True}
            if user:
                message = "AUTH_SOURCE_SEARCH_USER is left out: the connection is anonymous"
                self.warnings.append(message)
        elif user:
            made["bind"] = {"dn": user}
        else:
            self.faults.append(("AUTH_SOURCE_SEARCH_USER", "is missing, and AUTH_ANONYMOUS is off"))

    def _users(self) -> Settings:
        users: Settings = {}
        identifier = self._text("AUTH_SOURCE_IDENTIFIER_FOR_USER")
        if identifier and self._attribute_name("AUTH_SOURCE_IDENTIFIER_FOR_USER", identifier):
            users["identifier"] = identifier
        classes = self._text("AUTH_SOURCE_IDENTIFIER_FOR_USER_CLASS")
        own = self._text("AUTH_SOURCE_USERS_FILTER")
        filters = [text for text in (_any_of(classes), _bracketed(own)) if text]
        if filters:
            users["filter"] = filters[0] if len(filters) == 1 else f"(&{''.join(filters)})"
        if retired := self._text("AUTH_SOURCE_RETIRED_OU"):
            users["inactive_ous"] = [retired]
        attributes = self._attributes()
        if attributes is not None:
            users["attributes"] = attributes
        return users

    def _attributes(self) -> list[Settings] | None:
        """The extended attributes; None if the file does not mention them."""
        key = "AUTH_SOURCE_GRID_ATTRIBUTE"
        grid, switch = self._value(key), self._value("AUTH_SOURCE_SHOWGRID")
        rows = list(grid.values()) if isinstance(grid, dict) else grid
        if rows in (None, ""):
            return None
        if not isinstance(rows, list):
            self.faults.append((key, "expected a list of attributes"))
            return None
        if rows and isinstance(switch, str) and switch.lower() in {"0", "off"}:
            self.warnings.append(f"{key} is left out: AUTH_SOURCE_SHOWGRID is off")
            return None
        made: list[Settings] = []
        for number, row in enumerate(rows):
            self._attribute(made, f"{key}[{number}]", row)
        return made

    def _attribute(self, made: list[Settings], place: str, row: object) -> None:
        """Adds the attribute in a row of the grid to `made`."""
        if not isinstance(row, dict):
            message = "expected attributeLdap, attributeUser and attributeRole"
            self.faults.append((place, message))
            return
        part = _Reading(row)
        attribute = part._text("attributeLdap")
        field, role = part._text("attributeUser"), part._text("attributeRole")
        part.name_the_rest()
        self.warnings += [f"{place}: {text}" for text in part.warnings]
        self.faults += [(f"{place}.{key}", text) for key, text in part.faults]
        if not field or not _ATTRIBUTE.fullmatch(attribute):
            self.warnings.append(
                f"{place} is left out: {shortened(attribute)} to {shortened(field)} names no "
                "attribute"
            )
            return
        bare = _NAME.fullmatch(attribute) and attribute not in RESERVED
        name = attribute if bare else f"attr['{attribute}']"
        _put(made, field, f"{{{{ {name} }}}}", role)

    def _attribute_name(self, key: str, text: str) -> bool:
        if _ATTRIBUTE.fullmatch(text):
            return True
        self.warnings.append(f"{key} is left out: {shortened(text)} is not an attribute name")
        return False

    def _value(self, key: str) -> Any:
        self._seen.add(key)
        return self._data.get(key)

    def _text(self, key: str) -> str:
        value = self._value(key)
        if value is None or isinstance(value, str):
            return (value or "").strip()
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        self.faults.append((key, "expected text"))
        return ""

    def _needed(self, key: str) -> str:
        text = self._text(key)
        if not text:
            self.faults.append((key, "is missing"))
        return text

    def _switch(self, key: str) -> bool:
        value = self._value(key)
        word = str(value).lower() if isinstance(value, bool | int) else value
        if word is None:
            return False
        if not isinstance(word, str) or word.strip().lower() not in _SWITCHES:
            self.faults.append((key, "expected 1 or 0"))
            return False
        return _SWITCHES[word.strip().lower()]

    def _number(self, key: str, among: range) -> int | None:
        text = self._text(key)
        if not text:
            return None
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        if number not in among:
            expected = f"a number from {among.start} to {among.stop - 1}"
            self.faults.append((key, f"expected {expected}, got {shortened(text)}"))
            return None
        return number


def _put(made: list[Settings], field: str, value: str, role: str) -> None:
    """Adds an attribute; one for several roles is one attribute."""
    for known in made if role else ():
        if (known["field"], known["value"]) == (field, value) and "roles" in known:
            if role not in known["roles"]:
                known["roles"].append(role)
            return
    made.append({"field": field, "value": value, **({"roles": [role]} if role else {})})


def _bracketed(text: str) -> str:
    return text if not text or text.startswith("(") else f"({text})"


def _any_of(classes: str) -> str:
    """The product writes `(objectclass=a)(objectclass=b)` when one of them is enough."""
    text = _bracketed(classes)
    parts: list[str] = []
    depth, start = 0, 0
    for place, char in enumerate(text):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth == 0 and char == ")":
            parts.append(text[start : place + 1].strip())
            start = place + 1
    if (
        len(parts) < 2 or text[start:].strip()
    ):  # one filter, or none that is sound: it is checked later
        return text
    return f"(|{''.join(parts)})"
