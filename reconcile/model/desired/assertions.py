"""What the files assert about the state that a plan would lead to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

AssertedKind: TypeAlias = Literal["users", "groups", "departments", "roles", "memberships", "state"]
"""What an expression is evaluated for: each object of a kind, or once for the whole state."""
Record: TypeAlias = Mapping[str, Any]
"""One object of the resulting state as expressions see it."""
Records: TypeAlias = Mapping[str, Sequence[Record]]
"""`users`, `groups`, `departments`, `roles` and `memberships` of one workspace."""


class Check(Protocol):
    """The compiled expressions of one assertion."""

    @property
    def groups(self) -> frozenset[str]:
        """The names of the groups that the expressions name."""
        ...

    @property
    def roles(self) -> frozenset[str]:
        """The names of the roles that the expressions name."""
        ...

    def verdicts(self, state: Records) -> Iterator[bool | None]:
        """Whether the assertion holds, for each object; None if `where` leaves the object out.

        Raises TemplateFailed for the first object that an expression cannot be evaluated for.
        """
        ...

    def message(self, record: Record, state: Records) -> str:
        """What is wrong with an object that breaks the assertion. Never fails."""
        ...


class Assertion(msgspec.Struct, frozen=True):
    """One assertion of the files."""

    name: str
    about: AssertedKind
    check: Check
    conditional: bool = False
    """It has a `where`."""
    severity: Literal["error", "warning"] = "error"
    acceptable: bool = False
