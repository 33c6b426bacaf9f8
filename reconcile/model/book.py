"""What reconcile remembers of a platform that is not a database of ours: the book and the journal.

The book says of every object that a run has seen which of our ids it has, where in which directory
it comes from, and why a user is out of service; of links, who put them there. The journal holds the
comes from, and why a user is out of service; of links, who put them there. The journal holds the
steps of the run under way: each is written down before it is made, and again with its outcome.
Values only.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from reconcile.model.change import Change
from reconcile.model.platform import LinkKind, ObjectKind, Pair, Reading, Source

Operation: TypeAlias = Literal["create", "update", "delete", "link", "unlink"]
StepState: TypeAlias = Literal["open", "kept", "refused", "unclear"]
"""`open`: about to be made. `unclear`: made, not answered, and not seen on the platform since."""


class Known(msgspec.Struct, frozen=True):
    """One object of the book."""

    id: str
    """Ours: a number that is never given twice."""
    kind: ObjectKind
    platform_id: str
    name: str = ""
    source: str = ""
    external_id: str = ""
    dn: str = ""
    status: str = ""
    """As reconcile left it; another one on the platform is a person's doing."""
    status_origin: str = ""
    status_cause: str = ""
    status_before: str = ""
    departed: str = ""
    departed_at: str = ""


REMEMBERED: tuple[str, ...] = Known.__struct_fields__[3:]
"""The fields of an object that the book keeps and runs change."""


class Book(msgspec.Struct, frozen=True):
    """What is remembered of one workspace."""

    sources: tuple[Source, ...] = ()
    readings: tuple[Reading, ...] = ()
    objects: dict[tuple[ObjectKind, str], Known] = {}
    """By kind and the platform's id."""
    links: dict[tuple[LinkKind, str, str], str] = {}
    """Kind, our id of the member, and our id of the group or the name of the role → the source."""
    supplied: frozenset[tuple[str, str]] = frozenset()
    """Source and external id of all persons ever supplied by a source."""


class Put(msgspec.Struct, frozen=True, tag=True):
    """An object as it is to be remembered from now on: the fields that change."""

    kind: ObjectKind
    platform_id: str
    """Empty for the object that the step creates."""
    fields: dict[str, str]
    forget: bool = False
    """A run erased the user, so the person may get another one."""


class Drop(msgspec.Struct, frozen=True, tag=True):
    """An object that is no more, with its links.

    `by_run`: a run removed it, so its person may get a user again.
    """

    kind: ObjectKind
    platform_id: str
    by_run: bool = False


class Tie(msgspec.Struct, frozen=True, tag=True):
    """Who put a link there: a source; "" for a person, or where the link is gone."""

    kind: LinkKind
    pair: Pair
    """In the platform's ids."""
    origin: str = ""


class PutSource(msgspec.Struct, frozen=True, tag=True):
    """A source as it is to be remembered.

    `rename` is its new name, under which it becomes one with a source that has that name.
    """

    name: str
    fields: dict[str, str]
    rename: str = ""


Edit: TypeAlias = Put | Drop | Tie | PutSource


class Call(msgspec.Struct, frozen=True):
    """One call of the platform."""

    operation: Operation
    kind: ObjectKind | LinkKind
    platform_id: str = ""
    fields: dict[str, str | dict[str, str | None]] = {}
    pairs: tuple[Pair, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """A call, what the book says once it is kept, and the changes of the plan that it makes."""

    call: Call | None
    """None where only the book changes."""
    edits: tuple[Edit, ...]
    changes: dict[int, Change]
    """By their place among all changes that the run was given."""


class Settled(msgspec.Struct, frozen=True):
    """What became of a step."""

    step: int
    """Its number in the journal."""
    state: StepState
    edits: tuple[Edit, ...] = ()
    """Those of the step, where it was kept."""
    platform_id: str = ""
    """That of the object it created."""
    detail: str = ""


class Logged(msgspec.Struct, frozen=True):
    """A step in the journal of a run that died."""

    number: int
    step: Step
    state: StepState
    detail: str = ""


class Ids(NamedTuple):
    """Name → our id, at one moment."""

    users: Mapping[str, str]
    groups: Mapping[str, str]
    departments: Mapping[str, str]
