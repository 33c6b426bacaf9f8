"""Several documents as one, and the file, line and column of every place in it."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from reconcile.config.yaml import overlays
from reconcile.config.yaml.documents import Document
from reconcile.config.yaml.nodes import Node, Path, Place, shown, written
from reconcile.config.yaml.overlays import Override
from reconcile.errors import Problem

_LISTS: Final = frozenset(
    ("sources", "role_mappings", "groups", "departments", "links", "assertions")
)
_REPEATED: Final = frozenset(("version",))


class Merged:
    """All documents together: lists joined, `vars` as one mapping, other keys given once.

    Overlays give keys again. Paths into `data` are positions in the merged lists; a problem names
    its file's own.
    """

    def __init__(self, documents: Sequence[Document], problems: list[Problem]) -> None:
        """At least one document; what cannot be merged is added to `problems`."""
        self.data: dict[str, Any] = {}
        self._documents = documents
        self._problems = problems
        self._tops: dict[str, Document] = {}
        self._items: dict[str, list[tuple[Document, int]]] = {}
        self._vars: dict[str, Document] = {}
        self._overrides: dict[Path, Override] = {}
        """Path → where an overlay says what it has now."""
        for document in documents:
            problems += overlays.misplaced(document, first=document is documents[0])
            assert isinstance(document.root.value, dict)  # noqa: S101 - documents.read promises it
            for key, node in document.root.value.items():
                self._add(document, key, node)

    def document(self, path: Path) -> Document:
        """The document that says what a path names, or would say it."""
        return self._origin(path)[0]

    def problem(self, path: Path, message: str, *, key: bool = False) -> Problem:
        """A problem at a path of `data`; `key` puts it to the key rather than to the value."""
        document, local = self._origin(path)
        place = document.root.find(local, key=key)
        return Problem(document.file, place.line, place.column, written(local), message)

    def where(self, path: Path) -> str:
        """`file:line:column` of a path."""
        return ":".join(map(str, self.problem(path, "")[:3]))

    def _origin(self, path: Path) -> tuple[Document, Path]:
        """The document of a path, and the path within it."""
        for length in range(len(path), 0, -1):
            if override := self._overrides.get(path[:length]):
                return override.document, (*override.path, *path[length:])
        top, *rest = path or ("",)
        if not rest:
            return self._tops.get(str(top), self._documents[0]), path
        first, items = rest[0], self._items.get(str(top), [])
        if top == "vars" and first in self._vars:
            return self._vars[str(first)], path
        if isinstance(first, int) and first < len(items):
            document, position = items[first]
            return document, (top, position, *rest[1:])
        return self._tops.get(str(top), self._documents[0]), path

    def _add(self, document: Document, key: str, node: Node) -> None:
        """Takes a key at the top of a document: the first of its name, or one more."""
        if key == overlays.KEY and isinstance(node.value, bool):
            return  # it is about the file, and says nothing of the desired state
        if key in self._tops:
            if overlays.is_overlay(document) and not _is_joined(key):
                self._lay(document, key, node)
            else:
                self._merge(document, key, node)
            return
        self._tops[key] = document
        self.data[key] = node.data()
        self._placed(document, key, node)

    def _lay(self, document: Document, key: str, node: Node) -> None:
        """Takes a key of an overlay that an earlier document has, too."""
        overlay = overlays.Overlay(document, self.data)
        overlay.lay(key, node)
        self._overrides |= overlay.overrides
        self._problems += overlay.problems

    def _merge(self, document: Document, key: str, node: Node) -> None:
        """Takes a key that an earlier document has, too."""
        value: Any = node.data()
        before = self.data[key]
        kind = _mergeable(key)
        if kind is None:
            if key not in _REPEATED or value != before:
                self._twice(document, (key,), document.root.keys[key])
        elif not isinstance(value, kind):
            wanted = "a list" if kind is list else "a mapping"
            self._refuse(document, (key,), node.place, f"expected {wanted}, got {shown(value)}")
        elif isinstance(before, kind):
            for name in node.keys.keys() & self._vars.keys():
                self._twice(document, (key, name), node.keys[name])
            self.data[key] = _JOINS[kind](before, value)
            self._placed(document, key, node)
        # Where the file before gave the wrong type, the schema's check says so.

    def _placed(self, document: Document, key: str, node: Node) -> None:
        """Remembers which document the variables or the items of a list are from."""
        if key == "vars" and isinstance(node.value, dict):
            self._vars |= dict.fromkeys(node.value.keys() - self._vars.keys(), document)
        if key in _LISTS and isinstance(node.value, list):
            places = self._items.setdefault(key, [])
            places += [(document, position) for position in range(len(node.value))]

    def _twice(self, document: Document, path: Path, place: Place) -> None:
        """Adds a key that an earlier document has."""
        self._refuse(document, path, place, f"already given at {self.where(path)}")

    def _refuse(self, document: Document, path: Path, place: Place, message: str) -> None:
        """Adds a problem of a document that is being merged."""
        self._problems.append(
            Problem(document.file, place.line, place.column, written(path), message)
        )


def _is_joined(key: str) -> bool:
    """Whether an overlay adds to a list rather than change it: its items have no names."""
    return key in _LISTS and key != overlays.BY_NAME


_JOINS: Final[Mapping[type, Callable[[Any, Any], Any]]] = {list: operator.add, dict: operator.or_}


def _mergeable(key: str) -> type[list[Any]] | type[dict[str, Any]] | None:
    """The type of a key that several files may add to; None for a key that is given once."""
    if key in _LISTS:
        return list
    return dict if key == "vars" else None
