"""What each kind of a change is made of: the one place that lists the fields of a kind.

The structs of `reconcile.model.platform` say how an object is kept in memory; this table says what
its fields mean: their values, what they refer to, which of them is the name, and which aspect of a
person or an entry they belong to. Code that needs all fields of a kind reads them here, so a new
field is a new line here. A test compares the table with the structs.

Callers compute what they need once and keep it in constants: a plan can have a million changes.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from reconcile.model.platform import Cause, Departed, Status

Kind: TypeAlias = Literal["source", "department", "group", "user", "grant", "membership"]
Aspect: TypeAlias = Literal[
    "settings", "identity", "service", "profile", "department", "groups", "roles"
]
"""Who decides a field. `settings`: the files. `identity`: which entry of which source it stands
for. `service`: whether a user is in service, and why. `profile`: what the directory says about it.
`department`, `groups`, `roles`: where it belongs and what it may do."""
Unique: TypeAlias = Literal["", "workspace", "parent", "source"]
"""Where the value has to be unique among objects of the kind; "" if nowhere."""


class Field(msgspec.Struct, frozen=True):
    """One field of a kind. It is text, unless `mapping` says that it is an object of text."""

    name: str
    aspect: Aspect
    key: bool = False
    """Part of the object's key. A part that is `nullable` may be empty, as the parent of a
    department at the top."""
    unique: Unique = ""
    nullable: bool = False
    """An empty value is null in a change; otherwise it is the empty text."""
    mapping: bool = False
    """An object of text. An update has the values that change, null for one that is removed."""
    refers_to: Kind | None = None
    """What it names: its value, or for a mapping each name in it. The platform's state has the
    id in that place; a source is its own id."""
    dispensable: bool = False
    """An object is created without this reference if the other object could not be created."""
    choices: tuple[str, ...] = ()
    """The possible values, "" for null; () for any."""
    length: str = ""
    """The length of `Abilities.lengths` that a value of a directory has to fit in."""

    @property
    def by_id(self) -> bool:
        """Whether a state refers to something by id where a change has its name."""
        return self.refers_to is not None and self.refers_to != "source"


_MIRRORED: Final = (
    Field("source", "identity", nullable=True, refers_to="source"),
    Field("external_id", "identity", unique="source", nullable=True),
    Field("dn", "identity", nullable=True),
)

KINDS: Final[Mapping[Kind, tuple[Field, ...]]] = {
    "source": (
        Field("name", "settings", key=True, unique="workspace"),
        Field("type", "settings"),
        Field("base_dn", "settings"),
        Field("domain", "settings"),
        Field("note", "settings"),
    ),
    "department": (
        Field("title", "profile", key=True, unique="parent", length="department"),
        Field("parent", "department", key=True, nullable=True, refers_to="department"),
        *_MIRRORED,
    ),
    "group": (
        Field("name", "profile", key=True, unique="workspace", length="group"),
        *_MIRRORED,
        Field("groups", "groups", mapping=True, refers_to="group", dispensable=True),
    ),
    "user": (
        Field("username", "profile", key=True, unique="workspace", length="username"),
        Field("first_name", "profile", length="first_name"),
        Field("last_name", "profile", length="last_name"),
        Field("email", "profile", length="email"),
        Field("status", "service", choices=get_args(Status)),
        Field("status_origin", "service", nullable=True),
        Field("status_cause", "service", nullable=True, choices=get_args(Cause)),
        Field("status_before", "service", nullable=True, choices=("", "vacation")),
        Field("departed", "service", nullable=True, choices=get_args(Departed)),
        Field("departed_at", "service", nullable=True),
        *_MIRRORED,
        Field("department", "department", nullable=True, refers_to="department"),
        Field("manager", "profile", nullable=True, refers_to="user", dispensable=True),
        Field("attributes", "profile", mapping=True, length="attribute"),
    ),
    "grant": (
        Field("user", "roles", key=True, refers_to="user"),
        Field("role", "roles", key=True),
        Field("origin", "roles", nullable=True),
    ),
    "membership": (
        Field("user", "groups", key=True, refers_to="user"),
        Field("group", "groups", key=True, refers_to="group"),
        Field("origin", "groups", nullable=True),
    ),
}
"""Each kind with its fields, in reading order; the kinds in the order in which they are created."""

PAIRS: Final[frozenset[Kind]] = frozenset({"grant", "membership"})
"""The kinds that tie two things together, and have no name of their own."""

NAMES: Final[Mapping[Kind, tuple[str, ...]]] = {
    kind: tuple(field.name for field in fields if field.key and not field.nullable)
    for kind, fields in KINDS.items()
}
"""The fields of a kind that are its name, and never empty."""

KEYS: Final[Mapping[Kind, frozenset[str]]] = {
    kind: frozenset(field.name for field in fields if field.key) for kind, fields in KINDS.items()
}
"""The fields of a kind that make up its key: a change of one of them is a change of the key."""


def names(kind: Kind) -> frozenset[str]:
    """The names of all fields of a kind."""
    return frozenset(field.name for field in KINDS[kind])


def of_aspect(kind: Kind, aspect: Aspect) -> tuple[str, ...]:
    """The names of the fields of a kind that belong to an aspect, in their order."""
    return tuple(field.name for field in KINDS[kind] if field.aspect == aspect)


def plain(kind: Kind) -> tuple[str, ...]:
    """The names of the fields that an object holds as a change does: texts that are no ids."""
    return tuple(field.name for field in KINDS[kind] if not field.mapping and not field.by_id)


def required(kind: Kind) -> tuple[tuple[str, Kind], ...]:
    """Each field whose value has to exist before an object of the kind is created, with its kind.

    The source comes first: if it failed, everything of it failed for that reason.
    """
    return tuple(sorted(_required(kind), key=lambda reference: reference[1] != "source"))


def _required(kind: Kind) -> Iterator[tuple[str, Kind]]:
    for field in KINDS[kind]:
        if field.refers_to is not None and not field.dispensable:
            yield field.name, field.refers_to


def references(kind: Kind) -> dict[str, Kind]:
    """Each field whose text is an id in the state and a name in a change; with its kind."""
    return {
        field.name: field.refers_to
        for field in KINDS[kind]
        if field.refers_to is not None and field.by_id and not field.mapping
    }
