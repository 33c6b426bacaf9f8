"""Files that begin with `overlay: true`: they change what earlier files say.

Mappings are merged key by key. Items of `sources` and `assertions` are the same if they have the
same name, and are then merged, too; items of other lists at the top are added. A single value, or a
list further down, takes the place of the earlier one.
"""

from collections.abc import Iterator
from typing import Any, Final

from reconcile.config.yaml.documents import Document
from reconcile.config.yaml.nodes import Node, Path

KEY: Final = "overlay"
BY_NAME: Final = frozenset(("sources", "assertions"))
"""The lists whose items are known by `name`."""


class Overlaid:
    """Which document says what, where an overlay has changed an earlier one."""

    def __init__(self) -> None:
        """Nothing has been changed yet."""
        self._origins: dict[Path, tuple[Document, Path]] = {}

    def origin(self, path: Path) -> tuple[Document, Path] | None:
        """The overlay that says what is at a path, and the path within it; None for none."""
        for length in range(len(path), 0, -1):
            if known := self._origins.get(path[:length]):
                document, local = known
                return document, (*local, *path[length:])
        return None

    def merge(self, document: Document, key: str, node: Node, before: Any) -> Any:
        """The value of a key at the top, with what the overlay changes."""
        return self._merged(document, (key,), (key,), node, before)

    def _merged(self, document: Document, path: Path, local: Path, node: Node, before: Any) -> Any:
        """The value at a path; `local` is the path within the overlay."""
        if isinstance(before, dict) and isinstance(node.value, dict):
            return self._mapping(document, path, local, node, before)
        if path[-1] in BY_NAME and len(path) == 1 and _is_list(before) and _is_list(node.value):
            return self._named_items(document, path, local, node, before)
        self._set(document, path, local)
        return node.data()

    def _mapping(
        self, document: Document, path: Path, local: Path, node: Node, before: dict[str, Any]
    ) -> dict[str, Any]:
        """A mapping with the keys of both."""
        merged = dict(before)
        assert isinstance(node.value, dict)  # noqa: S101 - the caller has looked
        for key, child in node.value.items():
            here, there = (*path, key), (*local, key)
            if key in before:
                merged[key] = self._merged(document, here, there, child, before[key])
            else:
                self._set(document, here, there)
                merged[key] = child.data()
        return merged

    def _named_items(
        self, document: Document, path: Path, local: Path, node: Node, before: list[Any]
    ) -> list[Any]:
        """A list with the items of both; those of one name are one item."""
        merged = list(before)
        positions = dict(_names(before))
        assert isinstance(node.value, list)  # noqa: S101 - the caller has looked
        for number, child in enumerate(node.value):
            there = (*local, number)
            data = child.data()
            position = positions.get(_name(data))
            if position is None:
                self._set(document, (*path, len(merged)), there)
                merged.append(data)
            else:
                here = (*path, position)
                merged[position] = self._merged(document, here, there, child, merged[position])
        return merged

    def _set(self, document: Document, path: Path, local: Path) -> None:
        """Notes that an overlay says all of what is at a path; forgets what was said below it."""
        for known in [known for known in self._origins if known[: len(path)] == path]:
            del self._origins[known]
        self._origins[path] = document, local


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _names(items: list[Any]) -> Iterator[tuple[str, int]]:
    """The name and position of each item that has a name."""
    for position, item in enumerate(items):
        if name := _name(item):
            yield name, position


def _name(item: Any) -> str:
    """The name of an item of a list; "" for none."""
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) else ""
