"""What the driver asks of an application, and nothing of ours."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from reconcile.model import desired
from reconcile.model.platform import Abilities, Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.ports.common import Check, Fault, Progress, no_progress


class Rejected(Exception):
    """The application does not accept a call, and has changed nothing. The text says why."""


class Unclear(Exception):
    """A call was sent and not answered: the application may have done it.

    The text says what happened.
    """


class Platform(Protocol):
    """The application whose users are kept in step with the directories, and nothing of reconcile.

    Ids are the application's own, as text. Fields are those of `reconcile.model.kinds`, by the same
    names: a user's `department` and `manager` and a department's `parent` are ids, "" for none. A
    call is kept at once or raises: Rejected if the application refuses it, Unclear if it may have
    been done, PlatformUnreadable if the application cannot be reached. No call is ever repeated
    before its outcome has been looked up.
    """

    @property
    def abilities(self) -> Abilities:
        """What the application can do and hold. May look at it, and raise PlatformUnreadable."""
        ...

    def __init__(self, settings: desired.Platform, progress: Progress = no_progress) -> None: ...

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """What is wrong with the settings, as far as can be seen without I/O."""
        ...

    def read(self, workspace: str) -> Contents:
        """Everything of a workspace. Complete, or raises PlatformUnreadable; changes nothing."""
        ...

    def create(self, workspace: str, kind: ObjectKind, fields: Row) -> str:
        """Makes a user, group or department, and returns its id."""
        ...

    def update(self, workspace: str, kind: ObjectKind, object_id: str, fields: Row) -> None:
        """Sets these fields and no others; in `attributes`, None removes one."""
        ...

    def delete(self, workspace: str, kind: ObjectKind, object_id: str) -> None:
        """Removes an object with all of its links. A missing object is not an error."""
        ...

    def link(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Adds links: all of them, or none and raises. An existing link is not an error."""
        ...

    def unlink(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Removes links: all of them, or none and raises. A missing link is not an error."""
        ...

    def check(self) -> Iterable[Check]:
        """Connects; ends with the first step that fails, as one Check with ok False."""
        ...

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        ...
