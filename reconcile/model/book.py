"""What reconcile remembers about a platform without its tables: the book and the journal.

The book says of every object that a run has seen which id it has in reconcile, where in which
directory it comes from, and why a user is out of service; of links, who created them. The journal
has the steps of the current run: each is recorded before it is made, and again with its outcome.
Values only.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from reconcile.model.change import Change
from reconcile.model.platform import LinkKind, ObjectKind, Pair, Reading, Source

Operation: TypeAlias = Literal["create", "update", "delete", "link", "unlink"]
StepState: TypeAlias = Literal["open", "kept", "refused", "unclear"]
"""`open`: about to be made. `unclear`: made but not answered, and not seen on the platform
since."""


class Known(msgspec.Struct, frozen=True):
    """One object of the book."""

    id: str
    """Reconcile's own id: a number that is never reused."""
    kind: ObjectKind
    platform_id: str
    name: str = ""
    source: str = ""
    external_id: str = ""
    dn: str = ""
    status: str = ""
    """As reconcile left it; a different one on the platform was set by a person."""
    status_origin: str = ""
    status_cause: str = ""
    status_before: str = ""
    departed: str = ""
    departed_at: str = ""


REMEMBERED: tuple[str, ...] = Known.__struct_fields__[3:]
"""The fields of an object in the book that runs change."""


class Book(msgspec.Struct, frozen=True):
    """What is remembered about one workspace."""

    sources: tuple[Source, ...] = ()
    readings: tuple[Reading, ...] = ()
    objects: dict[tuple[ObjectKind, str], Known] = {}
    """By kind and the platform's id."""
    links: dict[tuple[LinkKind, str, str], str] = {}
    """Kind, our id of the member, and our id of the group or the name of the role → the source."""
    supplied: frozenset[tuple[str, str]] = frozenset()
    """Source and external id of all persons ever supplied by a source."""


class Put(msgspec.Struct, frozen=True, tag=True):
    """What to remember about an object from now on: the fields that change."""

    kind: ObjectKind
    platform_id: str
    """Empty for the object that the step creates."""
    fields: dict[str, str]
    forget: bool = False
    """A run erased the user, so the person may get another one."""


class Drop(msgspec.Struct, frozen=True, tag=True):
    """An object that was removed, with its links.

    `by_run`: a run removed it, so its person may get a user again.
    """

    kind: ObjectKind
    platform_id: str
    by_run: bool = False


class Tie(msgspec.Struct, frozen=True, tag=True):
    """Who created a link: a source; "" for a person, or if the link is gone."""

    kind: LinkKind
    pair: Pair
    """In the platform's ids."""
    origin: str = ""


class PutSource(msgspec.Struct, frozen=True, tag=True):
    """What to remember about a source.

    `rename` is its new name; a source that already has that name is merged with it.
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
    """A call, the edits of the book once it is kept, and the changes that it carries out."""

    call: Call | None
    """None if only the book changes."""
    edits: tuple[Edit, ...]
    changes: dict[int, Change]
    """As positions among all changes of the run."""


class Settled(msgspec.Struct, frozen=True):
    """The result of a step."""

    step: int
    """Its number in the journal."""
    state: StepState
    edits: tuple[Edit, ...] = ()
    """Those of the step, if it was kept."""
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
