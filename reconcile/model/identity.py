"""What identifies an object of the platform or an entry of a directory."""

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Identified(Protocol):
    """An object of a platform."""

    @property
    def id(self) -> str:
        """The platform's identifier, or one that the planner made up."""
        ...


class FromEntry(Protocol):
    """An entry of a directory, or an object that stands for one."""

    @property
    def external_id(self) -> str:
        """The directory's own stable id; "" for none."""
        ...

    @property
    def dn(self) -> str:
        """The DN as the directory writes it; "" for none."""
        ...


Object = TypeVar("Object", bound=Identified)


def by_id(objects: Iterable[Object]) -> dict[str, Object]:
    """The objects by their ids, in their order."""
    return {each.id: each for each in objects}


def ids(objects: Iterable[Identified]) -> set[str]:
    """The ids of the objects."""
    return {each.id for each in objects}


def entry_id(entry: FromEntry) -> str:
    """What names the entry for good: its external id, or its DN where there is none."""
    return entry.external_id or entry.dn
