"""Users: resources of the service as rows, and rows as the values that a resource is to get."""

import threading
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from reconcile.model.platform import Row
from reconcile.platforms.http.values import (
    EMPTY,
    as_text,
    content,
    mapping,
    mappings,
    sequence,
    text,
)
from reconcile.platforms.scim import names
from reconcile.platforms.scim.mapping.attributes import flattened
from reconcile.platforms.scim.paths import Path, Resource, parsed, put, urns, value
from reconcile.platforms.scim.settings import (
    DROPPABLE,
    FIELDS,
    FIXABLE,
    ScimSettings,
    fields_of,
    required_paths,
)

USERNAME: Final = Path("", "userName", "", "")
EXTERNAL_ID: Final = Path("", "externalId", "", "")
FIRST_NAME: Final = Path("", "name", "", "givenName")
LAST_NAME: Final = Path("", "name", "", "familyName")
EMAILS: Final = Path("", "emails", "", "")
ACTIVE: Final = Path("", "active", "", "")
MANAGER: Final = Path(names.ENTERPRISE, "manager", "", "")
ERASED: Final = "erased-"
"""How the user name of an erased user begins."""
_SIMPLE: Final = {
    "username": USERNAME,
    "first_name": FIRST_NAME,
    "last_name": LAST_NAME,
    "external_id": EXTERNAL_ID,
}
_MAPPED: Final = frozenset(
    {
        *("schemas", "id", "meta", "groups", "password", "userName", "externalId", "active"),
        *("emails", "roles", "name.givenName", "name.familyName", f"{names.ENTERPRISE}:manager"),
    }
)
"""What is no attribute of its own."""
Edit = tuple[Path, Any]
"""A path and the value it is to get; None takes it away."""
_HIDEABLE: Final = frozenset({"email", "manager", "external_id"})
"""The fields that a row does not have where they are dropped."""
_TRUE: Final = (True, "true", "True")
_FALSE: Final = (False, "false", "False")
"""How services write a Boolean: some as text."""


