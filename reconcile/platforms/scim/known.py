"""What is known of the objects of a service: changes are made from it."""

from collections.abc import Mapping
from typing import Any

from reconcile.model.platform import ObjectKind, Row
from reconcile.platforms.scim.paths import Resource
from reconcile.platforms.scim.reading.members import Directory


class Known:
    """The objects as the service last showed them."""

    def __init__(self) -> None:
        """Nothing is known before the first read."""
        self.directory = Directory({}, {})
        self._rows: dict[tuple[ObjectKind, str], Row] = {}
        self._emails: dict[str, list[Any]] = {}

    def start(
        self,
        rows: Mapping[ObjectKind, Mapping[str, Row]],
        users: Mapping[str, Resource],
        directory: Directory,
    ) -> None:
        """Takes what was read: rows by kind and id, the resources of users by id."""
        self.directory = directory
        self._rows = {}
        for kind, rows_by_id in rows.items():
            self._rows |= {(kind, own): row for own, row in rows_by_id.items()}
        self._emails = {own: emails for own, user in users.items() if (emails := _emails(user))}

    def has(self, kind: ObjectKind, own: str) -> bool:
        """Whether an object is known."""
        return (kind, own) in self._rows

    def row(self, kind: ObjectKind, own: str) -> Row:
        """The fields of an object; empty for an unknown one."""
        return self._rows.get((kind, own), {})

    def emails(self, own: str) -> list[Any]:
        """All addresses of a user, as the service shows them."""
        return self._emails.get(own, [])

    def add(self, kind: ObjectKind, own: str, name: str) -> None:
        """Takes in the name of a new object."""
        self.directory.add(kind, own, name)

    def see(self, kind: ObjectKind, own: str, row: Row, resource: Resource) -> None:
        """Takes in what the service shows of an object now."""
        self._rows[kind, own] = row
        if kind == "user":
            self._emails[own] = _emails(resource)

    def remove(self, kind: ObjectKind, own: str) -> None:
        """Takes in that an object is gone."""
        self._rows.pop((kind, own), None)
        self.directory.remove(own)


def _emails(user: Resource) -> list[Any]:
    emails = user.get("emails")
    return emails if isinstance(emails, list) else []
