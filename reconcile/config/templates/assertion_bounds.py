"""The bounds of assertions: they look at a whole state, which is far larger than any value."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconcile.config.templates.bounds import TooMuch

MAX_OBJECTS: Final = 20_000_000
"""Objects that one assertion may look at: some seconds of work."""


class Budget:
    """How many objects an assertion may still look at."""

    def __init__(self) -> None:
        """Begins with MAX_OBJECTS."""
        self.left = MAX_OBJECTS

    def spend(self, number: int) -> None:
        """Raises TooMuch once an assertion looks at too many objects."""
        self.left -= number
        if self.left < 0:
            raise TooMuch(
                f"it looks at more than {MAX_OBJECTS:,} objects: going through all of a kind for"
                " each object of another takes too long; write `for: state`"
            )


class Bounded(Sequence[Any]):
    """The objects of a kind; each time somebody goes through them is counted."""

    def __init__(self, records: Sequence[Mapping[str, Any]], budget: Budget) -> None:
        """Looks at the records, and copies nothing."""
        self._records = records
        self._budget = budget

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: Any) -> Any:
        self._budget.spend(len(self._records) if isinstance(index, slice) else 1)
        return self._records[index]

    def __iter__(self) -> Iterator[Any]:
        self._budget.spend(len(self._records))
        return iter(self._records)

    def __contains__(self, value: object) -> bool:
        self._budget.spend(len(self._records))
        return value in self._records
