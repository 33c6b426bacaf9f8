"""What is wrong with the merged document, by path: collected, never raised on the way."""

from collections.abc import Mapping
from typing import Any

from reconcile.config.yaml.merging import Merged
from reconcile.config.yaml.nodes import Path
from reconcile.errors import Problem


class Findings:
    """Problems with their places and paths, so that sound parts can still be checked."""

    def __init__(self, merged: Merged, problems: list[Problem]) -> None:
        """Adds to `problems`."""
        self._merged = merged
        self._problems = problems
        self._paths: list[Path] = []

    def add(self, path: Path, message: str, *, key: bool = False) -> None:
        """One problem; `key` puts it to the key rather than to the value."""
        self._problems.append(self._merged.problem(path, message, key=key))
        self._paths.append(path)

    def missing(self, path: Path, key: str) -> None:
        """A key that has to be there is not."""
        self._problems.append(self._merged.problem(path, f"the key `{key}` is missing"))
        self._paths.append((*path, key))

    def require(self, values: Mapping[str, Any], path: Path, key: str) -> None:
        """Adds a key that the mapping at a path has to have, if it has not."""
        if key not in values:
            self.missing(path, key)

    def forbid(self, values: Mapping[str, Any], path: Path, key: str, message: str) -> None:
        """Adds a key that the mapping at a path may not have, if it has it."""
        if key in values:
            self.add((*path, key), message, key=True)

    def twice(self, path: Path, first: Path) -> None:
        """Something that may be there once is there again."""
        self.add(path, f"already given at {self.where(first)}")

    def where(self, path: Path) -> str:
        """`file:line:column` of a path."""
        return self._merged.where(path)

    def touch(self, path: Path) -> bool:
        """Whether a problem is known at the path, above or below it."""
        return any(known[: len(path)] == path[: len(known)] for known in self._paths)

    def sound(self, path: Path, value: dict[str, Any]) -> dict[str, Any]:
        """The mapping at a path without the values that have a problem."""
        left = {}
        for key, item in value.items():
            here = (*path, key)
            if not self.touch(here):
                left[key] = item
            elif isinstance(item, dict) and here not in self._paths:
                left[key] = self.sound(here, item)
        return left
