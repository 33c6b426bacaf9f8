"""What the driver has to know of each kind of object and of link."""

from collections.abc import Mapping
from typing import Final

from reconcile.model.platform import LinkKind, ObjectKind

KINDS: Final[tuple[ObjectKind, ...]] = ("department", "group", "user")
NAME_OF: Final[Mapping[ObjectKind, str]] = {
    "department": "title",
    "group": "name",
    "user": "username",
}
"""The field that is an object's name."""
REFERENCES: Final[Mapping[str, ObjectKind]] = {
    "parent": "department",
    "department": "department",
    "manager": "user",
}
ENDS: Final[Mapping[LinkKind, tuple[ObjectKind, ObjectKind | None]]] = {
    "membership": ("user", "group"),
    "nesting": ("group", "group"),
    "grant": ("user", None),
}
"""What a link ties to what; a role is known by its name, and no object."""