class UserMapping:
    """Translates users both ways. Remembers what kind of value each attribute has."""

    def __init__(self, settings: ScimSettings) -> None:
        """Takes the settings."""
        self.endpoint = names.USERS
        self._settings = settings
        self._required = required_paths(settings)
        self._dropped = fields_of("user", settings.drop, DROPPABLE)
        self._hidden = _HIDEABLE & self._dropped
        self._fixed = fields_of("user", settings.fixed, FIXABLE)
        departments = settings.departments
        self._department = parsed(departments.user) if departments else None
        left_out = {*_MAPPED, *settings.drop, *settings.require}
        if departments:
            left_out.add(departments.user)
        self._left_out = frozenset(left_out)
        self._types: dict[str, type] = {}
        self._learning = threading.Lock()
        self._paths: dict[str, Path | None] = {}

    def row(self, user: Resource) -> Row:
        """The fields of a user."""
        name = mapping(user.get("name"))
        row: Row = {
            "username": text(user.get("userName")),
            "first_name": self._own("name.givenName", name.get("givenName"), user),
            "last_name": self._own("name.familyName", name.get("familyName"), user),
            "email": text(_chosen(user.get("emails")).get("value")),
            "manager": self.manager(user),
            "attributes": self._attributes(user),
        }
        row["status"] = _status(user, row)
        if self._department is not None:
            row["department"] = text(value(user, self._department))
        if "external_id" in self._settings.match:
            row["external_id"] = text(user.get("externalId"))
        for field in self._hidden:
            row.pop(field, None)
        return row

    def _own(self, attribute: str, shown: Any, user: Resource) -> str:
        """A name; "" where it stands in for none, because the service wants one."""
        name = text(shown)
        if attribute in self._settings.require and name == text(user.get("userName")):
            return ""
        return name

    def _attributes(self, user: Resource) -> dict[str, str]:
        """The attributes as text. Keeps the type of each that is no text, to send it back."""
        attributes: dict[str, str] = {}
        for path, shown in flattened(user, self._left_out):
            if type(shown) is str:
                attributes[path] = shown
            else:
                self._types[path] = type(shown)
                attributes[path] = as_text(shown)
        return attributes

    def manager(self, user: Resource) -> str:
        """The id of a user's manager. Some services give it bare, not as a `value`."""
        return text(content(mapping(user.get(names.ENTERPRISE)).get("manager")))

    def roles(self, user: Resource) -> list[str]:
        """The roles of a user. Some services give them bare, not as a `value`."""
        if self._settings.drops("roles"):
            return []
        roles = map(content, sequence(user.get("roles")))
        return [role for role in roles if isinstance(role, str) and role]

    def body(self, fields: Row) -> Resource:
        """The resource of a new user."""
        user: Resource = {"schemas": [names.USER]}
        for path, new in self.edits({}, {"status": "active", **fields}, []):
            if new is not None:
                put(user, path, new)
        user["schemas"] += urns(user)
        return user

    def edits(self, row: Row, fields: Row, emails: list[Any]) -> Iterator[Edit]:
        """What is to become of a user with this row and these e-mail addresses; new ones have none.

        `active` comes last: should a service do a part of it, a user stays in service.
        """
        sent = fields.keys() - self._dropped
        yield from self._names(row, fields)
        if "email" in sent:
            yield EMAILS, self._emails(fields["email"], emails) or None
        if "manager" in sent:
            yield MANAGER, {"value": fields["manager"]} if fields["manager"] else None
        if "department" in sent and self._department is not None:
            yield self._department, fields["department"] or None
        yield from self._changed_attributes(fields.get("attributes") or {})
        yield from self._templates(row, fields)
        if "status" in fields:
            yield ACTIVE, fields["status"] == "active"

    def _names(self, row: Row, fields: Row) -> Iterator[Edit]:
        """An id that cannot change is the ledger's alone, once the user exists."""
        kept = self._dropped | self._fixed if row else self._dropped
        for field, path in _SIMPLE.items():
            if field in fields and field not in kept:
                yield path, fields[field] or None

    def _changed_attributes(self, attributes: Mapping[str, str | None]) -> Iterator[Edit]:
        """The attributes of a user that have a path and are not dropped."""
        for name, new in attributes.items():
            path = self._path(name)
            if path is not None and name not in self._settings.drop:
                yield path, None if new is None else self._typed(name, new)

    def _templates(self, row: Row, fields: Row) -> Iterator[Edit]:
        """The attributes that are always sent, where what they are made of changes.

        A template without any text gives the user name, as the service wants a value.
        """
        known = {**row, **fields}
        texts = {name: str(known.get(name) or "") for name in FIELDS}
        changing = [f"{{{name}}}" for name in FIELDS & fields.keys()]
        for path, template in self._required.items():
            if not row or any(place in template for place in changing):
                yield path, template.format(**texts).strip() or texts["username"]

    def _path(self, name: str) -> Path | None:
        """The path of an attribute; each is taken apart once."""
        if name not in self._paths:
            self._paths[name] = parsed(name)
        return self._paths[name]

    def _emails(self, email: str, emails: list[Any]) -> list[Mapping[str, Any]]:
        """The addresses of a user: its own in the place of the former, others as they are."""
        former = _chosen(emails)
        others = [address for address in mappings(emails) if address is not former]
        if not email:
            return others
        new: dict[str, Any] = {"value": email}
        if not self._settings.drops("emails.type"):
            new["type"] = former.get("type") or "work"
        if not self._settings.drops("emails.primary"):
            new["primary"] = True
        return [new, *others]

    def _typed(self, name: str, new: str) -> Any:
        """The text as the kind of value that the service has there."""
        kind = self._types.get(name)
        if kind is bool and new in ("true", "false"):
            return new == "true"
        if kind is int and new.lstrip("-").isdigit():
            return int(new)
        return new


def _chosen(emails: Any) -> Mapping[str, Any]:
    """The address of a user: the primary one, otherwise that of work, otherwise the first."""
    addresses = mappings(emails)
    candidates = chain(filter(_is_primary, addresses), filter(_is_of_work, addresses), addresses)
    return next(candidates, EMPTY)


def _is_primary(address: Mapping[str, Any]) -> bool:
    return address.get("primary") in _TRUE


def _is_of_work(address: Mapping[str, Any]) -> bool:
    return bool(address.get("type") == "work")


def _status(user: Resource, row: Row) -> str:
    """Users are in service unless the service says that they are not."""
    if user.get("active") not in _FALSE:
        return "active"
    is_erased = row["username"].startswith(ERASED) and not row["email"]
    return "erased" if is_erased else "inactive"
