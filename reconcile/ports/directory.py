"""What the core asks of a directory."""

from collections.abc import Callable, Collection, Iterable
from typing import Protocol, TypeAlias

from reconcile.model import desired
from reconcile.model.directory import DirectorySnapshot, Outline, Query
from reconcile.model.login import LoginNames
from reconcile.ports.common import Check, Fault, Progress, no_progress

Outlined: TypeAlias = Callable[[Outline], None]
"""Called while a source is read: with its OUs, then also with its groups. A read that is repeated
calls it again."""


def outlined_to_nobody(outline: Outline) -> None:
    """An Outlined that reports nothing."""


class Directory(Protocol):
    """A source of persons, groups and OUs. Reads are complete or raise SourceUnreadable."""

    def __init__(self, source: desired.Source, progress: Progress = no_progress) -> None: ...

    @staticmethod
    def problems(source: desired.Source) -> Iterable[Fault]:
        """What is wrong with the settings, as far as can be seen without I/O."""
        ...

    def read(self, query: Query, outlined: Outlined = outlined_to_nobody) -> DirectorySnapshot:
        """Everything that the source's rules find, without strays.

        `outlined` gets what exists before the persons are read.
        """
        ...

    def find(self, external_ids: Collection[str], dns: Collection[str]) -> frozenset[str]:
        """The given ids and DNs that exist below the base DN, whatever the filters say.

        DNs are for users whose directory gave them no id. What is found is returned as it was
        given.
        """
        ...

    def read_person(self, names: LoginNames, query: Query) -> DirectorySnapshot:
        """Like `read`, but only the persons with one of the names.

        No other person's entry is read.
        """
        ...

    def refusal(self, dn: str, password: str) -> str:
        """Binds as a person, with nothing but this password.

        Returns "" if the directory accepts it, otherwise why not. The text is for the administrator
        and never contains the password.

        Raises SourceUnreadable if no server could be asked, UsageError if logins are impossible.
        """
        ...

    def check(self) -> Iterable[Check]:
        """Connects step by step; ends with the first step that fails, as a Check with ok False."""
        ...

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        ...
