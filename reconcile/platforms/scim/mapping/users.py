"""Users: resources of the service as rows, and rows as the values that a resource is to get."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconcile.model.platform import Row
from reconcile.platforms.scim import names
from reconcile.platforms.scim.paths import Path, Resource, as_text, flattened, parsed, put, value
from reconcile.platforms.scim.settings import ScimSettings, required_paths

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
        *(
            "schemas",
            "id",
            "meta",
            "groups",
            "password",
            "userName",
            "externalId",
            "active",
            "emails",
        ),
        *("roles", "name.givenName", "name.familyName", f"{names.ENTERPRISE}:manager"),
    }
)
"""What is no attribute of its own."""
Edit = tuple[Path, Any]
"""A path and the value it is to get; None takes it away."""


class UserMapping:
    """Translates users both ways. Remembers what kind of value each attribute has."""

    def __init__(self, settings: ScimSettings) -> None:
        """Takes the settings."""
        self.endpoint = names.USERS
        self._settings = settings
        self._required = required_paths(settings)
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
        name = user.get("name")
        name = name if isinstance(name, Mapping) else {}
        row: Row = {
            "username": _text(user.get("userName")),
            "first_name": self._own("name.givenName", name.get("givenName"), user),
            "last_name": self._own("name.familyName", name.get("familyName"), user),
            "email": _text(_chosen(user.get("emails")).get("value")),
            "manager": self.manager(user),
            "attributes": self._attributes(user),
        }
        row["status"] = _status(user, row)
        if self._department is not None:
            row["department"] = _text(value(user, self._department))
        if "external_id" in self._settings.match:
            row["external_id"] = _text(user.get("externalId"))
        return {name: found for name, found in row.items() if not self._is_dropped(name)}

    def _own(self, attribute: str, found: Any, user: Resource) -> str:
        """A name; "" where it stands in for none, because the service wants one."""
        text = _text(found)
        stands_in = attribute in self._settings.require and text == _text(user.get("userName"))
        return "" if stands_in else text

    def _is_dropped(self, field: str) -> bool:
        attribute = {"email": "emails", "manager": "manager", "external_id": "externalId"}.get(
            field
        )
        return attribute is not None and self._settings.drops(attribute)

    def _attributes(self, user: Resource) -> dict[str, str]:
        attributes: dict[str, str] = {}
        for path, found in flattened(user, self._left_out):
            if type(found) is str:
                attributes[path] = found
            else:
                self._types[path] = type(found)
                attributes[path] = as_text(found)
        return attributes

    def manager(self, user: Resource) -> str:
        """The id of a user's manager."""
        extension = user.get(names.ENTERPRISE)
        manager = extension.get("manager") if isinstance(extension, Mapping) else None
        return _text(manager.get("value") if isinstance(manager, Mapping) else manager)

    def roles(self, user: Resource) -> list[str]:
        """The roles of a user."""
        if self._settings.drops("roles"):
            return []
        found = user.get("roles")
        values = (
            element.get("value") if isinstance(element, Mapping) else element
            for element in (found if isinstance(found, list) else ())
        )
        return [role for role in values if isinstance(role, str) and role]

    def body(self, fields: Row) -> Resource:
        """The resource of a new user."""
        user: Resource = {"schemas": [names.USER]}
        for path, new in self.edits({}, {"status": "active", **fields}, []):
            if new is not None:
                put(user, path, new)
        user["schemas"] += [name for name in user if name.startswith("urn:")]
        return user

    def edits(self, row: Row, fields: Row, emails: list[Any]) -> Iterator[Edit]:
        """What is to become of a user with this row and these e-mail addresses; new ones have none.

        `active` comes last: should a service do a part of it, a user stays in service.
        """
        yield from self._names(row, fields)
        if "email" in fields and not self._settings.drops("emails"):
            yield EMAILS, self._emails(fields["email"], emails) or None
        if "manager" in fields and not self._settings.drops("manager"):
            yield MANAGER, {"value": fields["manager"]} if fields["manager"] else None
        if "department" in fields and self._department is not None:
            yield self._department, fields["department"] or None
        yield from self._changed_attributes(fields.get("attributes") or {})
        yield from self._templates(row, fields)
        if "status" in fields:
            yield ACTIVE, fields["status"] == "active"

    def _names(self, row: Row, fields: Row) -> Iterator[Edit]:
        """An id that cannot change is the ledger's alone, once the user exists."""
        for field, path in _SIMPLE.items():
            name = _dotted(path)
            fixed = bool(row) and f"user.{name}" in self._settings.fixed
            if field in fields and not fixed and not self._settings.drops(name):
                yield path, fields[field] or None

    def _changed_attributes(self, attributes: Mapping[str, str | None]) -> Iterator[Edit]:
        for name, text in attributes.items():
            path = self._path(name)
            if path is not None and name not in self._settings.drop:
                yield path, None if text is None else self._typed(name, text)

    def _templates(self, row: Row, fields: Row) -> Iterator[Edit]:
        """The attributes that are always sent, where what they are made of changes."""
        texts = {
            name: str(fields.get(name, row.get(name)) or "")
            for name in ("username", "first_name", "last_name", "email")
        }
        for path, template in self._required.items():
            if any(f"{{{name}}}" in template and name in fields for name in texts) or not row:
                yield path, template.format(**texts).strip() or texts["username"]

    def _path(self, name: str) -> Path | None:
        if name not in self._paths:
            self._paths[name] = parsed(name)
        return self._paths[name]

    def _emails(self, email: str, emails: list[Any]) -> list[dict[str, Any]]:
        """The addresses of a user: its own in the place of the former, others as they are."""
        former = _chosen(emails)
        kept = [one for one in emails if one is not former and isinstance(one, dict)]
        if not email:
            return kept
        new: dict[str, Any] = {"value": email}
        if not self._settings.drops("emails.type"):
            new["type"] = former.get("type") or "work"
        if not self._settings.drops("emails.primary"):
            new["primary"] = True
        return [new, *kept]

    def _typed(self, name: str, text: str) -> Any:
        """The text as the kind of value that the service has there."""
        kind = self._types.get(name)
        if kind is bool and text in ("true", "false"):
            return text == "true"
        if kind is int and text.lstrip("-").isdigit():
            return int(text)
        return text


def _dotted(path: Path) -> str:
    return f"{path.name}.{path.sub}" if path.sub else path.name


def _text(found: Any) -> str:
    return "" if found is None or isinstance(found, dict | list) else as_text(found)


def _chosen(emails: Any) -> Mapping[str, Any]:
    """The address of a user: the primary one, otherwise that of work, otherwise the first."""
    found = [one for one in emails if isinstance(one, Mapping)] if isinstance(emails, list) else []
    for one in found:
        if one.get("primary") in (True, "true", "True"):
            return one
    for one in found:
        if one.get("type") == "work":
            return one
    return found[0] if found else {}


def _status(user: Resource, row: Row) -> str:
    """Users are in service unless the service says that they are not."""
    active = user.get("active")
    if active in (False, "false", "False"):
        is_erased = row["username"].startswith(ERASED) and not row["email"]
        return "erased" if is_erased else "inactive"
    return "active"
